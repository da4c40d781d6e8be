//! Reads a policy.
//!
//! Decides what is a mistake: everything that is unknown, repeated, missing or cannot be checked. Invariant: all mistakes
//! are reported at once, each with its path in the JSON.

use std::{collections::HashMap, fmt};

use super::{
    identity::SignedIdentity,
    json::Json,
    key_data::{KeyContent, ReadKey, read_keys},
    requirement::Requirement,
    rules::{Policy, entry},
};
use crate::{
    oci::{PartialReference, Reference},
    signature::{CosignKey, Keyring},
};

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyMistake {
    /// Where it is, as in `transports.docker["r.example"][0].keyPath`. Empty for the whole text.
    pub path: String,
    pub problem: String,
}

impl fmt::Display for PolicyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.problem),
            false => write!(f, "{}: {}", self.path, self.problem),
        }
    }
}

/// Reads a policy and its keys.
///
/// # Errors
/// Every mistake in it.
pub fn parse_policy(text: &[u8], read: ReadKey<'_>) -> Result<Policy, Vec<PolicyMistake>> {
    let mut parser = Parser {
        read,
        mistakes: Vec::new(),
    };
    let policy = match serde_json::from_slice(text) {
        Ok(json) => parser.policy(json),
        Err(error) => {
            parser.add("", format!("is no JSON: {error}"));
            None
        }
    };
    match policy.filter(|_| parser.mistakes.is_empty()) {
        Some(policy) => Ok(policy),
        None => Err(parser.mistakes),
    }
}

type Entries = Vec<(String, Json)>;

struct Parser<'a> {
    read: ReadKey<'a>,
    mistakes: Vec<PolicyMistake>,
}

