//! The real binary killed between staging and the last tag, and resumed.

use reqwest::Method;
use tokio::process::Child;
use transship::serve::{Action, Fault};

use super::{Release, tags};
use crate::fixture::IMAGES;

fn start(release: &Release) -> Child {
    let list = release.fixture.operator.path("list.toml");
    let run = ["run", list.to_str().unwrap(), "--parallel=1", "--json"];
    release.fixture.operator.command(&run).spawn().unwrap()
}

/// Waits until the journal has so many images in this state.
async fn recorded(release: &Release, state: &str, images: u64) {
    loop {
        let batches = release.say(&["batches", "--json"]).await;
        let line = batches.expect(0).stdout.lines().next().unwrap_or("null");
        let batch: serde_json::Value = serde_json::from_str(line).unwrap();
        if batch["images"][state].as_u64() == Some(images) {
            return;
        }
    }
}

#[tokio::test]
async fn a_batch_killed_after_staging_copies_no_staged_image_again() {
    let release = Release::new("").await;
    let fixture = &release.fixture;
    let stall = fixture.misbehave("team/third", Action::StallResponse { after: 10 });
    let mut process = start(&release);
    stall.hit_times(1).await;
    recorded(&release, "staged", 2).await;
    process.kill().await.unwrap();
    assert_eq!(tags(fixture), release.old);

    stall.release();
    fixture.destination.server.access_log().clear();
    release.say(&["resume"]).await.expect(0);
    assert_eq!(tags(fixture), release.new_digests());
    let kinds = ["HEAD manifest 200", "GET manifest 200", "PUT manifest 201"];
    for name in &IMAGES[..2] {
        assert_eq!(release.kinds(name), kinds, "{name}");
    }
}

#[tokio::test]
async fn a_batch_killed_between_two_tags_writes_the_rest() {
    let release = Release::new("").await;
    let fixture = &release.fixture;
    let hang = Fault::on(Method::PUT, "/team/second/manifests/1$", Action::Hang);
    let hang = fixture.destination.server.faults().add(hang.unwrap());
    let mut process = start(&release);
    hang.hit_times(1).await;
    recorded(&release, "copied", 1).await;
    process.kill().await.unwrap();
    let (old, new) = (&release.old, release.new_digests());
    assert_eq!(
        tags(fixture),
        [new[0].clone(), old[1].clone(), old[2].clone()]
    );

    fixture.destination.server.access_log().clear();
    hang.release();
    release.say(&["resume"]).await.expect(0);
    assert_eq!(tags(fixture), new);
    assert!(release.kinds(IMAGES[0]).is_empty());
}
