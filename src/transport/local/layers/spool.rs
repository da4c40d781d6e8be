//! Where compressed layers are between compression and upload.
//!
//! A layer is compressed once for each diff id and compression, whoever needs it. Its file may be removed; the record
//! of its digest and size stays, and the same bytes can be made again. Invariant: a file under its final name is
//! complete.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    super::{LocalErrorCause, blocking::run_blocking, section::Section},
    compression::LayerCompressor,
};
use crate::transport::Codec;
use crate::{
    files::{Staged, Staging, found},
    oci::Digest,
};

/// Each uses all cores, unless it is small.
const LAYERS_AT_ONCE: usize = 4;
const STAGING: &str = "staging";
const MAX_RECORD_BYTES: u64 = 4096;

/// A directory for compressed layers and other temporary files of one batch. Whoever has the same directory again
/// compresses nothing twice.
#[derive(Debug)]
pub struct LayerSpool {
    directory: OnceLock<PathBuf>,
    /// Made when it is needed. Opening it removes what a killed process left.
    staging: Mutex<Option<Arc<Staging>>>,
    compressor: LayerCompressor,
    turns: Semaphore,
    layers: Mutex<HashMap<Key, Arc<OnceCell<CompressedLayer>>>>,
}

type Key = (Digest, Codec);
/// Opens a plain layer.
pub(in crate::transport::local) type PlainSource<'a> =
    &'a (dyn Fn() -> Result<Section, LocalErrorCause> + Send + Sync);

/// The compressed form of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transport::local) struct CompressedLayer {
    pub(in crate::transport::local) digest: Digest,
    /// Length in bytes.
    pub(in crate::transport::local) size: u64,
}

impl LayerSpool {
    /// Uses `directory`, which is made when it is needed.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let spool = Self::default();
        spool.use_directory(directory.into());
        spool
    }

    /// Uses `directory`, unless a directory is used already.
    pub fn use_directory(&self, directory: PathBuf) {
        self.directory.get_or_init(|| directory);
    }

    /// Where its files are. Until [`use_directory`](Self::use_directory) names one, a directory of this process.
    pub(in crate::transport::local) fn directory(&self) -> &Path {
        self.directory
            .get_or_init(|| std::env::temp_dir().join(format!("transship-{}", std::process::id())))
    }
}

impl Default for LayerSpool {
    fn default() -> Self {
        Self {
            directory: OnceLock::new(),
            staging: Mutex::default(),
            compressor: LayerCompressor::new(),
            turns: Semaphore::new(LAYERS_AT_ONCE),
            layers: Mutex::default(),
        }
    }
}

impl LayerSpool {
    /// Removes the compressed layers and their records, at the end of a batch.
    ///
    /// # Errors
    /// If the directory cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        lock(&self.layers).clear();
        lock(&self.staging).take();
        found(fs::remove_dir_all(self.directory())).map(|_| ())
    }

    /// A file without a name, which is gone when it is closed.
    pub(in crate::transport::local) fn temporary_file(&self) -> io::Result<File> {
        fs::create_dir_all(self.directory())?;
        tempfile::tempfile_in(self.directory())
    }

    /// Whether the compressed form of `diff_id` is known. Blocks on the disk.
    pub(in crate::transport::local) fn has(&self, diff_id: &Digest, compression: Codec) -> bool {
        let record = self.path(diff_id, compression).with_extension(RECORD);
        self.layer(diff_id, compression).initialized() || record.exists()
    }

    /// The compressed form of `diff_id`. Compresses `plain` unless that was done before.
    pub(in crate::transport::local) async fn compressed(
        &self,
        diff_id: &Digest,
        compression: Codec,
        plain: PlainSource<'_>,
    ) -> Result<CompressedLayer, LocalErrorCause> {
        let layer = self.layer(diff_id, compression);
        let make = || async {
            let record = self.path(diff_id, compression).with_extension(RECORD);
            let read = move || Ok::<_, LocalErrorCause>(read_record(&record)?);
            if let Some(layer) = run_blocking(read).await? {
                return Ok(layer);
            }
            self.compress(diff_id, compression, plain).await
        };
        layer.get_or_try_init(make).await.cloned()
    }

    /// Opens the compressed form, which [`compressed`](Self::compressed) described as `layer`. Makes its file again if
    /// it was removed.
    pub(in crate::transport::local) async fn open(
        &self,
        diff_id: &Digest,
        compression: Codec,
        layer: &CompressedLayer,
        plain: PlainSource<'_>,
    ) -> Result<Section, LocalErrorCause> {
        let size = layer.size;
        if let Some(file) = self.open_file(diff_id, compression, size).await? {
            return Ok(file);
        }
        let made = self.compress(diff_id, compression, plain).await?;
        if made != *layer {
            // Another version of this program compresses differently.
            return Err(LocalErrorCause::Corrupt {
                expected: layer.digest.clone(),
                got: made.digest,
            });
        }
        let file = self.open_file(diff_id, compression, size).await?;
        file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
    }

    async fn open_file(
        &self,
        diff_id: &Digest,
        compression: Codec,
        size: u64,
    ) -> Result<Option<Section>, LocalErrorCause> {
        let path = self.path(diff_id, compression);
        run_blocking(move || {
            let Some(file) = found(File::open(path))? else {
                return Ok(None);
            };
            let is_complete = file.metadata()?.len() == size;
            Ok(is_complete.then(|| Section::new(Arc::new(file), 0, size)))
        })
        .await
    }

    async fn compress(
        &self,
        diff_id: &Digest,
        compression: Codec,
        plain: PlainSource<'_>,
    ) -> Result<CompressedLayer, LocalErrorCause> {
        // Never closed. Without the permit only more files would be open.
        let _turn = self.turns.acquire().await;
        let staged = self.stage()?;
        let file = File::create_new(staged.path())?;
        let written = self
            .compressor
            .compress(diff_id, plain()?, compression, file);
        let written = written.await?;
        let layer = CompressedLayer {
            digest: written.digest,
            size: written.size,
        };
        let record = self.stage()?;
        let (path, recorded) = (self.path(diff_id, compression), layer.clone());
        run_blocking(move || {
            staged.settle(&path)?;
            let json = serde_json::to_vec(&recorded).map_err(io::Error::from)?;
            File::create_new(record.path())?.write_all(&json)?;
            record.settle(&path.with_extension(RECORD))?;
            Ok::<_, LocalErrorCause>(())
        })
        .await?;
        Ok(layer)
    }

    /// A file that is removed if it is not settled.
    pub(in crate::transport::local) fn stage(&self) -> io::Result<Staged> {
        let mut staging = lock(&self.staging);
        let open = match &mut *staging {
            Some(open) => open,
            none => none.insert(Arc::new(Staging::open(&self.directory().join(STAGING))?)),
        };
        Ok(open.stage())
    }

    fn layer(&self, diff_id: &Digest, compression: Codec) -> Arc<OnceCell<CompressedLayer>> {
        let key = (diff_id.clone(), compression);
        Arc::clone(lock(&self.layers).entry(key).or_default())
    }

    fn path(&self, diff_id: &Digest, compression: Codec) -> PathBuf {
        let extension = match compression {
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
        };
        let name = format!(
            "{}-{}-{extension}.layer",
            diff_id.algorithm(),
            diff_id.hex()
        );
        self.directory().join(name)
    }
}

