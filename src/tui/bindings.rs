//! Key tables with the keys that an operator configured, and the names of keys.
//!
//! Decides what may be configured; the tables are `keymap` and `browse::keymap`. Invariant: a table without
//! [conflicts](Keymap::conflict) gives no key two meanings in one mode.

use std::fmt::Debug;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The key table of a screen, identified by the type of its sections in help and README.
pub trait KeyTable: Copy + Debug + Eq + 'static {
    type Action: Copy + Debug + Eq;
    /// What has the keyboard: the panes, or an overlay.
    type Mode: Copy + Debug + Eq;

    /// In the order of help and footer; the footer shows those with a hint.
    const ROWS: &'static [Row<Self>];
    /// The mode whose keys may be configured.
    const PANES: Self::Mode;

    fn mode(self) -> Self::Mode;
    fn title(self) -> &'static str;
}

/// A line of the table before configuration.
pub struct Row<T: KeyTable> {
    pub keys: &'static str,
    action: T::Action,
    section: T,
    hint: &'static str,
    explanation: &'static str,
}

/// Keys are separated by spaces.
pub const fn row<T: KeyTable>(
    section: T,
    keys: &'static str,
    action: T::Action,
    hint: &'static str,
    explanation: &'static str,
) -> Row<T> {
    Row {
        keys,
        action,
        section,
        hint,
        explanation,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding<T: KeyTable> {
    pub keys: Vec<String>,
    pub action: T::Action,
    pub section: T,
    /// For the footer; empty if the footer does not show the key.
    pub hint: &'static str,
    /// For help and README; empty if another mode explains the same key.
    pub explanation: &'static str,
}

/// The table of this operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap<T: KeyTable> {
    bindings: Vec<Binding<T>>,
}

/// Why a configured key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMistake {
    #[error("there is no action {0}")]
    UnknownAction(String),
    #[error("there is no action {0} (did you mean {1}?)")]
    SimilarAction(String, String),
    #[error(
        "{0} is not a key; write a letter, ctrl-x, space, tab, shift-tab, enter, up, down, left, right, pgup, pgdn, home, end or delete"
    )]
    UnknownKey(String),
    #[error("{0} already means {1}")]
    Taken(String, String),
    #[error("{0} cannot be configured, so that there is always a way to leave")]
    Fixed(String),
}

impl<T: KeyTable> Default for Keymap<T> {
    fn default() -> Self {
        let bindings = T::ROWS.iter().map(|row| Binding {
            keys: row.keys.split(' ').map(str::to_owned).collect(),
            action: row.action,
            section: row.section,
            hint: row.hint,
            explanation: row.explanation,
        });
        Self {
            bindings: bindings.collect(),
        }
    }
}

impl<T: KeyTable> Keymap<T> {
    /// Replaces the keys of an action of the panes; returns whether there is such an action.
    ///
    /// # Errors
    /// When a key does not exist, or the action cannot be configured. [`Self::conflict`] finds shared keys, once all
    /// actions are set.
    pub fn set(&mut self, action: &str, keys: &[String]) -> Result<bool, KeyMistake> {
        let own = |binding: &&mut Binding<T>| {
            binding.section.mode() == T::PANES && binding.name() == action
        };
        let Some(binding) = self.bindings.iter_mut().find(own) else {
            return Ok(false);
        };
        if matches!(action, "interrupt" | "back") {
            return Err(KeyMistake::Fixed(action.into()));
        }
        if let Some(key) = keys.iter().find(|key| !is_key(key)) {
            return Err(KeyMistake::UnknownKey(key.clone()));
        }
        binding.keys = keys.to_vec();
        Ok(true)
    }

    /// A key that `action` shares with another action of the panes.
    #[must_use]
    pub fn conflict(&self, action: &str) -> Option<KeyMistake> {
        let own = |binding: &&Binding<T>| binding.name() == action;
        let binding = self.in_mode(T::PANES).find(own)?;
        binding.keys.iter().find_map(|key| {
            let other = (self.in_mode(T::PANES))
                .find(|other| other.action != binding.action && other.keys.contains(key))?;
            Some(KeyMistake::Taken(key.clone(), other.name()))
        })
    }

