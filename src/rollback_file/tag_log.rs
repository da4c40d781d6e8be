//! Appends entries while a batch runs.
//!
//! Decides when the file is synced: once for all entries that came while the sync before went on, so that many images
//! share one. Invariant: [`TagLog::keep`] returns after its entry is on disk, and an entry that could not be written leaves
//! nothing behind it in the file.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use super::{Error, RollbackFile, TagChange, document::header};
use crate::{
    batch::BatchId,
    files::{found, sync_parent},
};

/// Entries that share one sync.
const MAX_SHARED: usize = 1024;

/// The rollback file of a running batch.
#[derive(Debug)]
pub struct TagLog {
    path: PathBuf,
    /// Entries that are on disk: a tag that is tried again is not kept twice.
    kept: Mutex<HashSet<TagChange>>,
    entries: mpsc::UnboundedSender<Pending>,
}

struct Pending {
    text: String,
    written: oneshot::Sender<Result<(), Error>>,
}

/// The end of the file.
struct Writer {
    path: PathBuf,
    file: File,
    /// How many bytes are complete entries.
    length: u64,
}

impl TagLog {
    /// Makes the file of a new batch.
    ///
    /// # Errors
    /// If there is such a file, or it cannot be written.
    pub fn create(path: &Path, batch: &BatchId) -> Result<Self, Error> {
        let header = header(&batch.0);
        let create = || {
            let mut file = File::create_new(path)?;
            file.write_all(header.as_bytes())?;
            file.sync_all()?;
            sync_parent(path)?;
            Ok(file)
        };
        let file = create().map_err(|cause: io::Error| match cause.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
            _ => failure("create", path, cause),
        })?;
        let length = header.len() as u64;
        Ok(Self::start(path, file, length, HashSet::new()))
    }

    /// Opens the file of a batch that is resumed, or makes it.
    ///
    /// # Errors
    /// If the file is of another batch, or cannot be read or written.
    pub fn resume(path: &Path, batch: &BatchId) -> Result<Self, Error> {
        let opened = found(OpenOptions::new().write(true).open(path));
        let Some(file) = opened.map_err(|cause| failure("open", path, cause))? else {
            return Self::create(path, batch);
        };
        let read = RollbackFile::read(path)?;
        if read.batch != *batch.0 {
            return Err(Error::OtherBatch {
                path: path.to_owned(),
                found: read.batch,
                wanted: batch.to_string(),
            });
        }
        let kept = read.changes.into_iter().collect();
        // What a crash cut off is overwritten.
        (file.set_len(read.complete)).map_err(|cause| failure("write", path, cause))?;
        Ok(Self::start(path, file, read.complete, kept))
    }

    fn start(path: &Path, file: File, length: u64, kept: HashSet<TagChange>) -> Self {
        // Unbounded: an image in flight has one entry at a time here.
        let (entries, pending) = mpsc::unbounded_channel();
        let writer = Writer {
            path: path.to_owned(),
            file,
            length,
        };
        tokio::spawn(write_all(writer, pending));
        Self {
            path: path.to_owned(),
            kept: Mutex::new(kept),
            entries,
        }
    }

    /// Keeps what a tag names, before it is written. Returns once that is on disk.
    ///
    /// # Errors
    /// If it could not be written; then the tag must not be written either.
    pub async fn keep(&self, change: TagChange) -> Result<(), Error> {
        if self.lock().contains(&change) {
            return Ok(());
        }
        let closed = || Error::Closed(self.path.clone());
        let (written, result) = oneshot::channel();
        let text = change.entry();
        let sent = self.entries.send(Pending { text, written });
        sent.map_err(|_| closed())?;
        result.await.map_err(|_| closed())??;
        self.lock().insert(change);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<TagChange>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes entries until the log is gone.
async fn write_all(mut writer: Writer, mut pending: mpsc::UnboundedReceiver<Pending>) {
    let mut some = Vec::new();
    while pending.recv_many(&mut some, MAX_SHARED).await > 0 {
        let text: String = some.iter().map(|pending| &*pending.text).collect();
        let write = move || {
            let written = writer.append(&text);
            (writer, written)
        };
        let Ok((back, written)) = tokio::task::spawn_blocking(write).await else {
            return;
        };
        writer = back;
        for Pending { written: tell, .. } in some.drain(..) {
            // An image that was cancelled does not wait any more.
            let _ = tell.send(written.clone());
        }
    }
}

impl Writer {
    fn append(&mut self, text: &str) -> Result<(), Error> {
        let mut write = || {
            // After a failure there may be a part of an entry.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()
        };
        write().map_err(|cause| failure("write", &self.path, cause))?;
        self.length += text.len() as u64;
        Ok(())
    }
}

fn failure(verb: &'static str, path: &Path, cause: io::Error) -> Error {
    Error::Io {
        verb,
        path: path.to_owned(),
        cause: Arc::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oci::Digest, rollback_file::Before};

    fn change(tag: u32) -> TagChange {
        TagChange {
            reference: format!("b.example/app:{tag}").parse().unwrap(),
            before: Before::Nothing,
            after: Digest::of(b"after"),
        }
    }

    fn batch(id: &str) -> BatchId {
        BatchId(id.into())
    }

    #[tokio::test]
    async fn an_entry_is_in_the_file_once_when_it_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("old.toml");
        let log = TagLog::create(&path, &batch("b7")).unwrap();
        let keep = (0..20).map(|tag| log.keep(change(tag % 10)));
        for kept in futures_util::future::join_all(keep).await {
            kept.unwrap();
        }
        log.keep(change(3)).await.unwrap();
        let tags = RollbackFile::read(&path).unwrap().tags();
        assert_eq!(tags.len(), 10);
        assert!(tags.iter().all(|tag| tag.before == Before::Nothing));
    }

    #[tokio::test]
    async fn a_file_of_another_batch_is_never_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("old.toml");
        let log = TagLog::create(&path, &batch("b7")).unwrap();
        log.keep(change(1)).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for refused in [
            TagLog::create(&path, &batch("b7")).unwrap_err(),
            TagLog::resume(&path, &batch("b8")).unwrap_err(),
        ] {
            assert!(
                refused.to_string().contains("choose another name"),
                "{refused}"
            );
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[tokio::test]
    async fn a_resumed_batch_goes_on_after_the_last_complete_entry() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("old.toml");
        let log = TagLog::create(&path, &batch("b7")).unwrap();
        log.keep(change(1)).await.unwrap();
        let complete = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{complete}\n[[tags]]\nreference = \"b.ex")).unwrap();
        let log = TagLog::resume(&path, &batch("b7")).unwrap();
        log.keep(change(1)).await.unwrap();
        log.keep(change(2)).await.unwrap();
        assert_eq!(
            RollbackFile::read(&path).unwrap().changes,
            [change(1), change(2)]
        );
    }
}
