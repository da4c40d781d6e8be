//! Cuts the output of a program into lines of plain text.
//!
//! Decides where a line ends: at a line break, and where a terminal is told to move its cursor, since what follows is
//! drawn elsewhere. A redrawn line is therefore a further line. Invariants: a line has no control characters; at most
//! [`MAX_LINE`] bytes of it are kept.

/// In bytes; the rest of a longer line is dropped.
pub(super) const MAX_LINE: usize = 16 * 1024;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    line: Vec<u8>,
    sequence: Sequence,
}

/// Where in an escape sequence (ECMA-48) the output is.
#[derive(Clone, Copy, Debug, Default)]
enum Sequence {
    #[default]
    None,
    /// After ESC.
    Escape,
    /// A control sequence: `ESC [`, parameters, a final byte.
    Control,
    /// A control string, such as a title: up to BEL or the next ESC.
    String,
}

impl LineSplitter {
    /// Passes each line that `bytes` complete to `take`. Empty lines are left out.
    pub(crate) fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(&str)) {
        for byte in bytes {
            self.push_byte(*byte, take);
        }
    }

    /// Passes on the line that has no end.
    pub(crate) fn finish(mut self, take: &mut dyn FnMut(&str)) {
        self.end_line(take);
    }

    fn push_byte(&mut self, byte: u8, take: &mut dyn FnMut(&str)) {
        match (self.sequence, byte) {
            // A sequence that is not ended must not swallow the output.
            (_, b'\n' | b'\r') => {
                self.sequence = Sequence::None;
                self.end_line(take);
            }
            (_, ESCAPE) => self.sequence = Sequence::Escape,
            (Sequence::None, _) => {
                if self.line.len() < MAX_LINE {
                    self.line.push(byte);
                }
            }
            (Sequence::Escape, b'[') => self.sequence = Sequence::Control,
            (Sequence::Escape, b']' | b'P' | b'X' | b'^' | b'_') => {
                self.sequence = Sequence::String;
            }
            (Sequence::Escape, 0x20..=0x2f) | (Sequence::Control, 0x20..=0x3f) => {}
            (Sequence::Control, b'm' | b'K') | (Sequence::Escape, _) | (Sequence::String, BELL) => {
                self.sequence = Sequence::None;
            }
            (Sequence::Control, _) => {
                self.sequence = Sequence::None;
                self.end_line(take);
            }
            (Sequence::String, _) => {}
        }
    }

    fn end_line(&mut self, take: &mut dyn FnMut(&str)) {
        let text = plain(&self.line);
        self.line.clear();
        if !text.is_empty() {
            take(&text);
        }
    }
}

/// Text without control characters and without space at its end.
fn plain(line: &[u8]) -> String {
    let shown = |c: char| match c {
        '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let text = String::from_utf8_lossy(line);
    let mut plain: String = text.chars().map(shown).collect();
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut splitter = LineSplitter::default();
        splitter.push(bytes, &mut |line| lines.push(line.to_owned()));
        splitter.finish(&mut |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn a_line_ends_where_the_cursor_leaves_it() {
        assert_eq!(lines(b"one\r\ntwo\nthree"), ["one", "two", "three"]);
        assert_eq!(lines(b"10 %\r20 %\r\n\r\n"), ["10 %", "20 %"]);
        assert_eq!(lines(b"half\x1b[2A\x1b[Jagain\n"), ["half", "again"]);
    }

    #[test]
    fn colours_and_titles_are_no_text() {
        assert_eq!(
            lines(b"\x1b[31mFATA\x1b[0m[0000] no\x1b[K\n"),
            ["FATA[0000] no"]
        );
        assert_eq!(
            lines(b"\x1b]0;title\x07a\x1b]0;title\x1b\\b\x1b(Bc\n"),
            ["abc"]
        );
        assert_eq!(lines(b"\x1b]0;never ended\nnext\n"), ["next"]);
    }

    #[test]
    fn control_characters_and_broken_text_are_replaced() {
        assert_eq!(
            lines(b"a\tb\x07\x9b31m\xc2\x9b \xff\n"),
            ["a b\u{fffd}\u{fffd}31m\u{fffd} \u{fffd}"]
        );
    }

    #[test]
    fn a_line_without_end_is_cut_off() {
        let mut splitter = LineSplitter::default();
        for _ in 0..1000 {
            splitter.push(&[b'x'; 4096], &mut |line| panic!("{line}"));
        }
        assert!(splitter.line.capacity() <= 2 * MAX_LINE);
        let mut length = 0;
        splitter.push(b"\n", &mut |line| length = line.len());
        assert_eq!(length, MAX_LINE);
    }
}
