//! What is met while a list is read: mistakes, text to hide, strings and their meanings.
//!
//! Decides which bytes of the file a string's mistake is blamed on. Invariant: a mark inside a string is
//! exact, or covers the whole string if that is written with escapes.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use regex::bytes::Regex;

use super::{mistakes::Mistake, values};

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct KeyValue<T> {
    pub(super) value: T,
    /// Where the value is written, quotes included.
    pub(super) at: Range<usize>,
    /// Where its key is written; the value itself for an element of an array.
    pub(super) key: Range<usize>,
}

pub(super) type Str<'t> = KeyValue<Cow<'t, str>>;

/// Why a string does not mean what it should.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    /// The bytes of the string to blame; all of it if not known.
    pub(super) at: Option<Range<usize>>,
    pub(super) help: String,
}

/// Everything met while a list is read.
#[derive(Default)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    /// Where relative paths begin.
    pub(super) directory: PathBuf,
    found: RefCell<Vec<Mistake>>,
    hidden: RefCell<Vec<Range<usize>>>,
    /// Lists repeat their patterns, and compiling one costs more than reading ten images.
    patterns: RefCell<HashMap<String, Regex>>,
}

impl<T> KeyValue<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> KeyValue<U> {
        KeyValue {
            value: change(self.value),
            at: self.at,
            key: self.key,
        }
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(directory: &Path, text: &'t str) -> Self {
        Self {
            text,
            directory: directory.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn report(&self, mistake: Mistake) {
        self.found.borrow_mut().push(mistake);
    }

    /// How many mistakes were reported so far.
    pub(super) fn reported(&self) -> usize {
        self.found.borrow().len()
    }

    /// Keeps the text at `at` from being shown.
    pub(super) fn hide(&self, at: Range<usize>) {
        self.hidden.borrow_mut().push(at);
    }

    /// What was reported and what is to be hidden.
    pub(super) fn finish(self) -> (Vec<Mistake>, Vec<Range<usize>>) {
        (self.found.into_inner(), self.hidden.into_inner())
    }

    /// The meaning of a string, or a reported mistake.
    pub(super) fn read<T>(
        &self,
        written: &Str<'t>,
        meaning: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<KeyValue<T>> {
        match meaning(&written.value) {
            Ok(value) => Some(KeyValue {
                value,
                at: written.at.clone(),
                key: written.key.clone(),
            }),
            Err(fault) => {
                let at = match fault.at {
                    Some(part) => self.within(written, part),
                    None => written.at.clone(),
                };
                self.report(Mistake::new(fault.message, at).help(fault.help));
                None
            }
        }
    }

    /// A pattern for a whole tag.
    pub(super) fn pattern(&self, written: &Str<'t>) -> Option<KeyValue<Regex>> {
        self.read(written, |text| {
            if let Some(known) = self.patterns.borrow().get(text) {
                return Ok(known.clone());
            }
            let pattern = values::whole_tag(text)?;
            let mut patterns = self.patterns.borrow_mut();
            patterns.insert(text.to_owned(), pattern.clone());
            Ok(pattern)
        })
    }

    /// Where `part` of a string's value is written: exact unless the string is written with escapes.
    pub(super) fn within(&self, written: &Str<'t>, part: Range<usize>) -> Range<usize> {
        let raw = self.text.get(written.at.clone()).unwrap_or_default();
        let quotes = match raw.as_bytes() {
            [b'"', b'"', b'"', b'\r', b'\n', ..] | [b'\'', b'\'', b'\'', b'\r', b'\n', ..] => 5,
            [b'"', b'"', b'"', b'\n', ..] | [b'\'', b'\'', b'\'', b'\n', ..] => 4,
            [b'"', b'"', b'"', _, ..] | [b'\'', b'\'', b'\'', _, ..] => 3,
            [b'"' | b'\'', ..] => 1,
            _ => 0,
        };
        if raw.get(quotes..quotes + written.value.len()) == Some(&*written.value) {
            let start = written.at.start + quotes;
            start + part.start..start + part.end
        } else {
            written.at.clone()
        }
    }
}
