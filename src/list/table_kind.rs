//! The kinds of tables: which keys each has, with an example, from the JSON schema of
//! [`ListFile`](super::file::ListFile).
//!
//! Decides which known key an unknown one resembles. Invariant: a key is defined once, as a field in `file`.

use std::sync::LazyLock;

use schemars::{
    JsonSchema, Schema, generate::SchemaSettings, schema_for, transform::RecursiveTransform,
};
use serde_json::Value;

use super::{
    file::{
        DefaultsTable, DestinationTable, ImageTable, ListFile, RegistryTable, RewriteTable,
        SourceTable,
    },
    signature_keys::SignatureTable,
    skopeo_keys::{SharedDirTable, SkopeoTable},
};

/// A kind of table in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableKind {
    List,
    Source,
    Destination,
    Registry,
    Defaults,
    Image,
    Rewrite,
    Skopeo,
    SharedDir,
    RequireSignature,
}

/// The JSON schema of a list, as pretty-printed JSON.
#[must_use]
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    let schema = settings.into_generator().into_root_schema_for::<ListFile>();
    format!("{:#}", schema.as_value())
}

/// Removes null from optional keys: TOML has no null.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(one)] = &choices[..] {
            let one = one.clone();
            schema.remove("anyOf");
            for (key, value) in one {
                schema.insert(key, value);
            }
        }
    }
}

/// With more edits than this, a key is no misspelling of another.
const MAX_EDITS: usize = 3;

impl TableKind {
    /// The table in a message.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::List => "a list",
            Self::Source => "[source]",
            Self::Destination => "[destination]",
            Self::Registry => "[registries.\"...\"]",
            Self::Defaults => "[defaults]",
            Self::Image => "an image",
            Self::Rewrite => "[[rewrite]]",
            Self::Skopeo => "[skopeo]",
            Self::SharedDir => "`shared-dir`",
            Self::RequireSignature => "`require-signature`",
        }
    }

    pub(super) fn knows(self, key: &str) -> bool {
        self.property(key).is_some()
    }

    pub(super) fn keys(self) -> Vec<&'static str> {
        match self.schema().get("properties") {
            Some(Value::Object(properties)) => properties.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The key that `name` is probably a misspelling of.
    pub(super) fn nearest(self, name: &str) -> Option<&'static str> {
        self.keys()
            .into_iter()
            .map(|key| (strsim::damerau_levenshtein(key, name), key))
            .filter(|&(distance, key)| distance <= MAX_EDITS.min(key.len() / 2))
            .min()
            .map(|(_, key)| key)
    }

    /// `write key = value`, or the table to write if the key has no short example.
    pub(super) fn example(self, key: &str) -> String {
        let example = self
            .property(key)
            .and_then(|property| property.get("examples")?.get(0));
        match (example, key) {
            (Some(example), _) => format!("write {key} = {}", toml_of(example)),
            (None, "registries") => "write [registries.\"host:port\"]".into(),
            (None, "rewrite") => "write [[rewrite]]".into(),
            (None, _) => format!("write [{key}]"),
        }
    }

    fn property(self, key: &str) -> Option<&'static Value> {
        self.schema().get("properties")?.get(key)
    }

    fn schema(self) -> &'static Schema {
        fn of<T: JsonSchema>() -> Schema {
            schema_for!(T)
        }
        macro_rules! once {
            ($table:ty) => {{
                static SCHEMA: LazyLock<Schema> = LazyLock::new(of::<$table>);
                &SCHEMA
            }};
        }
        match self {
            Self::List => once!(ListFile),
            Self::Source => once!(SourceTable),
            Self::Destination => once!(DestinationTable),
            Self::Registry => once!(RegistryTable),
            Self::Defaults => once!(DefaultsTable),
            Self::Image => once!(ImageTable),
            Self::Rewrite => once!(RewriteTable),
            Self::Skopeo => once!(SkopeoTable),
            Self::SharedDir => once!(SharedDirTable),
            Self::RequireSignature => once!(SignatureTable),
        }
    }
}

/// JSON as TOML; for these values only the spaces in arrays differ.
pub(super) fn toml_of(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml_of).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(keys) => {
            let keys = keys.iter();
            let keys: Vec<String> = keys
                .map(|(key, value)| format!("{key} = {}", toml_of(value)))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [TableKind; 10] = [
        TableKind::List,
        TableKind::Source,
        TableKind::Destination,
        TableKind::Registry,
        TableKind::Defaults,
        TableKind::Image,
        TableKind::Rewrite,
        TableKind::Skopeo,
        TableKind::SharedDir,
        TableKind::RequireSignature,
    ];

    #[test]
    fn every_key_is_documented_and_every_simple_one_has_an_example() {
        for shape in SHAPES {
            for key in shape.keys() {
                let property = shape.property(key).unwrap();
                assert!(property.get("description").is_some(), "{shape:?} {key}");
                let table = matches!(
                    key,
                    "source" | "destination" | "registries" | "defaults" | "rewrite" | "skopeo"
                );
                let example = property.get("examples").is_some();
                assert!(example != table, "{shape:?} {key}");
            }
        }
    }

    #[test]
    fn the_nearest_key_is_found_across_slips_but_not_across_meanings() {
        assert_eq!(TableKind::Image.nearest("tag-patern"), Some("tag-pattern"));
        assert_eq!(TableKind::Image.nearest("tag"), Some("tags"));
        assert_eq!(TableKind::Source.nearest("plain-htttp"), Some("plain-http"));
        assert_eq!(TableKind::Rewrite.nearest("colour"), None);
    }

    #[test]
    fn the_schema_demands_what_a_list_must_say_and_knows_no_null() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["version", "images"]));
        assert_eq!(
            schema["properties"]["source"]["$ref"],
            "#/$defs/SourceTable"
        );
        let source = &schema["$defs"]["SourceTable"];
        let kinds = source["oneOf"].as_array().unwrap();
        assert_eq!(kinds.len(), 7);
        assert_eq!(kinds[0]["required"], serde_json::json!(["registry"]));
        assert_eq!(source["additionalProperties"], false);
        assert!(!schema.to_string().contains("null"));
    }

    #[test]
    fn examples_are_written_as_toml() {
        let example = TableKind::Image.example("platforms");
        assert_eq!(
            example,
            r#"write platforms = ["linux/amd64", "linux/arm64"]"#
        );
        assert_eq!(TableKind::List.example("source"), "write [source]");
    }
}
