//! The configuration file of the interface: theme, glyphs, columns, keys, and actions at the end of a batch.
//!
//! Parses text and reads no file. Invariant: all mistakes are reported together, each with its position.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use serde::{Deserialize, de::IntoDeserializer as _};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Options,
    bindings::{KeyMistake, nearest},
    browse,
    columns::Column,
    keymap::Keymap,
    theme::Theme,
};
use crate::present::{Glyphs, sanitize};

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Config {
    file: File,
    keys: Keymap,
    browser_keys: browse::keymap::Keymap,
}

/// A mistake, and its bytes in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMistake {
    pub at: Range<usize>,
    pub message: String,
}

/// The file's keys.
const KEYS: [&str; 6] = ["theme", "glyphs", "columns", "bell", "on-finish", "keys"];

#[derive(Clone, Debug, Default)]
struct File {
    theme: Option<ThemeChoice>,
    glyphs: Option<GlyphSet>,
    columns: Vec<Column>,
    bell: bool,
    /// A program and its arguments.
    on_finish: Vec<String>,
    keys: Vec<(Spanned<String>, Vec<String>)>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ThemeChoice {
    Auto,
    Dark,
    Light,
    Mono,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum GlyphSet {
    Unicode,
    Ascii,
}

/// Reads values, and continues after a mistake.
struct Reader {
    mistakes: Vec<ConfigMistake>,
}

impl Reader {
    fn mistake(&mut self, at: Range<usize>, message: &str) {
        self.mistakes.push(ConfigMistake {
            at,
            message: sanitize(message).into_owned(),
        });
    }

    fn value<T: serde::de::DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        let at = value.span();
        match T::deserialize(value.into_deserializer()) {
            Ok(read) => Some(read),
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                self.mistake(error.span().unwrap_or(at), &message);
                None
            }
        }
    }

    /// The elements of an array, each read by itself.
    fn values<T: serde::de::DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Vec<T> {
        match value.get_ref() {
            DeValue::Array(elements) => {
                let elements = elements.clone().into_iter();
                elements.filter_map(|element| self.value(element)).collect()
            }
            _ => {
                self.mistake(value.span(), "this must be an array: [\"...\"]");
                Vec::new()
            }
        }
    }

    fn keys(&mut self, value: Spanned<DeValue<'_>>) -> Vec<(Spanned<String>, Vec<String>)> {
        let DeValue::Table(table) = value.get_ref() else {
            self.mistake(value.span(), "keys must be a table: [keys]");
            return Vec::new();
        };
        let mut keys = Vec::new();
        for (action, configured) in table.clone() {
            let name = Spanned::new(action.span(), action.get_ref().to_string());
            let configured = match configured.get_ref() {
                DeValue::String(key) => vec![key.to_string()],
                _ => self.values(configured),
            };
            keys.push((name, configured));
        }
        keys
    }

    fn file(&mut self, text: &str, others: &[&str]) -> File {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count();
        let mut unreadable = BTreeSet::new();
        for error in &errors {
            let at = error.span().unwrap_or_default();
            // The first mistake of a line causes the others.
            if unreadable.insert(line(at.start)) {
                self.mistake(at, error.message());
            }
        }
        let mut file = File::default();
        for (key, value) in table.into_inner() {
            // A line that is not TOML has been reported.
            if unreadable.contains(&line(key.span().start)) {
                continue;
            }
            match &**key.get_ref() {
                "theme" => file.theme = self.value(value),
                "glyphs" => file.glyphs = self.value(value),
                "columns" => file.columns = self.values(value),
                "bell" => file.bell = self.value(value).unwrap_or_default(),
                "on-finish" => file.on_finish = self.values(value),
                "keys" => file.keys = self.keys(value),
                other if others.contains(&other) => {}
                other => {
                    let keys: Vec<&str> = KEYS.into_iter().chain(others.iter().copied()).collect();
                    let nearest = nearest(other, keys.iter().map(ToString::to_string));
                    let hint = nearest.map_or_else(
                        || format!("the keys are {}", keys.join(", ")),
                        |nearest| format!("did you mean {nearest}?"),
                    );
                    self.mistake(key.span(), &format!("there is no key {other} ({hint})"));
                }
            }
        }
        file
    }
}

impl Config {
    /// `others` are the keys of the file that are not about the interface.
    ///
    /// # Errors
    /// With all mistakes.
    pub fn read(text: &str, others: &[&str]) -> Result<Self, Vec<ConfigMistake>> {
        let mut reader = Reader {
            mistakes: Vec::new(),
        };
        let file = reader.file(text, others);
        let mut keys = Keymap::default();
        let mut browser_keys = browse::keymap::Keymap::default();
        for (action, configured) in &file.keys {
            let name = action.get_ref();
            // An action of both screens has the same keys in both.
            let mistake = match (
                keys.set(name, configured),
                browser_keys.set(name, configured),
            ) {
                (Err(mistake), _) | (_, Err(mistake)) => mistake,
                (Ok(false), Ok(false)) => {
                    KeyMistake::unknown(name, keys.names().chain(browser_keys.names()))
                }
                (Ok(_), Ok(_)) => continue,
            };
            reader.mistake(action.span(), &mistake.to_string());
        }
        for (action, _) in &file.keys {
            let name = action.get_ref();
            if let Some(mistake) = keys.conflict(name) {
                reader.mistake(action.span(), &mistake.to_string());
            } else if let Some(mistake) = browser_keys.conflict(name) {
                reader.mistake(action.span(), &format!("{mistake} in the browser"));
            }
        }
        let mut mistakes = reader.mistakes;
        match mistakes.is_empty() {
            true => Ok(Self {
                file,
                keys,
                browser_keys,
            }),
            false => {
                mistakes.sort_by_key(|mistake| mistake.at.start);
                Err(mistakes)
            }
        }
    }

