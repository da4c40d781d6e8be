//! The file for node_exporter's textfile collector.
//!
//! Decides how it is replaced. Invariant: whoever reads the file sees one text as a whole: it is written beside it under
//! another name, which does not end in `.prom`, and renamed.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::exposition::{Format, Metrics};

/// How long the last text may take, e.g. on a network file system that hangs.
const LAST_TEXT: Duration = Duration::from_secs(5);

/// A file that can be written.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
    directory: PathBuf,
}

/// Writes a file on a thread of its own, so that a slow disk delays nothing else.
#[derive(Debug)]
pub struct TextfileWriter {
    /// Bounded by 1: while a text is being written, one more is enough.
    due: mpsc::SyncSender<()>,
    written: oneshot::Receiver<io::Result<()>>,
}

impl Textfile {
    /// The file at `path`. Checks that its directory can be written; leaves the file as it is.
    ///
    /// # Errors
    /// The directory does not exist or cannot be written, or there is a directory at `path`.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        let file = Self { path, directory };
        file.temporary()?;
        Ok(file)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// The file is as before.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let mut file = self.temporary()?;
        file.write_all(text.as_bytes())?;
        // Collectors run as another user.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = std::fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(permissions)?;
        }
        file.persist(&self.path)?;
        Ok(())
    }

    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".transship-metrics-").suffix(".tmp");
        builder.tempfile_in(&self.directory)
    }

    /// Writes the file whenever it is due, and once more at the end.
    #[must_use]
    pub fn keep_written(self, metrics: Arc<Metrics>) -> TextfileWriter {
        let (due, ticks) = mpsc::sync_channel(1);
        let (done, written) = oneshot::channel();
        // Ends with the writer, or with the process while the disk does not answer.
        std::thread::spawn(move || {
            let write = || {
                let text = metrics.text(Format::PrometheusText);
                self.write(&text.map_err(io::Error::other)?)
            };
            for () in ticks {
                // The disk may be full for a while; the last text counts.
                let _ = write();
            }
            let _ = done.send(write());
        });
        TextfileWriter { due, written }
    }
}

impl TextfileWriter {
    /// What writes the file soon; to be called about once a second. Never waits.
    #[must_use]
    pub fn trigger(&self) -> impl Fn() + Send + use<> {
        let due = self.due.clone();
        move || {
            // The text that is already due is as good.
            let _ = due.try_send(());
        }
    }

    /// Writes the final values. Every trigger must have been dropped.
    ///
    /// # Errors
    /// The file has other values, or old ones.
    pub async fn finish(self) -> io::Result<()> {
        drop(self.due);
        match timeout(LAST_TEXT, self.written).await {
            Ok(Ok(written)) => written,
            Ok(Err(_)) => Err(io::Error::other("its writer failed")),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
