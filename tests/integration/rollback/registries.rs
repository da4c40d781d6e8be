//! There and back at the embedded registry.

use transship::oci::Version;

use super::{file, results, rollback, run};
use crate::{
    fixture::IMAGES,
    groups::{Release, put_other, tags},
    sample_images::repository,
};

fn delete_tag(release: &Release, name: &str) {
    let tag = "1".parse().unwrap();
    let store = release.fixture.destination.server.store();
    assert!(store.delete_tag(&repository(name), &tag).unwrap());
}

#[tokio::test]
async fn tags_name_again_what_they_named_and_new_ones_are_deleted() {
    let release = Release::new("").await;
    delete_tag(&release, IMAGES[2]);
    let before = tags(&release.fixture);
    run(&release, &[]).await.expect(0);
    assert_eq!(tags(&release.fixture), release.new_digests());

    let planned = rollback(&release, &["--dry-run"]).await;
    let said = &planned.expect(0).stdout;
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(
        said.contains("will be deleted: it did not exist before the batch"),
        "{said}"
    );
    let asked = rollback(&release, &[]).await;
    let said = &asked.expect(2).stderr;
    assert!(
        said.contains("nothing changed; --yes changes 3 tags without asking"),
        "{said}"
    );
    assert_eq!(tags(&release.fixture), release.new_digests());

    let back = rollback(&release, &["--yes"]).await;
    let said = &back.expect(0).stderr;
    assert!(
        said.contains("3 tags rolled back, 0 failed, 0 left alone"),
        "{said}"
    );
    assert_eq!(tags(&release.fixture), before);
    let again = rollback(&release, &["--yes", "--json"]).await;
    assert_eq!(
        results(again.expect(0)),
        ["unchanged", "unchanged", "unchanged"]
    );
}

#[tokio::test]
async fn a_tag_that_names_a_third_image_is_left_alone_and_named() {
    let release = Release::new("").await;
    run(&release, &[]).await.expect(0);
    put_other(&release.fixture, IMAGES[0], 99);
    delete_tag(&release, IMAGES[1]);
    let now = tags(&release.fixture);
    let back = rollback(&release, &["--yes"]).await;
    let said = &back.expect(1).stderr;
    let first = format!("{}/{}:1", release.fixture.destination.address(), IMAGES[0]);
    let third = now[0].as_ref().unwrap();
    let line = format!("{first}: left alone: it names {third}, which the batch did not write");
    assert!(said.contains(&line), "{said}");
    assert!(
        said.contains("left alone: it was deleted after the batch"),
        "{said}"
    );
    assert!(
        said.contains("1 tag rolled back, 0 failed, 2 left alone"),
        "{said}"
    );
    let expected = [now[0].clone(), None, release.old[2].clone()];
    assert_eq!(tags(&release.fixture), expected);
}

#[tokio::test]
async fn a_manifest_that_was_garbage_collected_is_said_and_the_others_go_back() {
    let release = Release::new("").await;
    run(&release, &[]).await.expect(0);
    let store = release.fixture.destination.server.store();
    let old = release.old[0].clone().unwrap();
    assert!(store.delete_manifest(&repository(IMAGES[0]), &old).unwrap());
    let back = rollback(&release, &["--yes", "--json"]).await;
    assert_eq!(results(back.expect(1)), ["left", "restored", "restored"]);
    assert!(
        back.stderr
            .contains(&format!("{old}, which it named before, is no longer")),
        "{}",
        back.stderr
    );
    let now = tags(&release.fixture);
    assert_eq!(now[0], release.new_digests()[0]);
    assert_eq!(now[1..], release.old[1..]);
}

#[tokio::test]
async fn nothing_changes_when_a_tag_cannot_be_looked_up() {
    let release = Release::new("").await;
    run(&release, &[]).await.expect(0);
    let fault = transship::serve::Fault::on(
        reqwest::Method::HEAD,
        "/team/second/manifests/",
        transship::serve::Action::answer(401),
    );
    let faults = release.fixture.destination.server.faults();
    faults.add(fault.unwrap());
    let back = rollback(&release, &["--yes"]).await;
    let said = &back.expect(1).stderr;
    assert!(
        said.contains("nothing changed: all tags are looked up before the first one is changed"),
        "{said}"
    );
    assert_eq!(tags(&release.fixture), release.new_digests());
    faults.clear();
}

#[tokio::test]
async fn a_rolled_back_release_can_be_run_again() {
    let release = Release::new("").await;
    run(&release, &[]).await.expect(0);
    rollback(&release, &["--yes"]).await.expect(0);
    let second = file(&release, "second.toml");
    release.run(&["--rollback-file", &second]).await.expect(0);
    assert_eq!(tags(&release.fixture), release.new_digests());
    release.say(&["rollback", &second, "--yes"]).await.expect(0);
    assert_eq!(tags(&release.fixture), release.old);
    let version = Version::Digest(release.new_digests()[0].clone().unwrap());
    let store = release.fixture.destination.server.store();
    let new = store.manifest(&repository(IMAGES[0]), &version).unwrap();
    assert!(new.is_some(), "the manifest stays");
}
