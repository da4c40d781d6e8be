//! Where programs are looked up.

use std::path::{Path, PathBuf};

/// Directories, in the order in which they are searched.
pub(super) struct SearchPath(Vec<PathBuf>);

impl SearchPath {
    /// The directories of `PATH`.
    pub(super) fn of_environment() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self(std::env::split_paths(&path).collect())
    }

    #[cfg(test)]
    pub(super) fn of(directory: &Path) -> Self {
        Self(vec![directory.to_owned()])
    }

    /// The file of a program. A name with a separator is a path already.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let name = Path::new(name);
        let found = match name.components().count() > 1 {
            true => Some(name.to_owned()).filter(|path| path.is_file()),
            false => self.0.iter().find_map(|directory| {
                let path = directory.join(name);
                let with_suffix = path.with_extension(std::env::consts::EXE_EXTENSION);
                [path, with_suffix].into_iter().find(|path| path.is_file())
            }),
        };
        found.map(|path| path.display().to_string())
    }
}
