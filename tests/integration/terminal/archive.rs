//! A list that is copied into an archive, on the screen: the archive is written once the operator is done with the images
//! that failed.

use transship::serve::Action;

use super::Terminal;
use crate::fixture::Fixture;

/// Runs the fixture's images into the archive of this name, of which one fails, and waits for the log to say what that
/// means.
async fn fail_one(fixture: &Fixture, archive: &str) -> Terminal {
    fixture.misbehave("team/first", Action::answer(404));
    let list = fixture.operator.list(&format!(
        "version = 1\nimages = [\"team/first:1\", \"team/second:1\"]\n[source]\nregistry = \"{}\"\n\
         [destination]\noci-archive = {:?}\n",
        fixture.source.address(),
        fixture.operator.path(archive),
    ));
    let run = ["run", list.to_str().unwrap()];
    let mut terminal = Terminal::run(&fixture.operator, &run);
    terminal.shows("failed", "team/first:1").await;
    terminal.shows("copied", "team/second:1").await;
    terminal.press("5");
    terminal
        .says("is not written yet, because images failed")
        .await;
    assert!(!fixture.operator.path(archive).exists());
    terminal
}

#[tokio::test]
async fn leaving_writes_an_archive_without_the_image_that_failed() {
    let fixture = Fixture::new().await;
    let mut terminal = fail_one(&fixture, "out.tar").await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 1, "{}", left.text);
    assert!(fixture.operator.path("out.tar").exists());
}

#[tokio::test]
async fn skipping_the_image_that_failed_writes_the_archive() {
    let fixture = Fixture::new().await;
    let mut terminal = fail_one(&fixture, "out.tar").await;
    terminal.press("1g");
    terminal.says("Image team/first:1").await;
    terminal.press("s");
    terminal.shows("skipped", "team/first:1").await;
    terminal.press("5");
    terminal.says("out.tar is written").await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
}
