//! Prints for a person or for the next program.
//!
//! Decides nothing about the text. Invariants: a terminal gets no control character, whoever wrote the text; a pipe or
//! file gets every byte unchanged. A reader that closes early (`| head`) is no error.

use std::{
    fmt::Display,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
};

use serde::Serialize;

use crate::present::escaped;

pub(super) type Output = Box<dyn Write + Send>;

/// Standard output; escaping if it is a terminal.
pub(super) fn stdout() -> Output {
    escaped_for_terminal(io::stdout())
}

/// Standard error; escaping if it is a terminal.
pub(super) fn stderr() -> Output {
    escaped_for_terminal(io::stderr())
}

fn escaped_for_terminal(stream: impl Write + IsTerminal + Send + 'static) -> Output {
    match stream.is_terminal() {
        true => Box::new(Escaping::new(stream)),
        false => Box::new(stream),
    }
}

/// Prints what `write` writes.
pub(super) fn print(
    write: impl FnOnce(&mut BufWriter<Output>) -> io::Result<()>,
) -> io::Result<()> {
    let mut output = BufWriter::new(stdout());
    match write(&mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to standard error, which may be closed.
pub(super) fn tell(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// A path as it is shown to a person.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A value as one line of JSON. Control characters are escaped, which JSON allows.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string(value)?).into_owned())
}

/// The same, indented.
pub(super) fn pretty_json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?).into_owned())
}

/// Escapes control characters as JSON does: `\u009b`.
struct Escaping<W> {
    terminal: W,
    /// The first bytes of a character that is not complete yet.
    incomplete: Vec<u8>,
}

impl<W> Escaping<W> {
    fn new(terminal: W) -> Self {
        Self {
            terminal,
            incomplete: Vec::new(),
        }
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.incomplete);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text += &escaped(chunk.valid());
            let invalid = chunk.invalid();
            let is_incomplete =
                |bytes| std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none());
            if chunks.peek().is_none() && is_incomplete(invalid) {
                self.incomplete = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.terminal.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal gets of these writes.
    fn shown(writes: &[&[u8]]) -> String {
        let mut output = Escaping::new(Vec::new());
        for bytes in writes {
            output.write_all(bytes).unwrap();
        }
        String::from_utf8(output.terminal).unwrap()
    }

    #[test]
    fn a_terminal_gets_nothing_that_steers_it_and_all_the_rest() {
        let text = "größer\t画像\n\x1b[2J\u{9b}31m\u{202e}\r\x7f\u{e0041}\n";
        assert_eq!(
            shown(&[text.as_bytes()]),
            "größer\t画像\n\\u001b[2J\\u009b31m\\u202e\\u000d\\u007f\\udb40\\udc41\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(
            shown(&[b"a\x9b31m\xff\xe2\x82b"]),
            "a\u{fffd}31m\u{fffd}\u{fffd}b"
        );
    }

    #[test]
    fn it_does_not_matter_how_text_is_cut_into_writes() {
        let text = "a\u{202e}€\u{9b}🚢\u{e0041}z".as_bytes();
        let whole = shown(&[text]);
        for at in 0..text.len() {
            let (first, second) = text.split_at(at);
            assert_eq!(shown(&[first, second]), whole);
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(shown(&bytes), whole);
    }
}
