//! The `index.json` of an OCI image layout (image-spec image-layout.md): which images it has, and their names.
//!
//! Decides how a name selects a manifest and how names change. Invariant: entries and fields that this program does not
//! know are written back as they were read.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    oci::{Descriptor, Digest, MediaType, StoredName},
    transport::{StoredImage, local::LocalErrorCause},
};

/// The name of an image within its layout (image-spec annotations.md).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The complete name of an image, as containerd's tools write it.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// File names of archives that have what this one lacks: a JSON list in an annotation of the index.
const BASES: &str = "io.transship.base";
const MANIFESTS: &str = "manifests";
const ANNOTATIONS: &str = "annotations";

/// What `index.json` holds.
#[derive(Clone, Debug)]
pub(in crate::transport::local) struct Index {
    /// All but `manifests`.
    fields: BTreeMap<String, Box<RawValue>>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    image: Descriptor,
    /// As it was read.
    raw: Box<RawValue>,
}

impl Index {
    /// An index without images.
    pub(super) fn empty() -> Result<Self, LocalErrorCause> {
        let empty = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, MANIFESTS: []});
        Self::parse(empty.to_string().as_bytes())
    }

    pub(super) fn parse(raw: &[u8]) -> Result<Self, LocalErrorCause> {
        let invalid =
            |problem: String| LocalErrorCause::Invalid(format!("its index.json {problem}"));
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(raw)
            .map_err(|error| invalid(format!("is not a JSON object: {error}")))?;
        let listed = fields.remove(MANIFESTS);
        let listed = listed.ok_or_else(|| invalid("has no list of manifests".into()))?;
        let listed: Option<Vec<Box<RawValue>>> = serde_json::from_str(listed.get())
            .map_err(|error| invalid(format!("has no list of manifests: {error}")))?;
        let entries = listed.unwrap_or_default().into_iter().map(|raw| {
            let image = serde_json::from_str(raw.get())
                .map_err(|error| invalid(format!("has an entry that is no descriptor: {error}")))?;
            Ok(Entry { image, raw })
        });
        Ok(Self {
            entries: entries.collect::<Result<_, LocalErrorCause>>()?,
            fields,
        })
    }

    pub(in crate::transport::local) fn to_bytes(&self) -> Result<Vec<u8>, LocalErrorCause> {
        let entries: Vec<_> = self.entries.iter().map(|entry| &entry.raw).collect();
        let mut fields: BTreeMap<&str, Box<RawValue>> = (self.fields.iter())
            .map(|(key, value)| (key.as_str(), value.clone()))
            .collect();
        fields.insert(MANIFESTS, raw_value(&entries)?);
        serde_json::to_vec(&fields).map_err(unwritable)
    }

    /// The images, in the order of the file.
    pub(in crate::transport::local) fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().map(|entry| &entry.image)
    }

    /// The names that images have in the layout.
    pub(in crate::transport::local) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(Entry::ref_name)
    }

    /// The image that `name` selects.
    ///
    /// # Errors
    /// If several different images have the name.
    pub(in crate::transport::local) fn find(
        &self,
        name: &StoredName,
    ) -> Result<Option<&Descriptor>, LocalErrorCause> {
        match name {
            StoredName::Position(position) => Ok(self.descriptors().nth(*position)),
            StoredName::Name(name) => {
                for key in [REF_NAME, IMAGE_NAME] {
                    if let Some(image) = self.find_annotated(key, name)? {
                        return Ok(Some(image));
                    }
                }
                Ok(None)
            }
        }
    }

    fn find_annotated(
        &self,
        key: &str,
        name: &str,
    ) -> Result<Option<&Descriptor>, LocalErrorCause> {
        let is_named =
            |image: &Descriptor| image.annotations.get(key).is_some_and(|its| its == name);
        let mut found = self.descriptors().filter(|image| is_named(image));
        let Some(first) = found.next() else {
            return Ok(None);
        };
        match found.find(|other| other.digest != first.digest) {
            None => Ok(Some(first)),
            Some(_) => {
                let positions = self.descriptors().enumerate();
                let positions = positions.filter(|(_, image)| is_named(image));
                let positions: Vec<_> = positions.map(|(at, _)| format!("@{at}")).take(5).collect();
                Err(LocalErrorCause::Invalid(format!(
                    "it has several images named {name}; choose one by its position: {}",
                    positions.join(", ")
                )))
            }
        }
    }

    /// All images that can be named. An image whose name another one has too is named by its position.
    pub(in crate::transport::local) fn images(&self) -> Vec<StoredImage> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in self.entries.iter().filter_map(Entry::image_name) {
            *counts.entry(name).or_default() += 1;
        }
        let images = self.entries.iter().enumerate().map(|(position, entry)| {
            let is_usable = |name: &&str| counts.get(name) == Some(&1) && !name.starts_with('@');
            let name = entry.image_name().filter(is_usable);
            StoredImage {
                name: name.map_or(StoredName::Position(position), |name| {
                    StoredName::Name(name.to_owned())
                }),
                manifest: Some(entry.image.clone()),
            }
        });
        images.collect()
    }

    /// Gives `image` the name, and takes it from the image that has it. Whether that changes anything.
    pub(super) fn set_name(
        &mut self,
        name: &str,
        image: &Descriptor,
    ) -> Result<bool, LocalErrorCause> {
        let positions: Vec<usize> = (self.entries.iter().enumerate())
            .filter(|(_, entry)| entry.ref_name() == Some(name))
            .map(|(position, _)| position)
            .collect();
        let entry = Entry::new(Descriptor {
            annotations: [(REF_NAME.to_owned(), name.to_owned())].into(),
            ..image.clone()
        })?;
        match positions.split_first() {
            None => self.entries.push(entry),
            Some((first, [])) if self.entries[*first].image.digest == image.digest => {
                return Ok(false);
            }
            Some((first, others)) => {
                self.entries[*first] = entry;
                for other in others.iter().rev() {
                    self.entries.remove(*other);
                }
            }
        }
        Ok(true)
    }

    /// Lists `image` without a name, unless it is listed. Whether that changes anything.
    pub(super) fn add(&mut self, image: &Descriptor) -> Result<bool, LocalErrorCause> {
        if self.find_digest(&image.digest).is_some() {
            return Ok(false);
        }
        self.entries.push(Entry::new(image.clone())?);
        Ok(true)
    }

    /// Drops the images that `selected` names, and those with the digest `unnamed`. Positions are those before the call.
    /// Whether that changes anything.
    pub(super) fn remove(&mut self, selected: &[StoredName], unnamed: Option<&Digest>) -> bool {
        let ref_names: HashSet<&str> = self.names().collect();
        let (mut positions, mut names, mut full_names) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for name in selected {
            match name {
                StoredName::Position(position) => positions.insert(*position),
                StoredName::Name(name) if ref_names.contains(name.as_str()) => {
                    names.insert(name.as_str())
                }
                StoredName::Name(name) => full_names.insert(name.as_str()),
            };
        }
        let is_selected = |(position, entry): (usize, &Entry)| {
            let full_name = annotation(&entry.image, IMAGE_NAME);
            positions.contains(&position)
                || entry.ref_name().is_some_and(|name| names.contains(name))
                || full_name.is_some_and(|name| full_names.contains(name))
                || unnamed == Some(&entry.image.digest)
        };
        let entries = self.entries.iter().enumerate();
        let dropped: Vec<bool> = entries.map(is_selected).collect();
        let mut next = dropped.iter();
        self.entries.retain(|_| next.next() != Some(&true));
        dropped.contains(&true)
    }

    /// Adds what `other` lists under names that are free here.
    pub(in crate::transport::local) fn merge(&mut self, other: &Self) {
        let names: HashSet<&str> = self.names().collect();
        let digests: HashSet<&Digest> = self.descriptors().map(|image| &image.digest).collect();
        let is_new = |entry: &&Entry| match entry.ref_name() {
            Some(name) => !names.contains(name),
            None => !digests.contains(&entry.image.digest),
        };
        let added: Vec<_> = other.entries.iter().filter(is_new).cloned().collect();
        self.entries.extend(added);
        for (key, value) in &other.fields {
            if !self.fields.contains_key(key) {
                self.fields.insert(key.clone(), value.clone());
            }
        }
    }

    /// Whether both list the same images under the same names.
    pub(in crate::transport::local) fn lists_the_same(&self, other: &Self) -> bool {
        let raw = |index: &Self| -> Vec<String> {
            let entries = index.entries.iter();
            entries.map(|entry| entry.raw.get().to_owned()).collect()
        };
        raw(self) == raw(other)
    }

    /// Drops the images that `is_kept` refuses.
    pub(in crate::transport::local) fn retain(&mut self, is_kept: impl Fn(&Descriptor) -> bool) {
        self.entries.retain(|entry| is_kept(&entry.image));
    }

    pub(in crate::transport::local) fn find_digest(&self, digest: &Digest) -> Option<&Descriptor> {
        self.descriptors().find(|image| image.digest == *digest)
    }

    /// File names of the archives that have what this one lacks.
    pub(in crate::transport::local) fn bases(&self) -> Vec<String> {
        let bases = self.annotations().remove(BASES);
        let bases = bases.and_then(|bases| serde_json::from_str::<String>(bases.get()).ok());
        bases
            .and_then(|bases| serde_json::from_str(&bases).ok())
            .unwrap_or_default()
    }

    /// Records more archives that have what this one lacks.
    pub(in crate::transport::local) fn add_bases(
        &mut self,
        names: &[String],
    ) -> Result<(), LocalErrorCause> {
        let mut bases = self.bases();
        let new = names.iter().filter(|name| !bases.contains(name));
        let new: Vec<_> = new.cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        bases.extend(new);
        let mut annotations = self.annotations();
        annotations.insert(BASES.into(), raw_value(&json!(bases).to_string())?);
        let annotations = raw_value(&annotations)?;
        self.fields.insert(ANNOTATIONS.into(), annotations);
        Ok(())
    }

    fn annotations(&self) -> BTreeMap<String, Box<RawValue>> {
        let annotations = self.fields.get(ANNOTATIONS);
        annotations
            .and_then(|annotations| serde_json::from_str(annotations.get()).ok())
            .unwrap_or_default()
    }
}

