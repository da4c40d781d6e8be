//! A program of a list, with its arguments.

use std::{fmt, ops::Range, path::PathBuf};

/// A program and its arguments.
#[derive(Clone, Debug, Eq)]
pub struct CommandLine {
    pub words: Vec<String>,
    /// The working directory; empty for that of this program.
    pub directory: PathBuf,
    /// Its place in the list.
    pub(super) at: Range<usize>,
}

/// Does not compare the places in the list.
impl PartialEq for CommandLine {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.directory == other.directory
    }
}

impl fmt::Display for CommandLine {
    /// Words are separated by spaces; one with special characters is quoted.
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
