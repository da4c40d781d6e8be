//! `transship copy` of the real binary in a pseudo-terminal.

use transship::serve::{Action, ActiveFault};

use super::{CTRL_C, pseudo::Terminal};
use crate::{fixture::Fixture, operator::signal};

/// Source and destination of the first image.
fn locations(fixture: &Fixture) -> [String; 2] {
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    let source = format!("docker://{source}/team/first:1");
    [source, format!("docker://{destination}/team/first:1")]
}

fn copy(fixture: &Fixture, options: &[&str]) -> Terminal {
    let [source, destination] = locations(fixture);
    let copy = ["copy", &source, &destination];
    Terminal::run(&fixture.operator, &[&copy[..], options].concat())
}

/// Copies an image whose layer stalls on its way.
async fn stall(fixture: &Fixture) -> (ActiveFault, Terminal) {
    let stalled = fixture.misbehave("team/first", Action::StallResponse { after: 20_000 });
    let mut terminal = copy(fixture, &[]);
    terminal.says("of   48.8 KiB").await;
    (stalled, terminal)
}

#[tokio::test]
async fn a_copy_has_a_bar_for_each_blob_and_leaves_a_line_for_each() {
    let fixture = Fixture::new().await;
    let (stalled, mut terminal) = stall(&fixture).await;
    let is_bar = |row: &String| row.contains("layer ") && row.contains('─') && row.contains('%');
    terminal
        .until(|screen| screen.rows(0, 120).filter(is_bar).count() == 1)
        .await;
    terminal.says("✓ config").await;
    stalled.release();
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    let lines: Vec<&str> = left.text.lines().collect();
    let [config, layer, image, digest] = &lines[..] else {
        panic!("{}", left.text);
    };
    assert!(
        config.contains("✓ config") && config.ends_with("copied"),
        "{config}"
    );
    assert!(
        layer.contains("✓ layer") && layer.ends_with("copied"),
        "{layer}"
    );
    assert!(image.contains("team/first:1  copied, 4"), "{image}");
    assert!(digest.trim().starts_with("sha256:"), "{digest}");
}

#[tokio::test]
async fn ctrl_c_twice_stops_a_copy_and_resume_goes_on() {
    let fixture = Fixture::new().await;
    let (stalled, mut terminal) = stall(&fixture).await;
    // Not echoed, and not for the shell.
    terminal.press("typed\n");
    terminal.press(CTRL_C);
    terminal.says("ctrl-c stops now").await;
    terminal.press(CTRL_C);
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("1 image: 1 left"), "{}", left.text);
    assert!(left.text.contains("`transship resume "), "{}", left.text);
    assert!(!left.text.contains("typed"), "{}", left.text);

    stalled.release();
    fixture.operator.say(&["resume"]).await.expect(0);
    assert_eq!(fixture.arrived(), ["team/first"]);
}

#[tokio::test]
async fn a_termination_signal_restores_the_terminal_of_a_copy() {
    let fixture = Fixture::new().await;
    let (_stalled, terminal) = stall(&fixture).await;
    signal(terminal.process(), "TERM").await;
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
}

#[tokio::test]
async fn a_copy_follows_the_width_of_the_terminal() {
    let fixture = Fixture::new().await;
    let (stalled, mut terminal) = stall(&fixture).await;
    terminal.says("✓ config").await;
    terminal.set_width(40);
    let fits = |row: &String| row.starts_with("copying ") && row.ends_with('%');
    terminal
        .until(|screen| {
            screen
                .rows(0, 40)
                .any(|row| fits(&row.trim_end().to_owned()))
        })
        .await;
    let before = terminal.scrolled_back(40);
    assert!(before.contains("✓ config"), "{before}");
    terminal.set_width(120);
    terminal.says("of   48.8 KiB").await;
    stalled.release();
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn a_failure_says_side_host_cause_and_what_next() {
    let fixture = Fixture::new().await;
    let source = format!("{}/team/first:none", fixture.source.address());
    let [_, destination] = locations(&fixture);
    let left = Terminal::run(&fixture.operator, &["copy", &source, &destination]);
    let left = left.end().await;
    assert_eq!(left.code, 1, "{}", left.text);
    let text = left.text.replace('\n', " ");
    let host = fixture.source.address();
    for expected in [
        "failed: source",
        &format!("({host}): {source}"),
        "check the image's name and tag",
        "--retry-failed` retries",
    ] {
        assert!(text.contains(expected), "{expected}: {}", left.text);
    }
}
