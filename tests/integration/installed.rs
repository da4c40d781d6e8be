//! Installed programs that tests use.

use std::path::PathBuf;

/// Where a program is. Without it a test is skipped with a printed line, except where everything has to be
/// tested.
pub fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{name} is not installed");
        println!("skipped: {name} is not installed");
    }
    found
}
