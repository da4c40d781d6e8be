//! YAML as a tree whose parts know their lines.
//!
//! Decides what of YAML is accepted: anchors, aliases and merge keys, within limits. Invariant: a tree has at most
//! [`MAX_DEPTH`] levels and, with every alias counted as often as it is used, [`MAX_VALUES`] values.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::error::ConvertError;

const MAX_DEPTH: usize = 64;
const MAX_VALUES: usize = 1_000_000;

/// A value with the line where it begins, counted from 1.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
    /// How many values it has with its own, and how many levels.
    size: usize,
    depth: usize,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    /// A text, number or boolean, as it is written.
    Text(String),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Rc<Node>,
}

impl Node {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The elements of a sequence; nothing for anything else.
    pub(crate) fn elements(&self) -> &[Rc<Self>] {
        match &self.value {
            Value::Sequence(elements) => elements,
            Value::Null | Value::Text(_) | Value::Mapping(_) => &[],
        }
    }

    /// The entries of a mapping; nothing for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Null | Value::Text(_) | Value::Sequence(_) => &[],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        entries
            .find(|entry| entry.key == key)
            .map(|entry| &*entry.value)
    }

    /// The text under a key.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// A text, or the texts of a sequence.
    pub(crate) fn texts(&self) -> Vec<(usize, &str)> {
        let one = self.text().map(|text| (self.line, text));
        let several = self.elements().iter();
        let several = several.filter_map(|node| Some((node.line, node.text()?)));
        one.into_iter().chain(several).collect()
    }

    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.value, Value::Sequence(_))
    }
}

/// The documents of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Rc<Node>>, ConvertError> {
    let mut builder = Builder::default();
    // JSON may be indented with tabs. Its texts have none.
    let spaced = is_json(text).then(|| text.replace('\t', " "));
    for event in Parser::new_from_str(spaced.as_deref().unwrap_or(text)) {
        let (event, span) = event.map_err(|error| ConvertError::Yaml {
            line: error.marker().line(),
            problem: error.info().to_owned(),
        })?;
        builder.take(event, span.start.line())?;
    }
    Ok(builder.documents)
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    /// The sequences and mappings that are not complete.
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    values: usize,
}

struct Open {
    line: usize,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    Sequence(Vec<Rc<Node>>),
    /// With the key whose value comes next.
    Mapping(Vec<Entry>, Option<(String, usize)>),
}

