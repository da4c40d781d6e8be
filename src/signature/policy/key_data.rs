//! Where the keys of a requirement are: in files, or in the policy itself.
//!
//! Decides that exactly one of the fields is written. Invariant: a key that cannot be read is a mistake of its field.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::json::Json;

/// Reads the file of a key, or says why that is not possible.
pub type ReadKey<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, String>;

/// The content of one key file, and what an operator calls it.
pub(super) struct KeyContent {
    /// The field below the requirement, as in `keyPaths[1]`.
    pub(super) field: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// A mistake, and the field below the requirement that makes it.
pub(super) type FieldMistake = (String, String);

/// The contents of the key fields of a requirement. `fields` are those that are written.
pub(super) fn read_keys(
    names: &[&str],
    fields: &[(String, Json)],
    read: ReadKey<'_>,
) -> Result<Vec<KeyContent>, Vec<FieldMistake>> {
    let mut written = fields.iter();
    let (Some((name, value)), None) = (written.next(), written.next()) else {
        let names = names.join(", ");
        return Err(vec![(
            String::new(),
            format!("exactly one of {names} has to be there"),
        )]);
    };
    let mistake = |text: &str| vec![(name.clone(), text.to_owned())];
    let several = name.ends_with('s');
    let texts: Vec<(String, &String)> = match value {
        Json::Text(text) if !several => vec![(name.clone(), text)],
        Json::Array(elements) if several && !elements.is_empty() => {
            let texts = elements
                .iter()
                .enumerate()
                .map(|(at, element)| match element {
                    Json::Text(text) => Ok((format!("{name}[{at}]"), text)),
                    other => Err(vec![(
                        format!("{name}[{at}]"),
                        format!("is {} instead of a text", other.kind()),
                    )]),
                });
            texts.collect::<Result<_, _>>()?
        }
        _ if several => return Err(mistake("has to be an array of texts with at least one")),
        _ => return Err(mistake("has to be a text")),
    };
    let is_path = name.starts_with("keyPath");
    let mut contents = Vec::new();
    let mut mistakes = Vec::new();
    for (field, text) in texts {
        let (called, bytes) = match is_path {
            true => (text.clone(), read(Path::new(text))),
            false => {
                let decoded = STANDARD.decode(text);
                let decoded = decoded.map_err(|_| "is not base64".to_owned());
                ("the key in the policy".into(), decoded)
            }
        };
        match bytes {
            Ok(bytes) => contents.push(KeyContent {
                field,
                name: called,
                bytes,
            }),
            Err(problem) => mistakes.push((field, problem)),
        }
    }
    match mistakes.is_empty() {
        true => Ok(contents),
        false => Err(mistakes),
    }
}
