//! The key table of the browser, from which key presses, footer, help and README are derived.
//!
//! An action that the batch also has has the same name there, so a configured key applies to both. Invariant: no key has
//! two meanings in one mode.

use crate::tui::bindings::{self, KeyTable, Row, row as key};

/// What a key press means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Left,
    Right,
    Open,
    Close,
    NextPane,
    PreviousPane,
    Zoom,
    Filter,
    Keep,
    NextMatch,
    PreviousMatch,
    FoldAll,
    Json,
    OtherSide,
    Compare,
    Mark,
    OnlyDifferences,
    Copy,
    CopyAll,
    Reload,
    Help,
    Quit,
    Back,
    Interrupt,
    Suspend,
}

/// What has the keyboard: the panes, or an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Panes,
    Typing,
    Raw,
    Comparing,
}

/// The section of a key in help and README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Move,
    Inspect,
    Compare,
    Program,
    Typing,
    Raw,
    Comparing,
}

pub type Binding = bindings::Binding<Group>;
pub type Keymap = bindings::Keymap<Group>;

#[rustfmt::skip]
const ROWS: &[Row<Group>] = &[
    key(Group::Move, "up k", Action::Up, "", "one up"),
    key(Group::Move, "down j", Action::Down, "", "one down"),
    key(Group::Move, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Group::Move, "pgdn ctrl-f", Action::PageDown, "", "one page down"),
    key(Group::Move, "home g", Action::First, "", "to the first"),
    key(Group::Move, "end G", Action::Last, "", "to the last"),
    key(Group::Move, "tab", Action::NextPane, "pane", "to the next pane"),
    key(Group::Move, "shift-tab", Action::PreviousPane, "", "to the previous pane"),
    key(Group::Inspect, "enter l right", Action::Open, "open", "open: the tags of a repository, the image of a tag, the children of a line"),
    key(Group::Inspect, "h left", Action::Close, "", "close, or go to the parent"),
    key(Group::Inspect, "/", Action::Filter, "filter", "filter as you type; `!` in front shows what does not match"),
    key(Group::Inspect, "v", Action::Json, "JSON", "show the JSON as the registry has it"),
    key(Group::Inspect, "y", Action::Copy, "copy", "copy the reference, or a blob's digest, to the clipboard"),
    key(Group::Inspect, "r", Action::Reload, "reload", "read the selection again; in the repositories, list all of the registry"),
    key(Group::Inspect, "z", Action::Zoom, "", "zoom the pane, or restore it"),
    key(Group::Compare, "s", Action::OtherSide, "side", "switch between source and destination"),
    key(Group::Compare, "c", Action::Compare, "compare", "compare source and destination, or this image with the marked one"),
    key(Group::Compare, "m", Action::Mark, "", "mark this image to compare others with"),
    key(Group::Program, "esc", Action::Back, "", "clear the filter, undo the zoom, or go to the previous pane"),
    key(Group::Program, "?", Action::Help, "help", "this help"),
    key(Group::Program, "q", Action::Quit, "close", "close the browser"),
    key(Group::Program, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Program, "ctrl-z", Action::Suspend, "", "suspend; `fg` resumes"),
    key(Group::Typing, "enter", Action::Keep, "keep", "keep the text"),
    key(Group::Typing, "esc", Action::Back, "clear", "clear the text"),
    key(Group::Typing, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Raw, "up k", Action::Up, "", ""),
    key(Group::Raw, "down j", Action::Down, "", ""),
    key(Group::Raw, "pgup ctrl-b", Action::PageUp, "", ""),
    key(Group::Raw, "pgdn ctrl-f space", Action::PageDown, "", ""),
    key(Group::Raw, "home g", Action::First, "", ""),
    key(Group::Raw, "end G", Action::Last, "", ""),
    key(Group::Raw, "left", Action::Left, "", "to the left, in long lines"),
    key(Group::Raw, "right", Action::Right, "", "to the right"),
    key(Group::Raw, "enter l", Action::Open, "fold", "fold or unfold"),
    key(Group::Raw, "h", Action::Close, "", "fold the parent"),
    key(Group::Raw, "z", Action::FoldAll, "", "fold all, or unfold all"),
    key(Group::Raw, "/", Action::Filter, "search", "search as you type"),
    key(Group::Raw, "n", Action::NextMatch, "next", "to the next match"),
    key(Group::Raw, "N", Action::PreviousMatch, "", "to the previous match"),
    key(Group::Raw, "y", Action::Copy, "copy", "copy the line and its children"),
    key(Group::Raw, "Y", Action::CopyAll, "", "copy all, byte for byte"),
    key(Group::Raw, "esc q v", Action::Back, "close", "close"),
    key(Group::Raw, "?", Action::Help, "help", ""),
    key(Group::Raw, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Comparing, "up k", Action::Up, "", ""),
    key(Group::Comparing, "down j", Action::Down, "", ""),
    key(Group::Comparing, "pgup ctrl-b", Action::PageUp, "", ""),
    key(Group::Comparing, "pgdn ctrl-f space", Action::PageDown, "", ""),
    key(Group::Comparing, "home g", Action::First, "", ""),
    key(Group::Comparing, "end G", Action::Last, "", ""),
    key(Group::Comparing, "d", Action::OnlyDifferences, "differences", "only what differs, or all"),
    key(Group::Comparing, "r", Action::Reload, "reload", "read both again"),
    key(Group::Comparing, "esc q c", Action::Back, "close", "close"),
    key(Group::Comparing, "?", Action::Help, "help", ""),
    key(Group::Comparing, "ctrl-c", Action::Interrupt, "", ""),
];

impl KeyTable for Group {
    type Action = Action;
    type Mode = Mode;

    const ROWS: &[Row<Self>] = ROWS;
    const PANES: Mode = Mode::Panes;

    fn mode(self) -> Mode {
        match self {
            Self::Move | Self::Inspect | Self::Compare | Self::Program => Mode::Panes,
            Self::Typing => Mode::Typing,
            Self::Raw => Mode::Raw,
            Self::Comparing => Mode::Comparing,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Inspect => "Inspect",
            Self::Compare => "Compare",
            Self::Program => "Program",
            Self::Typing => "While typing",
            Self::Raw => "In JSON",
            Self::Comparing => "In a comparison",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    const MODES: [Mode; 4] = [Mode::Panes, Mode::Typing, Mode::Raw, Mode::Comparing];

    #[test]
    fn no_mode_gives_a_key_two_meanings() {
        let keymap = Keymap::default();
        for mode in MODES {
            let mut seen = BTreeSet::new();
            for key in keymap.in_mode(mode).flat_map(|binding| &binding.keys) {
                assert!(seen.insert(key), "{key} twice in {mode:?}");
            }
        }
    }

    #[test]
    fn every_mode_can_be_left_and_interrupted() {
        let keymap = Keymap::default();
        for mode in MODES {
            let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
            let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(keymap.action(mode, &escape), Some(Action::Back), "{mode:?}");
            assert_eq!(
                keymap.action(mode, &interrupt),
                Some(Action::Interrupt),
                "{mode:?}"
            );
        }
    }
}
