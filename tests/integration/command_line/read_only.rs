//! Commands that only read write no file.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use transship::oci::Digest;

use super::run;
use crate::fixture::Fixture;

/// The files below a directory, by the digest of their content; directories have none.
type Tree = BTreeMap<String, Option<Digest>>;

/// SQLite moves content from its log into the journal, and keeps the log while somebody reads.
const JOURNAL: &str = "journal.sqlite3";

fn tree(directory: &Path) -> Tree {
    let mut found = Tree::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(name, None);
        } else if !name.contains(JOURNAL) {
            found.insert(name, Some(Digest::of(&fs::read(&path).unwrap())));
        }
    }
    found
}

/// Runs every command that only reads, and checks that the operator's directory stays as it is.
async fn read_everything(fixture: &Fixture) {
    let operator = &fixture.operator;
    let home = operator.path("");
    let list = fixture.list();
    let list = list.to_str().unwrap();
    let repository = format!("{}/team/first", fixture.source.address());
    let image = format!("{repository}:1");
    let copy = format!("{}/team/first:1", fixture.destination.address());
    // Only a user other than root is kept from writing; for root the comparison has to do.
    fs::set_permissions(&home, fs::Permissions::from_mode(0o555)).unwrap();
    let before = tree(&home);
    for arguments in [
        &["inspect", &image][..],
        &["inspect", "--json", &image],
        &["inspect", "--raw", &image],
        &["inspect", "--config", &image],
        &["tags", &repository],
        &["digest", &image],
        &["digest", list],
        &["list", "check", list],
        &["list", "schema"],
        &["plan", list],
        &["plan", list, "--json"],
        &["batches"],
        &["batches", "--json"],
        &["verify", list],
        &["verify", "--deep", "--rehash", &image, &copy],
        &["completions", "bash"],
        &["help"],
        &["--version"],
    ] {
        operator.say(arguments).await.expect(0);
        assert_eq!(tree(&home), before, "{arguments:?}");
    }
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn commands_that_read_write_nothing() {
    let fixture = Fixture::new().await;
    // The journal is elsewhere, so that there is none here.
    let elsewhere = tempfile::tempdir().unwrap();
    run(&fixture, &["--state", elsewhere.path().to_str().unwrap()])
        .await
        .expect(0);
    read_everything(&fixture).await;
    assert!(!fixture.operator.path("state").exists());
}

#[tokio::test]
async fn commands_that_read_leave_a_journal_as_it_is() {
    let fixture = Fixture::new().await;
    run(&fixture, &[]).await.expect(0);
    let batches = fixture.operator.say(&["batches", "--json"]).await;
    read_everything(&fixture).await;
    let after = fixture.operator.say(&["batches", "--json"]).await;
    assert_eq!(after.stdout, batches.expect(0).stdout);
}