    /// The names of the actions of the panes in a configuration.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.in_mode(T::PANES).map(Binding::name)
    }

    /// What `event` means in `mode`.
    #[must_use]
    pub fn action(&self, mode: T::Mode, event: &KeyEvent) -> Option<T::Action> {
        let name = name(event)?;
        self.in_mode(mode)
            .find(|binding| binding.keys.contains(&name))
            .map(|binding| binding.action)
    }

    /// The bindings of a mode, in table order.
    pub fn in_mode(&self, mode: T::Mode) -> impl Iterator<Item = &Binding<T>> {
        (self.bindings.iter()).filter(move |binding| binding.section.mode() == mode)
    }

    /// The bindings that help and README explain, in table order.
    pub fn explained(&self) -> impl Iterator<Item = &Binding<T>> {
        (self.bindings.iter()).filter(|binding| !binding.explanation.is_empty())
    }

    /// The table in the README.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from("| | Key | What it does |\n|---|---|---|\n");
        let mut last = None;
        for binding in self.explained() {
            let title = match last == Some(binding.section) {
                true => "",
                false => binding.section.title(),
            };
            last = Some(binding.section);
            let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            text += &format!(
                "| {title} | {} | {} |\n",
                keys.join(" "),
                binding.explanation
            );
        }
        text
    }
}

impl<T: KeyTable> Binding<T> {
    /// The name of the action in a configuration, such as `retry-all-failed`.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = String::new();
        for c in format!("{:?}", self.action).chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

impl KeyMistake {
    /// There is no such action; suggests one of `names`.
    #[must_use]
    pub fn unknown(action: &str, names: impl Iterator<Item = String>) -> Self {
        match nearest(action, names) {
            Some(nearest) => Self::SimilarAction(action.into(), nearest),
            None => Self::UnknownAction(action.into()),
        }
    }
}

/// The most similar name.
pub(super) fn nearest(written: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&name, written), name))
        .filter(|(alike, _)| *alike > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The name of a key press in a table.
fn name(event: &KeyEvent) -> Option<String> {
    let plain = match event.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
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

/// The key press of this name.
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
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
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

/// Whether a key exists and may be configured.
fn is_key(key: &str) -> bool {
    event(key).and_then(|event| name(&event)).as_deref() == Some(key)
        && !matches!(key, "esc" | "ctrl-c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{browse, keymap};

    fn set(keymap: &mut keymap::Keymap, action: &str, keys: &[&str]) -> Result<bool, KeyMistake> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keymap.set(action, &keys)
    }

    #[test]
    fn a_configured_key_takes_the_place_of_the_old_one() {
        let mut keymap = keymap::Keymap::default();
        assert_eq!(set(&mut keymap, "retry", &["ctrl-r", "delete"]), Ok(true));
        let press = |name| keymap.action(keymap::Mode::Panes, &event(name).unwrap());
        assert_eq!(press("ctrl-r"), Some(keymap::Action::Retry));
        assert_eq!(press("delete"), Some(keymap::Action::Retry));
        assert_eq!(press("r"), None);
        assert_eq!(keymap.conflict("retry"), None);
    }

    #[test]
    fn a_wrong_key_explanation_what_is_wrong() {
        let mut keymap = keymap::Keymap::default();
        let message = |mistake: Result<bool, KeyMistake>| mistake.unwrap_err().to_string();
        assert_eq!(set(&mut keymap, "retri", &["x"]), Ok(false));
        assert_eq!(
            KeyMistake::unknown("retri", keymap.names()).to_string(),
            "there is no action retri (did you mean retry?)"
        );
        assert!(
            message(set(&mut keymap, "retry", &["hyper-x"])).starts_with("hyper-x is not a key")
        );
        assert!(message(set(&mut keymap, "interrupt", &["x"])).contains("a way to leave"));
        set(&mut keymap, "retry", &["s"]).unwrap();
        assert_eq!(
            keymap.conflict("retry").map(|mistake| mistake.to_string()),
            Some("s already means skip".into())
        );
    }

    #[test]
    fn every_key_of_a_table_is_the_name_of_its_press() {
        let batch = keymap::Section::ROWS.iter().map(|row| row.keys);
        let browser = browse::keymap::Section::ROWS.iter().map(|row| row.keys);
        for key in batch.chain(browser).flat_map(|keys| keys.split(' ')) {
            assert_eq!(name(&event(key).unwrap()).as_deref(), Some(key));
        }
    }
}
