//! The commit that a package is built from.
//!
//! A published package has it in a file that cargo adds; elsewhere git knows it. Invariant: the commit of another
//! repository, in which the package was unpacked, is not taken.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Characters of a commit that are shown.
const SHOWN: usize = 12;

#[derive(Debug, PartialEq, Eq)]
pub struct Commit {
    /// Abbreviated.
    pub id: String,
    /// The file that changes with it.
    pub recorded_in: PathBuf,
}

impl Commit {
    /// The commit of the package in `directory`, if it is known.
    pub fn of(directory: &Path) -> Option<Self> {
        published(directory).or_else(|| checked_out(directory))
    }

    fn new(id: &str, recorded_in: PathBuf) -> Option<Self> {
        let is_commit = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = id.get(..SHOWN).filter(|_| is_commit)?.to_owned();
        Some(Self { id, recorded_in })
    }
}

/// `cargo package` adds `{"git": {"sha1": "..."}, ...}`.
fn published(directory: &Path) -> Option<Commit> {
    let file = directory.join(".cargo_vcs_info.json");
    let text = fs::read_to_string(&file).ok()?;
    let (_, value) = text.split_once("\"sha1\"")?;
    Commit::new(value.split('"').nth(1)?, file)
}

fn checked_out(directory: &Path) -> Option<Commit> {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        // Where the package is in the repository, the commit, and the file that gets a line with every checkout.
        .args([
            "rev-parse",
            "--show-prefix",
            "HEAD",
            "--git-path",
            "logs/HEAD",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let [prefix, id, log] = text.lines().collect::<Vec<_>>()[..] else {
        return None;
    };
    let log = directory.join(log);
    Commit::new(id, log).filter(|commit| prefix.is_empty() && commit.recorded_in.is_file())
}
