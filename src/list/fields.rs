//! Reads a TOML table key by key.
//!
//! Decides the messages for wrong types and unknown keys; `values` parses strings. Invariant: reading never stops at a
//! mistake, and every key that is not read is reported. The keys of a table are those of its [`TableKind`].

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{
    mistake::Mistake,
    reader::Reader,
    spanned::{Spanned, Str},
    table_kind::TableKind,
    values::{self, ValueError},
};

type Value<'t> = Spanned<DeValue<'t>>;

/// A table being read.
pub(super) struct Fields<'r, 't> {
    pub(super) reader: &'r Reader<'t>,
    pub(super) shape: TableKind,
    /// Where the table is written: its header, or all of an inline table.
    pub(super) at: Range<usize>,
    left: DeTable<'t>,
    taken: Vec<&'static str>,
}

impl<'r, 't> Fields<'r, 't> {
    pub(super) fn new(
        reader: &'r Reader<'t>,
        shape: TableKind,
        table: DeTable<'t>,
        at: Range<usize>,
    ) -> Self {
        Self {
            reader,
            shape,
            at,
            left: table,
            taken: Vec::new(),
        }
    }

    /// Whether `key` is written and not yet read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key)
    }

    /// Where `key` is written, if it is not yet read.
    pub(super) fn key_at(&self, key: &str) -> Option<Range<usize>> {
        self.left.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Whether `key` was written, and has been read.
    pub(super) fn had(&self, key: &str) -> bool {
        self.taken.contains(&key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Str<'t>> {
        let value = self.take(key)?;
        self.expect(key, value, "a string", |value| match value {
            DeValue::String(text) => Ok(text),
            other => Err(other),
        })
    }

    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        meaning: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<Spanned<T>> {
        let text = self.text(key)?;
        self.reader.read(&text, meaning)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let value = self.take(key)?;
        self.expect(key, value, "true or false", |value| match value {
            DeValue::Boolean(flag) => Ok(flag),
            other => Err(other),
        })
    }

    /// `true` or a string.
    pub(super) fn flag_or_text(
        &mut self,
        key: &'static str,
    ) -> Option<Spanned<Result<Str<'t>, bool>>> {
        let value = self.take(key)?;
        let (at, keyed) = (value.at.clone(), value.key.clone());
        self.expect(key, value, "true or an address", |value| match value {
            DeValue::Boolean(flag) => Ok(Err(flag)),
            DeValue::String(value) => Ok(Ok(Spanned {
                value,
                at,
                key: keyed,
            })),
            other => Err(other),
        })
    }

    /// A string, or a table of this kind.
    pub(super) fn text_or_table(
        &mut self,
        key: &'static str,
        shape: TableKind,
    ) -> Option<Result<Str<'t>, Fields<'r, 't>>> {
        let value = self.take(key)?;
        let written = self.expect(key, value, "a string or a table", |value| match value {
            DeValue::String(text) => Ok(Ok(text)),
            DeValue::Table(table) => Ok(Err(table)),
            other => Err(other),
        })?;
        let Spanned { value, at, key } = written;
        Some(match value {
            Ok(value) => Ok(Spanned { value, at, key }),
            Err(table) => Err(Fields::new(self.reader, shape, table, at)),
        })
    }

    /// False, or a table of this kind. True is handed on, too.
    pub(super) fn flag_or_table(
        &mut self,
        key: &'static str,
        shape: TableKind,
    ) -> Option<Result<Spanned<bool>, Fields<'r, 't>>> {
        let value = self.take(key)?;
        let written = self.expect(key, value, "false or a table", |value| match value {
            DeValue::Boolean(flag) => Ok(Ok(flag)),
            DeValue::Table(table) => Ok(Err(table)),
            other => Err(other),
        })?;
        let Spanned { value, at, key } = written;
        Some(match value {
            Ok(value) => Ok(Spanned { value, at, key }),
            Err(table) => Err(Fields::new(self.reader, shape, table, at)),
        })
    }

    /// A string, or an array of strings.
    pub(super) fn text_or_texts(&mut self, key: &'static str) -> Option<Vec<Str<'t>>> {
        match self.left.get(key).map(toml::Spanned::get_ref) {
            Some(DeValue::Array(_)) => Some(self.texts(key)?.value),
            Some(_) | None => Some(vec![self.text(key)?]),
        }
    }

    /// A whole number from 1 to what `T` holds.
    pub(super) fn count<T: TryFrom<u64>>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        let value = self.take(key)?;
        let number = self.expect(key, value, "a whole number", |value| match value {
            DeValue::Integer(number) => Ok(number),
            other => Err(other),
        })?;
        self.in_range(key, number.map(|n| values::integer(&n)))
    }

    /// A whole number, in the digits it is written with.
    pub(super) fn integer(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        self.expect(key, value, "a whole number", |value| match value {
            DeValue::Integer(number) => Ok(number.as_str().to_owned()),
            other => Err(other),
        })
    }

    /// A number of bytes: an integer, or a string such as `20MB`.
    pub(super) fn size(&mut self, key: &'static str) -> Option<Spanned<u64>> {
        let size = self.number_or_text(key, "a size", values::size)?;
        self.in_range(key, size.map(|size| size.unwrap_or_else(Some)))
    }

    /// An integer, or a string with a meaning of its own. `None` for a negative or an enormous integer.
    pub(super) fn number_or_text<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        meaning: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<Spanned<Result<Option<u64>, T>>> {
        let value = self.take(key)?;
        let written = self.expect(key, value, expected, |value| match value {
            DeValue::Integer(number) => Ok(Ok(values::integer(&number))),
            DeValue::String(text) => Ok(Err(text)),
            other => Err(other),
        })?;
        let Spanned { value, at, key } = written;
        match value {
            Ok(value) => Some(Spanned {
                value: Ok(value),
                at,
                key,
            }),
            Err(value) => {
                let text = Spanned { value, at, key };
                Some(self.reader.read(&text, meaning)?.map(Err))
            }
        }
    }

    /// An array of strings. Reports and drops other elements.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Spanned<Vec<Str<'t>>>> {
        let value = self.take(key)?;
        let values = self.expect(key, value, "an array of strings", |value| match value {
            DeValue::Array(values) => Ok(values),
            other => Err(other),
        })?;
        Some(values.map(|values| {
            values
                .into_iter()
                .filter_map(|value| {
                    let at = value.span();
                    let element = Spanned {
                        value: value.into_inner(),
                        at: at.clone(),
                        key: at,
                    };
                    self.expect(key, element, "an array of strings", |value| match value {
                        DeValue::String(text) => Ok(text),
                        other => Err(other),
                    })
                })
                .collect()
        }))
    }

    /// An array of strings, each parsed.
    pub(super) fn read_all<T>(
        &mut self,
        key: &'static str,
        mut meaning: impl FnMut(&Reader<'t>, &Str<'t>) -> Option<Spanned<T>>,
    ) -> Option<Spanned<Vec<Spanned<T>>>> {
        let reader = self.reader;
        Some(self.texts(key)?.map(|texts| {
            texts
                .iter()
                .filter_map(|text| meaning(reader, text))
                .collect()
        }))
    }

    pub(super) fn table(&mut self, key: &'static str, shape: TableKind) -> Option<Fields<'r, 't>> {
        let value = self.take(key)?;
        let table = self.expect(key, value, "a table", as_table)?;
        Some(Fields::new(self.reader, shape, table.value, table.at))
    }

    /// The entries of a table whose keys are names.
    pub(super) fn entries(
        &mut self,
        key: &'static str,
        shape: TableKind,
    ) -> Vec<(Str<'t>, Fields<'r, 't>)> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let Some(entries) = self.expect(key, value, "a table", as_table) else {
            return Vec::new();
        };
        entries
            .value
            .into_iter()
            .filter_map(|(name, value)| {
                let name = spanned(name);
                let value = Spanned {
                    key: name.at.clone(),
                    at: value.span(),
                    value: value.into_inner(),
                };
                let table = self.expect(key, value, "a table of tables", as_table)?;
                let fields = Fields::new(self.reader, shape, table.value, table.at);
                Some((name, fields))
            })
            .collect()
    }

    /// The elements of an array, whatever they are.
    pub(super) fn elements(&mut self, key: &'static str) -> Option<Spanned<Vec<Value<'t>>>> {
        let value = self.take(key)?;
        let values = self.expect(key, value, "an array", |value| match value {
            DeValue::Array(values) => Ok(values),
            other => Err(other),
        })?;
        Some(values.map(|values| values.into_iter().map(spanned).collect()))
    }

    /// Reports every key that was not read.
    pub(super) fn finish(self) {
        for (key, value) in self.left {
            self.reader
                .report(unknown(self.reader, self.shape, &spanned(key), value));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'t>> {
        debug_assert!(
            self.shape.knows(key),
            "{key} is missing in {:?}",
            self.shape
        );
        let (name, value) = self.left.remove_entry(key)?;
        self.taken.push(key);
        Some(Spanned {
            key: name.span(),
            at: value.span(),
            value: value.into_inner(),
        })
    }

    pub(super) fn expect<T>(
        &self,
        key: &str,
        value: Value<'t>,
        expected: &str,
        convert: impl FnOnce(DeValue<'t>) -> Result<T, DeValue<'t>>,
    ) -> Option<Spanned<T>> {
        let Spanned { value, at, key: by } = value;
        match convert(value) {
            Ok(value) => Some(Spanned { value, at, key: by }),
            Err(other) => {
                let message = format!("`{key}` is {expected}, not {}", kind(&other));
                let mistake = Mistake::new(message, at).help(self.shape.example(key));
                self.reader.report(mistake);
                None
            }
        }
    }

    /// A number from 1 to what `T` holds.
    pub(super) fn in_range<T: TryFrom<u64>>(
        &self,
        key: &str,
        number: Spanned<Option<u64>>,
    ) -> Option<Spanned<T>> {
        let fitting = number
            .value
            .filter(|&n| n > 0)
            .and_then(|n| T::try_from(n).ok());
        if fitting.is_none() {
            let max = 1_u128 << (8 * size_of::<T>().min(8));
            let message = format!("`{key}` is from 1 to {}", max - 1);
            let mistake = Mistake::new(message, number.at.clone()).help(self.shape.example(key));
            self.reader.report(mistake);
        }
        fitting.map(|value| Spanned {
            value,
            at: number.at,
            key: number.key,
        })
    }
}

fn as_table(value: DeValue<'_>) -> Result<DeTable<'_>, DeValue<'_>> {
    match value {
        DeValue::Table(table) => Ok(table),
        other => Err(other),
    }
}

fn spanned<T>(value: toml::Spanned<T>) -> Spanned<T> {
    let at = value.span();
    Spanned {
        value: value.into_inner(),
        key: at.clone(),
        at,
    }
}

fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn unknown(reader: &Reader, shape: TableKind, key: &Str, value: toml::Spanned<DeValue>) -> Mistake {
    let name = key.value.to_lowercase().replace('_', "-");
    if matches!(&*name, "password" | "token" | "identity-token" | "secret") {
        reader.hide(value.span());
        return Mistake::new(
            "a list has no secrets, only the places where they are",
            key.at.clone(),
        )
        .help(
            "write password-env = \"VARIABLE\", password-file, password-command or token-env, \
                 or nothing to use what docker login or podman login stored",
        );
    }
    let mistake = Mistake::new(
        format!("{:?} is not a key of {}", key.value, shape.place()),
        key.at.clone(),
    );
    match shape.nearest(&name) {
        Some(near) => mistake.label("unknown key").help(format!("write {near}")),
        None => mistake
            .label("unknown key")
            .help(format!("the keys here are {}", shape.keys().join(", "))),
    }
}
