//! The configuration file of the user: `config.toml` in the user's configuration directory.
//!
//! Decides where it is and which part of the program reads which key. Invariant: a wrong file fails with its lines before
//! anything is written.

use std::{fs, io, ops::Range};

use anyhow::Context as _;
use serde::Deserialize;
use toml::Spanned;

use super::output::shown;
use crate::{
    list::{Mistakes, SkopeoSettings},
    metrics::{ListenAddress, ListenAddressError},
    tui,
};

/// The keys that are not about the interface.
const OTHER_KEYS: [&str; 2] = ["metrics", "skopeo"];

/// The file's text. Each part of the program reads its own keys.
pub(super) struct Configuration {
    /// As messages name it.
    name: String,
    text: String,
}

impl Configuration {
    /// The user's configuration; empty without a file.
    pub(super) fn read() -> anyhow::Result<Self> {
        let empty = Self {
            name: String::new(),
            text: String::new(),
        };
        let Some(directories) = directories::ProjectDirs::from("", "", "transship") else {
            return Ok(empty);
        };
        let path = directories.config_dir().join("config.toml");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self {
                name: shown(&path),
                text,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(empty),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", shown(&path))),
        }
    }

    /// The keys of the interface.
    pub(super) fn interface(&self) -> anyhow::Result<tui::Config> {
        tui::Config::read(&self.text, &OTHER_KEYS).map_err(|mistakes| {
            let mistakes = mistakes.into_iter();
            self.wrong(
                mistakes
                    .map(|mistake| (mistake.at, mistake.message))
                    .collect(),
            )
        })
    }

    /// The address of the endpoint for metrics.
    pub(super) fn metrics(&self) -> anyhow::Result<Option<ListenAddress>> {
        #[derive(Deserialize)]
        struct Keys {
            metrics: Option<Spanned<String>>,
        }
        let keys: Keys = toml::from_str(&self.text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            self.wrong(vec![(at, error.message().to_owned())])
        })?;
        let Some(text) = keys.metrics else {
            return Ok(None);
        };
        let address = text.get_ref().parse();
        let wrong = |error: ListenAddressError| self.wrong(vec![(text.span(), error.to_string())]);
        address.map(Some).map_err(wrong)
    }

    /// How skopeo is found and run, as far as it is written.
    pub(super) fn skopeo(&self) -> anyhow::Result<SkopeoSettings> {
        Ok(SkopeoSettings::of_configuration(&self.name, &self.text)?)
    }

    /// The error for mistakes at these bytes of the file.
    fn wrong(&self, mistakes: Vec<(Range<usize>, String)>) -> anyhow::Error {
        Mistakes::of_file(&self.name, &self.text, mistakes).into()
    }
}
