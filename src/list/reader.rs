//! Collects what reading a list finds: mistakes, text to hide, compiled patterns.
//!
//! Decides which bytes of the file a mistake in a string marks. Invariant: a mark inside a string is exact, or covers
//! the whole string if the string has escapes.

use std::{cell::RefCell, collections::HashMap, ops::Range, path::PathBuf};

use regex::bytes::Regex;

use super::{
    mistake::Mistake,
    spanned::{Spanned, Str},
    values::{self, ValueError},
};

/// Where relative paths of a list begin. An empty path leaves them as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directories {
    /// For files and programs: the directory of the list.
    pub list: PathBuf,
    /// For stores: the working directory, as in skopeo.
    pub working: PathBuf,
}

#[derive(Default)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) directories: Directories,
    found: RefCell<Vec<Mistake>>,
    hidden: RefCell<Vec<Range<usize>>>,
    /// Lists repeat patterns, and compiling one costs more than reading ten images.
    patterns: RefCell<HashMap<String, Regex>>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(directories: &Directories, text: &'t str) -> Self {
        Self {
            text,
            directories: directories.clone(),
            ..Self::default()
        }
    }

    pub(super) fn report(&self, mistake: Mistake) {
        self.found.borrow_mut().push(mistake);
    }

    /// Reports the mistake, if it is one.
    pub(super) fn accept<T>(&self, checked: Result<T, Mistake>) -> Option<T> {
        checked.map_err(|mistake| self.report(mistake)).ok()
    }

    /// The number of mistakes reported so far.
    pub(super) fn reported(&self) -> usize {
        self.found.borrow().len()
    }

    /// Shows asterisks instead of the text at `at`.
    pub(super) fn hide(&self, at: Range<usize>) {
        self.hidden.borrow_mut().push(at);
    }

    /// The reported mistakes and the text to hide.
    pub(super) fn finish(self) -> (Vec<Mistake>, Vec<Range<usize>>) {
        (self.found.into_inner(), self.hidden.into_inner())
    }

    /// The value that a string stands for. Reports a mistake if it stands for none.
    pub(super) fn read<T>(
        &self,
        written: &Str<'t>,
        meaning: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<Spanned<T>> {
        match meaning(&written.value) {
            Ok(value) => Some(Spanned {
                value,
                at: written.at.clone(),
                key: written.key.clone(),
            }),
            Err(error) => {
                let at = match error.at {
                    Some(part) => self.within(written, part),
                    None => written.at.clone(),
                };
                self.report(Mistake::new(error.message, at).help(error.help));
                None
            }
        }
    }

    /// A pattern for a whole tag.
    pub(super) fn pattern(&self, written: &Str<'t>) -> Option<Spanned<Regex>> {
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