impl Builder {
    fn take(&mut self, event: Event, line: usize) -> Result<(), ConvertError> {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null");
                let value = match is_null {
                    true => Value::Null,
                    false => Value::Text(text.into_owned()),
                };
                self.add_new(line, anchor, value)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| ConvertError::Yaml {
                    line,
                    problem: "this alias is of nothing that is complete".into(),
                })?;
                self.count(node.size, line)?;
                self.add(node, line)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(line, anchor, OpenContent::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, _) => {
                self.open(line, anchor, OpenContent::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let value = match open.content {
                    OpenContent::Sequence(elements) => Value::Sequence(elements),
                    OpenContent::Mapping(entries, _) => Value::Mapping(self.merged(entries)?),
                };
                self.add_new(open.line, open.anchor, value)
            }
        }
    }

    fn open(
        &mut self,
        line: usize,
        anchor: usize,
        content: OpenContent,
    ) -> Result<(), ConvertError> {
        if self.open.len() >= MAX_DEPTH {
            let limit = MAX_DEPTH;
            return Err(ConvertError::TooDeep { line, limit });
        }
        self.open.push(Open {
            line,
            anchor,
            content,
        });
        Ok(())
    }

    fn add_new(&mut self, line: usize, anchor: usize, value: Value) -> Result<(), ConvertError> {
        let children: Vec<&Node> = match &value {
            Value::Null | Value::Text(_) => Vec::new(),
            Value::Sequence(elements) => elements.iter().map(|node| &**node).collect(),
            Value::Mapping(entries) => entries.iter().map(|entry| &*entry.value).collect(),
        };
        let sizes = children.iter().map(|child| child.size);
        let size = sizes.fold(1, usize::saturating_add);
        let depth = 1 + children.iter().map(|child| child.depth).max().unwrap_or(0);
        let node = Rc::new(Node {
            line,
            value,
            size,
            depth,
        });
        self.count(1, line)?;
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.add(node, line)
    }

    fn count(&mut self, values: usize, line: usize) -> Result<(), ConvertError> {
        self.values = self.values.saturating_add(values);
        let limit = MAX_VALUES;
        match self.values > limit {
            true => Err(ConvertError::TooManyValues { line, limit }),
            false => Ok(()),
        }
    }

    fn add(&mut self, node: Rc<Node>, line: usize) -> Result<(), ConvertError> {
        // Aliases of aliases are as deep as nested text.
        if node.depth + self.open.len() > MAX_DEPTH {
            let limit = MAX_DEPTH;
            return Err(ConvertError::TooDeep { line, limit });
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(OpenContent::Sequence(elements)) => elements.push(node),
            Some(OpenContent::Mapping(entries, key)) => match key.take() {
                Some((key, line)) => entries.push(Entry {
                    key,
                    line,
                    value: node,
                }),
                None => {
                    let text = match &node.value {
                        Value::Text(text) => text.clone(),
                        Value::Null => String::new(),
                        Value::Sequence(_) | Value::Mapping(_) => {
                            let problem = "a key is a sequence or a mapping".into();
                            return Err(ConvertError::Yaml { line, problem });
                        }
                    };
                    *key = Some((text, line));
                }
            },
        }
        Ok(())
    }

    /// The entries, with those of `<<` that they do not have themselves.
    fn merged(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, ConvertError> {
        let (merges, mut entries): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(|entry| entry.key == "<<");
        if merges.is_empty() {
            return Ok(entries);
        }
        let mut keys: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for merge in merges {
            let one = std::slice::from_ref(&merge.value);
            let elements = merge.value.elements();
            for mapping in one.iter().chain(elements) {
                for entry in mapping.entries() {
                    self.count(entry.value.size, merge.line)?;
                    if keys.insert(entry.key.clone()) {
                        entries.push(entry.clone());
                    }
                }
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_value_knows_its_line() {
        let documents = parse("a:\n  - x\n  - y: 1\n---\n{\"b\": \"\\/\"}\n").unwrap();
        let a = documents[0].get("a").unwrap();
        assert_eq!(a.elements()[0].line, 2);
        assert_eq!(a.elements()[1].entries()[0].line, 3);
        assert_eq!(documents[1].text_of("b"), Some("/"));
    }

    #[test]
    fn merge_keys_add_what_is_missing() {
        let text = "base: &base { image: a, restart: no }\nx:\n  <<: *base\n  image: b\n";
        let documents = parse(text).unwrap();
        let x = documents[0].get("x").unwrap();
        assert_eq!(
            (x.text_of("image"), x.text_of("restart")),
            (Some("b"), Some("no"))
        );
    }

    #[test]
    fn json_may_be_indented_with_tabs() {
        let documents = parse("{\n\t\"a\": [\n\t\t\"b\"\n\t]\n}\n").unwrap();
        let a = documents[0].get("a").unwrap();
        assert_eq!(a.texts(), [(3, "b")]);
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            let aliases = vec![alias; 10].join(", ");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        assert!(error(&text).contains("more than 1000000 values"));
    }

    #[test]
    fn deep_nesting_is_refused_also_through_aliases() {
        assert!(error(&"[".repeat(100)).contains("64 levels"));
        let mut text = String::from("a0: &a0 [x]\n");
        for level in 1..100 {
            text += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert!(error(&text).contains("64 levels"));
    }

    #[test]
    fn an_alias_inside_of_what_it_names_is_refused() {
        assert!(error("a: &a [*a]\n").contains("alias"));
    }
}