impl Parser<'_> {
    fn add(&mut self, path: &str, problem: impl Into<String>) {
        self.mistakes.push(PolicyMistake {
            path: path.into(),
            problem: problem.into(),
        });
    }

    fn policy(&mut self, json: Json) -> Option<Policy> {
        let mut fields = self.fields("", json, &["default", "transports"])?;
        let default = match take(&mut fields, "default") {
            Some(json) => self.requirements("default", json),
            None => {
                self.add("", "`default` is missing");
                None
            }
        };
        let mut transports = HashMap::new();
        if let Some(json) = take(&mut fields, "transports") {
            for (transport, scopes) in self.object("transports", json)? {
                let path = format!("transports.{transport}");
                let mut rules = HashMap::new();
                for (scope, json) in self.object(&path, scopes).unwrap_or_default() {
                    let path = entry(&transport, &scope);
                    if let Some(problem) = scope_problem(&transport, &scope) {
                        self.add(&path, problem);
                    }
                    if let Some(requirements) = self.requirements(&path, json) {
                        rules.insert(scope, requirements);
                    }
                }
                transports.insert(transport, rules);
            }
        }
        Some(Policy {
            default: default?,
            transports,
        })
    }

    fn requirements(&mut self, path: &str, json: Json) -> Option<Vec<Requirement>> {
        let Json::Array(elements) = json else {
            let kind = json.kind();
            self.add(
                path,
                format!("is {kind} instead of an array of requirements"),
            );
            return None;
        };
        if elements.is_empty() {
            self.add(
                path,
                "has no requirement; write insecureAcceptAnything to accept every image",
            );
        }
        let elements = elements.into_iter().enumerate();
        let requirements: Vec<Option<Requirement>> = elements
            .map(|(at, element)| self.requirement(&format!("{path}[{at}]"), element))
            .collect();
        requirements.into_iter().collect()
    }

    fn requirement(&mut self, path: &str, json: Json) -> Option<Requirement> {
        let mut entries = self.object(path, json)?;
        let kind = self.kind(path, &mut entries)?;
        match kind.as_str() {
            "insecureAcceptAnything" => {
                self.check_known(path, &entries, &[]);
                Some(Requirement::AcceptAnything)
            }
            "reject" => {
                self.check_known(path, &entries, &[]);
                Some(Requirement::Reject)
            }
            "signedBy" => self.signed_by(path, entries),
            "sigstoreSigned" => self.sigstore_signed(path, entries),
            "signedBaseLayer" => {
                self.add(
                    path,
                    "signedBaseLayer cannot be checked; containers/image does not implement it, either",
                );
                None
            }
            other => {
                self.add(&format!("{path}.type"), format!("{other:?} is unknown"));
                None
            }
        }
    }

    fn signed_by(&mut self, path: &str, mut entries: Entries) -> Option<Requirement> {
        const KEYS: [&str; 3] = ["keyPath", "keyPaths", "keyData"];
        self.check_known(
            path,
            &entries,
            &["keyType", "signedIdentity", KEYS[0], KEYS[1], KEYS[2]],
        );
        match take(&mut entries, "keyType") {
            Some(Json::Text(kind)) if kind == "GPGKeys" => {}
            _ => self.add(&format!("{path}.keyType"), "has to be \"GPGKeys\""),
        }
        let identity = self.identity(path, take(&mut entries, "signedIdentity"));
        let mut keys = Keyring::default();
        for content in self.keys(path, &KEYS, &entries)? {
            match Keyring::parse(&content.bytes) {
                Ok(keyring) => keys.extend(keyring),
                Err(error) => self.add(
                    &format!("{path}.{}", content.field),
                    format!("{} has no usable key: {error}", content.name),
                ),
            }
        }
        Some(Requirement::SignedBy {
            keys,
            identity: identity?,
        })
    }

    fn sigstore_signed(&mut self, path: &str, mut entries: Entries) -> Option<Requirement> {
        const KEYS: [&str; 4] = ["keyPath", "keyPaths", "keyData", "keyDatas"];
        const ONLINE: [&str; 5] = [
            "fulcio",
            "rekorPublicKeyPath",
            "rekorPublicKeyPaths",
            "rekorPublicKeyData",
            "rekorPublicKeyDatas",
        ];
        let (online, mut entries): (Entries, Entries) = entries
            .drain(..)
            .partition(|(name, _)| ONLINE.contains(&name.as_str()) || name == "pki");
        for (name, _) in &online {
            self.add(
                &format!("{path}.{name}"),
                "certificates and the log of Rekor cannot be checked offline; only keys can",
            );
        }
        self.check_known(
            path,
            &entries,
            &["signedIdentity", KEYS[0], KEYS[1], KEYS[2], KEYS[3]],
        );
        let identity = self.identity(path, take(&mut entries, "signedIdentity"));
        if !online.is_empty() {
            return None;
        }
        let mut keys = Vec::new();
        for content in self.keys(path, &KEYS, &entries)? {
            match CosignKey::parse(&content.name, &content.bytes) {
                Ok(key) => keys.push(key),
                Err(error) => self.add(
                    &format!("{path}.{}", content.field),
                    format!("{} cannot be used: {error}", content.name),
                ),
            }
        }
        Some(Requirement::SigstoreSigned {
            keys,
            identity: identity?,
        })
    }

    /// The contents of the key files. `entries` has nothing else that is known.
    fn keys(&mut self, path: &str, names: &[&str], entries: &Entries) -> Option<Vec<KeyContent>> {
        let of_keys = |(name, _): &&(String, Json)| names.contains(&name.as_str());
        let count = entries.iter().filter(of_keys).count();
        let known: &[(String, Json)] =
            match (count, entries.iter().position(|entry| of_keys(&entry))) {
                (1, Some(at)) => &entries[at..=at],
                _ => &[],
            };
        match read_keys(names, known, self.read) {
            Ok(contents) => Some(contents),
            Err(mistakes) => {
                for (field, problem) in mistakes {
                    match field.is_empty() {
                        true => self.add(path, problem),
                        false => self.add(&format!("{path}.{field}"), problem),
                    }
                }
                None
            }
        }
    }

    fn identity(&mut self, path: &str, json: Option<Json>) -> Option<SignedIdentity> {
        let Some(json) = json else {
            return Some(SignedIdentity::RepositoryDigestOrExact);
        };
        let path = format!("{path}.signedIdentity");
        let mut entries = self.object(&path, json)?;
        let kind = self.kind(&path, &mut entries)?;
        let fields: &[&str] = match kind.as_str() {
            "matchExact" | "matchRepoDigestOrExact" | "matchRepository" => &[],
            "exactReference" => &["dockerReference"],
            "exactRepository" => &["dockerRepository"],
            "remapIdentity" => &["prefix", "signedPrefix"],
            other => {
                self.add(&format!("{path}.type"), format!("{other:?} is unknown"));
                return None;
            }
        };
        self.check_known(&path, &entries, fields);
        let texts: Vec<Option<String>> = fields
            .iter()
            .map(|field| self.text(&format!("{path}.{field}"), take(&mut entries, field)))
            .collect();
        let texts: Vec<String> = texts.into_iter().collect::<Option<_>>()?;
        for (field, text) in fields.iter().zip(&texts) {
            if let Some(problem) = reference_problem(field, text) {
                self.add(&format!("{path}.{field}"), problem);
                return None;
            }
        }
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        Some(match kind.as_str() {
            "matchExact" => SignedIdentity::Exact,
            "matchRepository" => SignedIdentity::Repository,
            "exactReference" => SignedIdentity::ExactReference(next()),
            "exactRepository" => SignedIdentity::ExactRepository(next()),
            "remapIdentity" => SignedIdentity::Remap {
                prefix: next(),
                signed_prefix: next(),
            },
            _ => SignedIdentity::RepositoryDigestOrExact,
        })
    }

    fn kind(&mut self, path: &str, entries: &mut Entries) -> Option<String> {
        self.text(&format!("{path}.type"), take(entries, "type"))
    }

    fn text(&mut self, path: &str, json: Option<Json>) -> Option<String> {
        match json {
            Some(Json::Text(text)) => Some(text),
            Some(other) => {
                let kind = other.kind();
                self.add(path, format!("is {kind} instead of a text"));
                None
            }
            None => {
                self.add(path, "is missing");
                None
            }
        }
    }

    /// The entries of an object, each key once.
    fn object(&mut self, path: &str, json: Json) -> Option<Entries> {
        let Json::Object(entries) = json else {
            let kind = json.kind();
            self.add(path, format!("is {kind} instead of an object"));
            return None;
        };
        let mut seen = std::collections::HashSet::new();
        for (name, _) in &entries {
            if !seen.insert(name) {
                self.add(path, format!("has {name:?} more than once"));
            }
        }
        Some(entries)
    }

    fn fields(&mut self, path: &str, json: Json, known: &[&str]) -> Option<Entries> {
        let entries = self.object(path, json)?;
        self.check_known(path, &entries, known);
        Some(entries)
    }

    fn check_known(&mut self, path: &str, entries: &Entries, known: &[&str]) {
        for (name, _) in entries {
            if !known.contains(&name.as_str()) {
                self.add(path, format!("{name:?} is unknown"));
            }
        }
    }
}

