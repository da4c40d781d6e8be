//! Reads an OCI image layout (image-spec image-layout.md): in a directory, in a tar archive, or spread over both.
//!
//! All functions block on the disk. Invariant: what is read into memory is bounded: `index.json` and manifests have a
//! limit, blobs are only opened.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde::Deserialize;

use super::{
    index::{Index, subject_of},
    index_file::IndexFile,
};
use crate::{
    oci::{Descriptor, Digest, Manifest, StoredName},
    transport::{
        Error, StoredImage,
        local::{
            LocalError, LocalErrorCause,
            error::Context,
            manifest_file::{describe, read_manifest},
            section::Section,
            store_files::StoreFiles,
        },
    },
};

pub(in crate::transport::local) const MARKER: &str = "oci-layout";
pub(super) const VERSION: &str = "1.0.0";
const MAX_MARKER_BYTES: usize = 4 << 10;
/// Among that many images, the only one that refers to no other is looked for.
const MAX_UNNAMED: usize = 1000;

/// A layout that is there.
#[derive(Debug)]
pub(in crate::transport::local) struct Layout {
    /// The directory or file that errors name.
    place: String,
    index: IndexFile,
    /// Where blobs are, in the order in which they are looked for.
    places: Vec<StoreFiles>,
    /// Archives whose blobs count as present, and are not read.
    bases: Vec<StoreFiles>,
    /// The subject of each manifest that `index.json` lists, if it has one. Content does not change.
    subjects: Mutex<HashMap<Digest, Option<Digest>>>,
}

impl Layout {
    /// Opens a layout in one place.
    ///
    /// # Errors
    /// If there is none, or one of a version that is not known.
    pub(in crate::transport::local) fn open(files: StoreFiles) -> Result<Self, LocalError> {
        let place = files.path().to_owned();
        Self::spread(&place, files, Vec::new(), Vec::new())
    }

    /// Opens a layout whose `index.json` is in `first` and whose blobs are there or in `others`. `bases` have what it may
    /// lack.
    pub(in crate::transport::local) fn spread(
        place: &Path,
        first: StoreFiles,
        others: Vec<StoreFiles>,
        bases: Vec<StoreFiles>,
    ) -> Result<Self, LocalError> {
        check_version(&first).context("open the OCI layout", place.display())?;
        let index = IndexFile::new(first.clone());
        Ok(Self {
            place: place.display().to_string(),
            index,
            places: [first].into_iter().chain(others).collect(),
            bases,
            subjects: Mutex::default(),
        })
    }

    /// What errors name.
    pub(in crate::transport::local) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn index_file(&self) -> &IndexFile {
        &self.index
    }

    /// What `index.json` lists now.
    pub(in crate::transport::local) fn index(&self) -> Result<Arc<Index>, LocalError> {
        (self.index.read()).context("read the OCI layout", &self.place)
    }

    /// The image `name`; without a name the only one that refers to no other.
    ///
    /// # Errors
    /// `NotFound` with the names that there are.
    pub(in crate::transport::local) fn find(
        &self,
        name: Option<&StoredName>,
    ) -> Result<Descriptor, LocalError> {
        let index = self.index()?;
        let find = || match name {
            Some(name) => index.find(name)?.cloned().ok_or_else(|| {
                let text = match name {
                    StoredName::Name(name) => format!("it has no image named {name}"),
                    StoredName::Position(position) => format!("it has no image @{position}"),
                };
                LocalErrorCause::NotFound(format!("{text}{}", self.examples(&index)))
            }),
            None => match &self.unnamed(&index)?[..] {
                [image] => Ok(image.clone()),
                [] => Err(LocalErrorCause::NotFound("it has no image".into())),
                images => Err(LocalErrorCause::NotFound(format!(
                    "it has {} images; name one{}",
                    images.len(),
                    self.examples(&index)
                ))),
            },
        };
        find().context("find the image in", &self.place)
    }

    /// The images that can be named, without those that belong to another one.
    pub(in crate::transport::local) fn images(&self) -> Result<Vec<StoredImage>, LocalError> {
        let mut images = self.index()?.images();
        let listed = || {
            for image in &images {
                if let (StoredName::Position(_), Some(manifest)) = (&image.name, &image.manifest) {
                    self.subject(manifest)?;
                }
            }
            Ok::<_, LocalErrorCause>(())
        };
        listed().context("read a manifest of", &self.place)?;
        images.retain(|image| match (&image.name, &image.manifest) {
            (StoredName::Position(_), Some(manifest)) => {
                !matches!(self.subject(manifest), Ok(Some(_)))
            }
            (StoredName::Position(_) | StoredName::Name(_), _) => true,
        });
        Ok(images)
    }

    /// The descriptor of a manifest that may not be listed.
    pub(in crate::transport::local) fn find_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Descriptor>, LocalError> {
        if let Some(image) = self.index()?.find_digest(digest) {
            return Ok(Some(image.clone()));
        }
        Ok(self.length(digest)?.map(|size| describe(digest, size)))
    }

    /// The manifest that `image` describes. Its digest is verified.
    pub(in crate::transport::local) fn manifest(
        &self,
        image: &Descriptor,
    ) -> Result<Manifest, Error> {
        let raw = self.read_manifest(image)?;
        let (digest, media_type) = (image.digest.clone(), image.media_type.as_str());
        let manifest = Manifest::parse_as(Bytes::from(raw), digest, Some(media_type));
        Ok(manifest.context("read a manifest of", &self.place)?)
    }

