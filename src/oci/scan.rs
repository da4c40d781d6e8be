//! Scans the keys of a manifest before it is parsed.
//!
//! Decides whether two readers may understand it differently (CVE-2021-41190), and counts the entries that take memory
//! when they are parsed. Go's decoder ignores the case of keys and uses the last of several; others use exact keys, or
//! the first. Invariant: a scan keeps no value.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub manifests: bool,
    pub config: bool,
    pub layers: bool,
    pub blobs: bool,
    pub fs_layers: bool,
    /// Descriptors in `manifests`, `layers` and `blobs`.
    pub descriptors: usize,
    /// Annotations and URLs, of the manifest and of its descriptors.
    pub entries: usize,
    /// The first ambiguous key.
    pub ambiguous: Option<String>,
}

/// The objects whose keys matter.
#[derive(Clone, Copy)]
enum Object {
    Manifest,
    Descriptor,
    Platform,
}

/// What to count in the value of a key.
#[derive(Clone, Copy)]
enum Shape {
    /// Nothing.
    Any,
    Object(Object),
    Descriptors,
    /// Annotations or URLs.
    Entries,
}

impl Scan {
    /// # Errors
    /// If `raw` is not JSON.
    pub(super) fn of(raw: &[u8]) -> Result<Self, serde_json::Error> {
        let mut scan = Self::default();
        let mut json = serde_json::Deserializer::from_slice(raw);
        let root = Value {
            scan: &mut scan,
            shape: Shape::Object(Object::Manifest),
        };
        root.deserialize(&mut json)?;
        json.end()?;
        Ok(scan)
    }

    /// Records that `key` of the manifest itself has a value.
    fn mark(&mut self, key: &str) {
        match key {
            "manifests" => self.manifests = true,
            "config" => self.config = true,
            "layers" => self.layers = true,
            "blobs" => self.blobs = true,
            "fsLayers" => self.fs_layers = true,
            _ => {}
        }
    }

    fn object<'de, A: MapAccess<'de>>(
        &mut self,
        object: Object,
        mut map: A,
    ) -> Result<(), A::Error> {
        let keys = object.keys();
        let mut seen = 0_u32;
        while let Some(key) = map.next_key_seed(Key(keys))? {
            let Some((at, exact)) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (name, shape) = keys[at];
            if !exact || seen & (1 << at) != 0 {
                let problem = match exact {
                    true => format!("{object} has the key {name:?} twice"),
                    false => format!("{object} has a key that differs from {name:?} only in case"),
                };
                self.ambiguous.get_or_insert(problem);
            }
            seen |= 1 << at;
            let value = Value { scan: self, shape };
            if map.next_value_seed(value)? && matches!(object, Object::Manifest) {
                self.mark(name);
            }
        }
        Ok(())
    }
}

impl Object {
    fn keys(self) -> &'static [(&'static str, Shape)] {
        const DESCRIPTOR: Shape = Shape::Object(Object::Descriptor);
        match self {
            Self::Manifest => &[
                ("schemaVersion", Shape::Any),
                ("mediaType", Shape::Any),
                ("artifactType", Shape::Any),
                ("manifests", Shape::Descriptors),
                ("config", DESCRIPTOR),
                ("layers", Shape::Descriptors),
                ("blobs", Shape::Descriptors),
                ("fsLayers", Shape::Any),
                ("subject", DESCRIPTOR),
                ("annotations", Shape::Entries),
            ],
            Self::Descriptor => &[
                ("mediaType", Shape::Any),
                ("digest", Shape::Any),
                ("size", Shape::Any),
                ("urls", Shape::Entries),
                ("platform", Shape::Object(Object::Platform)),
                ("artifactType", Shape::Any),
                ("annotations", Shape::Entries),
                ("data", Shape::Any),
            ],
            Self::Platform => &[
                ("os", Shape::Any),
                ("architecture", Shape::Any),
                ("variant", Shape::Any),
                ("os.version", Shape::Any),
            ],
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "it",
            Self::Descriptor => "a descriptor of it",
            Self::Platform => "a platform of it",
        })
    }
}

/// The position of a key, and whether it has exactly this case.
struct Key(&'static [(&'static str, Shape)]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<(usize, bool)>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<(usize, bool)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let exact = self.0.iter().position(|(name, _)| *name == key);
        let folded = || self.0.iter().position(|(name, _)| is_folded(key, name));
        Ok(match exact {
            Some(at) => Some((at, true)),
            None => folded().map(|at| (at, false)),
        })
    }
}

/// Whether Go's decoder reads `key` as `name`: Unicode folds two more characters to ASCII letters.
fn is_folded(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// Scans one value and returns whether it is not `null`. A value of an unexpected type is left to the parser.
struct Value<'a> {
    scan: &'a mut Scan,
    shape: Shape,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        match self.shape {
            Shape::Any => Ok(Option::<IgnoredAny>::deserialize(json)?.is_some()),
            Shape::Object(_) | Shape::Descriptors | Shape::Entries => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        if let Shape::Object(object) = self.shape {
            self.scan.object(object, map)?;
            return Ok(true);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.scan.entries += usize::from(matches!(self.shape, Shape::Entries));
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Self { scan, shape } = self;
        loop {
            let more = match shape {
                Shape::Descriptors => {
                    let item = Value {
                        scan: &mut *scan,
                        shape: Shape::Object(Object::Descriptor),
                    };
                    let item = list.next_element_seed(item)?;
                    scan.descriptors += usize::from(item.is_some());
                    item.is_some()
                }
                Shape::Any | Shape::Object(_) | Shape::Entries => {
                    let item = list.next_element::<IgnoredAny>()?;
                    scan.entries += usize::from(item.is_some());
                    item.is_some()
                }
            };
            if !more {
                return Ok(true);
            }
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}
