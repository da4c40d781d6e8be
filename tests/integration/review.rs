//! `--review` at the real binary: the plan comes before anything is copied.

use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{
    batch::{Event, JobId, QueueReason, StopReason},
    serve::{Action, Fault, ImageBuilder},
};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::{Ended, event},
    requests::Request,
    sample_images::repository,
    terminal::pseudo::Terminal,
};

async fn review(fixture: &Fixture, format: &str) -> Ended {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--review", format];
    fixture.operator.say(&run).await
}

/// No content was requested, and nothing was written to the destination.
#[track_caller]
fn only_looked_at(fixture: &Fixture) {
    for request in fixture.destination.requests() {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{request:?}");
    }
    for request in fixture.source.requests() {
        assert!(!request.target.contains("/blobs/"), "{request:?}");
    }
}

#[tokio::test]
async fn without_a_screen_the_plan_is_printed_and_resuming_copies() {
    let fixture = Fixture::new().await;
    // One image is there already, and the layer of another.
    let list = fixture.list();
    let first = fixture.operator.path("first.toml");
    let text = std::fs::read_to_string(&list).unwrap();
    let only_first = text
        .replace("\"team/second:1\",", "")
        .replace("\"team/third:1\",", "");
    std::fs::write(&first, only_first).unwrap();
    fixture
        .operator
        .say(&["run", first.to_str().unwrap()])
        .await
        .expect(0);
    let store = fixture.destination.server.store();
    ImageBuilder::new(store)
        .layer(&repository("team/second"), 1, 50_000)
        .unwrap();
    fixture.source.server.access_log().clear();
    fixture.destination.server.access_log().clear();

    let ended = review(&fixture, "--headless").await;
    let said = &ended.expect(3).stdout;
    only_looked_at(&fixture);
    assert!(
        said.contains("plan: 2 to copy, 1 already there\n"),
        "{said}"
    );
    let sums = "49.7 KiB to copy, 48.8 KiB already there\n";
    assert!(
        said.contains(&format!("to {}: {sums}", fixture.destination.address())),
        "{said}"
    );
    assert!(said.contains("1 image, team/third\n"), "{said}");
    assert!(said.contains("`transship resume "), "{said}");

    fixture.destination.server.access_log().clear();
    let resumed = fixture.operator.say(&["resume"]).await;
    assert!(
        resumed
            .expect(0)
            .stdout
            .contains("3 images: 2 copied, 1 up to date")
    );
    assert_eq!(fixture.arrived(), &IMAGES[1..]);
}

#[tokio::test]
async fn as_json_the_plan_is_the_events() {
    let fixture = Fixture::new().await;
    let events = review(&fixture, "--json").await.expect(3).events();
    assert!(events.contains(&Event::ReviewStarted));
    let mut surveyed: Vec<JobId> = (events.iter())
        .filter_map(|event| match event {
            Event::JobQueued {
                job,
                why: QueueReason::Planned,
            } => Some(*job),
            _ => None,
        })
        .collect();
    surveyed.sort_unstable();
    assert_eq!(surveyed, [JobId(0), JobId(1), JobId(2)]);
    let stopped_by = Some(StopReason::Reviewed);
    assert_eq!(events.last(), Some(&Event::BatchFinished { stopped_by }));
}

#[tokio::test]
async fn a_review_of_what_is_all_there_ends_with_0() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    fixture
        .operator
        .say(&["run", list.to_str().unwrap()])
        .await
        .expect(0);
    let ended = review(&fixture, "--headless").await;
    assert!(ended.expect(0).stdout.contains("plan: 3 already there\n"));
}

#[tokio::test]
async fn a_batch_killed_in_its_review_is_reviewed_again_and_copied() {
    let fixture = Fixture::new().await;
    let manifests = Fault::on_any("/team/third/manifests/1", Action::Hang).unwrap();
    let hanging = fixture.source.server.faults().add(manifests);
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--review", "--json"];
    let mut process = fixture.operator.command(&run).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut surveyed = 0;
    while surveyed < 2 {
        let line = lines.next_line().await.unwrap().expect("it goes on");
        let why = QueueReason::Planned;
        surveyed += usize::from(
            matches!(event(&line), Event::JobQueued { why: found, .. } if found == why),
        );
    }
    hanging.hit_times(1).await;
    process.kill().await.unwrap();
    hanging.release();
    only_looked_at(&fixture);

    let again = fixture.operator.say(&["resume", "--review"]).await;
    assert!(again.expect(3).stdout.contains("plan: 3 to copy\n"));
    only_looked_at(&fixture);
    fixture.operator.say(&["resume"]).await.expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
}

/// The screen with a complete plan.
async fn planned(fixture: &Fixture) -> Terminal {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--review"];
    let mut terminal = Terminal::run(&fixture.operator, &run);
    terminal.says("3 of 3 planned").await;
    terminal.says("Plan 3 to copy").await;
    only_looked_at(fixture);
    terminal
}

#[tokio::test]
async fn an_operator_reads_the_plan_skips_an_image_and_begins() {
    let fixture = Fixture::new().await;
    let mut terminal = planned(&fixture).await;
    terminal.press("gj");
    terminal.says("Image team/second:1").await;
    terminal.press("s");
    terminal.says("Plan 2 to copy, 1 skipped").await;
    terminal.press("b");
    terminal.says("All images ended: 2 copied, 1 skipped").await;
    assert_eq!(fixture.arrived(), ["team/first", "team/third"]);
    let asked = fixture.source.requests();
    let reads = |name: &str| {
        let target = format!("/v2/{name}/manifests/1");
        let is_read = |request: &&Request| request.method == "GET" && request.target == target;
        asked.iter().filter(is_read).count()
    };
    assert_eq!(IMAGES.map(reads), [1, 1, 1]);
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
}

#[tokio::test]
async fn a_plan_that_is_left_can_be_resumed() {
    let fixture = Fixture::new().await;
    let mut terminal = planned(&fixture).await;
    terminal.press("q");
    terminal.says("Nothing was copied yet").await;
    terminal.press("s");
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("transship resume"), "{}", left.text);
    only_looked_at(&fixture);
    fixture.operator.say(&["resume"]).await.expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn a_review_that_hangs_can_be_ended_and_the_rest_is_copied() {
    let fixture = Fixture::new().await;
    let manifests = Fault::on_any("/team/third/manifests/1", Action::Hang).unwrap();
    let hanging = fixture.source.server.faults().add(manifests);
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--review"];
    let mut terminal = Terminal::run(&fixture.operator, &run);
    terminal.says("2 of 3 planned").await;
    terminal.press("b");
    terminal.says("1 image is not planned yet").await;
    terminal.press("y");
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("copied", "team/second:1").await;
    hanging.release();
    terminal.says("All images ended: 3 copied").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}
