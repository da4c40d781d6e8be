//! The commit in `--version`.

#[path = "../../build/commit.rs"]
mod commit;

use std::{fs, path::Path, process::Command};

use commit::Commit;

use crate::{installed, operator::Operator};

const PUBLISHED: &str = "1234567890abcdef1234567890abcdef12345678";

fn git(git: &Path, directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(git)
        .arg("-C")
        .arg(directory)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_published_package_has_its_commit_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".cargo_vcs_info.json");
    let text = format!(
        "{{\n  \"git\": {{\n    \"sha1\": \"{PUBLISHED}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}"
    );
    fs::write(&file, text).unwrap();
    let commit = Commit::of(directory.path()).unwrap();
    assert_eq!(commit.id, "1234567890ab");
    assert_eq!(commit.recorded_in, file);
    fs::write(&file, "{\"git\": {\"sha1\": \"\u{e9}").unwrap();
    assert_eq!(Commit::of(directory.path()), None);
}

#[test]
fn a_repository_has_its_commit_in_git_and_a_directory_below_it_none() {
    let Some(program) = installed::program("git") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let below = path.join("vendor");
    fs::create_dir(&below).unwrap();
    git(&program, path, &["init", "-q"]);
    assert_eq!(Commit::of(path), None, "there is no commit yet");
    git(
        &program,
        path,
        &["commit", "-q", "--allow-empty", "-m", "first"],
    );
    let commit = Commit::of(path).unwrap();
    let head = git(&program, path, &["rev-parse", "HEAD"]);
    assert!(
        head.starts_with(&commit.id) && commit.id.len() == 12,
        "{commit:?}"
    );
    // Cargo looks at this file again.
    let before = fs::read(&commit.recorded_in).unwrap();
    git(
        &program,
        path,
        &["commit", "-q", "--allow-empty", "-m", "second"],
    );
    assert_ne!(fs::read(&commit.recorded_in).unwrap(), before);
    assert_eq!(Commit::of(&below), None);
}

#[tokio::test]
async fn the_version_names_its_build() {
    let version = Operator::new().say(&["--version"]).await;
    let version = version.expect(0).stdout.trim();
    let rest = version
        .strip_prefix(concat!("transship ", env!("CARGO_PKG_VERSION")))
        .unwrap();
    match cfg!(debug_assertions) {
        true => assert_eq!(rest, " (debug build)"),
        // A package without git has none.
        false => assert!(
            rest.is_empty() || rest.starts_with(" (commit "),
            "{version}"
        ),
    }
}
