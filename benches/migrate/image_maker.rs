//! Makes the images: from a seed, the same bytes every time.
//!
//! Decides how many there are, how large, and what they share.

use std::collections::BTreeSet;

use anyhow::Result;
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use transship::{
    oci::{Descriptor, Digest, Platform, Repository, Tag},
    serve::{ImageBuilder, Store},
};

use super::images::{Image, ImageSet};

const MEGABYTE: u64 = 1_000_000;

/// How many images to make, and what they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    repositories: u64,
    images_each: u64,
    /// Sizes of the layers of a base image.
    base: &'static [u64],
    bases: u64,
    /// Own layers of an image: at least, at most.
    layers: (u64, u64),
    /// Bytes of an own layer: at least, at most.
    layer: (u64, u64),
    /// One in so many images is for two platforms.
    multi_platform: Option<u64>,
}

impl Shape {
    pub const ESTATE: Self = Self {
        repositories: 40,
        images_each: 5,
        base: &[25 * MEGABYTE, 10 * MEGABYTE, 4 * MEGABYTE, MEGABYTE],
        bases: 8,
        layers: (1, 4),
        layer: (MEGABYTE / 2, 9 * MEGABYTE / 2),
        multi_platform: Some(5),
    };
    pub const TINY: Self = Self {
        repositories: 100,
        images_each: 20,
        base: &[],
        bases: 1,
        layers: (1, 1),
        layer: (1000, 4000),
        multi_platform: None,
    };
    pub const LARGE: Self = Self {
        repositories: 1,
        images_each: 1,
        base: &[],
        bases: 1,
        layers: (1, 1),
        layer: (4 << 30, 4 << 30),
        multi_platform: None,
    };
}

struct Maker<'a> {
    estate: ImageBuilder<'a>,
    shape: Shape,
    random: Xoshiro256PlusPlus,
    /// The seeds used so far.
    layers: u64,
    bases: Vec<(Repository, Vec<Descriptor>)>,
    placed: BTreeSet<(Repository, Digest)>,
    distinct: BTreeSet<Digest>,
    made: ImageSet,
}

pub fn make(store: &Store, shape: Shape) -> Result<ImageSet> {
    let mut maker = Maker {
        estate: ImageBuilder::new(store),
        shape,
        random: Xoshiro256PlusPlus::seed_from_u64(5),
        layers: 0,
        bases: Vec::new(),
        placed: BTreeSet::new(),
        distinct: BTreeSet::new(),
        made: ImageSet::default(),
    };
    maker.make()?;
    Ok(maker.made)
}

impl Maker<'_> {
    fn make(&mut self) -> Result<()> {
        // Bases are in repositories of their own, which are not copied.
        for base in 0..self.shape.bases {
            let repository: Repository = format!("base-{base}").parse()?;
            let layers = self.shape.base.iter().map(|size| {
                self.layers += 1;
                self.estate.layer(&repository, self.layers, *size)
            });
            let layers = layers.collect::<Result<_, _>>()?;
            self.bases.push((repository, layers));
        }
        for repository in 0..self.shape.repositories {
            let repository: Repository = format!("service-{repository}").parse()?;
            for version in 0..self.shape.images_each {
                let tag: Tag = format!("1.{version}.0").parse()?;
                let number = self.made.images.len() as u64;
                let is_multi = self
                    .shape
                    .multi_platform
                    .is_some_and(|every| number.is_multiple_of(every));
                let digest = if is_multi {
                    let children = ["linux/amd64", "linux/arm64"]
                        .map(|platform| self.image(&repository, None, platform));
                    let children = children.into_iter().collect::<Result<Vec<_>>>()?;
                    self.made.floor += 1;
                    self.estate.index(&repository, &tag, &children)?.digest
                } else {
                    self.image(&repository, Some(&tag), "linux/amd64")?.digest
                };
                self.made.images.push(Image {
                    repository: repository.clone(),
                    tag,
                    digest,
                });
            }
        }
        Ok(())
    }

    fn image(
        &mut self,
        repository: &Repository,
        tag: Option<&Tag>,
        platform: &str,
    ) -> Result<Descriptor> {
        let platform: Platform = platform.parse()?;
        let base = self.random.random_range(0..self.bases.len());
        let (base_repository, layers) = self.bases[base].clone();
        for layer in &layers {
            self.estate.share(layer, &base_repository, repository)?;
        }
        let mut layers = layers;
        let (min_layers, max_layers) = self.shape.layers;
        for _ in 0..self.random.random_range(min_layers..=max_layers) {
            let (min_bytes, max_bytes) = self.shape.layer;
            let size = self.random.random_range(min_bytes..=max_bytes);
            self.layers += 1;
            layers.push(self.estate.layer(repository, self.layers, size)?);
        }
        let image = self.estate.image(repository, tag, &platform, &layers)?;
        for layer in &layers {
            self.made.referenced += layer.size;
            self.place(repository, &layer.digest, layer.size);
        }
        // The config is unique, since it has the diff ids of the layers: two requests, and one for the manifest.
        self.made.floor += 3;
        Ok(image)
    }

    fn place(&mut self, repository: &Repository, digest: &Digest, size: u64) {
        if !self.placed.insert((repository.clone(), digest.clone())) {
            return;
        }
        self.made.floor += 1;
        if self.distinct.insert(digest.clone()) {
            self.made.floor += 1;
            self.made.distinct += size;
        }
    }
}
