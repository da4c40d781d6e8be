//! The one table of keys: dispatch, footer, help and the README all come from here.
//!
//! Decides which key means which action in which mode; what an action does is `actions.rs`. Invariant:
//! no mode gives a key two meanings.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    PauseOrResume,
    MoreParallel,
    LessParallel,
    NextPane,
    PreviousPane,
    Zoom,
    Filter,
    Failures,
    Sort,
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
}

#[derive(Debug)]
pub struct Binding {
    pub keys: &'static [&'static str],
    pub action: Action,
    pub group: Group,
    /// For the footer; empty when the key is not shown there.
    pub hint: &'static str,
    /// Empty when it means the same as elsewhere and need not be said again.
    pub says: &'static str,
}

const fn key(
    group: Group,
    keys: &'static [&'static str],
    action: Action,
    hint: &'static str,
    says: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        group,
        hint,
        says,
    }
}

/// In the order help shows them; the footer takes those with a hint, first ones first.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    key(Group::Move, &["up", "k"], Action::Up, "", "one up"),
    key(Group::Move, &["down", "j"], Action::Down, "", "one down"),
    key(Group::Move, &["pgup", "ctrl-b"], Action::PageUp, "", "one page up"),
    key(Group::Move, &["pgdn", "ctrl-f"], Action::PageDown, "", "one page down"),
    key(Group::Move, &["home", "g"], Action::First, "", "to the first"),
    key(Group::Move, &["end", "G"], Action::Last, "", "to the last"),
    key(Group::Move, &["w"], Action::Follow, "", "watch: keep an image in flight selected, until the next move"),
    key(Group::Images, &["space"], Action::Mark, "mark", "mark or unmark; the keys below act on marked images, else on the selected one"),
    key(Group::Images, &["v"], Action::Range, "", "mark a range: once at its start, again at its end"),
    key(Group::Images, &["a"], Action::MarkAll, "", "mark all images shown, or unmark them"),
    key(Group::Images, &["r"], Action::Retry, "retry", "retry now, failed or waiting"),
    key(Group::Images, &["s"], Action::Skip, "skip", "skip; asks first when work would be given up"),
    key(Group::Images, &["u"], Action::Unskip, "", "take skipped images back in"),
    key(Group::Images, &["f"], Action::Prioritize, "", "move to the front of the queue"),
    key(Group::Batch, &["R"], Action::RetryAllFailed, "retry all", "retry all failed images; asks first"),
    key(Group::Batch, &["p"], Action::PauseOrResume, "pause", "pause or go on: images in flight are finished, no other starts"),
    key(Group::Batch, &["+", "="], Action::MoreParallel, "", "one more image at once"),
    key(Group::Batch, &["-"], Action::LessParallel, "", "one fewer image at once"),
    key(Group::View, &["/"], Action::Filter, "filter", "filter as you type; `!` in front shows what does not match"),
    key(Group::View, &["e"], Action::Failures, "failures", "only images that failed or wait to be tried again"),
    key(Group::View, &["S"], Action::Sort, "sort", "sort by the next column"),
    key(Group::View, &["tab"], Action::NextPane, "pane", "to the next pane"),
    key(Group::View, &["shift-tab"], Action::PreviousPane, "", "to the previous pane"),
    key(Group::View, &["enter"], Action::Zoom, "", "give the pane the whole screen, or take it back"),
    key(Group::View, &["esc"], Action::Back, "", "take back the range, the zoom, the filter, the marks: one each time"),
    key(Group::Program, &["?"], Action::Help, "help", "this help"),
    key(Group::Program, &["q"], Action::Quit, "quit", "leave; asks what to do with images in flight"),
    key(Group::Program, &["ctrl-c"], Action::Interrupt, "", "once: finish the images in flight, then leave; twice: stop now"),
    key(Group::Program, &["ctrl-z"], Action::Suspend, "", "suspend; `fg` goes on"),
    key(Group::Filter, &["enter"], Action::Yes, "keep the filter", "keep the filter and go back to the images"),
    key(Group::Filter, &["esc"], Action::Back, "clear it", "clear the filter"),
    key(Group::Filter, &["ctrl-c"], Action::Interrupt, "", ""),
    key(Group::Question, &["y"], Action::Yes, "yes", "yes"),
    key(Group::Question, &["n", "esc", "enter", "q"], Action::Back, "no", "no"),
    key(Group::Question, &["ctrl-c"], Action::Interrupt, "", ""),
    key(Group::Leave, &["d"], Action::Drain, "drain", "finish the images in flight, then leave"),
    key(Group::Leave, &["s"], Action::StopNow, "stop now", "stop now; what is settled stays settled, and the batch can be resumed"),
    key(Group::Leave, &["c"], Action::TakeBack, "", "take a drain back and go on"),
    key(Group::Leave, &["esc", "n", "q", "enter"], Action::Back, "stay", "stay"),
    key(Group::Leave, &["ctrl-c"], Action::Interrupt, "", ""),
    key(Group::Help, &["up", "k"], Action::Up, "", "one up"),
    key(Group::Help, &["down", "j"], Action::Down, "", "one down"),
    key(Group::Help, &["pgup", "ctrl-b"], Action::PageUp, "", "one page up"),
    key(Group::Help, &["pgdn", "ctrl-f", "space"], Action::PageDown, "", "one page down"),
    key(Group::Help, &["home", "g"], Action::First, "", "to the first line"),
    key(Group::Help, &["end", "G"], Action::Last, "", "to the last line"),
    key(Group::Help, &["esc", "?", "q", "enter"], Action::Back, "close", "close"),
    key(Group::Help, &["ctrl-c"], Action::Interrupt, "", ""),
];

