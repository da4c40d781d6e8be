//! Before, keys, after.

use crate::{
    inspect::{ErrorKind, Request},
    tui::{
        bindings::KeyTable as _,
        browse::{
            Pair, Start,
            fixtures::{Browsing, Content, REGISTRY, failure, image, repository},
            keymap::Section,
            layout::Pane,
            tests::registries::local,
        },
        model::{Effect, Msg},
    },
};

fn registry() -> Start {
    Start::Registry(REGISTRY.parse().unwrap())
}

/// `team/api:1.10` is open.
fn api(content: &Content) -> Browsing {
    let mut browsing = Browsing::new(Start::Image(image("team/api:1.10")));
    browsing.answer(content);
    browsing
}

#[test]
fn from_a_registry_to_an_image_with_three_keys() {
    let content = Content::new();
    let mut browsing = Browsing::new(registry());
    browsing.answer(&content);
    browsing.press_and_read("j enter enter", &content);
    assert_eq!(browsing.browser().focus, Pane::Image);
    let viewed = &browsing.browser().viewed.as_ref().unwrap().location;
    assert_eq!(viewed.to_string(), format!("{REGISTRY}/team/api:1.9"));
}

#[test]
fn only_what_is_open_is_read_and_only_once() {
    let content = Content::new();
    let mut browsing = Browsing::new(Start::Image(image("team/api:1.10")));
    assert_eq!(browsing.requests().len(), 2, "the tags and the root");
    browsing.answer(&content);
    browsing.press("j enter");
    assert!(matches!(browsing.requests()[..], [Request::Manifest(..)]));
    browsing.answer(&content);
    browsing.press("h enter h enter");
    assert!(browsing.loads.is_empty(), "it is in the cache");
}

#[test]
fn the_answer_to_a_forgotten_request_is_dropped() {
    let content = Content::new();
    let mut browsing = Browsing::new(registry());
    let late = browsing.loads.pop().unwrap();
    browsing.press("r");
    assert_eq!(browsing.requests().len(), 1, "requested again");
    browsing.answer(&content);
    let Effect::Load(ticket, _) = late else {
        panic!("{late:?}")
    };
    let error = failure("said 503", ErrorKind::Transient);
    browsing.update(Msg::Loaded(ticket, Box::new(Err(error))));
    assert!(browsing.text().contains("team/worker"));
    assert!(!browsing.text().contains("503"));
}

#[test]
fn a_failure_stays_until_it_is_read_again() {
    let mut content = Content::new();
    let request = Request::Images(repository("team/api"));
    content.fail(request, failure("said 503", ErrorKind::Transient));
    let mut browsing = Browsing::new(Start::Collection(repository("team/api")));
    browsing.answer(&content);
    assert!(browsing.text().contains("Tags failed"));
    content.tags("team/api", &["1.9"]);
    browsing.press("j k");
    assert!(
        browsing.loads.is_empty(),
        "a failed read is not repeated by itself"
    );
    browsing.press_and_read("r", &content);
    assert!(!browsing.text().contains("failed"));
    assert!(browsing.text().contains("1.9"));
}

#[test]
fn filtering_tags_shows_what_matches_and_escape_shows_all() {
    let content = Content::new();
    let mut browsing = Browsing::new(Start::Collection(repository("team/api")));
    browsing.answer(&content);
    browsing.press("/ 1 . enter");
    assert!(!browsing.text().contains("latest"));
    assert!(browsing.text().contains("Tags 2 of 3"));
    browsing.press("esc");
    assert!(browsing.text().contains("latest"));
}

#[test]
fn closing_goes_up_to_the_tags_and_the_repositories() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.press_and_read("j enter j", &content);
    browsing.press("h h h h");
    assert_eq!(browsing.browser().focus, Pane::Tags);
    browsing.press("h");
    assert_eq!(browsing.browser().focus, Pane::Left);
}

#[test]
fn what_is_copied_is_the_reference_with_its_digest_or_the_digest_of_a_blob() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.press_and_read("y j enter j j y", &content);
    let copied: Vec<&str> = (browsing.effects.iter())
        .map(|effect| match effect {
            Effect::Copy(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(copied[0].starts_with(&format!("{REGISTRY}/team/api:1.10@sha256:")));
    assert!(copied[1].starts_with("sha256:"));
}

#[test]
fn json_is_searched_and_the_match_is_unfolded() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.press("v z / a r m 6 4 enter");
    assert!(browsing.text().contains("1 match of \"arm64\""));
    assert!(browsing.text().contains("\"architecture\": \"arm64\""));
    browsing.press("esc");
    assert!(browsing.text().contains("Detail"));
}

#[test]
fn escape_ends_typing_and_clears_what_was_typed() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.press("v / a r m");
    assert!(browsing.text().contains("match of \"arm\""));
    browsing.press("esc");
    assert!(!browsing.text().contains("match of"));
    assert!(browsing.text().contains("schemaVersion"), "the JSON stays");
}

