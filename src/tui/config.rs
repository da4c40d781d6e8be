//! What an operator may configure: theme, glyphs, columns, keys, and what happens at the end.
//!
//! Decides the file's keys and what is wrong with them; reads no file. Invariant: everything wrong with the keys
//! is told at once, each with its line.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use toml::Spanned;

use super::{Options, browse, columns::Column, keymap::KeyMistake, keys::Keymap, theme::Theme};
use crate::present::{Glyphs, plain};

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Config {
    file: File,
    keys: Keymap,
    browser_keys: browse::keys::Keymap,
}

/// Something wrong, and the line it is on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMistake {
    pub line: usize,
    pub message: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    theme: Option<Wish>,
    glyphs: Option<GlyphSet>,
    columns: Option<Vec<Column>>,
    #[serde(default)]
    bell: bool,
    /// A program and its arguments.
    #[serde(default)]
    on_finish: Vec<String>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<Keys>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wish {
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

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

impl Config {
    /// # Errors
    /// With everything that is wrong.
    pub fn read(text: &str) -> Result<Self, Vec<ConfigMistake>> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            vec![ConfigMistake {
                line: error.span().map_or(1, |span| line(span.start)),
                message: plain(&message).into_owned(),
            }]
        })?;
        let mut keys = Keymap::default();
        let mut browser_keys = browse::keys::Keymap::default();
        let mut mistakes = Vec::new();
        let mut mistaken = |at: usize, message: String| {
            mistakes.push(ConfigMistake {
                line: line(at),
                message: plain(&message).into_owned(),
            });
        };
        for (action, wanted) in &file.keys {
            let wanted = match wanted.get_ref() {
                Keys::One(key) => std::slice::from_ref(key),
                Keys::Several(keys) => keys,
            };
            let name = action.get_ref();
            // An action both have has the same keys in both.
            let mistake = match (keys.set(name, wanted), browser_keys.set(name, wanted)) {
                (Err(mistake), _) | (_, Err(mistake)) => mistake,
                (Ok(false), Ok(false)) => {
                    KeyMistake::unknown(name, keys.names().chain(browser_keys.names()))
                }
                (Ok(_), Ok(_)) => continue,
            };
            mistaken(action.span().start, mistake.to_string());
        }
        for action in file.keys.keys() {
            let name = action.get_ref();
            if let Some(mistake) = keys.conflict(name) {
                mistaken(action.span().start, mistake.to_string());
            } else if let Some(mistake) = browser_keys.conflict(name) {
                mistaken(action.span().start, format!("{mistake} in the browser"));
            }
        }
        match mistakes.is_empty() {
            true => Ok(Self {
                file,
                keys,
                browser_keys,
            }),
            false => {
                mistakes.sort_by_key(|mistake| mistake.line);
                Err(mistakes)
            }
        }
    }

    /// The theme asked for; none when the terminal's background decides.
    #[must_use]
    pub fn theme(&self) -> Option<Theme> {
        match self.file.theme? {
            Wish::Auto => None,
            Wish::Dark => Some(Theme::Dark),
            Wish::Light => Some(Theme::Light),
            Wish::Mono => Some(Theme::Mono),
        }
    }

    /// What is configured goes before what the environment says, except that `NO_COLOR` stays.
    pub fn apply(self, options: &mut Options) {
        if let Some(theme) = self.theme().filter(|_| options.theme != Theme::Mono) {
            options.theme = theme;
        }
        match self.file.glyphs {
            Some(GlyphSet::Unicode) => options.glyphs = Glyphs::UNICODE,
            Some(GlyphSet::Ascii) => options.glyphs = Glyphs::ASCII,
            None => {}
        }
        if let Some(columns) = self.file.columns.filter(|columns| !columns.is_empty()) {
            options.columns = columns;
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
    use crate::tui::keymap;

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let mistakes = Config::read(text).unwrap_err();
        (mistakes.into_iter())
            .map(|mistake| (mistake.line, mistake.message))
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
        Config::read(text).unwrap().apply(&mut options);
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
        let config = Config::read("theme = \"dark\"").unwrap();
        config.apply(&mut options);
        assert_eq!(options.theme, Theme::Mono);
    }

    #[test]
    fn every_wrong_key_is_told_with_its_line() {
        let text = "[keys]\nretri = \"x\"\nskip = \"q\"\nzoom = \"hyper\"\n";
        let mistakes = mistakes(text);
        let lines: Vec<usize> = mistakes.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(mistakes[1].1, "q means quit already");
    }

    #[test]
    fn the_browser_has_the_keys_of_the_actions_it_has() {
        let config = Config::read("[keys]\nzoom = \"Z\"\ncompare = \"D\"\n").unwrap();
        let mut options = Options::detect(|_| None);
        config.apply(&mut options);
        let press = |key| {
            let event = keymap::event(key).unwrap();
            (options.browser_keys).action(browse::keys::Mode::Panes, &event)
        };
        assert_eq!(press("Z"), Some(browse::keys::Action::Zoom));
        assert_eq!(press("D"), Some(browse::keys::Action::Compare));
        assert_eq!(press("z"), None);
        // The batch's screen leaves `h` free, the browser does not.
        let mistakes = mistakes("[keys]\nzoom = \"h\"\n");
        assert_eq!(
            mistakes,
            [(2, "h means close already in the browser".into())]
        );
    }

    #[test]
    fn an_unknown_word_is_told_with_its_line() {
        let mistakes = mistakes("bell = true\ntheem = \"dark\"\n");
        assert_eq!(mistakes[0].0, 2);
        assert!(mistakes[0].1.contains("theem"), "{}", mistakes[0].1);
        assert_eq!(
            super::Config::read("columns = [\"colour\"]").unwrap_err()[0].line,
            1
        );
    }
}
