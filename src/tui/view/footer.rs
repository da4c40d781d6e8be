//! The last line of every screen: the line being typed, else the notice, else the keys.

use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::{canvas::Canvas, cell_writer::CellWriter};
use crate::{
    present::{Level, count, sanitize, skip, width},
    tui::{
        bindings::{Binding, KeyTable, Keymap},
        browse,
        keymap::{self, Action},
        model::{Model, Overlay},
        notice::Notice,
        theme::Role,
    },
};

/// Cells reserved for typed text.
const MIN_TYPED: usize = 20;

/// A line being typed.
struct Typing<'a> {
    prompt: &'static str,
    input: &'a Input,
    /// How much it has found so far.
    found: String,
}

/// A key with its hint, in the order of the table.
struct Hint<'a> {
    key: &'a str,
    text: &'static str,
    position: HintPosition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HintPosition {
    /// The key has no effect now.
    Hidden,
    First,
    /// As long as there is room.
    Middle,
    /// At the end of the line, even when there is no room for others: help and quit.
    End,
}

/// Draws the footer; returns the position of the text cursor, if there is one.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) -> Option<Position> {
    let hints = hints(model);
    let mut writer = canvas.row(area, 0);
    writer.skip(1);
    if let Some(typing) = typing(model) {
        let column = draw_typing(&mut writer, &typing, &hints);
        return Some(Position {
            x: area.x + 1 + prompt_cells(&typing) + column,
            y: area.y,
        });
    }
    match &model.notice {
        Some(notice) => draw_notice(&mut writer, notice),
        None => draw_hints(&mut writer, &hints),
    }
    None
}

fn prompt_cells(typing: &Typing) -> u16 {
    u16::try_from(width(typing.prompt)).unwrap_or(0)
}

fn typing(model: &Model) -> Option<Typing<'_>> {
    let (prompt, input, found) = match model.overlays.last() {
        Some(Overlay::Filter(input)) => {
            let shown = model.images.rows().len();
            let images = count(model.board.jobs().len(), "image");
            ("/", input, format!("  {shown} of {images}  "))
        }
        Some(Overlay::Help(help)) if help.is_typing => ("/", &help.search, "  ".into()),
        Some(Overlay::Palette { input, .. }) => (":", input, "  ".into()),
        Some(Overlay::Help(_) | Overlay::Question { .. } | Overlay::Leave) => return None,
        None => {
            let browser = model.browser.as_ref()?;
            (browser.prompt(), browser.input()?, "  ".into())
        }
    };
    Some(Typing {
        prompt,
        input,
        found,
    })
}

fn hints(model: &Model) -> Vec<Hint<'_>> {
    let options = &model.options;
    match &model.browser {
        Some(browser) if model.overlays.is_empty() => in_mode(
            &options.browser_keys,
            browser.mode(),
            |binding| match binding.action {
                browse::keymap::Action::Help
                | browse::keymap::Action::Quit
                | browse::keymap::Action::Back => HintPosition::End,
                browse::keymap::Action::WriteList => match browser.marks.is_empty() {
                    true => HintPosition::Hidden,
                    false => HintPosition::First,
                },
                _ => HintPosition::Middle,
            },
        ),
        _ => in_mode(&options.keys, model.mode(), |binding| {
            position(model, binding)
        }),
    }
}

fn position(model: &Model, binding: &keymap::Binding) -> HintPosition {
    match binding.action {
        _ if !model.offers(binding) => HintPosition::Hidden,
        Action::Begin => HintPosition::First,
        Action::Help | Action::Quit => HintPosition::End,
        _ => HintPosition::Middle,
    }
}

fn in_mode<T: KeyTable>(
    keymap: &Keymap<T>,
    mode: T::Mode,
    position: impl Fn(&Binding<T>) -> HintPosition,
) -> Vec<Hint<'_>> {
    (keymap.in_mode(mode))
        .filter(|binding| !binding.hint.is_empty())
        .filter_map(|binding| {
            Some(Hint {
                key: binding.keys.first()?,
                text: binding.hint,
                position: position(binding),
            })
        })
        .collect()
}

fn draw_notice(writer: &mut CellWriter, notice: &Notice) {
    let role = match notice.level {
        Level::Info | Level::Good => Role::Strong,
        Level::Warning => Role::Warning,
        Level::Error => Role::Bad,
    };
    writer.put(role, &sanitize(&notice.text));
}

/// As many keys as there is room for.
fn draw_hints(writer: &mut CellWriter, hints: &[Hint]) {
    let at = |position| hints.iter().filter(move |hint| hint.position == position);
    let end: Vec<(Role, String)> = at(HintPosition::End)
        .flat_map(|hint| {
            [
                (Role::Key, format!(" {}", hint.key)),
                (Role::Dim, format!(" {} ", hint.text)),
            ]
        })
        .collect();
    let end: Vec<(Role, &str)> = (end.iter())
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    writer.at_end(&end);
    for hint in at(HintPosition::First).chain(at(HintPosition::Middle)) {
        if width(hint.key) + width(hint.text) + 3 > usize::from(writer.room()) {
            break;
        }
        writer.put(Role::Key, hint.key);
        writer.put(Role::Dim, &format!(" {}  ", hint.text));
    }
}

/// The prompt, the typed text and, at the end, the keys that end typing. Returns the cursor's column.
fn draw_typing(writer: &mut CellWriter, typing: &Typing, hints: &[Hint]) -> u16 {
    let hints: Vec<(&str, String)> = (hints.iter())
        .map(|hint| (hint.key, format!(" {}  ", hint.text)))
        .collect();
    let mut parts = vec![(Role::Strong, typing.found.as_str())];
    let keys: usize = (hints.iter())
        .map(|(key, hint)| width(key) + width(hint))
        .sum();
    writer.put(Role::Key, typing.prompt);
    // Typed text goes before the keys that end it.
    if usize::from(writer.room()) >= width(&typing.found) + keys + MIN_TYPED {
        for (key, hint) in &hints {
            parts.extend([(Role::Key, *key), (Role::Dim, hint)]);
        }
    }
    writer.at_end(&parts);
    // The text scrolls so that the cursor stays visible.
    let room = usize::from(writer.room()).saturating_sub(1);
    let scroll = typing.input.visual_scroll(room);
    writer.put(Role::Text, skip(typing.input.value(), scroll));
    let column = typing
        .input
        .visual_cursor()
        .saturating_sub(scroll)
        .min(room);
    u16::try_from(column).unwrap_or(0)
}
