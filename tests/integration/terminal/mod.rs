//! The screen of the real binary in a pseudo-terminal, on registries with injected faults.

mod archive;
mod browse;
mod copy;
pub mod pseudo;
mod untrusted_text;

pub use pseudo::Terminal;
use transship::serve::{Action, ActiveFault};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::signal,
};

const CTRL_C: &str = "\x03";

/// Runs the program on the fixture's list in a terminal.
fn run(fixture: &Fixture, options: &[&str]) -> Terminal {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    Terminal::run(&fixture.operator, &[&run[..], options].concat())
}

/// Runs one image at a time, and waits until the first one hangs on its blobs.
async fn hang(fixture: &Fixture) -> (ActiveFault, Terminal) {
    let hanging = fixture.misbehave("team/first", Action::Hang);
    let mut terminal = run(fixture, &["--parallel=1"]);
    hanging.hit_times(1).await;
    terminal.says("Image team/first:1").await;
    (hanging, terminal)
}

#[tokio::test]
async fn a_dumb_terminal_gets_lines() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    for kind in ["dumb", ""] {
        let run = ["run", list.to_str().unwrap()];
        let left = Terminal::run_as(kind, &fixture.operator, &run).end().await;
        assert_eq!(left.code, 0, "{}", left.text);
        assert!(left.text.contains("3 images: 3"), "{}", left.text);
        assert!(left.text.contains("team/first:1 "), "{}", left.text);
    }
    assert_eq!(fixture.arrived(), IMAGES);
    let browse = ["browse", &fixture.source.address()];
    let left = Terminal::run_as("dumb", &fixture.operator, &browse)
        .end()
        .await;
    assert_eq!(left.code, 2, "{}", left.text);
    assert!(left.text.contains("transship inspect"), "{}", left.text);
}

#[tokio::test]
async fn r_copies_a_failed_image_once_its_cause_is_gone() {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/first", Action::answer(404));
    let mut terminal = run(&fixture, &[]);
    terminal.shows("failed", "team/first:1").await;
    terminal.shows("copied", "team/second:1").await;
    terminal.shows("copied", "team/third:1").await;
    assert_eq!(fixture.arrived(), ["team/second", "team/third"]);

    fixture.source.server.faults().clear();
    terminal.press("g");
    terminal.says("Image team/first:1").await;
    terminal.press("r");
    terminal.shows("copied", "team/first:1").await;
    assert_eq!(fixture.arrived(), IMAGES);

    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    assert!(left.text.contains("3 images: 3 copied"), "{}", left.text);
}

#[tokio::test]
async fn s_skips_an_image_that_hangs() {
    let fixture = Fixture::new().await;
    let hanging = fixture.misbehave("team/second", Action::Hang);
    let mut terminal = run(&fixture, &[]);
    hanging.hit_times(1).await;
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("copied", "team/third:1").await;

    terminal.press("gj");
    terminal.says("Image team/second:1").await;
    terminal.press("s");
    terminal.says("Skip 1 image?").await;
    terminal.press("y");
    terminal.shows("skipped", "team/second:1").await;
    assert_eq!(fixture.arrived(), ["team/first", "team/third"]);

    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    let counts = "3 images: 2 copied, 1 skipped";
    assert!(left.text.contains(counts), "{}", left.text);
}

#[tokio::test]
async fn q_lists_the_images_in_flight_and_d_finishes_them() {
    let fixture = Fixture::new().await;
    let (hanging, mut terminal) = hang(&fixture).await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    terminal.press("d");
    terminal.says("draining").await;
    hanging.release();
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("1 copied, 2 left"), "{}", left.text);
    assert!(left.text.contains("transship resume"), "{}", left.text);
    assert_eq!(fixture.arrived(), ["team/first"]);
}

#[tokio::test]
async fn stopping_now_waits_for_nothing_and_the_rest_is_resumed() {
    let fixture = Fixture::new().await;
    let (hanging, mut terminal) = hang(&fixture).await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    // Staying is one of the answers.
    terminal.press("n");
    terminal
        .until(|screen| !screen.contents().contains("is in flight"))
        .await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    terminal.press("s");
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
    assert!(fixture.arrived().is_empty());

    hanging.release();
    fixture.operator.say(&["resume"]).await.expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn ctrl_c_finishes_what_is_in_flight() {
    let fixture = Fixture::new().await;
    let (hanging, mut terminal) = hang(&fixture).await;
    terminal.press(CTRL_C);
    terminal.says("draining").await;
    hanging.release();
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("1 copied, 2 left"), "{}", left.text);
}

#[tokio::test]
async fn ctrl_c_twice_stops_now() {
    let fixture = Fixture::new().await;
    let (_hanging, mut terminal) = hang(&fixture).await;
    terminal.press(CTRL_C);
    terminal.says("draining").await;
    terminal.press(CTRL_C);
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
}

#[tokio::test]
async fn a_termination_signal_restores_the_terminal() {
    for name in ["TERM", "HUP"] {
        let fixture = Fixture::new().await;
        let (_hanging, terminal) = hang(&fixture).await;
        signal(terminal.process(), name).await;
        let left = terminal.end().await;
        assert_eq!(left.code, 3, "{}", left.text);
        assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
    }
}

#[tokio::test]
async fn a_paused_batch_starts_nothing_until_it_is_resumed() {
    let fixture = Fixture::new().await;
    let (hanging, mut terminal) = hang(&fixture).await;
    terminal.press("p");
    terminal.says("paused").await;
    hanging.release();
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("queued", "team/second:1").await;
    assert_eq!(fixture.arrived(), ["team/first"]);

    terminal.press("+");
    terminal.says("2 at once").await;
    terminal.press("p");
    terminal.says("3 copied").await;
    assert_eq!(fixture.arrived(), IMAGES);
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn the_browser_opens_while_the_batch_runs() {
    let fixture = Fixture::new().await;
    let (hanging, mut terminal) = hang(&fixture).await;
    terminal.press("i");
    terminal.says("in 1 layer").await;
    terminal.press("v");
    terminal.says("\"schemaVersion\": 2").await;
    hanging.release();
    // The first closes the JSON.
    terminal.press("qq");
    terminal.says("All images ended: 3 copied").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}
