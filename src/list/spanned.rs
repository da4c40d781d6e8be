//! A value of the list and where it is written.

use std::{borrow::Cow, ops::Range};

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    /// Where the value is written, quotes included.
    pub(super) at: Range<usize>,
    /// Where its key is written; the value itself for an element of an array.
    pub(super) key: Range<usize>,
}

pub(super) type Str<'t> = Spanned<Cow<'t, str>>;

impl<T> Spanned<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            at: self.at,
            key: self.key,
        }
    }
}
