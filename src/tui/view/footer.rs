//! The last line: what is being typed, the answer to the last key, or the keys there are.
//!
//! The same for the batch's panes and for the browser; how a key is shown there is theirs to say.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use tui_input::Input;

use super::cell_writer::CellWriter;
use crate::{
    present::{Level, count, sanitize, skip, width},
    tui::{
        Options, bindings,
        dispatch::KeyTarget,
        keymap::{Action, Binding},
        model::{Model, Notice, Overlay},
        theme::Role,
    },
};

/// Cells that are kept free for what is typed.
const TYPED: usize = 20;

/// What the last line says.
pub enum Line<'a> {
    Typing {
        prompt: &'static str,
        input: &'a Input,
        /// What was found so far.
        found: String,
    },
    Notice(&'a Notice),
    Keys,
}

/// Where a key is shown that has a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It means nothing now.
    Nowhere,
    First,
    /// In the order of the table, as long as there is room.
    Middle,
    /// At the end of the line, before all others: how to get help and how to leave.
    End,
}

pub trait Footer: KeyTarget {
    fn options(&self) -> &Options;
    fn line(&self) -> Line<'_>;
    fn place(&self, binding: &bindings::Binding<Self::Keys>) -> Place;
}

/// Draws the line; gives where the text cursor belongs, if anywhere.
pub fn draw(screen: &impl Footer, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let mut pen = CellWriter::new(buffer, area, 0, screen.options());
    pen.skip(1);
    match screen.line() {
        Line::Typing {
            prompt,
            input,
            found,
        } => {
            let column = typing(screen, &mut pen, prompt, input, &found);
            return Some(Position {
                x: area.x + 2 + column,
                y: area.y,
            });
        }
        Line::Notice(notice) => {
            let role = match notice.level {
                Level::Info | Level::Good => Role::Strong,
                Level::Warning => Role::Warning,
                Level::Error => Role::Bad,
            };
            pen.put(role, &sanitize(&notice.text));
        }
        Line::Keys => hints(screen, &mut pen),
    }
    None
}

/// As many keys as there is room for.
fn hints<T: Footer>(screen: &T, pen: &mut CellWriter) {
    let at = |place| {
        (screen.keymap().in_mode(screen.mode()))
            .filter(|binding| !binding.hint.is_empty())
            .filter(move |binding| screen.place(binding) == place)
            .filter_map(|binding| Some((binding.keys.first()?, binding.hint)))
    };
    let end: Vec<(Role, String)> = at(Place::End)
        .flat_map(|(key, hint)| {
            [
                (Role::Key, format!(" {key}")),
                (Role::Dim, format!(" {hint} ")),
            ]
        })
        .collect();
    let end: Vec<(Role, &str)> = (end.iter())
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    pen.at_end(&end);
    for (key, hint) in at(Place::First).chain(at(Place::Middle)) {
        if width(key) + width(hint) + 3 > usize::from(pen.room()) {
            break;
        }
        pen.put(Role::Key, key);
        pen.put(Role::Dim, &format!(" {hint}  "));
    }
}

/// A line that is typed into, after what it is for; its keys stand at the end. Gives the cursor's column.
fn typing<T: Footer>(
    screen: &T,
    pen: &mut CellWriter,
    prompt: &str,
    input: &Input,
    found: &str,
) -> u16 {
    let hints: Vec<(&str, String)> = (screen.keymap().in_mode(screen.mode()))
        .filter(|binding| !binding.hint.is_empty())
        .filter_map(|binding| {
            let key = binding.keys.first()?;
            Some((key.as_str(), format!(" {}  ", binding.hint)))
        })
        .collect();
    let mut parts = vec![(Role::Strong, found)];
    let keys: usize = (hints.iter())
        .map(|(key, hint)| width(key) + width(hint))
        .sum();
    pen.put(Role::Key, prompt);
    // What is typed matters more than the keys that end it.
    if usize::from(pen.room()) >= width(found) + keys + TYPED {
        for (key, hint) in &hints {
            parts.extend([(Role::Key, *key), (Role::Dim, hint)]);
        }
    }
    pen.at_end(&parts);
    // The input scrolls so that its cursor stays in sight.
    let room = usize::from(pen.room()).saturating_sub(1);
    let scroll = input.visual_scroll(room);
    pen.put(Role::Text, skip(input.value(), scroll));
    let column = input.visual_cursor().saturating_sub(scroll).min(room);
    u16::try_from(column).unwrap_or(0)
}

impl Footer for Model {
    fn options(&self) -> &Options {
        &self.options
    }

    fn line(&self) -> Line<'_> {
        let typing = |prompt, input, found| Line::Typing {
            prompt,
            input,
            found,
        };
        match (self.overlays.last(), &self.notice) {
            (Some(Overlay::Filter(input)), _) => {
                let shown = self.images.rows().len();
                let images = count(self.board.jobs().len(), "image");
                typing("/", input, format!("  {shown} of {images}  "))
            }
            (
                Some(Overlay::Help {
                    search,
                    typing: true,
                    ..
                }),
                _,
            ) => typing("/", search, "  ".into()),
            (Some(Overlay::Palette { input, .. }), _) => typing(":", input, "  ".into()),
            (
                Some(Overlay::Help { .. } | Overlay::Question { .. } | Overlay::Leave) | None,
                notice,
            ) => notice.as_ref().map_or(Line::Keys, Line::Notice),
        }
    }

    fn place(&self, binding: &Binding) -> Place {
        match binding.action {
            _ if !self.offers(binding) => Place::Nowhere,
            Action::Begin => Place::First,
            Action::Help | Action::Quit => Place::End,
            _ => Place::Middle,
        }
    }
}
