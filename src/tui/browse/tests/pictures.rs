//! Pictures of every screen, and what no picture may contain.

use serde_json::json;

use crate::{
    inspect::{ErrorKind, Request},
    present::Glyphs,
    tui::{
        browse::{
            Pair, Start,
            fixtures::{Browsing, Content, REGISTRY, failure, place, reference},
        },
        picture,
        theme::Theme,
    },
};

/// An index with its first platform open.
fn api(width: u16, height: u16) -> Browsing {
    let content = Content::new();
    let mut browsing = Browsing::new(Start::Image(reference("team/api:1.10")));
    browsing.resize(width, height);
    browsing.answer(&content);
    browsing.press_and_read("j enter", &content);
    browsing
}

fn registry() -> Start {
    Start::Registry(REGISTRY.parse().unwrap())
}

/// Labels, tags, history and errors that try to steer the terminal.
fn hostile() -> Content {
    let mut content = Content::new();
    content.tags("team/api", &["ok", "\x1b[2Jgone", "\u{202e}txt"]);
    let config = json!({
        "os": "linux\x1b[31m", "architecture": "amd64", "author": "\x1b]52;c;aGk=\x07",
        "config": {"Labels": {"\x1b[2J": "a\r\nb", "wide": "画像".repeat(60)}},
        "history": [{"created_by": "RUN \x1b[?1049h \u{9b}31m \u{200b}"}]
    });
    let image = content.image("team/api", &config, &[1]);
    content.tag("team/api:ok", &image.digest);
    let said = "said 500 (\x1b[2J\x1b]0;owned\x07)";
    let request = Request::Referrers(place("team/api"), image.digest);
    content.fail(request, failure(said, ErrorKind::Rejected));
    content
}

#[test]
fn an_image_at_120x40_with_styles() {
    insta::assert_snapshot!(picture::styled(&api(120, 40).picture()));
}

#[test]
fn an_image_at_80x24() {
    insta::assert_snapshot!(api(80, 24).text());
}

#[test]
fn an_image_at_60x15() {
    insta::assert_snapshot!(api(60, 15).text());
}

#[test]
fn an_image_in_ascii_without_colour() {
    let mut browsing = api(80, 24);
    browsing.browser.options.glyphs = Glyphs::ASCII;
    browsing.browser.options.theme = Theme::Mono;
    let text = browsing.text();
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_registry_being_read_at_80x24() {
    let mut browsing = Browsing::new(registry());
    browsing.resize(80, 24);
    insta::assert_snapshot!(browsing.text());
}

#[test]
fn an_empty_registry_at_80x24() {
    let mut content = Content::new();
    content.repositories(&[]);
    let mut browsing = Browsing::new(registry());
    browsing.resize(80, 24);
    browsing.answer(&content);
    insta::assert_snapshot!(browsing.text());
}

#[test]
fn a_failing_registry_at_80x24() {
    let mut content = Content::new();
    let refused = failure(
        "said 401 (UNAUTHORIZED: authentication required)",
        ErrorKind::Auth,
    );
    content.fail(Request::Tags(place("team/api")), refused.clone());
    content.fail(Request::manifest_of(&reference("team/api:1.10")), refused);
    let mut browsing = Browsing::new(Start::Image(reference("team/api:1.10")));
    browsing.resize(80, 24);
    browsing.answer(&content);
    insta::assert_snapshot!(browsing.text());
}

#[test]
fn json_at_80x24_with_styles() {
    let mut browsing = api(80, 24);
    browsing.press("k v j j enter j / a r m");
    insta::assert_snapshot!(picture::styled(&browsing.picture()));
}

#[test]
fn a_comparison_at_120x40() {
    insta::assert_snapshot!(comparison(120, 40).text());
}

#[test]
fn a_comparison_at_60x15() {
    let mut browsing = comparison(60, 15);
    browsing.press("d");
    insta::assert_snapshot!(browsing.text());
}

/// A destination that lost a platform and got another layer and user.
fn comparison(width: u16, height: u16) -> Browsing {
    let mut content = Content::new();
    let image = |content: &mut Content, repository: &str, user: &str, layers: &[u64]| {
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "config": {"User": user, "Env": ["LANG=C.UTF-8"], "Labels": {"team": "payments"}}
        });
        let mut image = json!(content.image(repository, &config, layers));
        image["platform"] = json!({"os": "linux", "architecture": "amd64"});
        image
    };
    let source = image(&mut content, "team/pay", "1000", &[30_000_000, 4_200_000]);
    let mut arm64 = json!(content.image("team/pay", &json!({}), &[8]));
    arm64["platform"] = json!({"os": "linux", "architecture": "arm64"});
    let destination = image(&mut content, "mirror/pay", "0", &[30_000_000, 5_000]);
    content.index("team/pay:1", &json!([source, arm64]));
    content.index("mirror/pay:1", &json!([destination]));
    let pair = Pair {
        source: reference("team/pay:1"),
        destination: reference("mirror/pay:1"),
    };
    let mut browsing = Browsing::new(Start::Images(vec![pair]));
    browsing.resize(width, height);
    browsing.answer(&content);
    browsing.press_and_read("c", &content);
    browsing
}

#[test]
fn help_at_80x24() {
    let mut browsing = api(80, 24);
    browsing.press("?");
    insta::assert_snapshot!(browsing.text());
}

#[test]
fn too_small_is_one_honest_line() {
    let text = api(40, 8).text();
    assert!(text.starts_with("too small to browse"), "{text}");
}

#[test]
fn hostile_text_at_80x24() {
    let content = hostile();
    let mut browsing = Browsing::new(Start::Image(reference("team/api:ok")));
    browsing.resize(80, 24);
    browsing.answer(&content);
    insta::assert_snapshot!(browsing.text());
}

#[test]
fn no_picture_has_a_control_character() {
    let content = hostile();
    for (width, height) in [(120, 40), (80, 24), (60, 15)] {
        let mut browsing = Browsing::new(Start::Image(reference("team/api:ok")));
        browsing.resize(width, height);
        browsing.answer(&content);
        // Every line of the image with its detail, the JSON of config and referrers, a copied label.
        for key in "j j j v y esc tab G tab tab c y m c".split(' ') {
            browsing.press_and_read(key, &content);
            for cell in browsing.picture().content() {
                let symbol = cell.symbol();
                assert!(
                    !symbol.chars().any(|c| c.is_control() || c == '\u{202e}'),
                    "{symbol:?} at {width}x{height}"
                );
            }
        }
    }
}

#[test]
fn a_hundred_thousand_tags_are_drawn_as_fast_as_ten() {
    let mut content = Content::new();
    let tags: Vec<String> = (0..100_000).map(|tag| format!("build-{tag}")).collect();
    content.tags(
        "team/api",
        &tags.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let mut browsing = Browsing::new(Start::Repository(place("team/api")));
    browsing.answer(&content);
    browsing.press("G");
    let text = browsing.text();
    assert!(text.contains("Tags 100000"));
    assert!(text.contains("build-99999"));
}
