//! Receives images for a Docker archive and packs them.
//!
//! Decides which image a manifest makes, and the order of the files in the archive. All functions block on the disk.
//! Invariants: every layer was checked against the diff id in its config; a file is removed from the working directory
//! only after it was packed and synced, so a kill at any point loses nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::{
    super::{
        LocalErrorCause,
        directory_lock::is_same_file,
        layers::{PlainLayer, decompress},
    },
    image_list::{MAX_JSON_BYTES, diff_ids},
    partial_tar::PartialTar,
    work_directory::{ReceivedImage, ReceivedLayer, WorkDirectory},
};
use crate::{
    batch::{BlobKind, PlannedBlob},
    files::{Staged, found, remove},
    oci::{Digest, Manifest, ManifestContent, Reference},
    registry::BlobPresence,
};

#[derive(Debug)]
pub(in crate::transport::local) struct ArchiveWriter {
    work: WorkDirectory,
    /// What the images are packed into.
    tar: PathBuf,
    /// The layers in the tar. Their files are not in the working directory any more.
    packed: Mutex<HashSet<Digest>>,
    /// One image is added at a time.
    images: Mutex<Vec<ReceivedImage>>,
}

/// An entry of `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    config: String,
    repo_tags: &'a BTreeSet<String>,
    layers: Vec<String>,
}

impl ArchiveWriter {
    /// Opens the working directory, or creates it, for an archive that is packed into the file `tar`.
    pub(in crate::transport::local) fn open(
        directory: PathBuf,
        tar: PathBuf,
    ) -> Result<Self, LocalErrorCause> {
        let work = WorkDirectory::open(directory)?;
        let packed = match tar.try_exists()? {
            // The file of a layer is removed after the tar was synced.
            true => PartialTar::open(&tar, |name| {
                diff_id(name).is_some_and(|diff_id| !work.layer_path(&diff_id).exists())
            })?
            .names()
            .filter_map(diff_id)
            .collect(),
            false => HashSet::new(),
        };
        Ok(Self {
            images: Mutex::new(work.images()?),
            work,
            tar,
            packed: Mutex::new(packed),
        })
    }

    /// Removes what a kill left after the tar had got its final name `path`. Returns whether it had; if not, everything is
    /// kept.
    pub(super) fn remove_named(
        directory: PathBuf,
        tar: &Path,
        path: &Path,
    ) -> Result<bool, LocalErrorCause> {
        let work = WorkDirectory::open(directory)?;
        let tar_is_named = match found(File::open(tar))? {
            Some(tar) => is_same_file(&tar, path)?,
            // It was renamed.
            None => true,
        };
        let is_named = work.images()?.is_empty() || (work.is_packed()? && tar_is_named);
        if is_named {
            remove(tar)?;
            work.remove()?;
        }
        Ok(is_named)
    }

    pub(in crate::transport::local) fn tar(&self) -> &Path {
        &self.tar
    }

    /// A place for a blob that is not complete yet.
    pub(super) fn stage(&self) -> Staged {
        self.work.stage()
    }

    pub(super) fn presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, LocalErrorCause> {
        let length = match blob.kind {
            BlobKind::Config => self.work.config_length(&blob.digest)?,
            BlobKind::Layer => match self.work.layer(&blob.digest)? {
                Some(layer) if self.has_layer(&layer.diff_id) => Some(layer.size),
                Some(_) | None => None,
            },
        };
        Ok(match length {
            None => BlobPresence::Absent,
            Some(length) if length == blob.size => BlobPresence::Present,
            Some(length) => BlobPresence::OtherLength(length),
        })
    }

    /// Refuses a blob that cannot be part of an image.
    pub(super) fn check(blob: &PlannedBlob) -> Result<(), LocalErrorCause> {
        match blob.kind {
            BlobKind::Config if blob.size > MAX_JSON_BYTES as u64 => {
                let (size, digest) = (blob.size, &blob.digest);
                Err(LocalErrorCause::Unsupported(format!(
                    "the config {digest} has {size} bytes, and a Docker archive can have at most {MAX_JSON_BYTES}"
                )))
            }
            BlobKind::Config | BlobKind::Layer => Ok(()),
        }
    }

    /// Takes a blob that was received and verified.
    pub(super) fn put_blob(
        &self,
        blob: &PlannedBlob,
        content: &Staged,
    ) -> Result<(), LocalErrorCause> {
        match blob.kind {
            BlobKind::Config => self.work.put_config(&blob.digest, content)?,
            BlobKind::Layer => {
                let plain = self.work.stage();
                let (diff_id, plain) = match decompress(content.path(), plain.path())? {
                    PlainLayer::AsStored { diff_id } => (diff_id, content),
                    PlainLayer::Decompressed { diff_id } => (diff_id, &plain),
                };
                if !self.packed().contains(&diff_id) {
                    self.work.put_layer_file(&diff_id, plain)?;
                }
                let size = blob.size;
                let layer = ReceivedLayer { diff_id, size };
                self.work.put_layer(&blob.digest, &layer)?;
            }
        }
        Ok(())
    }

    /// Adds the image of `manifest`, called `tag` if it has a name.
    pub(super) fn put_manifest(
        &self,
        manifest: &Manifest,
        tag: Option<&Reference>,
    ) -> Result<(), LocalErrorCause> {
        let (config, diff_ids) = self.check_image(manifest)?;
        let mut images = self.images();
        let mut changed = images.clone();
        let tag = tag.map(ToString::to_string);
        if let Some(tag) = &tag {
            // A name is that of one image.
            for image in &mut *changed {
                image.tags.remove(tag);
            }
        }
        let position = (changed.iter())
            .position(|image| image.config == config)
            .unwrap_or_else(|| {
                changed.push(ReceivedImage {
                    config,
                    diff_ids,
                    tags: BTreeSet::new(),
                });
                changed.len() - 1
            });
        changed[position].tags.extend(tag);
        self.work.put_images(&changed)?;
        *images = changed;
        Ok(())
    }

