//! `--review` at the real binary: the plan comes before anything is copied.

use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{
    batch::{Event, JobId, QueueReason, StopReason},
    serve::{Action, Estate, Fault},
};

use crate::{
    fleet::repository,
    operator::{Ended, event},
    requests::Request,
    scene::{IMAGES, Scene},
    terminal::pseudo::Terminal,
};

async fn review(scene: &Scene, format: &str) -> Ended {
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--review", format];
    scene.operator.say(&run).await
}

/// Neither side was asked for content, and the destination was not written to.
#[track_caller]
fn only_looked_at(scene: &Scene) {
    for request in scene.destination.requests() {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{request:?}");
    }
    for request in scene.source.requests() {
        assert!(!request.target.contains("/blobs/"), "{request:?}");
    }
}

#[tokio::test]
async fn without_a_screen_the_plan_is_printed_and_resuming_copies() {
    let scene = Scene::new().await;
    // One image is there already, and the layer of another.
    let list = scene.list();
    let first = scene.operator.path("first.toml");
    let text = std::fs::read_to_string(&list).unwrap();
    let only_first = text
        .replace("\"team/second:1\",", "")
        .replace("\"team/third:1\",", "");
    std::fs::write(&first, only_first).unwrap();
    scene
        .operator
        .say(&["run", first.to_str().unwrap()])
        .await
        .expect(0);
    let store = scene.destination.server.store();
    Estate::new(store)
        .layer(&repository("team/second"), 1, 50_000)
        .unwrap();
    scene.source.server.access_log().clear();
    scene.destination.server.access_log().clear();

    let ended = review(&scene, "--headless").await;
    let said = &ended.expect(3).stdout;
    only_looked_at(&scene);
    assert!(
        said.contains("plan: 2 to copy, 1 already there\n"),
        "{said}"
    );
    let sums = "49.7 KiB to copy, 48.8 KiB already there\n";
    assert!(
        said.contains(&format!("to {}: {sums}", scene.destination.address())),
        "{said}"
    );
    assert!(said.contains("1 image, team/third\n"), "{said}");
    assert!(said.contains("`transship resume "), "{said}");

    scene.destination.server.access_log().clear();
    let resumed = scene.operator.say(&["resume"]).await;
    assert!(
        resumed
            .expect(0)
            .stdout
            .contains("3 images: 2 copied, 1 up to date")
    );
    assert_eq!(scene.arrived(), &IMAGES[1..]);
}

#[tokio::test]
async fn as_json_the_plan_is_the_events() {
    let scene = Scene::new().await;
    let events = review(&scene, "--json").await.expect(3).events();
    assert!(events.contains(&Event::ReviewStarted));
    let mut surveyed: Vec<JobId> = (events.iter())
        .filter_map(|event| match event {
            Event::JobQueued {
                job,
                why: QueueReason::Surveyed,
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
    let scene = Scene::new().await;
    let list = scene.list();
    scene
        .operator
        .say(&["run", list.to_str().unwrap()])
        .await
        .expect(0);
    let ended = review(&scene, "--headless").await;
    assert!(ended.expect(0).stdout.contains("plan: 3 already there\n"));
}

#[tokio::test]
async fn a_batch_killed_in_its_review_is_reviewed_again_and_copied() {
    let scene = Scene::new().await;
    let manifests = Fault::on_any("/team/third/manifests/1", Action::Hang).unwrap();
    let hanging = scene.source.server.faults().add(manifests);
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--review", "--json"];
    let mut process = scene.operator.command(&run).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut surveyed = 0;
    while surveyed < 2 {
        let line = lines.next_line().await.unwrap().expect("it goes on");
        let why = QueueReason::Surveyed;
        surveyed += usize::from(
            matches!(event(&line), Event::JobQueued { why: found, .. } if found == why),
        );
    }
    hanging.hit_times(1).await;
    process.kill().await.unwrap();
    hanging.release();
    only_looked_at(&scene);

    let again = scene.operator.say(&["resume", "--review"]).await;
    assert!(again.expect(3).stdout.contains("plan: 3 to copy\n"));
    only_looked_at(&scene);
    scene.operator.say(&["resume"]).await.expect(0);
    assert_eq!(scene.arrived(), IMAGES);
}

/// The screen with a complete plan.
async fn planned(scene: &Scene) -> Terminal {
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--review"];
    let mut terminal = Terminal::run(&scene.operator, &run);
    terminal.says("3 of 3 looked at").await;
    terminal.says("Plan 3 to copy").await;
    only_looked_at(scene);
    terminal
}

#[tokio::test]
async fn an_operator_reads_the_plan_skips_an_image_and_begins() {
    let scene = Scene::new().await;
    let mut terminal = planned(&scene).await;
    terminal.press("gj");
    terminal.says("Image team/second:1").await;
    terminal.press("s");
    terminal.says("Plan 2 to copy, 1 skipped").await;
    terminal.press("b");
    terminal.says("All images ended: 2 copied, 1 skipped").await;
    assert_eq!(scene.arrived(), ["team/first", "team/third"]);
    let asked = scene.source.requests();
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
    let scene = Scene::new().await;
    let mut terminal = planned(&scene).await;
    terminal.press("q");
    terminal.says("Nothing was copied yet").await;
    terminal.press("s");
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("transship resume"), "{}", left.text);
    only_looked_at(&scene);
    scene.operator.say(&["resume"]).await.expect(0);
    assert_eq!(scene.arrived(), IMAGES);
}

#[tokio::test]
async fn a_review_that_hangs_can_be_ended_and_the_rest_is_copied() {
    let scene = Scene::new().await;
    let manifests = Fault::on_any("/team/third/manifests/1", Action::Hang).unwrap();
    let hanging = scene.source.server.faults().add(manifests);
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--review"];
    let mut terminal = Terminal::run(&scene.operator, &run);
    terminal.says("2 of 3 looked at").await;
    terminal.press("b");
    terminal.says("1 image was not looked at yet").await;
    terminal.press("y");
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("copied", "team/second:1").await;
    hanging.release();
    terminal.says("All images ended: 3 copied").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}