#[test]
fn help_on_the_browser_is_searched_and_closed_with_escape() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.press("v ? / s e a r c h enter");
    let help = browsing.text();
    assert!(
        help.contains("In JSON") && !help.contains("While typing"),
        "{help}"
    );
    browsing.press("esc esc");
    assert!(browsing.text().contains("schemaVersion"), "the JSON stays");
    assert!(!browsing.text().contains("Help"));
}

#[test]
fn an_image_is_compared_with_its_destination() {
    let mut content = Content::new();
    let moved = content.image("mirror/api", &serde_json::json!({"os": "linux"}), &[7]);
    content.tag("mirror/api:1.10", &moved.digest);
    let pair = Pair {
        source: image("team/api:1.10"),
        destination: image("mirror/api:1.10"),
    };
    let mut browsing = Browsing::new(Start::Images(vec![pair]));
    browsing.answer(&content);
    browsing.press("c");
    assert!(browsing.text().contains("reading"));
    browsing.answer(&content);
    assert!(browsing.text().contains("≠ digest"));
    assert!(browsing.text().contains("← linux/amd64"));
    browsing.press_and_read("esc s", &content);
    assert!(browsing.text().contains("comes from"));
}

#[test]
fn a_store_is_walked_like_a_repository() {
    let (_, content) = local();
    let store = repository("oci:/srv/estate");
    let mut browsing = Browsing::new(Start::Collection(store));
    browsing.answer(&content);
    let text = browsing.text();
    assert!(text.contains("Names 3"), "{text}");
    assert!(text.contains("Store"), "{text}");
    // From the store to the second name, behind the one without a name and 1.9.
    browsing.press_and_read("h enter j j enter", &content);
    let viewed = &browsing.browser().viewed.as_ref().unwrap().location;
    assert_eq!(viewed.to_string(), "oci:/srv/estate:team/api:1.10");
    browsing.press("c");
    assert!(browsing.text().contains("c on another one compares"));
}

#[test]
fn a_marked_image_is_compared_with_another_tag() {
    let mut content = Content::new();
    let other = content.image("team/api", &serde_json::json!({"os": "linux"}), &[7]);
    content.tag("team/api:1.9", &other.digest);
    let mut browsing = api(&content);
    browsing.press_and_read("m h", &content);
    assert_eq!(browsing.browser().focus, Pane::Tags);
    browsing.press_and_read("g c", &content);
    assert!(browsing.text().contains("difference"));
}

#[test]
fn a_key_without_effect_says_why() {
    let content = Content::new();
    let mut browsing = api(&content);
    for (key, notice) in [
        ("s", "the source or destination of this image is not known"),
        ("c", "c on another one compares the two"),
        ("/", "only repositories, images and tags can be filtered"),
    ] {
        browsing.press(key);
        assert!(browsing.text().contains(notice), "{key}");
    }
}

#[test]
fn long_lines_of_json_are_read_to_their_end() {
    let content = Content::new();
    let mut browsing = api(&content);
    browsing.resize(60, 15);
    browsing.press("v j");
    let start = browsing.text();
    assert!(!start.contains("manifest.v1+json"), "{start}");
    browsing.press("right");
    let scrolled = browsing.text();
    assert!(scrolled.contains("from column 17"), "{scrolled}");
    assert!(scrolled.contains("manifest.v1+json"), "{scrolled}");
    // The longest line does not leave the screen.
    browsing.press(&["right"; 40].join(" "));
    let far = browsing.text();
    browsing.press("right");
    assert_eq!(browsing.text(), far);
    browsing.press(&["left"; 40].join(" "));
    assert_eq!(browsing.text(), start);
}

#[test]
fn no_keys_in_any_order_break_anything() {
    let content = Content::new();
    let keys: Vec<&str> = (Section::ROWS.iter())
        .flat_map(|row| row.keys.split(' '))
        .collect();
    let pair = Pair {
        source: image("team/api:1.10"),
        destination: image("team/api:1.9"),
    };
    let starts = [
        registry(),
        Start::Image(image("team/api:1.10")),
        Start::Images(vec![pair.clone(), pair]),
        Start::Images(Vec::new()),
    ];
    for (at, start) in starts.into_iter().enumerate() {
        let mut browsing = Browsing::new(start);
        // A walk through the keys in ever new orders.
        for step in 0..keys.len() * 10 {
            let key = keys[(step * 7 + step / keys.len() * (at + 3)) % keys.len()];
            browsing.press(key);
            if step % 5 == 0 {
                browsing.answer(&content);
            }
            if step % 97 == 0 {
                let (width, height) = [(120, 40), (80, 24), (60, 15), (20, 5)][step % 4];
                browsing.resize(width, height);
            }
            if step % 3 == 0 {
                browsing.picture();
            }
        }
    }
}