    /// The config of an image and its diff ids, which its layers have.
    fn check_image(&self, manifest: &Manifest) -> Result<(Digest, Vec<Digest>), LocalErrorCause> {
        let (config, layers) = match &manifest.content {
            ManifestContent::Index(_) => {
                return Err(unsupported(
                    "it holds images of one platform, and this is an index of several; select one with --platform",
                ));
            }
            ManifestContent::Image { config: None, .. } => return Err(unsupported(NOT_AN_IMAGE)),
            ManifestContent::Image {
                config: Some(config),
                layers,
                ..
            } => (&config.digest, layers),
        };
        let raw = (self.work.config(config)?).ok_or_else(|| {
            LocalErrorCause::NotFound(format!("the config {config} was not written"))
        })?;
        let diff_ids = diff_ids("the config", &raw).map_err(|_| unsupported(NOT_AN_IMAGE))?;
        if diff_ids.len() != layers.len() {
            return Err(LocalErrorCause::Invalid(format!(
                "the manifest lists {} layers and the config {}",
                layers.len(),
                diff_ids.len()
            )));
        }
        for (layer, diff_id) in layers.iter().zip(&diff_ids) {
            let digest = &layer.digest;
            let received = self.work.layer(digest)?.ok_or_else(|| {
                LocalErrorCause::NotFound(format!("the layer {digest} was not written"))
            })?;
            if received.diff_id != *diff_id {
                return Err(LocalErrorCause::Corrupt {
                    expected: diff_id.clone(),
                    got: received.diff_id,
                });
            }
        }
        Ok((config.clone(), diff_ids))
    }

    /// Packs all images. Returns whether there are any.
    pub(in crate::transport::local) fn pack(&self) -> Result<bool, LocalErrorCause> {
        let images = self.images();
        if images.is_empty() {
            return Ok(false);
        }
        let mut packed = self.packed();
        let is_packed = |name: &str| diff_id(name).is_some_and(|layer| packed.contains(&layer));
        self.work.set_packed(false)?;
        let mut tar = PartialTar::open(&self.tar, is_packed)?;
        let layers: BTreeSet<&Digest> = images.iter().flat_map(|image| &image.diff_ids).collect();
        for diff_id in layers {
            if !packed.contains(diff_id) {
                let path = self.work.layer_path(diff_id);
                tar.append_file(&layer_name(diff_id), &mut File::open(&path)?)?;
                packed.insert(diff_id.clone());
                fs::remove_file(path)?;
            }
        }
        let mut sorted: Vec<&ReceivedImage> = images.iter().collect();
        sorted.sort_by_key(|image| (&image.tags, &image.config));
        for image in &sorted {
            let content = self.work.config(&image.config)?.ok_or_else(|| {
                LocalErrorCause::NotFound(format!("the config {} is missing", image.config))
            })?;
            tar.append_bytes(&config_name(&image.config), &content)?;
        }
        tar.append_bytes("repositories", &to_json(&repositories(&sorted))?)?;
        let list: Vec<Entry<'_>> = sorted.iter().copied().map(to_entry).collect();
        tar.append_bytes("manifest.json", &to_json(&list)?)?;
        tar.finish()?;
        self.work.set_packed(true)?;
        Ok(true)
    }

    /// Removes the tar, if it is there, and the working directory.
    pub(in crate::transport::local) fn remove(&self) -> Result<(), LocalErrorCause> {
        remove(&self.tar)?;
        Ok(self.work.remove()?)
    }

    fn has_layer(&self, diff_id: &Digest) -> bool {
        self.packed().contains(diff_id) || self.work.layer_path(diff_id).exists()
    }

    fn packed(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.packed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn images(&self) -> MutexGuard<'_, Vec<ReceivedImage>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NOT_AN_IMAGE: &str =
    "it holds images of containers, and this is something else: its config lists no layers";

fn to_entry(image: &ReceivedImage) -> Entry<'_> {
    Entry {
        config: config_name(&image.config),
        repo_tags: &image.tags,
        layers: image.diff_ids.iter().map(layer_name).collect(),
    }
}

/// What old readers want: the topmost layer of each repository and tag.
fn repositories(images: &[&ReceivedImage]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut repositories = BTreeMap::<_, BTreeMap<_, _>>::new();
    for image in images {
        let top = image.diff_ids.last().map(Digest::hex);
        for tag in &image.tags {
            if let (Some((repository, tag)), Some(top)) = (tag.rsplit_once(':'), &top) {
                let tags = repositories.entry(repository.to_owned()).or_default();
                tags.insert(tag.to_owned(), top.clone());
            }
        }
    }
    repositories
}

fn layer_name(diff_id: &Digest) -> String {
    format!("{}.tar", diff_id.hex())
}

/// The layer in an entry of the tar.
fn diff_id(name: &str) -> Option<Digest> {
    let hex = name.strip_suffix(".tar")?;
    format!("sha256:{hex}").parse().ok()
}

fn config_name(config: &Digest) -> String {
    format!("{}.json", config.hex())
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, LocalErrorCause> {
    Ok(serde_json::to_vec(value).map_err(std::io::Error::from)?)
}

fn unsupported(problem: &str) -> LocalErrorCause {
    LocalErrorCause::Unsupported(problem.into())
}
