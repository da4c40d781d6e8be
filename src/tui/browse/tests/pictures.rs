//! Snapshots of every screen, and what no screen may contain.

use ratatui::{buffer::Cell, style::Color};

use super::registries::{
    compared, empty, failing, hostile, local, reading, registry, thousands, whole, wide,
};
use crate::{
    present::{Glyphs, sanitize},
    tui::{
        browse::{
            Pair, Start,
            fixtures::{Browsing, Content, image, repository},
        },
        picture,
        theme::Theme,
    },
};

/// A name, a registry, and its screens: for each a name and the keys that lead there.
type State = (
    &'static str,
    fn() -> (Browsing, Content),
    &'static [(&'static str, &'static str)],
);

#[rustfmt::skip]
const STATES: [State; 8] = [
    ("reading", reading, &[("image", "j"), ("tags", "shift-tab"), ("json", "v")]),
    ("empty", empty, &[("repositories", "j"), ("tags", "tab"), ("image", "tab tab")]),
    ("plain", whole, &[
        ("repositories", "esc esc"), ("marked", "esc space esc j space"), ("naming", "esc space W"), ("tags", "esc"), ("image", "j"), ("platform", "j enter"), ("config", "j enter j"),
        ("history", "j enter j j j"), ("detail", "tab"), ("referrers", "G"), ("json", "v j j j j"),
        ("json_searched", "v / a r m enter"), ("json_folded", "v z"), ("filter", "esc / 1 ."), ("help", "?"),
    ]),
    ("failing", failing, &[("image", "g"), ("tags", "esc"), ("repositories", "esc esc")]),
    ("thousands", thousands, &[
        ("repositories", "esc esc G"), ("tags", "esc pgdn pgdn"), ("filter", "esc / 1 9 9"), ("history", "G"),
    ]),
    ("local", local, &[
        ("names", "esc"), ("image", "j"), ("referrers", "G"), ("compared", "c"), ("json", "v"), ("copied", "y"),
    ]),
    ("wide", wide, &[
        ("image", "g"), ("config", "j"), ("history", "j j"), ("referrers", "G"), ("json", "j v j j"),
        ("json_sideways", "j v j j right right right"),
    ]),
    ("compared", compared, &[
        ("images", "esc esc"), ("image", "g"), ("all", "c"), ("differences", "c d"), ("missing", "esc esc j c"),
    ]),
];

fn screen(state: fn() -> (Browsing, Content), keys: &str, width: u16, height: u16) -> Browsing {
    let (mut browsing, content) = state();
    browsing.resize(width, height);
    let reads = browsing.loads.is_empty();
    for key in keys.split(' ') {
        browsing.press(key);
        if reads {
            browsing.answer(&content);
        }
    }
    browsing
}

#[test]
fn every_screen_in_every_state() {
    for (name, state, screens) in STATES {
        for (pane, keys) in screens {
            let sheet =
                picture::sheet(|width, height| screen(state, keys, width, height).picture());
            insta::assert_snapshot!(format!("{name}_{pane}"), sheet);
        }
    }
}

#[test]
fn every_screen_reads_without_colour_and_in_ascii() {
    let mut all = String::new();
    for (name, state, screens) in STATES {
        for (pane, keys) in screens {
            let mut browsing = screen(state, keys, 80, 24);
            browsing.model.options.glyphs = Glyphs::ASCII;
            browsing.model.options.theme = Theme::Mono;
            let picture = browsing.picture();
            let coloured = |cell: &Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
            assert!(!picture.content.iter().any(coloured), "{name} {pane}");
            let text = picture::text(&picture);
            // What is not ASCII came from a registry.
            assert!(name == "wide" || text.is_ascii(), "{text}");
            if name == "plain" || name == "compared" {
                all += &format!("---- {name} {pane} ----\n{}\n", picture::styled(&picture));
            }
        }
    }
    insta::assert_snapshot!("mono_and_ascii", all);
}

#[test]
fn hostile_text_is_shown_as_text() {
    let content = hostile();
    let mut browsing = Browsing::new(Start::Image(image("team/api:ok")));
    browsing.resize(80, 24);
    browsing.answer(&content);
    insta::assert_snapshot!("hostile", browsing.text());
}

#[test]
fn a_screen_that_is_too_small_is_one_line() {
    let text = screen(whole, "j", 40, 8).text();
    assert!(text.starts_with("too small to browse"), "{text}");
}

#[test]
fn no_cell_ever_contains_what_could_control_a_terminal() {
    let content = hostile();
    let pair = Pair {
        source: image("team/api:ok"),
        destination: image("team/api:index"),
    };
    for (width, height) in [(120, 40), (80, 24), (60, 15)] {
        for start in [
            registry(),
            Start::Image(image("team/api:ok")),
            Start::Image(image("team/api:index")),
            Start::Images(vec![pair.clone()]),
        ] {
            let mut browsing = Browsing::new(start);
            browsing.resize(width, height);
            browsing.answer(&content);
            // Repositories, tags, every line of the image with its detail, JSON, copies, a comparison.
            let keys = "enter enter j j j enter v right z y esc tab G y tab tab c G d esc shift-tab G v m c";
            for key in keys.split(' ') {
                browsing.press_and_read(key, &content);
                for cell in browsing.picture().content() {
                    let is_unsafe = |c: char| {
                        c != char::REPLACEMENT_CHARACTER && sanitize(&c.to_string()) == "�"
                    };
                    assert!(
                        !cell
                            .symbol()
                            .chars()
                            .any(|c| c.is_control() || is_unsafe(c)),
                        "{:?} at {width}x{height} after {key}",
                        cell.symbol()
                    );
                }
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
    let mut browsing = Browsing::new(Start::Collection(repository("team/api")));
    browsing.answer(&content);
    browsing.press("G");
    let text = browsing.text();
    assert!(text.contains("Tags 100000"));
    assert!(text.contains("build-99999"));
}
