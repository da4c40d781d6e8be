//! Which program copies an image.
//!
//! Decides the choices and their names, and which options of skopeo nobody may set. Invariant: an image has one engine
//! for all its attempts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ends of the names of skopeo's options that carry a secret, or name a file with secrets.
const SECRET_ENDS: [&str; 6] = [
    "creds",
    "password",
    "username",
    "token",
    "authfile",
    "passphrase-file",
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyEngine {
    /// This program itself.
    #[default]
    Native,
    /// A skopeo that this program runs and watches.
    Skopeo,
}

impl CopyEngine {
    pub const ALL: [Self; 2] = [Self::Native, Self::Skopeo];

    /// Its name in lists and in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Skopeo => "skopeo",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.word() == word)
    }

    /// Whether an argument of skopeo is an option that carries a secret or names a file with secrets, such as
    /// `--dest-creds`. Every user of a machine can read the arguments of its processes.
    #[must_use]
    pub fn is_secret_option(argument: &str) -> bool {
        let Some(option) = argument.strip_prefix("--") else {
            return false;
        };
        let name = option.split('=').next().unwrap_or_default();
        let ends_with = |end: &str| {
            let before = name.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('-'))
        };
        SECRET_ENDS.into_iter().any(ends_with) && !name.ends_with("no-creds")
    }

    #[must_use]
    pub fn is_native(&self) -> bool {
        *self == Self::Native
    }
}

impl fmt::Display for CopyEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_carry_secrets_are_recognized() {
        for secret in [
            "--dest-creds=a:b",
            "--creds",
            "--src-password",
            "--dest-registry-token=x",
            "--authfile=/root/auth.json",
            "--sign-passphrase-file=x",
        ] {
            assert!(CopyEngine::is_secret_option(secret), "{secret}");
        }
        for harmless in [
            "--src-no-creds",
            "--retry-times=3",
            "--policy",
            "token",
            "--debug",
        ] {
            assert!(!CopyEngine::is_secret_option(harmless), "{harmless}");
        }
    }
}
