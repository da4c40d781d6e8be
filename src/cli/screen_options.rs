//! The options of the screen: from the environment, the configuration file, and the background of the terminal, in this
//! order.
//!
//! Invariant: a wrong configuration fails, with its lines, before anything is written.

use std::{fs, io, time::Duration};

use anyhow::Context;
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::output::shown;
use crate::{list::Mistakes, tui};

/// How long to wait for the terminal to report its background; a slow connection needs a moment.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn detect() -> anyhow::Result<tui::Options> {
    let mut options = tui::Options::detect(|name| std::env::var(name).ok());
    let theme = configure(&mut options)?;
    if theme.is_none() && options.theme == tui::Theme::Dark {
        let mut query = QueryOptions::default();
        query.timeout = BACKGROUND_TIMEOUT;
        if let Ok(ThemeMode::Light) = theme_mode(query) {
            options.theme = tui::Theme::Light;
        }
    }
    Ok(options)
}

/// Applies the configuration file, if there is one. Returns its theme.
fn configure(options: &mut tui::Options) -> anyhow::Result<Option<tui::Theme>> {
    let Some(directories) = directories::ProjectDirs::from("", "", "transship") else {
        return Ok(None);
    };
    let path = directories.config_dir().join("config.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", shown(&path)));
        }
    };
    match tui::Config::read(&text) {
        Ok(config) => {
            let theme = config.theme();
            config.apply(options);
            Ok(theme)
        }
        Err(mistakes) => {
            let mistakes = mistakes.into_iter();
            let mistakes = mistakes.map(|mistake| (mistake.at, mistake.message));
            Err(Mistakes::of_file(&shown(&path), &text, mistakes.collect()).into())
        }
    }
}