const RECORD: &str = "json";

/// `None` if there is none that can be read; it is made anew then.
fn read_record(path: &Path) -> io::Result<Option<CompressedLayer>> {
    match found(fs::metadata(path))? {
        Some(metadata) if metadata.len() <= MAX_RECORD_BYTES => {}
        Some(_) | None => return Ok(None),
    }
    Ok(serde_json::from_slice(&fs::read(path)?).ok())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    struct Layer {
        content: Vec<u8>,
        diff_id: Digest,
        opened: AtomicUsize,
    }

    impl Layer {
        fn new() -> Self {
            let content = b"content ".repeat(200_000);
            let diff_id = Digest::of(&content);
            Self {
                content,
                diff_id,
                opened: AtomicUsize::new(0),
            }
        }

        fn open(&self) -> Result<Section, LocalErrorCause> {
            self.opened.fetch_add(1, Relaxed);
            let mut file = tempfile::tempfile()?;
            file.write_all(&self.content)?;
            Ok(Section::new(Arc::new(file), 0, self.content.len() as u64))
        }

        async fn compressed(&self, spool: &LayerSpool) -> CompressedLayer {
            let open = || self.open();
            let compressed = spool.compressed(&self.diff_id, Codec::Gzip, &open);
            compressed.await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_layer_is_compressed_once_by_many_and_by_a_resume() {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        let spool = LayerSpool::new(directory.path().join("spool"));
        let both = tokio::join!(layer.compressed(&spool), layer.compressed(&spool));
        assert_eq!(both.0, both.1);
        drop(spool);
        let resumed = LayerSpool::new(directory.path().join("spool"));
        assert_eq!(layer.compressed(&resumed).await, both.0);
        assert_eq!(layer.opened.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn the_record_of_a_removed_file_stays_and_the_file_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        let spool = LayerSpool::new(directory.path());
        let made = layer.compressed(&spool).await;
        let path = spool.path(&layer.diff_id, Codec::Gzip);
        fs::remove_file(&path).unwrap();
        let resumed = LayerSpool::new(directory.path());
        assert_eq!(layer.compressed(&resumed).await, made);
        assert_eq!(layer.opened.load(Relaxed), 1);
        let plain = || layer.open();
        let file = resumed.open(&layer.diff_id, Codec::Gzip, &made, &plain);
        let content = file.await.unwrap().read_limited(1 << 20).unwrap();
        assert_eq!(Digest::of(&content), made.digest);
        assert_eq!(layer.opened.load(Relaxed), 2);
        resumed.clear().unwrap();
        assert!(!directory.path().exists());
    }

    #[tokio::test]
    async fn a_layer_that_failed_leaves_nothing_and_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        let spool = LayerSpool::new(directory.path());
        let other = Digest::of(b"other");
        let open = || layer.open();
        let failed = spool.compressed(&other, Codec::Gzip, &open);
        failed.await.unwrap_err();
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "only the staging directory: {left:?}");
        layer.compressed(&spool).await;
    }
}