    /// Opens a blob, of whatever length it has.
    pub(in crate::transport::local) fn open_blob(
        &self,
        digest: &Digest,
    ) -> Result<Section, LocalError> {
        self.find_blob(digest).context("read", &self.place)
    }

    /// Bytes of a blob, if it is there.
    pub(in crate::transport::local) fn length(
        &self,
        digest: &Digest,
    ) -> Result<Option<u64>, LocalError> {
        self.length_in(&self.places, digest)
    }

    /// Bytes of a blob, if it is there or in a base.
    pub(in crate::transport::local) fn length_with_bases(
        &self,
        digest: &Digest,
    ) -> Result<Option<u64>, LocalError> {
        match self.length(digest)? {
            Some(length) => Ok(Some(length)),
            None => self.length_in(&self.bases, digest),
        }
    }

    /// The listed manifests that refer to `subject`.
    pub(in crate::transport::local) fn referrers(
        &self,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, LocalError> {
        let index = self.index()?;
        let mut referrers: Vec<Descriptor> = Vec::new();
        for image in index.descriptors() {
            let its = self
                .subject(image)
                .context("read a manifest of", &self.place)?;
            let is_listed = || referrers.iter().any(|other| other.digest == image.digest);
            if its.as_ref() == Some(subject) && !is_listed() {
                referrers.push(image.clone());
            }
        }
        Ok(referrers)
    }

    /// The images that a location without a name may mean.
    fn unnamed(&self, index: &Index) -> Result<Vec<Descriptor>, LocalErrorCause> {
        let mut seen = HashSet::new();
        let images = index.descriptors();
        let images: Vec<_> = images.filter(|image| seen.insert(&image.digest)).collect();
        let mut roots = Vec::new();
        for image in &images {
            // To read all of them is not worth an error message.
            let may_be_only = images.len() > 1 && images.len() <= MAX_UNNAMED;
            if !may_be_only || self.subject(image)?.is_none() {
                roots.push(Descriptor::clone(image));
            }
        }
        Ok(roots)
    }

    /// What a listed manifest refers to. One that is not there refers to nothing.
    fn subject(&self, image: &Descriptor) -> Result<Option<Digest>, LocalErrorCause> {
        let lock = || self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if !image.media_type.is_manifest() {
            return Ok(None);
        }
        if let Some(subject) = lock().get(&image.digest) {
            return Ok(subject.clone());
        }
        let subject = match self.read_manifest(image) {
            Ok(raw) => subject_of(&raw),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(Error::Local(error)) => return Err(*error.cause),
            Err(error) => return Err(LocalErrorCause::Invalid(error.to_string())),
        };
        lock().insert(image.digest.clone(), subject.clone());
        Ok(subject)
    }

    fn read_manifest(&self, image: &Descriptor) -> Result<Vec<u8>, Error> {
        read_manifest(self.open_blob(&image.digest)?, image, &self.place)
    }

    fn find_blob(&self, digest: &Digest) -> Result<Section, LocalErrorCause> {
        let name = blob_name(digest);
        for place in &self.places {
            if let Some(section) = place.open(&name)? {
                return Ok(section);
            }
        }
        let problem = match &self.index.read()?.bases()[..] {
            [] => format!("it has no blob {digest}"),
            bases => {
                let bases = bases.join(" or ");
                format!(
                    "it has no blob {digest}, which was left out because {bases} has it: load {bases} first"
                )
            }
        };
        Err(LocalErrorCause::NotFound(problem))
    }

    fn length_in(&self, places: &[StoreFiles], digest: &Digest) -> Result<Option<u64>, LocalError> {
        let name = blob_name(digest);
        for place in places {
            if let Some(length) = place.length(&name).context("read", &self.place)? {
                return Ok(Some(length));
            }
        }
        Ok(None)
    }

    /// Some names, for an error that says what there is.
    fn examples(&self, index: &Index) -> String {
        const SHOWN: usize = 5;
        let names: Vec<&str> = index.names().take(SHOWN).collect();
        match names.is_empty() {
            true => String::new(),
            false => format!(", such as {}", names.join(", ")),
        }
    }
}

fn check_version(files: &StoreFiles) -> Result<(), LocalErrorCause> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let raw = match files.read(MARKER, MAX_MARKER_BYTES) {
        Err(LocalErrorCause::NotFound(_)) => {
            let problem = format!("it has no file {MARKER}, so it is not an OCI layout");
            return Err(LocalErrorCause::NotFound(problem));
        }
        raw => raw?,
    };
    let problem = match serde_json::from_slice(&raw) {
        Ok(Marker {
            image_layout_version,
        }) if image_layout_version == VERSION => return Ok(()),
        Ok(Marker {
            image_layout_version,
        }) => format!("it is of version {image_layout_version:?}; only {VERSION} can be read"),
        Err(error) => format!("its {MARKER} cannot be read: {error}"),
    };
    Err(LocalErrorCause::Invalid(problem))
}

/// Where the layout keeps a blob.
pub(in crate::transport::local) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}
