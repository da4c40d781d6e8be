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
    MarkToCompare,
    Mark,
    MarkAll,
    WriteList,
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
    Naming,
    Raw,
    Comparing,
}

/// The section of a key in help and README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Move,
    Inspect,
    List,
    Compare,
    Program,
    Typing,
    Naming,
    Raw,
    Comparing,
}

pub type Binding = bindings::Binding<Section>;
pub type Keymap = bindings::Keymap<Section>;

#[rustfmt::skip]
const ROWS: &[Row<Section>] = &[
    key(Section::Move, "up k", Action::Up, "", "one up"),
    key(Section::Move, "down j", Action::Down, "", "one down"),
    key(Section::Move, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Section::Move, "pgdn ctrl-f", Action::PageDown, "", "one page down"),
    key(Section::Move, "home g", Action::First, "", "to the first"),
    key(Section::Move, "end G", Action::Last, "", "to the last"),
    key(Section::Move, "tab", Action::NextPane, "pane", "to the next pane"),
    key(Section::Move, "shift-tab", Action::PreviousPane, "", "to the previous pane"),
    key(Section::Inspect, "enter l right", Action::Open, "open", "open: the tags of a repository, the image of a tag, the children of a line"),
    key(Section::Inspect, "h left", Action::Close, "", "close, or go to the parent"),
    key(Section::Inspect, "/", Action::Filter, "filter", "filter as you type; `!` in front shows what does not match"),
    key(Section::Inspect, "v", Action::Json, "JSON", "show the JSON as the registry has it"),
    key(Section::Inspect, "y", Action::Copy, "copy", "copy the reference, or a blob's digest, to the clipboard"),
    key(Section::Inspect, "r", Action::Reload, "reload", "read the selection again; in the repositories, list all of the registry"),
    key(Section::Inspect, "z", Action::Zoom, "", "zoom the pane, or restore it"),
    key(Section::List, "space", Action::Mark, "mark", "mark or unmark a repository, with all its tags, or a tag"),
    key(Section::List, "a", Action::MarkAll, "", "mark all that the list shows, or unmark them"),
    key(Section::List, "W", Action::WriteList, "list", "write the marks as a list file, to run it"),
    key(Section::Compare, "s", Action::OtherSide, "side", "switch between source and destination"),
    key(Section::Compare, "c", Action::Compare, "compare", "compare source and destination, or this image with the marked one"),
    key(Section::Compare, "m", Action::MarkToCompare, "", "mark this image to compare others with"),
    key(Section::Program, "esc", Action::Back, "", "clear the filter, undo the zoom, or go to the previous pane; in the first one, remove the marks"),
    key(Section::Program, "?", Action::Help, "help", "this help"),
    key(Section::Program, "q", Action::Quit, "close", "close the browser"),
    key(Section::Program, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Program, "ctrl-z", Action::Suspend, "", "suspend; `fg` resumes"),
    key(Section::Typing, "enter", Action::Keep, "keep", "keep the text"),
    key(Section::Typing, "esc", Action::Back, "clear", "clear the text"),
    key(Section::Typing, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Naming, "enter", Action::Keep, "write", "write the list"),
    key(Section::Naming, "esc", Action::Back, "cancel", "write nothing"),
    key(Section::Naming, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Raw, "up k", Action::Up, "", ""),
    key(Section::Raw, "down j", Action::Down, "", ""),
    key(Section::Raw, "pgup ctrl-b", Action::PageUp, "", ""),
    key(Section::Raw, "pgdn ctrl-f space", Action::PageDown, "", ""),
    key(Section::Raw, "home g", Action::First, "", ""),
    key(Section::Raw, "end G", Action::Last, "", ""),
    key(Section::Raw, "left", Action::Left, "", "to the left, in long lines"),
    key(Section::Raw, "right", Action::Right, "", "to the right"),
    key(Section::Raw, "enter l", Action::Open, "fold", "fold or unfold"),
    key(Section::Raw, "h", Action::Close, "", "fold the parent"),
    key(Section::Raw, "z", Action::FoldAll, "", "fold all, or unfold all"),
    key(Section::Raw, "/", Action::Filter, "search", "search as you type"),
    key(Section::Raw, "n", Action::NextMatch, "next", "to the next match"),
    key(Section::Raw, "N", Action::PreviousMatch, "", "to the previous match"),
    key(Section::Raw, "y", Action::Copy, "copy", "copy the line and its children"),
    key(Section::Raw, "Y", Action::CopyAll, "", "copy all, byte for byte"),
    key(Section::Raw, "esc q v", Action::Back, "close", "close"),
    key(Section::Raw, "?", Action::Help, "help", ""),
    key(Section::Raw, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Comparing, "up k", Action::Up, "", ""),
    key(Section::Comparing, "down j", Action::Down, "", ""),
    key(Section::Comparing, "pgup ctrl-b", Action::PageUp, "", ""),
    key(Section::Comparing, "pgdn ctrl-f space", Action::PageDown, "", ""),
    key(Section::Comparing, "home g", Action::First, "", ""),
    key(Section::Comparing, "end G", Action::Last, "", ""),
    key(Section::Comparing, "d", Action::OnlyDifferences, "differences", "only what differs, or all"),
    key(Section::Comparing, "r", Action::Reload, "reload", "read both again"),
    key(Section::Comparing, "esc q c", Action::Back, "close", "close"),
    key(Section::Comparing, "?", Action::Help, "help", ""),
    key(Section::Comparing, "ctrl-c", Action::Interrupt, "", ""),
];

impl KeyTable for Section {
    type Action = Action;
    type Mode = Mode;

    const ROWS: &[Row<Self>] = ROWS;
    const PANES: Mode = Mode::Panes;

    fn mode(self) -> Mode {
        match self {
            Self::Move | Self::Inspect | Self::List | Self::Compare | Self::Program => Mode::Panes,
            Self::Typing => Mode::Typing,
            Self::Naming => Mode::Naming,
            Self::Raw => Mode::Raw,
            Self::Comparing => Mode::Comparing,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Inspect => "Inspect",
            Self::List => "List",
            Self::Compare => "Compare",
            Self::Program => "Program",
            Self::Typing => "While typing",
            Self::Naming => "While naming a list",
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

    const MODES: [Mode; 5] = [
        Mode::Panes,
        Mode::Typing,
        Mode::Naming,
        Mode::Raw,
        Mode::Comparing,
    ];

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