impl Group {
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::Move | Self::Images | Self::Batch | Self::View | Self::Program => Mode::Panes,
            Self::Filter => Mode::Filter,
            Self::Question => Mode::Question,
            Self::Leave => Mode::Leave,
            Self::Help => Mode::Help,
        }
    }

    #[must_use]
    pub fn title(self) -> &'static str {
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
        }
    }
}

/// What `event` means in `mode`.
#[must_use]
pub fn action(mode: Mode, event: &KeyEvent) -> Option<Action> {
    let name = name(event)?;
    in_mode(mode)
        .find(|binding| binding.keys.contains(&name.as_str()))
        .map(|binding| binding.action)
}

/// The bindings of a mode, in table order.
pub fn in_mode(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.group.mode() == mode)
}

/// The bindings help and README speak of, in table order.
pub fn explained() -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(|binding| !binding.says.is_empty())
}

/// The name the table has for a key press.
pub(super) fn name(event: &KeyEvent) -> Option<String> {
    let plain = match event.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "shift-tab".to_owned(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        _ => return None,
    };
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(format!("ctrl-{plain}"));
    }
    (!event.modifiers.contains(KeyModifiers::ALT)).then_some(plain)
}

/// The README's table of keys.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| | Key | What it does |\n|---|---|---|\n");
    let mut last = None;
    for binding in explained() {
        let title = match last == Some(binding.group) {
            true => "",
            false => binding.group.title(),
        };
        last = Some(binding.group);
        let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
        text += &format!("| {title} | {} | {} |\n", keys.join(" "), binding.says);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_mode_gives_a_key_two_meanings() {
        for mode in [
            Mode::Panes,
            Mode::Filter,
            Mode::Question,
            Mode::Leave,
            Mode::Help,
        ] {
            let mut seen = BTreeSet::new();
            for key in in_mode(mode).flat_map(|binding| binding.keys) {
                assert!(seen.insert(key), "{key} twice in {mode:?}");
            }
        }
    }

    #[test]
    fn every_mode_can_be_left_and_interrupted() {
        for mode in [Mode::Filter, Mode::Question, Mode::Leave, Mode::Help] {
            let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
            let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(action(mode, &escape), Some(Action::Back), "{mode:?}");
            assert_eq!(
                action(mode, &interrupt),
                Some(Action::Interrupt),
                "{mode:?}"
            );
        }
    }

    #[test]
    fn shift_makes_another_letter_and_control_another_key() {
        let press = |code, modifiers| action(Mode::Panes, &KeyEvent::new(code, modifiers));
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
        let table = markdown();
        assert!(table.contains("| Images | `space` | mark or unmark"));
        assert!(table.contains("|  | `n` `esc` `enter` `q` | no |"));
    }
}
