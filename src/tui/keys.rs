//! The one table of keys: dispatch, footer, help, palette and the README all come from here.
//!
//! Decides which key means which action in which mode; what an action does is `actions.rs`. Invariant:
//! no mode gives a key two meanings, whatever the configuration asks for.

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub keys: Vec<String>,
    pub action: Action,
    pub group: Group,
    /// For the footer; empty when the key is not shown there.
    pub hint: &'static str,
    /// Empty when it means the same as elsewhere and need not be said again.
    pub says: &'static str,
}

/// A line of the table as it is before anybody configured it.
struct Row {
    keys: &'static str,
    action: Action,
    group: Group,
    hint: &'static str,
    says: &'static str,
}

const fn key(
    group: Group,
    keys: &'static str,
    action: Action,
    hint: &'static str,
    says: &'static str,
) -> Row {
    Row {
        keys,
        action,
        group,
        hint,
        says,
    }
}

/// In the order help shows them; the footer takes those with a hint, first ones first. Keys are separated
/// by spaces.
#[rustfmt::skip]
const ROWS: &[Row] = &[
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
    key(Group::Images, "i", Action::Look, "", "look inside: manifests, config, layers, JSON, source against destination"),
    key(Group::Images, "y", Action::CopyReference, "", "copy the references to the clipboard"),
    key(Group::Images, "Y", Action::CopyFailure, "", "copy the failure with its whole chain to the clipboard"),
    key(Group::Images, "W", Action::WriteList, "", "write them as a list file; in the images without marks, all failed ones"),
    key(Group::Batch, "b", Action::Begin, "begin", "end the review: copy what is not skipped"),
    key(Group::Batch, "R", Action::RetryAllFailed, "retry all", "retry all failed images; asks first"),
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
    key(Group::Leave, "c", Action::TakeBack, "", "take a drain back and go on"),
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

impl Group {
    #[must_use]
    pub fn mode(self) -> Mode {
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
            Self::Search => "Searching help",
            Self::Palette => "Commands",
        }
    }
}

impl Action {
    /// What a configuration file calls it: `retry-all-failed`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

/// Why a configured key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMistake {
    #[error("there is no action {0}")]
    UnknownAction(String),
    #[error("there is no action {0} (did you mean {1}?)")]
    NearlyAction(String, String),
    #[error(
        "{0} is no key; write a letter, ctrl-x, space, tab, shift-tab, enter, up, down, pgup, pgdn, home, end or delete"
    )]
    UnknownKey(String),
    #[error("{0} means {1} already")]
    Taken(String, String),
    #[error("{0} cannot be configured: it is the way out")]
    Fixed(String),
}

/// The table as this operator has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = ROWS.iter().map(|row| Binding {
            keys: row.keys.split(' ').map(str::to_owned).collect(),
            action: row.action,
            group: row.group,
            hint: row.hint,
            says: row.says,
        });
        Self {
            bindings: bindings.collect(),
        }
    }
}

impl Keymap {
    /// Gives the keys of an action of the panes; the ones it had are free then.
    ///
    /// # Errors
    /// When there is no such action or key, or the action may not lose its own. Whether two actions now
    /// share a key is told by [`Self::conflict`], once all are set.
    pub fn set(&mut self, action: &str, keys: &[String]) -> Result<(), KeyMistake> {
        let panes = |binding: &&mut Binding| binding.group.mode() == Mode::Panes;
        let names: Vec<String> = (self.in_mode(Mode::Panes))
            .map(|binding| binding.action.name())
            .collect();
        let Some(binding) = (self.bindings.iter_mut().filter(panes))
            .find(|binding| binding.action.name() == action)
        else {
            let near = (names.iter())
                .map(|name| (strsim::jaro_winkler(name, action), name))
                .filter(|(alike, _)| *alike > 0.8)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, name)| name.clone());
            let action = action.to_owned();
            return Err(match near {
                Some(near) => KeyMistake::NearlyAction(action, near),
                None => KeyMistake::UnknownAction(action),
            });
        };
        if matches!(binding.action, Action::Interrupt | Action::Back) {
            return Err(KeyMistake::Fixed(action.into()));
        }
        if let Some(key) = keys.iter().find(|key| !is_key(key)) {
            return Err(KeyMistake::UnknownKey(key.clone()));
        }
        binding.keys = keys.to_vec();
        Ok(())
    }

    /// A key of `action` that another action of the panes has as well.
    #[must_use]
    pub fn conflict(&self, action: &str) -> Option<KeyMistake> {
        let own = |binding: &&Binding| binding.action.name() == action;
        let binding = self.in_mode(Mode::Panes).find(own)?;
        binding.keys.iter().find_map(|key| {
            let other = (self.in_mode(Mode::Panes))
                .find(|other| other.action != binding.action && other.keys.contains(key))?;
            Some(KeyMistake::Taken(key.clone(), other.action.name()))
        })
    }

    /// What `event` means in `mode`.
    #[must_use]
    pub fn action(&self, mode: Mode, event: &KeyEvent) -> Option<Action> {
        let name = name(event)?;
        self.in_mode(mode)
            .find(|binding| binding.keys.contains(&name))
            .map(|binding| binding.action)
    }

    /// The bindings of a mode, in table order.
    pub fn in_mode(&self, mode: Mode) -> impl Iterator<Item = &Binding> {
        (self.bindings.iter()).filter(move |binding| binding.group.mode() == mode)
    }

    /// The bindings help and README speak of, in table order.
    pub fn explained(&self) -> impl Iterator<Item = &Binding> {
        (self.bindings.iter()).filter(|binding| !binding.says.is_empty())
    }
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
        KeyCode::Delete => "delete".to_owned(),
        _ => return None,
    };
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(format!("ctrl-{plain}"));
    }
    (!event.modifiers.contains(KeyModifiers::ALT)).then_some(plain)
}