impl Entry {
    fn new(image: Descriptor) -> Result<Self, LocalErrorCause> {
        let raw = raw_value(&image)?;
        Ok(Self { image, raw })
    }

    fn ref_name(&self) -> Option<&str> {
        annotation(&self.image, REF_NAME)
    }

    /// The name that tells the image from others. containerd's tools write the tag alone as the name in the layout.
    fn image_name(&self) -> Option<&str> {
        let full = annotation(&self.image, IMAGE_NAME);
        match (self.ref_name(), full) {
            (Some(name), Some(full)) if full.rsplit(':').next() == Some(name) => Some(full),
            (Some(name), _) => Some(name),
            (None, full) => full,
        }
    }
}

fn annotation<'a>(image: &'a Descriptor, key: &str) -> Option<&'a str> {
    let value = image.annotations.get(key).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

fn raw_value(value: &impl serde::Serialize) -> Result<Box<RawValue>, LocalErrorCause> {
    serde_json::value::to_raw_value(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> LocalErrorCause {
    LocalErrorCause::Invalid(format!("its index.json cannot be written: {error}"))
}

/// The subject of a manifest, which may be of any kind; `None` also for what is no manifest.
pub(super) fn subject_of(raw: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Fields {
        subject: Option<Subject>,
    }
    #[derive(Deserialize)]
    struct Subject {
        digest: Digest,
    }
    let fields: Fields = serde_json::from_slice(raw).ok()?;
    fields.subject.map(|subject| subject.digest)
}

#[cfg(test)]
mod tests;
