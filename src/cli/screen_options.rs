//! The options of the screen: from the environment, the configuration file, and the background of the terminal, in this
//! order.
//!
//! Invariant: a wrong configuration fails, with its lines, before anything is written.

use std::time::Duration;

use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::configuration::Configuration;
use crate::tui;

/// How long to wait for the terminal to report its background; a slow connection needs a moment.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn detect() -> anyhow::Result<tui::Options> {
    let mut options = tui::Options::detect(|name| std::env::var(name).ok());
    let config = Configuration::read()?.interface()?;
    let theme = config.theme();
    config.apply(&mut options);
    if theme.is_none() && options.theme == tui::Theme::Dark {
        let mut query = QueryOptions::default();
        query.timeout = BACKGROUND_TIMEOUT;
        if let Ok(ThemeMode::Light) = theme_mode(query) {
            options.theme = tui::Theme::Light;
        }
    }
    Ok(options)
}
