//! The reference of lists: their JSON schema as Markdown.
//!
//! Decides the order of tables, and that keys which several tables share are described once. Invariant: every key of the
//! schema is in the reference, with the words of the schema. What keys mean together is in `meaning.md`.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use serde_json::{Map, Value};

use super::table_kind::{schema, toml_of};

const BEGINNING: &str = "\
# The keys of a list
A list is a TOML file. This is its reference, written by `transship list schema --markdown`. `transship list schema` prints the
JSON schema for editors, `transship list check LIST` reports every mistake of a list. Complete lists are in
[sample-lists](../sample-lists) and in [recipes.md](recipes.md).

";

const MEANING: &str = include_str!("meaning.md");

/// The reference of lists, in Markdown.
#[must_use]
pub fn render_reference() -> String {
    // The schema is made of types: it is JSON.
    let schema: Value = serde_json::from_str(&schema()).unwrap_or_default();
    let tables = Tables::of(&schema);
    let mut text = [BEGINNING, MEANING].concat();
    // Fails for no string.
    let _ = write!(text, "{tables}");
    text
}

/// A table and what it is called in a heading.
struct Table<'a> {
    heading: String,
    schema: &'a Value,
}

struct Tables<'a> {
    definitions: &'a Value,
    /// The list itself first, each table before those in it.
    tables: Vec<Table<'a>>,
}

/// A key with its schema, of which tables have equal ones.
type Shared<'a> = BTreeMap<Vec<usize>, Vec<(&'a String, &'a Value)>>;

impl<'a> Tables<'a> {
    fn of(schema: &'a Value) -> Self {
        let list = Table {
            heading: "The list".into(),
            schema,
        };
        let mut found = Self {
            definitions: &schema["$defs"],
            tables: vec![list],
        };
        let mut next = 0;
        while let Some(table) = found.tables.get(next) {
            let is_list = next == 0;
            for (key, property) in properties(table.schema) {
                let Some(schema) = found.table_in(property) else {
                    continue;
                };
                if found.tables.iter().any(|known| known.schema == schema) {
                    continue;
                }
                let heading = match (is_list, property["type"].as_str()) {
                    (true, Some("array")) => format!("`[[{key}]]`"),
                    (true, Some("object")) => format!("`[{key}.\"...\"]`"),
                    (true, _) => format!("`[{key}]`"),
                    (false, _) => format!("`{key} = {{ ... }}`"),
                };
                found.tables.push(Table { heading, schema });
            }
            next += 1;
        }
        found
    }

