//! What `docker images`, `podman images`, `nerdctl images` and `crictl images` print.
//!
//! Decides which columns name an image. Images without a tag, and those that were built here, are no references to a
//! registry. Invariant: an image that is named twice is written once.

use super::{draft::Draft, quote::quote, text_lines::lines};

const NONE: &str = "<none>";

/// The columns, as the first line has them.
#[derive(Clone, Copy)]
enum Columns {
    /// `REPOSITORY TAG`, with crictl `IMAGE TAG`
    RepositoryTag,
    /// `REPOSITORY TAG DIGEST`
    RepositoryTagDigest,
    /// `IMAGE`
    Image,
}

/// Whether a line is the first one of such a table.
pub(super) fn is_header(line: &str) -> bool {
    columns(line).is_some()
}

fn columns(line: &str) -> Option<Columns> {
    let words: Vec<&str> = line.split_whitespace().take(3).collect();
    match words[..] {
        ["REPOSITORY", "TAG", "DIGEST"] => Some(Columns::RepositoryTagDigest),
        ["REPOSITORY" | "IMAGE", "TAG", ..] => Some(Columns::RepositoryTag),
        ["IMAGE", "ID", ..] => Some(Columns::Image),
        _ => None,
    }
}

pub(super) fn read(text: &str, draft: &mut Draft) {
    let mut lines = lines(text).peekable();
    let header = lines.peek().and_then(|(_, line)| columns(line));
    if header.is_some() {
        lines.next();
    }
    let columns = header.unwrap_or(Columns::RepositoryTag);
    for (number, line) in lines {
        let mut words = line.split_whitespace();
        let mut next = || words.next().unwrap_or(NONE);
        let name = match columns {
            Columns::Image => Some(next().to_owned()).filter(|name| !name.contains(NONE)),
            Columns::RepositoryTag => match (next(), next()) {
                (NONE, _) | (_, NONE) => None,
                (repository, tag) => Some(format!("{repository}:{tag}")),
            },
            Columns::RepositoryTagDigest => match (next(), next(), next()) {
                (NONE, ..) | (_, NONE, NONE) => None,
                (repository, NONE, digest) => Some(format!("{repository}@{digest}")),
                (repository, tag, _) => Some(format!("{repository}:{tag}")),
            },
        };
        match name {
            None => draft.comment(
                number,
                format!(
                    "{} has no tag, so no registry can be asked for it",
                    quote(line)
                ),
            ),
            Some(name) if name.starts_with("localhost/") => draft.comment(
                number,
                format!(
                    "{} was built here: copy it from docker-daemon: or containers-storage:",
                    quote(&name)
                ),
            ),
            Some(name) => draft.name_once(number, &name),
        }
    }
}
