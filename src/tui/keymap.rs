//! The one table of keys: dispatch, footer, help, palette and the README all come from here.
//!
//! Decides which key means which action in which mode; what an action does is `actions`, and what an
//! operator may change is `keymap`. Invariant: no mode gives a key two meanings.

use super::bindings::{self, KeyTable, Row, row as key};

/// What a key press means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Follow,
    Mark,
    Range,
    MarkAll,
    Retry,
    RetryAllFailed,
    Skip,
    Unskip,
    Prioritize,
    Look,
    CopyReference,
    CopyFailure,
    WriteList,
    Begin,
    PauseOrResume,
    More,
    Fewer,
    NextPane,
    PreviousPane,
    ToImages,
    ToDetail,
    ToRegistries,
    ToFailures,
    ToLog,
    Enter,
    Zoom,
    Filter,
    Failures,
    NextShow,
    PreviousShow,
    Sort,
    LogLevel,
    LogImage,
    Theme,
    Palette,
    Help,
    Quit,
    Interrupt,
    Suspend,
    Back,
    Yes,
    Drain,
    StopNow,
    TakeBack,
}

/// What the keys speak to: the panes, or what lies over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Panes,
    Filter,
    Question,
    Leave,
    Help,
    Search,
    Palette,
}

/// The heading a key stands under in help and README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Move,
    Images,
    Batch,
    View,
    Program,
    Filter,
    Question,
    Leave,
    Help,
    Search,
    Palette,
}

pub type Binding = bindings::Binding<Group>;
pub type Keymap = bindings::Keymap<Group>;

/// In the order help shows them; the footer takes those with a hint, first ones first. Keys are separated
/// by spaces.
#[rustfmt::skip]
const ROWS: &[Row<Group>] = &[
    key(Group::Move, "up k", Action::Up, "", "one up"),
    key(Group::Move, "down j", Action::Down, "", "one down"),
    key(Group::Move, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Group::Move, "pgdn ctrl-f", Action::PageDown, "", "one page down"),
    key(Group::Move, "home g", Action::First, "", "to the first"),
    key(Group::Move, "end G", Action::Last, "", "to the last"),
    key(Group::Move, "w", Action::Follow, "", "watch: keep an image in flight selected, until the next move"),
    key(Group::Images, "space", Action::Mark, "mark", "mark or unmark; the keys below act on marked images, else on the selected one or the selected cause's"),
    key(Group::Images, "v", Action::Range, "", "mark a range: once at its start, again at its end"),
    key(Group::Images, "a", Action::MarkAll, "", "mark all images shown, or unmark them"),
    key(Group::Images, "r", Action::Retry, "retry", "retry now, failed or waiting"),
    key(Group::Images, "s", Action::Skip, "skip", "skip; asks first when work would be given up"),
    key(Group::Images, "u", Action::Unskip, "", "take skipped images back in"),
    key(Group::Images, "f", Action::Prioritize, "", "move to the front of the queue"),
    key(Group::Images, "i", Action::Look, "look", "look inside: manifests, config, layers, JSON, source against destination"),
    key(Group::Images, "y", Action::CopyReference, "", "copy the references to the clipboard"),
    key(Group::Images, "Y", Action::CopyFailure, "", "copy the failure with its whole chain to the clipboard"),
    key(Group::Images, "W", Action::WriteList, "", "write them as a list file; in the images without marks, all failed ones"),
    key(Group::Batch, "b", Action::Begin, "begin", "end the review: copy what is not skipped"),
    key(Group::Batch, "R", Action::RetryAllFailed, "", "retry all failed images; asks first"),
    key(Group::Batch, "p", Action::PauseOrResume, "pause", "pause or go on: images in flight are finished, no other starts"),
    key(Group::Batch, "+ =", Action::More, "", "one more image at once; in the registries, one more stream"),
    key(Group::Batch, "-", Action::Fewer, "", "one fewer image at once; in the registries, one fewer stream"),
    key(Group::View, "/", Action::Filter, "filter", "filter as you type: text, `/expression/`, or either with `!` in front for what does not match"),
    key(Group::View, "e", Action::Failures, "failures", "only images that failed or wait to be tried again"),
    key(Group::View, "c", Action::NextShow, "", "only images of the next state"),
    key(Group::View, "C", Action::PreviousShow, "", "only images of the previous state"),
    key(Group::View, "S", Action::Sort, "sort", "sort by the next column"),
    key(Group::View, "tab", Action::NextPane, "pane", "to the next pane"),
    key(Group::View, "shift-tab", Action::PreviousPane, "", "to the previous pane"),
    key(Group::View, "1", Action::ToImages, "", "to the images"),
    key(Group::View, "2", Action::ToDetail, "", "to the selected image: its manifests, layers and attempts"),
    key(Group::View, "3", Action::ToRegistries, "", "to the registries: streams, speed, answer times, throttling"),
    key(Group::View, "4", Action::ToFailures, "", "to the failures by cause"),
    key(Group::View, "5", Action::ToLog, "", "to the log"),
    key(Group::View, "enter", Action::Enter, "", "give the pane the whole screen, or take it back; in the failures, show the cause's images"),
    key(Group::View, "z", Action::Zoom, "", "give the pane the whole screen, or take it back"),
    key(Group::View, "l", Action::LogLevel, "", "log: everything, warnings and errors, or errors only"),
    key(Group::View, "L", Action::LogImage, "", "log: only the selected image, or all"),
    key(Group::View, "T", Action::Theme, "", "the next theme: dark, light, mono"),
    key(Group::View, "esc", Action::Back, "", "take back the range, the zoom, the filter, the marks: one each time"),
    key(Group::Program, ":", Action::Palette, "", "find a command by its name and run it"),
    key(Group::Program, "?", Action::Help, "help", "this help"),
    key(Group::Program, "q", Action::Quit, "quit", "leave; asks what to do with images in flight"),
    key(Group::Program, "ctrl-c", Action::Interrupt, "", "once: finish the images in flight, then leave; twice: stop now"),
    key(Group::Program, "ctrl-z", Action::Suspend, "", "suspend; `fg` goes on"),
    key(Group::Filter, "enter", Action::Yes, "keep the filter", "keep the filter and go back to the images"),
    key(Group::Filter, "esc", Action::Back, "clear it", "clear the filter"),
    key(Group::Filter, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Question, "y", Action::Yes, "yes", "yes"),
    key(Group::Question, "n esc enter q", Action::Back, "no", "no"),
    key(Group::Question, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Leave, "d", Action::Drain, "drain", "finish the images in flight, then leave"),
    key(Group::Leave, "s", Action::StopNow, "stop now", "stop now; what is settled stays settled, and the batch can be resumed"),
    key(Group::Leave, "c", Action::TakeBack, "go on", "take a drain back and go on"),
    key(Group::Leave, "esc n q enter", Action::Back, "stay", "stay"),
    key(Group::Leave, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Help, "up k", Action::Up, "", "one up"),
    key(Group::Help, "down j", Action::Down, "", "one down"),
    key(Group::Help, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Group::Help, "pgdn ctrl-f space", Action::PageDown, "", "one page down"),
    key(Group::Help, "home g", Action::First, "", "to the first line"),
    key(Group::Help, "end G", Action::Last, "", "to the last line"),
    key(Group::Help, "/", Action::Filter, "search", "search: only lines with what you type"),
    key(Group::Help, "esc ? q enter", Action::Back, "close", "close"),
    key(Group::Help, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Search, "enter", Action::Yes, "keep", "keep what was found"),
    key(Group::Search, "esc", Action::Back, "all keys", "show all keys again"),
    key(Group::Search, "ctrl-c", Action::Interrupt, "", ""),
    key(Group::Palette, "up ctrl-p", Action::Up, "", "one up"),
    key(Group::Palette, "down ctrl-n tab", Action::Down, "", "one down"),
    key(Group::Palette, "enter", Action::Yes, "run", "run the selected command"),
    key(Group::Palette, "esc", Action::Back, "close", "close"),
    key(Group::Palette, "ctrl-c", Action::Interrupt, "", ""),
];