    /// The schema behind a reference.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        name.map_or(schema, |name| &self.definitions[name])
    }

    /// The table that a value of this schema is or contains.
    fn table_in(&self, schema: &'a Value) -> Option<&'a Value> {
        let schema = self.resolved(schema);
        if schema["properties"].is_object() {
            return Some(schema);
        }
        let inside = [&schema["items"], &schema["additionalProperties"]];
        let choices = schema["anyOf"].as_array().into_iter().flatten();
        inside
            .into_iter()
            .filter(|schema| schema.is_object())
            .chain(choices)
            .find_map(|schema| self.table_in(schema))
    }

    /// Keys that more than one table has with an equal schema, by these tables.
    fn shared(&self) -> Shared<'a> {
        let mut shared = Shared::new();
        for (at, table) in self.tables.iter().enumerate() {
            for (key, schema) in properties(table.schema) {
                let owners = self.owners(key, schema);
                if owners.len() > 1 && owners.first() == Some(&at) {
                    shared.entry(owners).or_default().push((key, schema));
                }
            }
        }
        shared
    }

    /// The tables that have this key with an equal schema.
    fn owners(&self, key: &str, schema: &Value) -> Vec<usize> {
        let tables = self.tables.iter().enumerate();
        tables
            .filter(|(_, table)| table.schema["properties"].get(key) == Some(schema))
            .map(|(at, _)| at)
            .collect()
    }

    /// `[source]`, `[destination]` and `[defaults]`.
    fn names(&self, of: &[usize]) -> String {
        let names: Vec<&str> = of.iter().map(|&at| &*self.tables[at].heading).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// What kind of value a key has.
    fn kind(&self, schema: &'a Value) -> String {
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            return values.join(", ");
        }
        let schema = self.resolved(schema);
        if let Some(choices) = schema["anyOf"].as_array() {
            let choices: Vec<String> = choices.iter().map(|choice| self.kind(choice)).collect();
            return choices.join(" or ");
        }
        let bounds = (schema["minimum"].as_u64(), schema["maximum"].as_u64());
        match (schema["type"].as_str().unwrap_or_default(), bounds) {
            ("string", _) => "text".into(),
            ("boolean", _) => "`true`, `false`".into(),
            ("integer", (Some(least), Some(most))) if least == most => format!("{most}"),
            ("integer", (Some(least), Some(most))) => format!("{least} to {most}"),
            ("integer", _) => "number".into(),
            ("array", _) => format!("array of {}", self.kind(&schema["items"])),
            ("object", _) if schema["properties"].is_object() => "table".into(),
            ("object", _) => "tables".into(),
            (other, _) => other.into(),
        }
    }

    fn write_rows<'k>(
        &self,
        to: &mut fmt::Formatter<'_>,
        required: &Value,
        keys: impl IntoIterator<Item = (&'k String, &'a Value)>,
    ) -> fmt::Result {
        writeln!(
            to,
            "\n| Key | Value | Example | What it says |\n|---|---|---|---|"
        )?;
        let required = required.as_array().map_or(&[][..], Vec::as_slice);
        for (key, schema) in keys {
            let is_required = required.iter().any(|name| name == key.as_str());
            let kind = self.kind(schema);
            let example = schema["examples"].get(0);
            let example = example.map(|value| format!("`{}`", toml_of(value)));
            let words = [
                if is_required { "Required." } else { "" },
                schema["description"].as_str().unwrap_or_default(),
                // The words of a type are further ones only for a value that is no table.
                match (schema.get("$ref"), self.table_in(schema)) {
                    (Some(_), None) => self.resolved(schema)["description"].as_str(),
                    (Some(_), Some(_)) | (None, _) => None,
                }
                .unwrap_or_default(),
            ];
            let words: Vec<&str> = words
                .into_iter()
                .filter(|words| !words.is_empty())
                .collect();
            writeln!(
                to,
                "| `{key}` | {} | {} | {} |",
                cell(&kind),
                cell(&example.unwrap_or_default()),
                cell(&words.join(" "))
            )?;
        }
        Ok(())
    }

    fn write_table(&self, to: &mut fmt::Formatter<'_>, at: usize, shared: &Shared) -> fmt::Result {
        let Table { heading, schema } = &self.tables[at];
        let description = schema["description"].as_str().unwrap_or_default();
        write!(to, "\n## {heading}\n{}", one_line(description))?;
        let choices: Vec<String> = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|choice| Some(format!("`{}`", choice["required"].get(0)?.as_str()?)))
            .collect();
        if !choices.is_empty() {
            write!(to, " It has exactly one of {}.", choices.join(", "))?;
        }
        for owners in shared.keys().filter(|owners| owners.contains(&at)) {
            write!(to, " See also “Keys of {}”.", self.names(owners))?;
        }
        writeln!(to)?;
        let own = properties(schema).filter(|(key, value)| self.owners(key, value).len() == 1);
        self.write_rows(to, &schema["required"], own)
    }
}

impl fmt::Display for Tables<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        for at in 0..self.tables.len() {
            self.write_table(to, at, &shared)?;
        }
        for (owners, keys) in &shared {
            writeln!(to, "\n## Keys of {}", self.names(owners))?;
            self.write_rows(to, &Value::Null, keys.iter().copied())?;
        }
        Ok(())
    }
}

fn properties(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(key: &str) -> usize {
        let row = format!("| `{key}` |");
        let reference = render_reference();
        reference
            .lines()
            .filter(|line| line.starts_with(&row))
            .count()
    }

    #[test]
    fn every_key_of_the_schema_has_a_row() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let definitions = schema["$defs"].as_object().unwrap().values();
        let tables: Vec<&Value> = definitions.chain([&schema]).collect();
        for (key, _) in tables.iter().flat_map(|table| properties(table)) {
            assert!(rows_of(key) > 0, "{key}");
        }
    }

    #[test]
    fn a_key_that_means_the_same_in_several_tables_has_one_row() {
        assert_eq!(rows_of("password-env"), 1);
        assert_eq!(rows_of("on-existing"), 1);
        // The examples of source and destination differ.
        assert_eq!(rows_of("registry"), 2);
    }
}
