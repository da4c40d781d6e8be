//! Decides what `--version` prints: the version of the package, and the commit of a release build.
//!
//! Invariant: a build without git, or outside a repository, succeeds.

mod commit;

use std::{env, path::PathBuf};

use commit::Commit;

fn main() {
    println!("cargo::rerun-if-changed=build");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // A debug build does not look for the commit: each one would compile the crate again.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let commit = package
        .filter(|_| is_release)
        .and_then(|package| Commit::of(&package));
    let version = match &commit {
        Some(commit) => format!("{version} (commit {})", commit.id),
        None if is_release => version,
        None => format!("{version} (debug build)"),
    };
    if let Some(commit) = commit {
        println!("cargo::rerun-if-changed={}", commit.recorded_in.display());
    }
    println!("cargo::rustc-env=TRANSSHIP_VERSION={version}");
}