impl KeyTable for Group {
    type Action = Action;
    type Mode = Mode;

    const ROWS: &[Row<Self>] = ROWS;
    const PANES: Mode = Mode::Panes;

    fn mode(self) -> Mode {
        match self {
            Self::Move | Self::Images | Self::Batch | Self::View | Self::Program => Mode::Panes,
            Self::Filter => Mode::Filter,
            Self::Question => Mode::Question,
            Self::Leave => Mode::Leave,
            Self::Help => Mode::Help,
            Self::Search => Mode::Search,
            Self::Palette => Mode::Palette,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Images => "Images",
            Self::Batch => "Batch",
            Self::View => "View",
            Self::Program => "Program",
            Self::Filter => "While filtering",
            Self::Question => "Questions",
            Self::Leave => "Leaving",
            Self::Help => "Help",
            Self::Search => "Searching help",
            Self::Palette => "Commands",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    #[test]
    fn no_mode_gives_a_key_two_meanings() {
        for mode in [
            Mode::Panes,
            Mode::Filter,
            Mode::Question,
            Mode::Leave,
            Mode::Help,
            Mode::Search,
            Mode::Palette,
        ] {
            let keymap = Keymap::default();
            let mut seen = BTreeSet::new();
            for key in keymap.in_mode(mode).flat_map(|binding| &binding.keys) {
                assert!(seen.insert(key), "{key} twice in {mode:?}");
            }
        }
    }

    #[test]
    fn every_mode_can_be_left_and_interrupted() {
        let keymap = Keymap::default();
        for mode in [
            Mode::Filter,
            Mode::Question,
            Mode::Leave,
            Mode::Help,
            Mode::Search,
            Mode::Palette,
        ] {
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

    #[test]
    fn shift_makes_another_letter_and_control_another_key() {
        let keymap = Keymap::default();
        let press = |code, modifiers| keymap.action(Mode::Panes, &KeyEvent::new(code, modifiers));
        let r = KeyCode::Char('r');
        assert_eq!(press(r, KeyModifiers::NONE), Some(Action::Retry));
        assert_eq!(press(r, KeyModifiers::CONTROL), None);
        assert_eq!(
            press(KeyCode::Char('R'), KeyModifiers::SHIFT),
            Some(Action::RetryAllFailed)
        );
    }

    #[test]
    fn the_readme_table_has_a_line_for_each_action() {
        let table = Keymap::default().markdown();
        assert!(table.contains("| Images | `space` | mark or unmark"));
        assert!(table.contains("|  | `n` `esc` `enter` `q` | no |"));
    }
}
