//! The browser of the real binary.

use transship::serve::Action;

use super::Terminal;
use crate::scene::Scene;

#[tokio::test]
async fn an_operator_walks_from_a_registry_to_a_layer_and_leaves() {
    let scene = Scene::new().await;
    let mut terminal = Terminal::run(&scene.operator, &["browse", &scene.source.address()]);
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
async fn what_failed_is_read_again_when_asked() {
    let scene = Scene::new().await;
    scene.misbehave("team/first", Action::answer(503));
    let image = format!("{}/team/first:1", scene.source.address());
    let mut terminal = Terminal::run(&scene.operator, &["browse", &image]);
    terminal.says("said 503").await;
    scene.source.server.faults().clear();
    terminal.press("r");
    terminal.says("entrypoint").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn the_images_of_a_list_are_compared_with_what_arrived() {
    let scene = Scene::new().await;
    let list = scene.list();
    let list = list.to_str().unwrap();
    scene.operator.say(&["run", list]).await.expect(0);
    let mut terminal = Terminal::run(&scene.operator, &["browse", list]);
    terminal.says("Images 3").await;
    terminal.press("c");
    terminal.says("Comparison identical").await;
    terminal.press("\x03");
    assert_eq!(terminal.end().await.code, 0);
}