fn take(entries: &mut Entries, name: &str) -> Option<Json> {
    let at = entries.iter().position(|(other, _)| other == name)?;
    Some(entries.remove(at).1)
}

/// Paths that never match are mistakes, as for containers/image.
fn scope_problem(transport: &str, scope: &str) -> Option<&'static str> {
    if !matches!(transport, "dir" | "oci" | "oci-archive") || scope.is_empty() {
        return None;
    }
    if scope == "/" {
        return Some("the root is no scope; write \"\" for all images of the transport");
    }
    (!scope.starts_with('/')).then_some("a scope of this transport is an absolute path")
}

fn reference_problem(field: &str, text: &str) -> Option<String> {
    let is_reference = text.parse::<Reference>().is_ok();
    let partial = text.parse::<PartialReference>();
    let names_image =
        partial.is_ok_and(|partial| partial.tag.is_some() || partial.digest.is_some());
    let problem = match field {
        "dockerReference" if !(is_reference && names_image) => {
            "is no reference with a tag or digest"
        }
        "dockerRepository" if !is_reference || names_image => "is no repository",
        "prefix" | "signedPrefix" if !is_prefix(text) => "is no registry, namespace or repository",
        _ => return None,
    };
    Some(format!("{text:?} {problem}"))
}

/// A host, or a complete name without a tag.
fn is_prefix(text: &str) -> bool {
    let whole = match text.contains('/') {
        true => text.to_owned(),
        false => format!("{text}/x"),
    };
    let parsed = whole.parse::<PartialReference>();
    parsed.is_ok_and(|name| name.registry.is_some() && name.tag.is_none() && name.digest.is_none())
}

#[cfg(test)]
mod tests;
