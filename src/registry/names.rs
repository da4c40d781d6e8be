//! Lists of names: `{"tags": [...]}`, `{"repositories": [...]}`.
//!
//! Decides nothing about the names. Invariant: a name is passed on as soon as it is parsed; no list is built.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Takes a name and returns whether there is room for more.
pub(super) type Take<'a> = dyn FnMut(&str) -> bool + Send + 'a;

/// Calls `take` with each name in the list under `key`. Entries that are `null` are skipped (quirk 26, see
/// registry/quirks.md).
///
/// # Errors
/// If `json` is no such list. `Ok(false)` if `take` had no room.
pub(super) fn read(json: &[u8], key: &str, take: &mut Take<'_>) -> Result<bool, serde_json::Error> {
    let mut has_room = true;
    let mut json = serde_json::Deserializer::from_slice(json);
    let names = Names {
        key: Some(key),
        take,
        has_room: &mut has_room,
    };
    match names.deserialize(&mut json) {
        Ok(()) => json.end().map(|()| true),
        Err(_) if !has_room => Ok(false),
        Err(error) => Err(error),
    }
}

/// The document, the list in it, or an entry of the list.
struct Names<'a, 't> {
    /// Only for the document.
    key: Option<&'a str>,
    take: &'a mut Take<'t>,
    has_room: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Names<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.key {
            Some(_) => json.deserialize_map(self),
            None => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Names<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(key) = self.key else {
            return Err(A::Error::custom("an object instead of names"));
        };
        while let Some(found) = map.next_key::<String>()? {
            if found == key {
                map.next_value_seed(Names {
                    key: None,
                    take: &mut *self.take,
                    has_room: &mut *self.has_room,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let name = Names {
                key: None,
                take: &mut *self.take,
                has_room: &mut *self.has_room,
            };
            if list.next_element_seed(name)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        *self.has_room = (self.take)(name);
        match self.has_room {
            true => Ok(()),
            false => Err(E::custom("no room")),
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
