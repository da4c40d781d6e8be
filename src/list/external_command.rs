//! A program of a list, with its arguments.

use std::{fmt, ops::Range, path::PathBuf};

/// A program and its arguments.
#[derive(Clone, Debug, Eq)]
pub struct CommandLine {
    pub words: Vec<String>,
    /// Where it runs; empty for the directory this program runs in.
    pub directory: PathBuf,
    /// Where it is written.
    pub(super) at: Range<usize>,
}

/// Two commands are the same wherever they are written.
impl PartialEq for CommandLine {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.directory == other.directory
    }
}

impl fmt::Display for CommandLine {
    /// Words are separated by spaces; one that is not plain is quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.words.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,{}".contains(c);
            match !word.is_empty() && word.chars().all(plain) {
                true => f.write_str(word)?,
                false => write!(f, "{word:?}")?,
            }
        }
        Ok(())
    }
}
