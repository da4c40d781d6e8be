//! The key table of a batch, from which key presses, footer, help, palette and README are derived.
//!
//! Decides which key means which action in which mode; `actions` decides what an action does, and `bindings` what may be
//! configured. Invariant: no key has two meanings in one mode.

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

/// What has the keyboard: the panes, or an overlay.
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

/// The section of a key in help and README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
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

pub type Binding = bindings::Binding<Section>;
pub type Keymap = bindings::Keymap<Section>;

/// In the order of help and footer. Keys are separated by spaces.
#[rustfmt::skip]
const ROWS: &[Row<Section>] = &[
    key(Section::Move, "up k", Action::Up, "", "one up"),
    key(Section::Move, "down j", Action::Down, "", "one down"),
    key(Section::Move, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Section::Move, "pgdn ctrl-f", Action::PageDown, "", "one page down"),
    key(Section::Move, "home g", Action::First, "", "to the first"),
    key(Section::Move, "end G", Action::Last, "", "to the last"),
    key(Section::Move, "w", Action::Follow, "", "follow: keep an image in flight selected until the next move"),
    key(Section::Images, "space", Action::Mark, "mark", "mark or unmark; the keys below apply to the marked images, else to the selected image or those of the selected cause"),
    key(Section::Images, "v", Action::Range, "", "mark a range: once at its start, again at its end"),
    key(Section::Images, "a", Action::MarkAll, "", "mark all images shown, or unmark them"),
    key(Section::Images, "r", Action::Retry, "retry", "retry now, failed or waiting"),
    key(Section::Images, "s", Action::Skip, "skip", "skip; asks first when work would be lost"),
    key(Section::Images, "u", Action::Unskip, "", "unskip: queue skipped images again"),
    key(Section::Images, "f", Action::Prioritize, "", "move to the front of the queue"),
    key(Section::Images, "i", Action::Look, "inspect", "open in the browser: manifests, config, layers, JSON, comparison of source and destination"),
    key(Section::Images, "y", Action::CopyReference, "", "copy the references to the clipboard"),
    key(Section::Images, "Y", Action::CopyFailure, "", "copy the failure with all its causes to the clipboard"),
    key(Section::Images, "W", Action::WriteList, "", "write them as a list file; in the images pane without marks, all failed ones"),
    key(Section::Batch, "b", Action::Begin, "begin", "end the review: copy what is not skipped"),
    key(Section::Batch, "R", Action::RetryAllFailed, "", "retry all failed images; asks first"),
    key(Section::Batch, "p", Action::PauseOrResume, "pause", "pause or resume: images in flight finish, no new one starts"),
    key(Section::Batch, "+ =", Action::More, "", "one more image at once; in the registries, one more stream"),
    key(Section::Batch, "-", Action::Fewer, "", "one fewer image at once; in the registries, one fewer stream"),
    key(Section::View, "/", Action::Filter, "filter", "filter as you type: text, `/expression/`, or either with `!` in front for what does not match"),
    key(Section::View, "e", Action::Failures, "failures", "only images that failed or wait for a retry"),
    key(Section::View, "c", Action::NextShow, "", "only images of the next state"),
    key(Section::View, "C", Action::PreviousShow, "", "only images of the previous state"),
    key(Section::View, "S", Action::Sort, "sort", "sort by the next column"),
    key(Section::View, "tab", Action::NextPane, "pane", "to the next pane"),
    key(Section::View, "shift-tab", Action::PreviousPane, "", "to the previous pane"),
    key(Section::View, "1", Action::ToImages, "", "to the images"),
    key(Section::View, "2", Action::ToDetail, "", "to the selected image: its manifests, layers and attempts"),
    key(Section::View, "3", Action::ToRegistries, "", "to the registries: streams, speed, response times, rate limits"),
    key(Section::View, "4", Action::ToFailures, "", "to the failures by cause"),
    key(Section::View, "5", Action::ToLog, "", "to the log"),
    key(Section::View, "enter", Action::Enter, "", "zoom the pane, or restore it; in the failures, show the images of the cause"),
    key(Section::View, "z", Action::Zoom, "", "zoom the pane, or restore it"),
    key(Section::View, "l", Action::LogLevel, "", "log: everything, warnings and errors, or errors only"),
    key(Section::View, "L", Action::LogImage, "", "log: only the selected image, or all"),
    key(Section::View, "T", Action::Theme, "", "the next theme: dark, light, mono"),
    key(Section::View, "esc", Action::Back, "", "undo one thing: the range, the zoom, the filter, the marks"),
    key(Section::Program, ":", Action::Palette, "", "find a command by its name and run it"),
    key(Section::Program, "?", Action::Help, "help", "this help"),
    key(Section::Program, "q", Action::Quit, "quit", "leave; asks what to do with images in flight"),
    key(Section::Program, "ctrl-c", Action::Interrupt, "", "once: finish the images in flight, then leave; twice: stop now"),
    key(Section::Program, "ctrl-z", Action::Suspend, "", "suspend; `fg` resumes"),
    key(Section::Filter, "enter", Action::Yes, "keep the filter", "keep the filter and return to the images"),
    key(Section::Filter, "esc", Action::Back, "clear it", "clear the filter"),
    key(Section::Filter, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Question, "y", Action::Yes, "yes", "yes"),
    key(Section::Question, "n esc enter q", Action::Back, "no", "no"),
    key(Section::Question, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Leave, "d", Action::Drain, "drain", "finish the images in flight, then leave"),
    key(Section::Leave, "s", Action::StopNow, "stop now", "stop now; finished blobs are kept, and the batch can be resumed"),
    key(Section::Leave, "c", Action::TakeBack, "continue", "cancel the drain and continue"),
    key(Section::Leave, "esc n q enter", Action::Back, "stay", "stay"),
    key(Section::Leave, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Help, "up k", Action::Up, "", "one up"),
    key(Section::Help, "down j", Action::Down, "", "one down"),
    key(Section::Help, "pgup ctrl-b", Action::PageUp, "", "one page up"),
    key(Section::Help, "pgdn ctrl-f space", Action::PageDown, "", "one page down"),
    key(Section::Help, "home g", Action::First, "", "to the first line"),
    key(Section::Help, "end G", Action::Last, "", "to the last line"),
    key(Section::Help, "/", Action::Filter, "search", "search: only lines with what you type"),
    key(Section::Help, "esc ? q enter", Action::Back, "close", "close"),
    key(Section::Help, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Search, "enter", Action::Yes, "keep", "keep the search"),
    key(Section::Search, "esc", Action::Back, "all keys", "show all keys again"),
    key(Section::Search, "ctrl-c", Action::Interrupt, "", ""),
    key(Section::Palette, "up ctrl-p", Action::Up, "", "one up"),
    key(Section::Palette, "down ctrl-n tab", Action::Down, "", "one down"),
    key(Section::Palette, "enter", Action::Yes, "run", "run the selected command"),
    key(Section::Palette, "esc", Action::Back, "close", "close"),
    key(Section::Palette, "ctrl-c", Action::Interrupt, "", ""),
];

impl KeyTable for Section {
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