/// The key press a name of the table stands for.
#[must_use]
pub fn event(name: &str) -> Option<KeyEvent> {
    let (modifiers, plain) = match name.strip_prefix("ctrl-") {
        Some(plain) => (KeyModifiers::CONTROL, plain),
        None => (KeyModifiers::NONE, name),
    };
    let code = match plain {
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "delete" => KeyCode::Delete,
        "backspace" => KeyCode::Backspace,
        other => {
            let mut letters = other.chars();
            let letter = letters.next()?;
            letters.next().is_none().then_some(KeyCode::Char(letter))?
        }
    };
    Some(KeyEvent::new(code, modifiers))
}

/// Whether a key may be configured: it exists, and taking it does not lock anybody in.
fn is_key(key: &str) -> bool {
    event(key).and_then(|event| name(&event)).as_deref() == Some(key)
        && !matches!(key, "esc" | "ctrl-c")
}

/// The README's table of keys.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| | Key | What it does |\n|---|---|---|\n");
    let mut last = None;
    for binding in Keymap::default().explained() {
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
        let table = markdown();
        assert!(table.contains("| Images | `space` | mark or unmark"));
        assert!(table.contains("|  | `n` `esc` `enter` `q` | no |"));
    }

    fn set(keymap: &mut Keymap, action: &str, keys: &[&str]) -> Result<(), KeyMistake> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keymap.set(action, &keys)
    }

    #[test]
    fn a_configured_key_takes_the_place_of_the_old_one() {
        let mut keymap = Keymap::default();
        set(&mut keymap, "retry", &["ctrl-r", "delete"]).unwrap();
        let press = |name| keymap.action(Mode::Panes, &event(name).unwrap());
        assert_eq!(press("ctrl-r"), Some(Action::Retry));
        assert_eq!(press("delete"), Some(Action::Retry));
        assert_eq!(press("r"), None);
        assert_eq!(keymap.conflict("retry"), None);
    }

    #[test]
    fn a_wrong_key_says_what_is_wrong() {
        let mut keymap = Keymap::default();
        let said = |mistake: Result<(), KeyMistake>| mistake.unwrap_err().to_string();
        assert_eq!(
            said(set(&mut keymap, "retri", &["x"])),
            "there is no action retri (did you mean retry?)"
        );
        assert!(said(set(&mut keymap, "retry", &["hyper-x"])).starts_with("hyper-x is no key"));
        assert!(said(set(&mut keymap, "interrupt", &["x"])).contains("the way out"));
        set(&mut keymap, "retry", &["s"]).unwrap();
        assert_eq!(
            keymap.conflict("retry").map(|mistake| mistake.to_string()),
            Some("s means skip already".into())
        );
    }

    #[test]
    fn every_key_of_the_table_is_the_name_of_its_press() {
        for key in ROWS.iter().flat_map(|row| row.keys.split(' ')) {
            assert_eq!(name(&event(key).unwrap()).as_deref(), Some(key));
        }
    }
}
