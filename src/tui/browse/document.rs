//! Pretty-prints JSON as lines. Order, numbers and repeated keys stay as they were written.
//!
//! Invariant: text that is not JSON is shown line by line.

use serde::de::IgnoredAny;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub lines: Vec<JsonLine>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonLine {
    pub depth: usize,
    pub text: String,
    /// The line with the closing bracket.
    pub end: Option<usize>,
    /// The number of entries in the bracket.
    pub entries: usize,
}

impl Document {
    #[must_use]
    pub fn read(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        if serde_json::from_slice::<IgnoredAny>(raw).is_err() {
            let lines = text.lines().map(|line| JsonLine {
                text: line.to_owned(),
                ..JsonLine::default()
            });
            return Self {
                lines: lines.collect(),
            };
        }
        let mut writer = Writer::default();
        writer.write(&text);
        Self {
            lines: writer.lines,
        }
    }

    /// Lines `first..=last` as text.
    #[must_use]
    pub fn text(&self, first: usize, last: usize) -> String {
        let base = self.lines.get(first).map_or(0, |line| line.depth);
        let lines: Vec<String> = (self.lines.iter())
            .take(last.saturating_add(1))
            .skip(first)
            .map(|line| {
                format!(
                    "{}{}",
                    "  ".repeat(line.depth.saturating_sub(base)),
                    line.text
                )
            })
            .collect();
        lines.join("\n").trim_end_matches(',').to_owned()
    }
}

#[derive(Default)]
struct Writer {
    lines: Vec<JsonLine>,
    line: String,
    /// The lines of open brackets.
    open: Vec<usize>,
}

impl Writer {
    fn write(&mut self, text: &str) {
        let mut rest = text.chars().filter(|c| !c.is_ascii_control()).peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' => {
                    self.line.push(c);
                    let mut escaped = false;
                    for c in rest.by_ref() {
                        self.line.push(c);
                        match c {
                            '"' if !escaped => break,
                            c => escaped = c == '\\' && !escaped,
                        }
                    }
                }
                '{' | '[' => {
                    self.line.push(c);
                    while rest.next_if(|c| *c == ' ').is_some() {}
                    match rest.next_if(|c| matches!(c, '}' | ']')) {
                        Some(close) => self.line.push(close),
                        None => {
                            let depth = self.open.len();
                            self.open.push(self.lines.len());
                            self.finish(depth);
                            self.count();
                        }
                    }
                }
                '}' | ']' => {
                    self.finish(self.open.len());
                    if let Some(opened) = self.open.pop() {
                        self.lines[opened].end = Some(self.lines.len());
                    }
                    self.line.push(c);
                }
                ',' => {
                    self.line.push(c);
                    self.finish(self.open.len());
                    self.count();
                }
                ':' => self.line.push_str(": "),
                ' ' => {}
                c => self.line.push(c),
            }
        }
        self.finish(self.open.len());
    }

    fn finish(&mut self, depth: usize) {
        if !self.line.is_empty() {
            self.lines.push(JsonLine {
                depth,
                text: std::mem::take(&mut self.line),
                ..JsonLine::default()
            });
        }
    }

    fn count(&mut self) {
        if let Some(opened) = self.open.last() {
            self.lines[*opened].entries += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> Vec<String> {
        let document = Document::read(raw.as_bytes());
        (document.lines.iter())
            .map(|line| format!("{}{}", "  ".repeat(line.depth), line.text))
            .collect()
    }

    #[test]
    fn order_numbers_and_repeated_keys_are_kept() {
        assert_eq!(
            shown("{\"z\":1.50e3,\n\t\"a\" : {\"b\":[1,{ }]},\"z\":[ ]}"),
            [
                "{",
                "  \"z\": 1.50e3,",
                "  \"a\": {",
                "    \"b\": [",
                "      1,",
                "      {}",
                "    ]",
                "  },",
                "  \"z\": []",
                "}"
            ]
        );
    }

    #[test]
    fn what_opens_knows_where_it_closes_and_what_it_holds() {
        let document = Document::read(br#"{"a":[1,2,3],"b":{"c":"}],\" {"}}"#);
        let opened: Vec<_> = (document.lines.iter())
            .filter_map(|line| Some((line.text.as_str(), line.end?, line.entries)))
            .collect();
        assert_eq!(
            opened,
            [("{", 9, 2), ("\"a\": [", 5, 3), ("\"b\": {", 8, 1)]
        );
        assert_eq!(document.text(1, 5), "\"a\": [\n  1,\n  2,\n  3\n]");
    }

    #[test]
    fn what_is_no_json_is_shown_line_by_line() {
        assert_eq!(shown("<html>\n{oops"), ["<html>", "{oops"]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn any_json_keeps_its_content() {
        for raw in [r#""a\\""#, "[[[[]]]]", r#"{"\u001b[2J":null}"#, "7"] {
            let all: String = shown(raw).concat().replace(' ', "");
            assert_eq!(all, raw);
        }
    }
}