    /// The configured theme; none if the terminal's background decides.
    #[must_use]
    pub fn theme(&self) -> Option<Theme> {
        match self.file.theme? {
            ThemeChoice::Auto => None,
            ThemeChoice::Dark => Some(Theme::Dark),
            ThemeChoice::Light => Some(Theme::Light),
            ThemeChoice::Mono => Some(Theme::Mono),
        }
    }

    /// Overrides what was detected, except `NO_COLOR`.
    pub fn apply(self, options: &mut Options) {
        if let Some(theme) = self.theme().filter(|_| options.theme != Theme::Mono) {
            options.theme = theme;
        }
        match self.file.glyphs {
            Some(GlyphSet::Unicode) => options.glyphs = Glyphs::UNICODE,
            Some(GlyphSet::Ascii) => options.glyphs = Glyphs::ASCII,
            None => {}
        }
        if !self.file.columns.is_empty() {
            options.columns = self.file.columns;
        }
        options.on_finish.bell = self.file.bell;
        options.on_finish.command = self.file.on_finish;
        options.keys = Arc::new(self.keys);
        options.browser_keys = Arc::new(self.browser_keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::bindings;

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let mistakes = Config::read(text, &[]).unwrap_err();
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        (mistakes.into_iter())
            .map(|mistake| (line(mistake.at.start), mistake.message))
            .collect()
    }

    #[test]
    fn what_is_configured_is_applied() {
        let text = r#"
            theme = "light"
            glyphs = "ascii"
            columns = ["state", "image", "cause"]
            bell = true
            on-finish = ["notify-send", "done"]

            [keys]
            retry = "x"
            skip = ["delete", "ctrl-x"]
        "#;
        let mut options = Options::detect(|_| None);
        Config::read(text, &[]).unwrap().apply(&mut options);
        assert_eq!(options.theme, Theme::Light);
        assert_eq!(options.glyphs, Glyphs::ASCII);
        assert_eq!(options.columns.len(), 3);
        assert!(options.on_finish.bell);
        assert_eq!(options.on_finish.command, ["notify-send", "done"]);
        let mut expected = Keymap::default();
        expected.set("retry", &["x".into()]).unwrap();
        let skip = ["delete".into(), "ctrl-x".into()];
        expected.set("skip", &skip).unwrap();
        assert_eq!(*options.keys, expected);
    }

    #[test]
    fn no_color_goes_before_a_configured_theme() {
        let mut options = Options::detect(|name| (name == "NO_COLOR").then(|| "1".into()));
        let config = Config::read("theme = \"dark\"", &[]).unwrap();
        config.apply(&mut options);
        assert_eq!(options.theme, Theme::Mono);
    }

    #[test]
    fn every_wrong_key_is_reported_with_its_line() {
        let text = "[keys]\nretri = \"x\"\nskip = \"q\"\nzoom = \"hyper\"\n";
        let mistakes = mistakes(text);
        let lines: Vec<usize> = mistakes.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(mistakes[1].1, "q already means quit");
    }

    #[test]
    fn the_browser_has_the_keys_of_the_actions_it_has() {
        let config = Config::read("[keys]\nzoom = \"Z\"\ncompare = \"D\"\n", &[]).unwrap();
        let mut options = Options::detect(|_| None);
        config.apply(&mut options);
        let press = |key| {
            let event = bindings::event(key).unwrap();
            (options.browser_keys).action(browse::keymap::Mode::Panes, &event)
        };
        assert_eq!(press("Z"), Some(browse::keymap::Action::Zoom));
        assert_eq!(press("D"), Some(browse::keymap::Action::Compare));
        assert_eq!(press("z"), None);
        // Only the browser uses `h`.
        let mistakes = mistakes("[keys]\nzoom = \"h\"\n");
        assert_eq!(
            mistakes,
            [(2, "h already means close in the browser".into())]
        );
    }

    #[test]
    fn an_unknown_name_is_reported_with_its_line() {
        let mistakes = mistakes("bell = true\ntheem = \"dark\"\n");
        assert_eq!(mistakes[0].0, 2);
        assert!(mistakes[0].1.contains("theem"), "{}", mistakes[0].1);
        assert!(
            mistakes[0].1.contains("did you mean theme?"),
            "{}",
            mistakes[0].1
        );
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let text = "theme = \"dusk\"\ncolumns = [\"state\", \"colour\", 3]\nbell = \"loud\"\n\
                    glyphs == 1\nfrob = 1\n[keys]\nretry = \"hyper\"\nskip = 4\nretri = \"x\"\n";
        let reported = mistakes(text);
        let lines: Vec<usize> = reported.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 2, 3, 4, 5, 7, 8, 9], "{reported:#?}");
        let colour = &Config::read(text, &[]).unwrap_err()[1];
        assert_eq!(&text[colour.at.clone()], "\"colour\"");
    }
}
