//! The commands that CI services read from the output of a job: groups of lines, and failures that they show on a page
//! of their own.
//!
//! Decides which service it is, and how lines are written for it. Invariant: text from registries and lists is no
//! command to the service.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{
    batch::Board,
    present::{self, CauseGroup},
};

/// GitHub shows this many errors of a step.
const MAX_ERRORS: usize = 10;

/// The service that runs this process and reads its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CiService {
    #[default]
    None,
    GitHub,
    GitLab,
}

impl CiService {
    /// Detects it by the variables that services set.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_true = |name| variable(name).is_some_and(|value| value == "true");
        match (is_true("GITHUB_ACTIONS"), is_true("GITLAB_CI")) {
            (true, _) => Self::GitHub,
            (false, true) => Self::GitLab,
            (false, false) => Self::None,
        }
    }

    /// Begins the group of the lines about images.
    pub(super) fn begin_group(self, board: &Board, at: Timestamp) -> Option<String> {
        let title = format!("Images of {}", present::sanitize(&board.list));
        match self {
            Self::None => None,
            Self::GitHub => Some(format!("::group::{}\n", data(&title))),
            Self::GitLab => Some(format!(
                "\x1b[0Ksection_start:{}:{}\r\x1b[0K{title}\n",
                at.as_second(),
                section(board)
            )),
        }
    }

    /// Ends it.
    pub(super) fn end_group(self, board: &Board, at: Timestamp) -> Option<String> {
        match self {
            Self::None => None,
            Self::GitHub => Some("::endgroup::\n".into()),
            Self::GitLab => Some(format!(
                "\x1b[0Ksection_end:{}:{}\r\x1b[0K\n",
                at.as_second(),
                section(board)
            )),
        }
    }

    /// The failures, one for each cause.
    pub(super) fn failures(self, board: &Board) -> Option<String> {
        match self {
            Self::None | Self::GitLab => None,
            Self::GitHub => {
                let groups = present::causes(board, board.failed());
                let errors = groups
                    .iter()
                    .take(MAX_ERRORS)
                    .map(|group| error(board, group));
                Some(errors.collect()).filter(|errors: &String| !errors.is_empty())
            }
        }
    }

    /// Lines that the service takes for text.
    pub(super) fn plain_text(self, lines: &str) -> Cow<'_, str> {
        match self {
            // GitLab's commands need control characters, which are removed from all text.
            Self::None | Self::GitLab => Cow::Borrowed(lines),
            Self::GitHub if !lines.contains("::") && !lines.contains("##[") => Cow::Borrowed(lines),
            Self::GitHub => {
                let line = |line: &str| {
                    let begin = line.len() - line.trim_start().len();
                    let (before, text) = line.split_at(begin);
                    // A command begins a line; in its older form it may be anywhere.
                    let text = text.replace("##[", "## [");
                    match text.strip_prefix("::") {
                        Some(rest) => format!("{before}: :{rest}"),
                        None => format!("{before}{text}"),
                    }
                };
                Cow::Owned(lines.split_inclusive('\n').map(line).collect())
            }
        }
    }

    /// A line of JSON that the service takes for text.
    pub(super) fn plain_json(self, line: String) -> String {
        match self {
            Self::None | Self::GitLab => line,
            Self::GitHub => line.replace("##[", "\\u0023#["),
        }
    }
}

/// An error that GitHub shows above the log.
fn error(board: &Board, group: &CauseGroup) -> String {
    let first = group.jobs.first().and_then(|job| board.job(*job));
    let remedy = first.and_then(|view| view.cause()).map(present::remedy);
    let image = first.map_or_else(String::new, |view| view.job.spec.source.to_string());
    let images = match group.jobs.len() {
        1 => image,
        images => format!("{}, such as {image}", present::count(images, "image")),
    };
    let (side, message, origin) = (group.cause.side, &group.cause.message, group.cause.origin());
    let text = format!(
        "{side} {message} ({origin}): {images}\n{}",
        remedy.unwrap_or_default()
    );
    let title = format!("{} failed", present::count(group.jobs.len(), "image"));
    format!("::error title={}::{}\n", property(&title), data(&text))
}

/// The text of a command of GitHub.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property of such a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A name of GitLab's section that is unique in its job.
fn section(board: &Board) -> String {
    let batch = board.batch.as_ref().map_or("batch", |batch| &batch.0);
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    format!("transship_{}", batch.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_detected_by_its_variable() {
        let detect = |set: &str| CiService::detect(|name| (name == set).then(|| "true".into()));
        assert_eq!(detect("GITHUB_ACTIONS"), CiService::GitHub);
        assert_eq!(detect("GITLAB_CI"), CiService::GitLab);
        assert_eq!(detect("CI"), CiService::None);
        assert_eq!(CiService::detect(|_| Some("false".into())), CiService::None);
    }

    #[test]
    fn text_is_no_command_of_github() {
        let lines = "::add-mask::x\n  ::error::x\n  a::b ##[error]x\n\u{a0}::debug::x\n";
        assert_eq!(
            CiService::GitHub.plain_text(lines),
            ": :add-mask::x\n  : :error::x\n  a::b ## [error]x\n\u{a0}: :debug::x\n"
        );
        assert_eq!(CiService::None.plain_text(lines), lines);
        let json = CiService::GitHub.plain_json(r###"{"text":"##[error]x"}"###.into());
        assert!(!json.contains("##["), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["text"], "##[error]x");
    }

    #[test]
    fn a_property_cannot_end_early() {
        assert_eq!(property("a:b,c%\n::"), "a%3Ab%2Cc%25%0A%3A%3A");
    }
}
