//! What operators do most on the screen, with the real binary in a pseudo-terminal: navigate, search, understand a
//! failure, and lose the connection.

use std::io::Read as _;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use transship::serve::Action;

use crate::{
    fixture::{Fixture, IMAGES},
    terminal::pseudo::Terminal,
};

/// All three images have ended; the first one failed.
async fn failed_first(fixture: &Fixture) -> Terminal {
    fixture.misbehave("team/first", Action::answer(404));
    let list = fixture.list();
    let mut terminal = Terminal::run(&fixture.operator, &["run", list.to_str().unwrap()]);
    terminal.says("All images ended").await;
    terminal
}

#[tokio::test]
async fn the_screen_says_what_failed_by_cause_and_which_images() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("4");
    terminal.says("1 by 1 cause").await;
    terminal.press("\r");
    terminal.says("Images 1 of 3").await;
    terminal.shows("failed", "team/first:1").await;
    terminal.press("\x1b");
    terminal.says("Images 3").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 1);
}

#[tokio::test]
async fn a_filter_finds_images_while_it_is_typed() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("/sec");
    terminal.says("1 of 3 images").await;
    terminal.press("\r");
    terminal.shows("copied", "team/second:1").await;
    terminal.press("\x1b");
    terminal.says("Images 3").await;
    terminal.press("/!/(second|third)/\r");
    terminal.says("Images 1 of 3").await;
    terminal.shows("failed", "team/first:1").await;
    terminal.press("q");
    terminal.end().await;
}

#[tokio::test]
async fn an_image_is_shown_with_its_manifest_and_layers() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("gj2z");
    terminal.says("OCI manifest").await;
    terminal.says("OCI config").await;
    terminal.says("copied").await;
    terminal.press("q");
    terminal.end().await;
}

#[tokio::test]
async fn both_registries_are_listed() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("3z");
    terminal.says("Registries 2").await;
    terminal.says(&fixture.source.address()).await;
    terminal.says(&fixture.destination.address()).await;
    terminal.press("q");
    terminal.end().await;
}

#[tokio::test]
async fn help_is_searched_and_a_command_is_found_by_name() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("?/clipboard");
    terminal.says("Help /clipboard").await;
    terminal.press("\x1b");
    terminal.says("Help 1-").await;
    terminal.press("\x1b");
    terminal
        .until(|screen| !screen.contents().contains("Help 1-"))
        .await;
    terminal.press(":show failed\r");
    terminal.says("Images 1 of 3").await;
    terminal.press("q");
    terminal.end().await;
}

#[tokio::test]
async fn marked_images_are_retried_together() {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/first", Action::answer(404));
    fixture.misbehave("team/third", Action::answer(404));
    let list = fixture.list();
    let mut terminal = Terminal::run(&fixture.operator, &["run", list.to_str().unwrap()]);
    terminal.says("1 copied, 2 failed").await;
    fixture.source.server.faults().clear();
    // Only failures, both marked: a mark goes one down.
    terminal.press("eg  ");
    terminal.says("2 marked").await;
    terminal.press("r");
    terminal.says("All images ended: 3 copied").await;
    assert_eq!(fixture.arrived().len(), IMAGES.len());
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn an_error_body_is_shown_as_text() {
    let fixture = Fixture::new().await;
    let body =
        r#"{"errors":[{"code":"DENIED","message":"\u001b[2J\u001b]0;owned\u0007\u202eno"}]}"#;
    let refusal = Action::Answer {
        status: 403,
        headers: Vec::new(),
        body: body.into(),
    };
    fixture.misbehave("team/first", refusal);
    let list = fixture.list();
    let mut terminal = Terminal::run(&fixture.operator, &["run", list.to_str().unwrap()]);
    terminal.says("All images ended").await;
    terminal.press("g2z");
    terminal.says("DENIED: [2J ]0;owned no").await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 1, "{}", left.text);
}

#[tokio::test]
async fn failed_images_are_written_as_a_list_that_can_be_run() {
    let fixture = Fixture::new().await;
    let mut terminal = failed_first(&fixture).await;
    terminal.press("W");
    terminal.says("wrote 1 image to").await;
    terminal.press("q");
    terminal.end().await;
    fixture.source.server.faults().clear();
    let written = fixture.operator.path("list-part.toml");
    let run = ["run", written.to_str().unwrap()];
    fixture.operator.say(&run).await.expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn a_wrong_configuration_is_told_with_its_lines() {
    let fixture = Fixture::new().await;
    fixture
        .operator
        .configure("theme = \"dusk\"\n[keys]\nretri = \"x\"\n");
    let list = fixture.list();
    let before = fixture.files();
    let terminal = Terminal::run(&fixture.operator, &["run", list.to_str().unwrap()]);
    let left = terminal.end().await;
    assert_eq!(left.code, 2, "{}", left.text);
    for part in [
        "config.toml:1:9",
        "dusk",
        "config.toml:3:1",
        "retry",
        "2 mistakes in",
    ] {
        assert!(left.text.contains(part), "{part} is not in\n{}", left.text);
    }
    // Not even a state directory, and so no batch that `resume` would take.
    assert_eq!(fixture.files(), before);
    let resumed = fixture.operator.say(&["resume"]).await;
    assert!(resumed.expect(2).stderr.contains("no batch to resume"));
    assert_eq!(fixture.files(), before);
}

#[tokio::test]
async fn a_configured_key_does_what_it_is_configured_for() {
    let fixture = Fixture::new().await;
    fixture
        .operator
        .configure("theme = \"mono\"\n[keys]\nto-failures = \"x\"\n");
    let mut terminal = failed_first(&fixture).await;
    terminal.press("x");
    terminal.says("1 by 1 cause").await;
    terminal.press("q");
    terminal.end().await;
}

#[tokio::test]
async fn a_lost_connection_stops_the_batch_and_it_is_resumed() {
    let fixture = Fixture::new().await;
    let hanging = fixture.misbehave("team/first", Action::Hang);
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_transship"));
    let list = fixture.list();
    command.args(["run", list.to_str().unwrap()]);
    command.env_clear();
    for (name, value) in fixture.operator.environment() {
        command.env(name, value);
    }
    command.env("TERM", "xterm-256color");
    let mut process = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    // A screen on which something moves is drawn every second, so reading never takes longer.
    let screen = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let mut seen = String::new();
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            seen += &String::from_utf8_lossy(&buffer[..read]);
            if seen.contains("copying") {
                return;
            }
        }
        panic!("the program ended before it copied: {seen}");
    });
    hanging.hit_times(1).await;
    tokio::task::spawn_blocking(|| screen.join().unwrap())
        .await
        .unwrap();
    // Closes the last handle of the terminal.
    drop(pair.master);
    let code = tokio::task::spawn_blocking(move || process.wait().unwrap().exit_code());
    assert_eq!(code.await.unwrap(), 3);

    hanging.release();
    // Every image is at its destination; one may have arrived just before the connection was lost.
    fixture.operator.say(&["resume"]).await.expect(0);
}
