//! Rendering options (theme, glyphs, columns), key tables, and what happens when the batch ends.

use std::sync::Arc;

use super::{browse, columns::Column, keymap::Keymap, theme::Theme};
use crate::present::{Commands, Glyphs};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub theme: Theme,
    pub glyphs: Glyphs,
    /// The attempts an image may have, for "2 of 5".
    pub attempts: Option<u16>,
    /// The columns of the table; narrow terminals show fewer.
    pub columns: Vec<Column>,
    pub keys: Arc<Keymap>,
    pub browser_keys: Arc<browse::keymap::Keymap>,
    pub on_finish: OnFinish,
    /// Writes the commands that continue the batch.
    pub commands: Commands,
}

/// What happens when every image has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnFinish {
    pub bell: bool,
    /// A program and its arguments.
    pub command: Vec<String>,
}

impl Options {
    /// Options from the environment: no colour with `NO_COLOR` or a dumb terminal, ASCII unless the locale is UTF-8.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let terminal = set("TERM");
        let plain = matches!(terminal.as_deref(), Some("dumb" | "vt100" | "vt220"));
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self {
            theme: match plain || set("NO_COLOR").is_some() {
                true => Theme::Mono,
                false => Theme::Dark,
            },
            glyphs: match utf8 && terminal.as_deref() != Some("linux") {
                true => Glyphs::UNICODE,
                false => Glyphs::ASCII,
            },
            attempts: None,
            columns: Column::ALL.to_vec(),
            keys: Arc::default(),
            browser_keys: Arc::default(),
            on_finish: OnFinish::default(),
            commands: Commands::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(environment: &[(&str, &str)]) -> (Theme, Glyphs) {
        let options = Options::detect(|name| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        (options.theme, options.glyphs)
    }

    #[test]
    fn no_color_takes_the_colours_and_an_empty_one_does_not() {
        let utf8 = ("LANG", "en_US.UTF-8");
        let mono = (Theme::Mono, Glyphs::UNICODE);
        assert_eq!(detected(&[utf8, ("NO_COLOR", "1")]), mono);
        assert_eq!(detected(&[utf8, ("NO_COLOR", "")]).0, Theme::Dark);
        assert_eq!(detected(&[utf8, ("TERM", "dumb")]), mono);
    }

    #[test]
    fn the_first_locale_variable_decides_about_glyphs() {
        assert_eq!(detected(&[("LANG", "de_DE.utf8")]).1, Glyphs::UNICODE);
        assert_eq!(
            detected(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).1,
            Glyphs::ASCII
        );
        assert_eq!(detected(&[]).1, Glyphs::ASCII);
    }
}
