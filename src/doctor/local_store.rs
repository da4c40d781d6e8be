//! The free space of the disk that a store of this machine is on.
//!
//! Decides when there is little. Invariant: nothing is made or opened.

use std::path::Path;

use super::{Check, Finding, Measured};
use crate::{oci::LocalStore, present::bytes};

/// Less than this holds few images.
const LITTLE: u64 = 5 << 30;
/// Less than this holds hardly one.
const NONE: u64 = 100 << 20;

/// Examines one store. Asks the file system of its nearest directory that exists.
#[must_use]
pub fn examine_store(store: &LocalStore) -> Vec<Finding> {
    let Some(path) = store.path() else {
        return vec![Finding::note(
            Check::FreeSpace,
            "its daemon knows",
            "`docker system df` or `podman system df` shows it",
        )];
    };
    vec![match free(path) {
        Ok(free) => finding(free),
        Err(error) => Finding::warning(
            Check::FreeSpace,
            format!("unknown: {error}"),
            "check the path and the rights of this user",
        ),
    }]
}

fn finding(free: u64) -> Finding {
    let detail = format!("{} are free", bytes(free));
    let advice = "make room; `transship plan` says how many bytes are to be copied";
    let found = match free {
        ..NONE => Finding::bad(Check::FreeSpace, detail, advice),
        NONE..LITTLE => Finding::warning(Check::FreeSpace, detail, advice),
        LITTLE.. => Finding::good(Check::FreeSpace, detail),
    };
    found.measured(Measured::Bytes(free))
}

/// In bytes, for this user.
#[cfg(unix)]
fn free(path: &Path) -> std::io::Result<u64> {
    let absolute = std::path::absolute(path)?;
    let existing = absolute.ancestors().find(|path| path.exists());
    let file_system = rustix::fs::statvfs(existing.unwrap_or(Path::new("/")))?;
    Ok(file_system.f_bavail.saturating_mul(file_system.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> std::io::Result<u64> {
    Err(std::io::Error::other("not known on this system"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Status, oci::Transport};

    #[test]
    fn little_space_is_a_warning_and_none_is_an_error() {
        let status = [1 << 20, 1 << 30, 1 << 40].map(|free| finding(free).status);
        assert_eq!(status, [Status::Bad, Status::Warning, Status::Good]);
    }

    #[cfg(unix)]
    #[test]
    fn a_store_that_is_not_made_yet_has_the_space_of_the_directory_above() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("not/yet");
        let store = LocalStore::new(Transport::Oci, path.to_str().unwrap());
        let found = examine_store(&store);
        assert!(
            matches!(found[0].measured, Some(Measured::Bytes(_))),
            "{found:?}"
        );
        assert!(!path.exists());
    }
}
