//! `transship tag` on the embedded registry.

use super::Fixture;
use crate::terminal::Terminal;

#[tokio::test]
async fn an_image_gets_further_tags_and_no_blob_moves() {
    let fixture = Fixture::new().await;
    let tagged = fixture
        .say("tag", &["1"], &["stable", "1.0", "stable", "latest"])
        .await;
    let digest = fixture.digest("1");
    let lines: String = ["stable", "1.0", "latest"]
        .map(|tag| format!("{}: {digest}\n", fixture.image(tag)))
        .concat();
    assert_eq!(tagged.expect(0).stdout, lines);
    assert_eq!(fixture.digest("1.0"), digest);
    let requests = fixture.registry.requests();
    let puts: Vec<_> = (requests.iter())
        .filter(|request| request.method == "PUT")
        .map(|request| request.target.rsplit('/').next().unwrap())
        .collect();
    // What names the image already is not written.
    assert_eq!(puts, ["stable", "1.0"]);
    assert!(
        requests
            .iter()
            .all(|request| !request.target.contains("/blobs/"))
    );
}

#[tokio::test]
async fn an_image_is_tagged_by_its_digest() {
    let fixture = Fixture::new().await;
    let digest = format!("@{}", fixture.digest("1"));
    fixture.say("tag", &[&digest], &["stable"]).await.expect(0);
    assert_eq!(fixture.digest("stable"), fixture.digest("1"));
}

#[tokio::test]
async fn a_tag_that_names_another_image_changes_only_with_consent() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.digest("1"), fixture.digest("2"));
    let refused = fixture.say("tag", &["1"], &["new", "2"]).await;
    let said = &refused.expect(2).stderr;
    for part in [
        format!("{} names another image, {two}", fixture.image("2")),
        "--yes changes 1 tag".to_owned(),
    ] {
        assert!(said.contains(&part), "{part} is not in\n{said}");
    }
    assert_eq!(fixture.tags(), ["1", "2", "latest"]);
    let image = fixture.image("1");
    let mut terminal = Terminal::run(&fixture.operator, &["tag", &image, "2"]);
    terminal.says("[y/N]").await;
    terminal.press("\r");
    assert_eq!(terminal.end().await.code, 2);
    assert_eq!(fixture.digest("2"), two);
    fixture.say("tag", &["1"], &["2", "--yes"]).await.expect(0);
    assert_eq!(fixture.digest("2"), one);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_tagged() {
    let fixture = Fixture::new().await;
    let refused = fixture.say("tag", &["3"], &["4"]).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("there is no "), "{said}");
    assert_eq!(fixture.tags(), ["1", "2", "latest"]);
}
