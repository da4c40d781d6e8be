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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_text_replaces_the_one_before_and_other_users_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("transship.prom");
        let file = Textfile::new(path.clone()).unwrap();
        assert_eq!(names(directory.path()), [""; 0], "a check leaves nothing");
        file.write("a long text\n").unwrap();
        file.write("short\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short\n");
        assert_eq!(names(directory.path()), ["transship.prom"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
    }

    #[test]
    fn a_file_is_whole_whenever_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("transship.prom");
        let file = Textfile::new(path.clone()).unwrap();
        let text = |letter: &str| format!("{}\n", letter.repeat(100_000));
        file.write(&text("a")).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for letter in ["b", "a"].iter().cycle().take(200) {
                    file.write(&text(letter)).unwrap();
                }
            });
            for _ in 0..200 {
                let read = fs::read_to_string(&path).unwrap();
                assert!(read == text("a") || read == text("b"), "{}", read.len());
            }
        });
    }

    #[test]
    fn a_file_that_cannot_be_written_is_found_out_before() {
        let directory = tempfile::tempdir().unwrap();
        let error = Textfile::new(directory.path().join("nowhere/x.prom")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = Textfile::new(directory.path().to_owned()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[tokio::test]
    async fn the_last_text_has_the_final_values() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("transship.prom");
        let metrics = Arc::new(Metrics::new(Vec::new));
        let file = Textfile::new(path.clone()).unwrap();
        let writer = file.keep_written(Arc::clone(&metrics));
        let trigger = writer.trigger();
        (0..10).for_each(|_| trigger());
        metrics.families.running.set(1);
        drop(trigger);
        writer.finish().await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\ntransship_batch_running 1\n"), "{text}");
        assert!(!text.contains("# EOF"), "{text}");
    }
}
