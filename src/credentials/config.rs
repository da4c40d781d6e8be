//! One credentials file: docker's `config.json` or podman's `auth.json`, which have the same format here.
//!
//! Decides which entries of the file apply to a registry and repository: the registry's own credential helper, an entry
//! with a password, the helper for all registries. Invariants: unknown fields are kept when the file is written. An
//! unusable entry is skipped and does not affect others.

use std::{
    io,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{CredentialsError, Key, entry::credential, places::is_legacy, private_file};
use crate::{
    oci::{Registry, Repository},
    registry::Credential,
};

const AUTHS: &str = "auths";
const HELPERS: &str = "credHelpers";
const STORE: &str = "credsStore";

/// The rest of a larger file is not read.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) struct ConfigFile {
    path: PathBuf,
    content: Map<String, Value>,
}

/// A place in which the credential may be, according to the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    Entry(Credential),
    Helper {
        name: String,
        /// The server as the file spells it.
        server: String,
        /// The file names this registry, so a failure of the helper is an error.
        required: bool,
    },
}

impl ConfigFile {
    /// Reads the file. A missing file is empty.
    pub(super) fn read(path: &Path) -> Result<Self, CredentialsError> {
        let fail = |error| CredentialsError::File {
            path: path.into(),
            error,
        };
        let bytes = match read_limited(path) {
            Ok(bytes) => bytes,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Vec::new(),
                _ => return Err(fail(error)),
            },
        };
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CredentialsError> {
        let content = match bytes.trim_ascii().is_empty() {
            true => Value::Object(Map::new()),
            // The text of a serde error may quote the file.
            false => serde_json::from_slice(bytes).map_err(|error| CredentialsError::Syntax {
                path: path.into(),
                line: error.line(),
                column: error.column(),
            })?,
        };
        match content {
            Value::Object(content) => Ok(Self {
                path: path.into(),
                content: match is_legacy(path) {
                    true => Map::from_iter([(AUTHS.into(), Value::Object(content))]),
                    false => content,
                },
            }),
            _ => Err(CredentialsError::Content {
                path: path.into(),
                problem: "not a JSON object",
            }),
        }
    }

    /// The candidates in order: the registry's own helper, an entry, the helper for all registries.
    pub(super) fn candidates(
        &self,
        registry: &Registry,
        repository: Option<&Repository>,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let helper = self.most_specific(HELPERS, registry, repository, |_| true);
        if let Some((server, Value::String(name))) = helper.filter(|(_, name)| *name != "") {
            candidates.push(Candidate::Helper {
                name: name.clone(),
                server: server.clone(),
                required: true,
            });
        }
        let entry = self.most_specific(AUTHS, registry, repository, |entry| {
            credential(entry).is_some()
        });
        candidates.extend(
            entry
                .and_then(|(_, entry)| credential(entry))
                .map(Candidate::Entry),
        );
        if let Some(Value::String(name)) = self.content.get(STORE).filter(|name| *name != "") {
            let placeholder = self.most_specific(AUTHS, registry, repository, |_| true);
            candidates.push(Candidate::Helper {
                name: name.clone(),
                server: Key::from(registry.clone()).written(),
                required: placeholder.is_some(),
            });
        }
        candidates
    }

    fn most_specific(
        &self,
        table: &str,
        registry: &Registry,
        repository: Option<&Repository>,
        usable: impl Fn(&Value) -> bool,
    ) -> Option<(&String, &Value)> {
        let table = self.content.get(table)?.as_object()?;
        let matching = table.iter().filter_map(|(key, value)| {
            let specificity = Key::read(key)?.specificity(registry, repository)?;
            usable(value).then_some((specificity, (key, value)))
        });
        matching
            .max_by_key(|(specificity, _)| *specificity)
            .map(|(_, found)| found)
    }

    /// The helper that stores the credential of `key`, if the file names one.
    pub(super) fn helper(&self, key: &Key) -> Option<String> {
        let own = self.most_specific(HELPERS, &key.registry, key.below.as_ref(), |_| true);
        own.map(|(_, name)| name)
            .or_else(|| self.content.get(STORE))
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
    }

