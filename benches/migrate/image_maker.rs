//! The images that are moved: made up from a seed, the same bytes every time.
//!
//! Decides how many there are, how large, and what they share. They are made in a directory of the embedded
//! registry and copied from there to the source, so that a real one gets them the way it gets everything.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use tokio::runtime::Runtime;
use transship::{
    oci::{Descriptor, Digest, Platform, Repository, Tag},
    serve::{Estate, Options, Server, Store},
};

use super::{
    contestants::{Task, transship},
    registries::Registry,
};

const MEGABYTE: u64 = 1_000_000;

/// How an estate is made.
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

/// One reference of the estate.
#[derive(Clone, Debug)]
pub struct Image {
    pub repository: Repository,
    pub tag: Tag,
    pub digest: Digest,
}

/// What was made, and what moving it takes at least.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub images: Vec<Image>,
    pub distinct: u64,
    pub referenced: u64,
    /// Requests a destination has to answer: two for a blob, one for a mount, one for a manifest.
    pub floor: u64,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        write!(
            f,
            "{} images, {:.2} GB distinct, {:.2} GB referenced, at least {} requests at the destination",
            self.images.len(),
            gigabytes(self.distinct),
            gigabytes(self.referenced),
            self.floor
        )
    }
}

/// Makes an estate of `shape` and brings it to `source`.
pub fn fill(source: &Registry, shape: Shape, room: &Path) -> Result<Made> {
    let directory = room.join("made");
    let made = make(&Store::open(&directory)?, shape)?;
    let runtime = Runtime::new()?;
    let server = runtime.block_on(Server::bind(
        ([127, 0, 0, 1], 0).into(),
        Options::new(&directory),
    ))?;
    let task = Task::write(room, &made, server.address(), source.address())?;
    ensure!(
        transship().measure(&task)?.succeeded,
        "the source could not be filled"
    );
    ensure!(
        source.manifests(&task)? == made.images.len(),
        "the source is not complete"
    );
    drop(server);
    fs::remove_dir_all(&directory).context("remove what was made")?;
    Ok(made)
}

struct Maker<'a> {
    estate: Estate<'a>,
    shape: Shape,
    random: Xoshiro256PlusPlus,
    /// Seeds of layers given out.
    layers: u64,
    bases: Vec<(Repository, Vec<Descriptor>)>,
    placed: BTreeSet<(Repository, Digest)>,
    distinct: BTreeSet<Digest>,
    made: Made,
}

pub fn make(store: &Store, shape: Shape) -> Result<Made> {
    let mut maker = Maker {
        estate: Estate::new(store),
        shape,
        random: Xoshiro256PlusPlus::seed_from_u64(5),
        layers: 0,
        bases: Vec::new(),
        placed: BTreeSet::new(),
        distinct: BTreeSet::new(),
        made: Made::default(),
    };
    maker.make()?;
    Ok(maker.made)
}

impl Maker<'_> {
    fn make(&mut self) -> Result<()> {
        // Bases lie in repositories of their own, which are not moved.
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
        let (home, layers) = self.bases[base].clone();
        for layer in &layers {
            self.estate.share(layer, &home, repository)?;
        }
        let mut layers = layers;
        let (fewest, most) = self.shape.layers;
        for _ in 0..self.random.random_range(fewest..=most) {
            let (least, largest) = self.shape.layer;
            let size = self.random.random_range(least..=largest);
            self.layers += 1;
            layers.push(self.estate.layer(repository, self.layers, size)?);
        }
        let image = self.estate.image(repository, tag, &platform, &layers)?;
        for layer in &layers {
            self.made.referenced += layer.size;
            self.place(repository, &layer.digest, layer.size);
        }
        // The config's digest is not told, but the layers' diff ids make it one of a kind.
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
