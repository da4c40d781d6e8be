//! A copy by skopeo that ends before it is complete: nothing of it goes on.

use reqwest::Method;
use transship::{
    batch::Outcome,
    serve::{Action, Fault},
};

use super::{Room, digest, outcomes};
use crate::{fixture::IMAGES, operator::signal, terminal::pseudo::Terminal};

/// The skopeo processes with this text among their arguments.
pub fn processes(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let arguments = processes.filter_map(|process| {
        let arguments = std::fs::read(process.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&arguments).replace('\0', " "))
    });
    let is_skopeo = |line: &String| line.contains(text) && line.contains("copy");
    arguments.filter(is_skopeo).collect()
}

/// The first request for a blob of an image hangs.
fn hang_once(room: &Room, name: &str) -> transship::serve::ActiveFault {
    let target = format!("/{name}/blobs/");
    let fault = Fault::on(Method::GET, &target, Action::Hang).unwrap();
    room.fixture.source.server.faults().add(fault.times(1))
}

#[tokio::test]
async fn a_terminated_run_leaves_no_skopeo_and_is_resumed() {
    ended_by("TERM").await;
}

#[tokio::test]
async fn a_killed_run_leaves_no_skopeo_and_is_resumed() {
    ended_by("KILL").await;
}

async fn ended_by(name: &str) {
    let Some(room) = Room::new().await else {
        return;
    };
    let hanging = hang_once(&room, "team/first");
    let list = room.list("\"team/first:1\", \"team/second:1\"", "engine = \"skopeo\"");
    let list = room.fixture.operator.list(&list);
    let mut command = room
        .fixture
        .operator
        .command(&["run", "--json", list.to_str().unwrap()]);
    let run = command.spawn().unwrap();
    hanging.hit_times(1).await;
    let source = room.fixture.source.address();
    assert!(!processes(&source).is_empty());
    signal(run.id().unwrap(), name).await;
    let ended = run.wait_with_output().await.unwrap();
    let code = ended.status.code();
    assert!(
        matches!((name, code), ("TERM", Some(3)) | ("KILL", None)),
        "{ended:?}"
    );
    let resumed = room.fixture.operator.say(&["resume", "--json"]).await;
    let outcomes = outcomes(&resumed.expect(0).events());
    assert!(
        outcomes.iter().all(|(_, outcome)| matches!(
            outcome,
            Outcome::Copied { .. } | Outcome::UpToDate { .. }
        ))
    );
    for name in ["team/first", "team/second"] {
        assert_eq!(
            digest(&room.fixture.destination, name),
            digest(&room.fixture.source, name)
        );
    }
    // The one that hung would still hang.
    assert_eq!(processes(&source), <[String; 0]>::default());
}

#[tokio::test]
async fn a_skipped_image_ends_its_skopeo() {
    let Some(room) = Room::new().await else {
        return;
    };
    let hanging = hang_once(&room, "team/second");
    let images = IMAGES.map(|name| format!("\"{name}:1\"")).join(", ");
    let list = room.list(&images, "engine = \"skopeo\"");
    let list = room.fixture.operator.list(&list);
    let mut terminal = Terminal::run(&room.fixture.operator, &["run", list.to_str().unwrap()]);
    hanging.hit_times(1).await;
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("copied", "team/third:1").await;
    terminal.press("gj");
    terminal.says("Image team/second:1").await;
    terminal.says("by    skopeo").await;
    terminal.press("s");
    terminal.says("Skip 1 image?").await;
    terminal.press("y");
    terminal.shows("skipped", "team/second:1").await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    assert_eq!(room.fixture.arrived(), ["team/first", "team/third"]);
    assert_eq!(
        processes(&room.fixture.source.address()),
        <[String; 0]>::default()
    );
}