    /// Stores `password` for `key` in the file itself.
    pub(super) fn store(&mut self, key: &Key, username: &str, password: &SecretString) {
        let pair = format!("{username}:{}", password.expose_secret());
        self.put(key, json!({ "auth": BASE64_STANDARD.encode(pair) }));
    }

    /// Adds an empty entry for `key`, as docker does if a helper stores the credential.
    pub(super) fn store_placeholder(&mut self, key: &Key) {
        self.put(key, json!({}));
    }

    fn put(&mut self, key: &Key, entry: Value) {
        self.remove(key);
        let auths = self.content.entry(AUTHS).or_insert_with(|| json!({}));
        if !auths.is_object() {
            *auths = json!({});
        }
        auths[key.written()] = entry;
    }

    /// Removes every entry whose key equals `key` in any spelling. Returns whether there was one.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let Some(auths) = self.content.get_mut(AUTHS).and_then(Value::as_object_mut) else {
            return false;
        };
        let before = auths.len();
        auths.retain(|written, _| Key::read(written).as_ref() != Some(key));
        auths.len() < before
    }

    /// Replaces the file.
    pub(super) fn write(&self) -> Result<(), CredentialsError> {
        self.replace().map_err(|error| CredentialsError::File {
            path: self.path.clone(),
            error,
        })
    }

    fn replace(&self) -> io::Result<()> {
        let content = match (is_legacy(&self.path), self.content.get(AUTHS)) {
            (true, Some(auths)) => auths.clone(),
            _ => Value::Object(self.content.clone()),
        };
        let mut text = Vec::new();
        let indented = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        content.serialize(&mut serde_json::Serializer::with_formatter(
            &mut text, indented,
        ))?;
        text.push(b'\n');
        private_file::replace(&self.path, &text)
    }
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(content: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("config.json"), content.as_bytes()).unwrap()
    }

    fn candidates(content: &str, registry: &str, repository: &str) -> Vec<Candidate> {
        let repository = repository.parse().ok();
        file(content).candidates(&registry.parse().unwrap(), repository.as_ref())
    }

    fn entry(username: &str) -> Candidate {
        Candidate::Entry(Credential::Basic {
            username: username.into(),
            password: "p".into(),
        })
    }

    fn helper(name: &str, server: &str, required: bool) -> Candidate {
        let (name, server) = (name.into(), server.into());
        Candidate::Helper {
            name,
            server,
            required,
        }
    }

    /// `user:p` for each of the keys.
    fn auths(keys: &[(&str, &str)]) -> String {
        let auths = keys.iter().map(|(key, user)| {
            let auth = BASE64_STANDARD.encode(format!("{user}:p"));
            ((*key).to_owned(), json!({ "auth": auth }))
        });
        json!({ "auths": Map::from_iter(auths) }).to_string()
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let content = auths(&[
            ("quay.io", "host"),
            ("quay.io/team", "team"),
            ("quay.io/team/app", "app"),
            ("https://index.docker.io/v1/", "hub"),
        ]);
        let found = |registry, repository| candidates(&content, registry, repository);
        assert_eq!(found("quay.io", "team/app"), [entry("app")]);
        assert_eq!(found("quay.io", "team/other"), [entry("team")]);
        assert_eq!(found("quay.io", "teams/app"), [entry("host")]);
        assert_eq!(found("quay.io", ""), [entry("host")]);
        assert_eq!(found("docker.io", "library/nginx"), [entry("hub")]);
        assert_eq!(found("ghcr.io", "a"), []);
    }

    #[test]
    fn the_own_helper_of_a_registry_comes_before_entries_and_the_general_one_after_them() {
        let content = r#"{"auths": {"r.example": {}, "s.example": {"username": "u", "password": "p"}},
            "credHelpers": {"h.example": "ecr-login"}, "credsStore": "desktop"}"#;
        let store = |server, required| helper("desktop", server, required);
        assert_eq!(
            candidates(content, "h.example", "a"),
            [
                helper("ecr-login", "h.example", true),
                store("h.example", false)
            ]
        );
        assert_eq!(
            candidates(content, "r.example", "a"),
            [store("r.example", true)]
        );
        assert_eq!(
            candidates(content, "s.example", "a"),
            [entry("u"), store("s.example", true)]
        );
        assert_eq!(
            candidates(content, "docker.io", "a"),
            [store("https://index.docker.io/v1/", false)]
        );
    }

    #[test]
    fn an_unusable_entry_is_skipped_for_a_less_specific_one() {
        let content = r#"{"auths": {"r.example/team": {"auth": "not base64!"}, "r.example": {"username": "u", "password": "p"},
            "other.example": 7}, "credsStore": 7, "credHelpers": []}"#;
        assert_eq!(candidates(content, "r.example", "team/app"), [entry("u")]);
        assert_eq!(candidates(content, "other.example", "a"), []);
    }

    #[test]
    fn errors_do_not_quote_the_file() {
        let broken = br#"{"auths": {"r.example": {"auth": "hunter2" "x"}}}"#;
        let error = ConfigFile::parse(Path::new("c.json"), broken)
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "c.json: not JSON, line 1, column 44");
    }

    #[test]
    fn old_dockers_file_is_the_table_alone() {
        let content = br#"{"https://r.example/v1/": {"username": "u", "password": "p"}}"#;
        let file = ConfigFile::parse(Path::new("/h/.dockercfg"), content).unwrap();
        assert_eq!(
            file.candidates(&"r.example".parse().unwrap(), None),
            [entry("u")]
        );
    }

    #[test]
    fn writing_keeps_unknown_fields_and_other_entries() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new").join("config.json");
        let key = Key::from("r.example".parse::<Registry>().unwrap());
        let mut file = ConfigFile::read(&path).unwrap();
        file.content = serde_json::from_str(
            r#"{"psFormat": "table", "auths": {"https://r.example/v1/": {}, "r.example/team": {"auth": "x"}}}"#,
        )
        .unwrap();
        file.store(&key, "u", &"p".into());
        file.write().unwrap();

        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            written,
            json!({ "psFormat": "table", "auths": { "r.example": { "auth": "dTpw" }, "r.example/team": { "auth": "x" } } })
        );
    }

    /// JSON of the shape of these files, with any content.
    fn any_file() -> impl Strategy<Value = String> {
        let text = prop_oneof!["[ -~]{0,20}", "[a-z.:/0-9]{0,20}", ".{0,10}"];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(Value::Null)
        ];
        let field = prop_oneof![
            Just("auth".to_owned()),
            Just("username".to_owned()),
            Just("identitytoken".to_owned()),
            text.clone(),
        ];
        let entry = prop_oneof![
            leaf.clone(),
            proptest::collection::hash_map(field, leaf, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ];
        let table = proptest::collection::hash_map(text, entry, 0..4)
            .prop_map(|entries| Value::Object(entries.into_iter().collect()));
        (table.clone(), table).prop_map(|(auths, helpers)| {
            json!({ "auths": auths, "credHelpers": helpers }).to_string()
        })
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic(content in any_file(), junk in proptest::collection::vec(any::<u8>(), 0..100)) {
            let registry: Registry = "r.example".parse().unwrap();
            let repository = "a/b".parse().ok();
            let mut read = file(&content);
            read.candidates(&registry, repository.as_ref());
            read.store(&registry.into(), "u", &"p".into());
            let _ = ConfigFile::parse(Path::new("x"), &junk);
        }

        #[test]
        fn a_stored_password_is_found_again(username in "[^:]{1,20}", password in "[^\\x00]{1,20}") {
            let registry: Registry = "r.example".parse().unwrap();
            let mut file = file("{}");
            file.store(&registry.clone().into(), &username, &password.clone().into());
            let stored = Credential::Basic { username, password: password.into() };
            prop_assert_eq!(file.candidates(&registry, None), [Candidate::Entry(stored)]);
        }
    }
}
