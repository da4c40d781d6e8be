//! What is in the file, and when.

use reqwest::Method;
use transship::{
    rollback_file::{Before, RollbackFile},
    serve::{Action, Fault},
};

use super::{FILE, file, rollback, run};
use crate::{
    fixture::IMAGES,
    groups::{Release, tags},
};

fn read(release: &Release) -> RollbackFile {
    RollbackFile::read(&release.fixture.operator.path(FILE)).unwrap()
}

/// What each tag of the file named before, by reference.
fn befores(release: &Release) -> Vec<Before> {
    let mut tags = read(release).tags();
    tags.sort_by_key(|tag| tag.reference.to_string());
    tags.into_iter().map(|tag| tag.before).collect()
}

#[tokio::test]
async fn an_entry_is_in_the_file_before_its_tag_is_written_even_if_the_run_is_killed() {
    let release = Release::new("").await;
    let fixture = &release.fixture;
    let hang = Fault::on(Method::PUT, "/manifests/1$", Action::Hang);
    let hang = fixture.destination.server.faults().add(hang.unwrap());
    let list = fixture.operator.path("list.toml");
    let kept = file(&release, FILE);
    let arguments = [
        "run",
        list.to_str().unwrap(),
        "--rollback-file",
        &kept,
        "--json",
    ];
    let mut process = fixture.operator.command(&arguments).spawn().unwrap();
    hang.hit_times(3).await;
    process.kill().await.unwrap();
    assert_eq!(tags(fixture), release.old);
    let old = release.old.iter().flatten().cloned();
    let expected: Vec<_> = old.map(Before::Digest).collect();
    assert_eq!(befores(&release), expected);

    // The resumed run goes on in the same file without being told.
    hang.release();
    release.say(&["resume"]).await.expect(0);
    assert_eq!(tags(fixture), release.new_digests());
    assert_eq!(read(&release).changes.len(), 3);
    rollback(&release, &["--yes"]).await.expect(0);
    assert_eq!(tags(fixture), release.old);
}

#[tokio::test]
async fn a_file_of_another_batch_is_refused_before_anything_is_copied() {
    let release = Release::new("").await;
    run(&release, &[]).await.expect(0);
    let before = std::fs::read(release.fixture.operator.path(FILE)).unwrap();
    let again = run(&release, &[]).await;
    let said = &again.expect(2).stderr;
    assert!(
        said.contains("exists already, and a new batch needs a rollback file of its own"),
        "{said}"
    );
    let other = release
        .say(&["resume", "--rollback-file", &file(&release, "other.toml")])
        .await;
    let said = &other.expect(2).stderr;
    assert!(said.contains("leave --rollback-file out"), "{said}");
    let after = std::fs::read(release.fixture.operator.path(FILE)).unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_ends_the_run_before_a_tag_is_written() {
    let release = Release::new("").await;
    let missing = file(&release, "no/such/directory/before.toml");
    let ran = release.run(&["--rollback-file", &missing]).await;
    let said = &ran.expect(2).stderr;
    assert!(said.contains("cannot create the rollback file"), "{said}");
    assert_eq!(tags(&release.fixture), release.old);
}

#[tokio::test]
async fn images_of_skopeo_cannot_be_kept() {
    let release = Release::new("").await;
    let path = release.fixture.operator.path("list.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("group = \"release-42\"", "engine = \"skopeo\"");
    std::fs::write(path, text).unwrap();
    let refused = run(&release, &[]).await;
    let said = &refused.expect(2).stderr;
    assert!(
        said.contains("skopeo copies 3 images, and writes their tags itself"),
        "{said}"
    );
    assert!(!release.fixture.operator.path(FILE).exists());
}

#[tokio::test]
async fn without_the_option_no_further_request_is_sent() {
    let plain = Release::new("").await;
    plain.run(&[]).await.expect(0);
    let kept = Release::new("").await;
    run(&kept, &[]).await.expect(0);
    let heads = |release: &Release| {
        let kinds = release.kinds(IMAGES[0]);
        kinds
            .iter()
            .filter(|kind| *kind == "HEAD manifest 200")
            .count()
    };
    assert_eq!((heads(&plain), heads(&kept)), (2, 3));
}
