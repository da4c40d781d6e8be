//! The formats of a report, and which one the name of a file means.

use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page with charts, for a browser or a printer.
    Html,
    Markdown,
    /// One row an image.
    Csv,
    Json,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Html, Self::Markdown, Self::Csv, Self::Json];

    /// The ending of its files, and its name on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// The format of a file with this name.
    #[must_use]
    pub fn of_file(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match &*ending {
            "htm" => Some(Self::Html),
            "markdown" => Some(Self::Markdown),
            ending => Self::from_word(ending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_file_is_its_format() {
        let of = |name: &str| Format::of_file(Path::new(name));
        assert_eq!(of("out/report.HTML"), Some(Format::Html));
        assert_eq!(of("report.md"), Some(Format::Markdown));
        assert_eq!(of("report.csv"), Some(Format::Csv));
        assert_eq!(of("report.json"), Some(Format::Json));
        assert_eq!((of("report.pdf"), of("csv")), (None, None));
    }
}
