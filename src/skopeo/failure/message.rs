//! Finds the message of the error among the last lines that skopeo printed.
//!
//! Decides which line it is: on a pipe logfmt with `level=fatal`, on a terminal `FATA[0000]`. Invariant: escapes of the
//! log are undone, secrets are masked.

use crate::skopeo::{output::LineSplitter, redaction::redact};

/// Levels of an error, the worst first, as logfmt and as a terminal show them.
const LEVELS: [(&str, &str); 2] = [("level=fatal", "FATA["), ("level=error", "ERRO[")];
/// In characters.
const MAX_MESSAGE: usize = 2000;

/// The message of the last error; without one the last line. Empty if nothing was printed.
pub(super) fn last_error(output: &str) -> String {
    let mut lines = Vec::new();
    let mut take = |line: &str| lines.push(line.to_owned());
    let mut splitter = LineSplitter::default();
    splitter.push(output.as_bytes(), &mut take);
    splitter.finish(&mut take);
    let message = LEVELS
        .iter()
        .find_map(|level| lines.iter().rev().find_map(|line| logged(line, *level)))
        .or_else(|| lines.pop())
        .unwrap_or_default();
    let message: String = redact(message.trim()).chars().take(MAX_MESSAGE).collect();
    // A message that is one sentence ends like one; ours do not.
    message.trim_end_matches('.').to_owned()
}

/// The message of a line of this level.
fn logged(line: &str, (logfmt, terminal): (&str, &str)) -> Option<String> {
    if let Some(rest) = line.strip_prefix(terminal) {
        return rest.split_once(']').map(|(_, message)| message.to_owned());
    }
    let (_, rest) = line.split_once(logfmt)?;
    let (_, message) = rest.split_once("msg=")?;
    Some(match message.strip_prefix('"') {
        Some(quoted) => unquote(quoted),
        None => message.split(' ').next().unwrap_or_default().to_owned(),
    })
}

/// Undoes the escapes of a quoted value, up to its closing quote.
fn unquote(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n' | 't' | 'r') => text.push(' '),
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_on_a_pipe_and_between_the_lines_of_a_terminal() {
        let pipe = "time=\"2026-11-21T01:41:38Z\" level=warning msg=\"old option\"\n\
                    time=\"2026-11-21T01:41:38Z\" level=fatal msg=\"writing blob: Get \\\"http://h/v2/\\\": EOF\"\n";
        assert_eq!(last_error(pipe), "writing blob: Get \"http://h/v2/\": EOF");
        let terminal = "Copying blob 3c0e4669d095 done  \r\n\
                        \x1b[31mFATA\x1b[0m[0012] writing blob: EOF \r\n\
                        Copying blob 6f682bd5ab8b [=>-] 8.0b / 3.8MiB\r\n";
        assert_eq!(last_error(terminal), "writing blob: EOF");
    }

    #[test]
    fn without_an_error_the_last_line_is_the_message() {
        assert_eq!(
            last_error("one\nError: no such container\n"),
            "Error: no such container"
        );
        assert_eq!(last_error(""), "");
        assert_eq!(last_error("level=fatal msg=short more"), "short");
        assert_eq!(last_error("level=fatal msg=\"cut \\"), "cut");
    }

    #[test]
    fn secrets_do_not_get_through() {
        let message =
            last_error("level=fatal msg=\"Get \\\"https://me:pass@h/x?sig=abc\\\": EOF\"");
        assert_eq!(message, "Get \"https://h/x?sig=***\": EOF");
    }
}
