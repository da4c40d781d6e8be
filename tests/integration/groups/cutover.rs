//! When the tags of a group change, and when none of them does.

use reqwest::Method;
use transship::{
    batch::Event,
    serve::{Action, Fault},
};

use super::{Release, put_other, tags};
use crate::{
    docker_registry::DockerRegistry, fixture::IMAGES, operator::list, requests::Request,
    sample_images::repository,
};

#[tokio::test]
async fn all_content_is_there_before_the_first_tag_changes() {
    let release = Release::new("").await;
    let ran = release.run(&["--json"]).await;
    let events = ran.expect(0).events();
    let staged = |event: &&Event| matches!(event, Event::JobStaged { .. });
    assert_eq!(events.iter().filter(staged).count(), 3);
    assert_eq!(tags(&release.fixture), release.new_digests());
    let writes: Vec<_> = (release.fixture.destination.requests().into_iter())
        .filter(|request| request.method == "PUT")
        .collect();
    let is_tag = |target: &str| target.ends_with("/manifests/1");
    let first = writes.iter().position(|write| is_tag(&write.target));
    let after = &writes[first.unwrap()..];
    assert_eq!(after.len(), 3, "{writes:?}");
    assert!(
        after.iter().all(|write| is_tag(&write.target)),
        "{writes:?}"
    );
}

#[tokio::test]
async fn no_tag_of_a_group_changes_while_one_image_failed_and_a_retry_writes_all() {
    let release = Release::new("").await;
    release.fixture.misbehave("team/third", Action::answer(404));
    let ran = release.run(&[]).await;
    let said = &ran.expect(1).stdout;
    let sentence = "2 images of group release-42 wait for 1 that failed: retry or skip it; none of its tags is written";
    assert!(said.contains("3 images: 2 staged, 1 failed in"), "{said}");
    assert_eq!(
        said.matches(sentence).count(),
        2,
        "a note and the summary: {said}"
    );
    assert_eq!(tags(&release.fixture), release.old);
    let batches = release.say(&["batches"]).await;
    let said = &batches.expect(0).stdout;
    assert!(said.contains("2 staged, 1 failed"), "{said}");
    let report = release.say(&["report"]).await;
    let said = &report.expect(0).stdout;
    assert!(said.contains("2 staged, without their tags"), "{said}");
    assert!(said.contains("--retry-failed"), "{said}");

    release.fixture.source.server.faults().clear();
    release.fixture.destination.server.access_log().clear();
    release.say(&["resume", "--retry-failed"]).await.expect(0);
    assert_eq!(tags(&release.fixture), release.new_digests());
    // Its content was there: its manifest is read back and gets the tag.
    let kinds = ["HEAD manifest 200", "GET manifest 200", "PUT manifest 201"];
    assert_eq!(release.kinds(IMAGES[0]), kinds);
}

#[tokio::test]
async fn a_resumed_batch_without_a_retry_still_writes_no_tag() {
    let release = Release::new("").await;
    release.fixture.misbehave("team/third", Action::answer(404));
    release.run(&[]).await.expect(1);
    release.say(&["resume"]).await.expect(1);
    assert_eq!(tags(&release.fixture), release.old);
}

#[tokio::test]
async fn a_tag_that_changed_since_staging_fails_and_the_others_stay_as_they_were() {
    let release = Release::new("").await;
    // The tags are free, so that the rule lets the images be staged.
    let fixture = &release.fixture;
    let store = fixture.destination.server.store();
    let free = |name| {
        let tag = "1".parse().unwrap();
        store.delete_tag(&repository(name), &tag).unwrap();
    };
    IMAGES.into_iter().for_each(free);
    let path = fixture.operator.path("list.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}on-existing = \"fail\"\n")).unwrap();
    let stall = fixture.misbehave("team/third", Action::StallResponse { after: 10 });
    let run = release.run(&["--parallel=1"]);
    let push = async {
        stall.hit_times(1).await;
        put_other(fixture, IMAGES[0], 78);
        stall.release();
    };
    let (ran, ()) = tokio::join!(run, push);
    let said = &ran.expect(1).stdout;
    assert!(said.contains("2 staged, 1 failed"), "{said}");
    assert!(
        said.contains("under 1, and `on-existing = \"fail\"` does not replace it"),
        "{said}"
    );
    let now = tags(fixture);
    assert!(now[0].is_some() && now[0] != release.new_digests()[0]);
    assert_eq!(now[1..], [None, None]);
}

#[tokio::test]
async fn a_failed_tag_says_which_images_of_its_group_have_theirs() {
    let release = Release::new("").await;
    let refused = Fault::on(
        Method::PUT,
        "/team/second/manifests/1$",
        Action::answer(403),
    );
    let faults = release.fixture.destination.server.faults();
    faults.add(refused.unwrap());
    let ran = release.run(&["--parallel=1"]).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("1 copied, 1 staged, 1 failed"), "{said}");
    let sentence = "1 image of group release-42 waits for 1 that failed: retry or skip it; 1 image of the group has its tag";
    assert!(said.contains(sentence), "{said}");
    let (old, new) = (&release.old, release.new_digests());
    let expected = [new[0].clone(), old[1].clone(), old[2].clone()];
    assert_eq!(tags(&release.fixture), expected);
    faults.clear();
    release.say(&["resume", "--retry-failed"]).await.expect(0);
    assert_eq!(tags(&release.fixture), new);
}

#[tokio::test]
async fn images_of_no_group_do_not_wait() {
    let release = Release::new("").await;
    let fixture = &release.fixture;
    let path = fixture.operator.path("list.toml");
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    let alone = format!("{}:1", IMAGES[0]);
    let text = list(&source, &destination, &[alone]).replace(
        "images = [\n",
        "images = [\n{ names = [\"team/second:1\", \"team/third:1\"], group = \"late\" },\n",
    );
    std::fs::write(path, text).unwrap();
    fixture.misbehave("team/third", Action::answer(404));
    let ran = release.run(&[]).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("1 copied, 1 staged, 1 failed"), "{said}");
    let new = release.new_digests();
    let expected = [
        new[0].clone(),
        release.old[1].clone(),
        release.old[2].clone(),
    ];
    assert_eq!(tags(fixture), expected);
}

#[tokio::test]
async fn a_real_registry_shows_no_tag_before_all_are_written() {
    let Some(registry) = DockerRegistry::start().await else {
        return;
    };
    let release = Release::new("").await;
    let fixture = &release.fixture;
    let path = fixture.operator.path("list.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(&fixture.destination.address(), registry.address());
    std::fs::write(path, text).unwrap();
    fixture.misbehave("team/third", Action::answer(404));
    release.run(&[]).await.expect(1);
    let tag_puts = |requests: Vec<Request>| {
        let is_put = |request: &&Request| {
            request.method == "PUT" && request.target.ends_with("/manifests/1")
        };
        requests.iter().filter(is_put).count()
    };
    assert_eq!(tag_puts(registry.requests().await), 0);
    fixture.source.server.faults().clear();
    release.say(&["resume", "--retry-failed"]).await.expect(0);
    assert_eq!(tag_puts(registry.requests().await), 3);
    let list = fixture.operator.path("list.toml");
    let verify = ["verify", list.to_str().unwrap()];
    release.say(&verify).await.expect(0);
}
