//! The browser of the real binary.

use transship::serve::Action;

use super::Terminal;
use crate::fixture::Fixture;

#[tokio::test]
async fn an_operator_walks_from_a_registry_to_a_layer_and_leaves() {
    let fixture = Fixture::new().await;
    let mut terminal = Terminal::run(&fixture.operator, &["browse", &fixture.source.address()]);
    terminal.says("team/second").await;
    terminal.press("j\r");
    terminal.says("Tags 1").await;
    terminal.press("\r");
    terminal.says("RUN step 1").await;
    terminal.press("v");
    terminal.says("\"schemaVersion\": 2").await;
    // The first closes the JSON.
    terminal.press("qq");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn r_reads_again_what_failed() {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/first", Action::answer(503));
    let image = format!("{}/team/first:1", fixture.source.address());
    let mut terminal = Terminal::run(&fixture.operator, &["browse", &image]);
    terminal.says("said 503").await;
    fixture.source.server.faults().clear();
    terminal.press("r");
    terminal.says("entrypoint").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn the_images_of_a_list_are_compared_with_what_arrived() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let list = list.to_str().unwrap();
    fixture.operator.say(&["run", list]).await.expect(0);
    let mut terminal = Terminal::run(&fixture.operator, &["browse", list]);
    terminal.says("Images 3").await;
    terminal.press("c");
    terminal.says("Comparison identical").await;
    terminal.press("\x03");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn the_browser_has_the_configured_keys_and_theme() {
    let fixture = Fixture::new().await;
    let configuration =
        "theme = \"mono\"\nglyphs = \"ascii\"\n[keys]\nopen = \"x\"\nquit = \"Q\"\n";
    fixture.operator.configure(configuration);
    let mut terminal = Terminal::run(&fixture.operator, &["browse", &fixture.source.address()]);
    terminal.says("team/second").await;
    let coloured = |screen: &vt100::Screen| {
        let cells = (0..40).flat_map(|row| (0..120).map(move |column| (row, column)));
        (cells.filter_map(|(row, column)| screen.cell(row, column)))
            .any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    terminal.until(|screen| !coloured(screen)).await;
    terminal.press("jx");
    terminal.says("Tags 1").await;
    terminal.press("Q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_before_the_browser_opens() {
    let fixture = Fixture::new().await;
    fixture.operator.configure("[keys]\ncompere = \"x\"\n");
    let terminal = Terminal::run(&fixture.operator, &["browse", &fixture.source.address()]);
    let left = terminal.end().await;
    assert_eq!(left.code, 2, "{}", left.text);
    assert!(left.text.contains("did you mean compare?"), "{}", left.text);
}
