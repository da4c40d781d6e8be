//! The directory that this machine shares with the container.
//!
//! Decides how the container sees a file of this machine, and hands archives to it. Invariant: what is handed over is
//! removed when the call ends.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::scratch::Scratch;

const COPY_BYTES: usize = 1024 * 1024;

/// A shared directory that works.
pub(super) struct Shared {
    /// Without symbolic links.
    pub(super) host: PathBuf,
    pub(super) inside: String,
    pub(super) scratch: std::sync::Arc<Scratch>,
}

/// A file in the shared directory. Dropping it removes the file.
pub(super) struct HandedOver {
    /// As the container sees it.
    pub(super) inside: String,
    _directory: TempDir,
}

impl Shared {
    /// What the container calls a file that is in the shared directory, or will be.
    pub(super) fn inside_path(&self, path: &Path) -> Option<String> {
        let path = resolve(path)?;
        let below = path.strip_prefix(&self.host).ok()?;
        let mut inside = self.inside.trim_end_matches('/').to_owned();
        for component in below.components() {
            let Component::Normal(name) = component else {
                return None;
            };
            inside = inside + "/" + name.to_str()?;
        }
        Some(inside)
    }

    /// Links or copies a file into the shared directory.
    pub(super) async fn hand_over(&self, file: &Path) -> io::Result<HandedOver> {
        let (scratch, file) = (self.scratch.clone(), file.to_owned());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        // A copy ends early when nobody waits for it.
        let _stop = stop.drop_guard();
        let put = tokio::task::spawn_blocking(move || {
            let directory = scratch.directory()?;
            let target = directory.path().join("archive.tar");
            let file = file.canonicalize()?;
            if fs::hard_link(&file, &target).is_err() {
                copy(&file, &target, &stopped)?;
            }
            Ok::<_, io::Error>((directory, target))
        });
        let (directory, target) = put.await.map_err(io::Error::other)??;
        let inside = self.inside_path(&target).ok_or(io::ErrorKind::NotFound)?;
        Ok(HandedOver {
            inside,
            _directory: directory,
        })
    }
}

/// The path without symbolic links; its end need not exist.
fn resolve(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    let missing = path.strip_prefix(existing).ok()?;
    Some(existing.canonicalize().ok()?.join(missing))
}

fn copy(from: &Path, to: &Path, stopped: &CancellationToken) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        if stopped.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => to.write_all(&buffer[..read])?,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::skopeo::scratch::Audience;

    fn shared(host: &Path) -> Shared {
        let scratch = Scratch::open(host, Audience::Container).unwrap();
        Shared {
            host: host.canonicalize().unwrap(),
            inside: "/tmp/skopeo/".into(),
            scratch: scratch.into(),
        }
    }

    #[test]
    fn only_paths_below_the_shared_directory_are_seen_inside() {
        let directory = tempfile::tempdir().unwrap();
        let host = directory.path().join("shared");
        fs::create_dir(&host).unwrap();
        let shared = shared(&host);
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&host, &link).unwrap();
        let inside = |path: PathBuf| shared.inside_path(&path);
        let expected = Some("/tmp/skopeo/new/app.tar".to_owned());
        assert_eq!(inside(host.join("new/app.tar")), expected);
        assert_eq!(inside(link.join("new/app.tar")), expected);
        assert_eq!(inside(host.clone()), Some("/tmp/skopeo".into()));
        assert_eq!(inside(host.join("../app.tar")), None);
        assert_eq!(inside(directory.path().join("shared-2/app.tar")), None);
    }

    #[tokio::test]
    async fn an_archive_is_handed_over_and_removed_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("app.tar");
        fs::write(&file, "content").unwrap();
        let host = directory.path().join("shared");
        let shared = shared(&host);
        let handed = shared.hand_over(&file).await.unwrap();
        let below = handed.inside.strip_prefix("/tmp/skopeo/").unwrap();
        let seen = shared.host.join(below);
        assert_eq!(fs::read_to_string(&seen).unwrap(), "content");
        drop(handed);
        assert!(!seen.exists() && file.exists());
    }
}
