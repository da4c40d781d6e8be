//! Snapshots of every screen in every state, and what no screen may contain.

mod states;
mod texts;

use ratatui::{buffer::Buffer, layout::Rect, style::Color};

use self::{
    states::{
        busy, done, draining, empty, ended, engines, failing, gone, paused, preflight, replacing,
        reviewed, reviewing, thousands,
    },
    texts::{hostile, wide},
};
use super::draw;
use crate::{
    present::Glyphs,
    tui::{
        fixtures::{
            self, MIB, blob_started, listed, mounted, press, progress, started, tell, tick,
        },
        model::{Model, Msg},
        picture,
        theme::Theme,
        update::update,
    },
};

/// A name, a batch, and its screens: for each a name and the keys that lead there.
type State = (
    &'static str,
    fn() -> Model,
    &'static [(&'static str, &'static str)],
);

#[rustfmt::skip]
const STATES: [State; 15] = [
    ("empty", empty, &[
        ("images", "1"), ("image", "2"), ("registries", "3"), ("failures", "4"), ("log", "5"), ("leave", "q"),
    ]),
    ("busy", busy, &[
        ("images", "1"), ("image", "2"), ("registries", "3"), ("failures", "4"), ("log", "5"),
        ("help", "?"), ("help_searched", "? / r e t r y"), ("palette", ":"), ("palette_searched", ": l o g"),
        ("filter", "/ a p p - 1"), ("question", "R"), ("leave", "q"),
    ]),
    ("failing", failing, &[
        ("images", "e"), ("image", "2"), ("failures", "4 j space"), ("cause", "4 enter"), ("log", "5 l l"), ("question", "R"),
    ]),
    ("gone", gone, &[("registries", "3")]),
    ("thousands", thousands, &[
        ("images", "1"), ("failures", "4 G"), ("filter", "/ a p p - 1 9 9 enter j space space"), ("question", "a s"), ("log", "5 k k"),
    ]),
    ("wide", wide, &[
        ("images", "1"), ("image", "g 2 z"), ("registries", "3"), ("failures", "4"), ("log", "5 z"),
        ("filter", "/ 画 像 e ! x"), ("question", "R"), ("leave", "q"),
    ]),
    ("preflight", preflight, &[("images", "1")]),
    ("reviewing", reviewing, &[
        ("images", "1"), ("image", "2"), ("log", "5"), ("zoomed", "z"), ("question", "b"), ("leave", "q"),
    ]),
    ("reviewed", reviewed, &[("images", "1")]),
    ("replacing", replacing, &[("images", "1"), ("image", "2"), ("kept", "G 2"), ("log", "5")]),
    ("engines", engines, &[("images", "1"), ("image", "2"), ("log", "5")]),
    ("paused", paused, &[("images", "1"), ("leave", "q")]),
    ("draining", draining, &[("images", "1"), ("leave", "q")]),
    ("finished", done, &[("images", "1")]),
    ("ended", ended, &[("images", "1"), ("failures", "4")]),
];

fn buffer(model: &Model) -> Buffer {
    let mut buffer = Buffer::empty(Rect::from(model.size));
    draw(model, &mut buffer);
    buffer
}

fn text(model: &Model) -> String {
    picture::text(&buffer(model))
}

fn sized(mut model: Model, width: u16, height: u16) -> Model {
    update(&mut model, Msg::Resized((width, height).into()));
    model
}

/// A batch at a size, after these keys.
fn screen(state: fn() -> Model, keys: &str, width: u16, height: u16) -> Model {
    let mut model = sized(state(), width, height);
    press(&mut model, keys);
    model
}

#[test]
fn every_screen_in_every_state() {
    for (name, state, screens) in STATES {
        for (pane, keys) in screens {
            let sheet = picture::sheet(|width, height| buffer(&screen(state, keys, width, height)));
            insta::assert_snapshot!(format!("{name}_{pane}"), sheet);
        }
    }
}

#[test]
fn every_screen_reads_without_colour_and_in_ascii() {
    let mut all = String::new();
    for (name, state, screens) in STATES {
        for (pane, keys) in screens {
            let mut model = screen(state, keys, 80, 24);
            model.options.theme = Theme::Mono;
            model.options.glyphs = Glyphs::ASCII;
            let picture = buffer(&model);
            let coloured =
                |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
            assert!(!picture.content.iter().any(coloured), "{name} {pane}");
            let text = picture::text(&picture);
            // What is not ASCII was in the list or came from a registry.
            assert!(name == "wide" || text.is_ascii(), "{text}");
            if name == "busy" {
                all += &format!("---- {pane} ----\n{}\n", picture::styled(&picture));
            }
        }
    }
    insta::assert_snapshot!("mono_and_ascii", all);
}

#[test]
fn every_theme_has_its_own_colours() {
    let mut model = sized(busy(), 80, 24);
    press(&mut model, "T");
    insta::assert_snapshot!("light", picture::styled(&buffer(&model)));
}

#[test]
fn sizes_beyond_the_usual_ones() {
    let sizes = [(45, 3), (50, 10), (160, 30), (300, 20)];
    let pictures = sizes.map(|(width, height)| {
        let picture = text(&sized(busy(), width, height));
        format!("---- {width}x{height} ----\n{picture}")
    });
    insta::assert_snapshot!("other_sizes", pictures.join("\n"));
}

#[test]
fn a_plan_takes_the_whole_width_of_a_wide_screen() {
    insta::assert_snapshot!("reviewing_wide", text(&sized(reviewing(), 160, 50)));
}

#[test]
fn an_index_is_a_tree_of_platforms() {
    let mut model = fixtures::model(listed(2));
    let events = [
        started(0, 1),
        fixtures::planned_index(0),
        blob_started(0, 1, 0),
        mounted(0, 2),
        progress(0, 1, 1, 4 * MIB),
    ];
    tell(&mut model, events);
    tick(&mut model, 1);
    press(&mut model, "2");
    insta::assert_snapshot!("index", text(&model));
}

#[test]
fn hostile_text_is_shown_as_text() {
    insta::assert_snapshot!("hostile", text(&sized(hostile(), 80, 24)));
}

#[test]
fn no_cell_ever_contains_what_could_control_a_terminal() {
    for (width, height) in [(80, 24), (120, 40), (160, 50), (60, 15), (40, 5)] {
        for keys in [
            "j", "tab", "2 z", "2 z G", "3", "4", "4 enter", "5", "q", "?", "s", "enter", "/ x",
            ":", "e", "L",
        ] {
            let mut model = sized(hostile(), width, height);
            press(&mut model, keys);
            for cell in &buffer(&model).content {
                let is_unsafe =
                    |c: char| c.is_control() || crate::present::sanitize(&c.to_string()) == "�";
                let allowed = |c: char| c == char::REPLACEMENT_CHARACTER;
                assert!(
                    cell.symbol().chars().all(|c| allowed(c) || !is_unsafe(c)),
                    "{:?} at {width}x{height} after {keys}",
                    cell.symbol()
                );
            }
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    for width in (0..170).step_by(7) {
        for height in (0..60).step_by(3) {
            for keys in [
                "j",
                "?",
                "q",
                "/ a p p",
                "R",
                "tab enter",
                "e",
                "3",
                "4",
                "5",
                ": s",
            ] {
                for state in [busy, reviewing] {
                    buffer(&screen(state, keys, width, height));
                }
            }
        }
    }
}
