//! The paths of local stores.
//!
//! Decides that they are relative to the working directory, as in skopeo. Invariant: a path that is accepted can be
//! written in a location.

use std::path::{self, Path, PathBuf};

use glob::Pattern;

use super::values::ValueError;
use crate::oci::{LocalStore, Transport};

/// A store with its complete path. An empty `working` leaves paths as they are.
pub(super) fn store(
    working: &Path,
    transport: Transport,
    path: &str,
) -> Result<LocalStore, ValueError> {
    let path = absolute(working, path)?;
    match in_location(transport, &path) {
        Ok(()) => Ok(LocalStore::new(transport, &path)),
        Err(message) => Err(ValueError {
            message,
            at: None,
            help: "rename it, or use a link without a ':'".into(),
        }),
    }
}

/// A complete path.
pub(super) fn absolute(working: &Path, path: &str) -> Result<String, ValueError> {
    if path.is_empty() {
        return Err(ValueError {
            message: "a path is empty".into(),
            at: None,
            help: "write the path of a file or directory".into(),
        });
    }
    if working.as_os_str().is_empty() {
        return Ok(path.to_owned());
    }
    let absolute = path::absolute(working.join(path)).map(PathBuf::into_os_string);
    (absolute.ok().and_then(|path| path.into_string().ok())).ok_or_else(|| no_text(working))
}

/// A pattern of files with a complete path.
pub(super) fn pattern(working: &Path, pattern: &str) -> Result<String, ValueError> {
    if working.as_os_str().is_empty() || Path::new(pattern).is_absolute() {
        return Ok(pattern.to_owned());
    }
    let working = working.to_str().ok_or_else(|| no_text(working))?;
    let working = Pattern::escape(working.trim_end_matches('/'));
    Ok(format!("{working}/{pattern}"))
}

/// Fails with a message if a location cannot have this path.
pub(super) fn in_location(transport: Transport, path: &str) -> Result<(), String> {
    match transport {
        Transport::Oci | Transport::OciArchive | Transport::DockerArchive if path.contains(':') => {
            Err(format!(
                "the path {path:?} has a ':', which begins the name of an image"
            ))
        }
        Transport::Oci
        | Transport::OciArchive
        | Transport::DockerArchive
        | Transport::Dir
        | Transport::DockerDaemon
        | Transport::ContainersStorage => Ok(()),
    }
}

fn no_text(working: &Path) -> ValueError {
    ValueError {
        message: format!(
            "the working directory {} is not valid UTF-8",
            working.display()
        ),
        at: None,
        help: "write absolute paths, or start the program in another directory".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_begin_at_the_working_directory() {
        let place = |path: &str| {
            let store = store(Path::new("/srv/a[1]"), Transport::Oci, path).unwrap();
            store.to_string()
        };
        assert_eq!(place("./estate"), "oci:/srv/a[1]/estate");
        assert_eq!(place("/x/estate"), "oci:/x/estate");
        let files = pattern(Path::new("/srv/a[1]"), "exports/*.tar").unwrap();
        assert!(
            Pattern::new(&files)
                .unwrap()
                .matches("/srv/a[1]/exports/b.tar")
        );
        assert_eq!(pattern(Path::new("/srv"), "/x/*.tar").unwrap(), "/x/*.tar");
    }

    #[test]
    fn a_path_that_no_location_can_have_is_refused() {
        let store = |transport| store(Path::new("/srv/a:b"), transport, "estate");
        assert!(
            store(Transport::OciArchive)
                .unwrap_err()
                .message
                .contains("':'")
        );
        assert!(store(Transport::Dir).is_ok());
    }
}
