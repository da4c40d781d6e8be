//! What a simple signature signs: a JSON text that names a manifest's digest and a reference
//! (containers-signature(5), "JSON data format"; sigstore/cosign `specs/SIGNATURE_SPEC.md`).
//!
//! Decides how it is written and read. Invariant: a text with unknown, missing or repeated fields where the format is
//! fixed is refused, since it may mean more than was understood.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::oci::Digest;

/// Which tool's signature it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// In an OpenPGP message.
    Atomic,
    /// In a layer of a cosign signature.
    Cosign,
}

/// The statement that an image has a digest and is called by a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub digest: Digest,
    pub reference: String,
}

/// Why a signed text is no such statement.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error("the signed text is not the JSON of an image signature: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the signed text has {0} where an object belongs")]
    Shape(&'static str),
    #[error("what is signed is of the type {found:?}, not {expected:?}")]
    Kind {
        found: String,
        expected: &'static str,
    },
    #[error("`optional.{0}` in the signed text has the wrong type")]
    Optional(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    critical: Critical,
    /// A `Value`, so that the field has to be there, be it `null`.
    optional: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    #[serde(rename = "type")]
    kind: String,
    image: Image,
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

impl PayloadKind {
    fn name(self) -> &'static str {
        match self {
            Self::Atomic => "atomic container signature",
            Self::Cosign => "cosign container image signature",
        }
    }
}

impl Payload {
    /// The statement in a signed text.
    ///
    /// # Errors
    /// The text is another one, or is not of this kind.
    pub fn parse(text: &[u8], kind: PayloadKind) -> Result<Self, PayloadError> {
        let document: Document = serde_json::from_slice(text)?;
        let critical = document.critical;
        check_shape(text)?;
        if critical.kind != kind.name() {
            return Err(PayloadError::Kind {
                found: critical.kind,
                expected: kind.name(),
            });
        }
        match (kind, &document.optional) {
            (_, Value::Object(optional)) => check_optional(optional)?,
            (PayloadKind::Cosign, Value::Null) => {}
            (PayloadKind::Atomic | PayloadKind::Cosign, _) => {
                return Err(PayloadError::Shape("`optional`"));
            }
        }
        Ok(Self {
            digest: critical.image.docker_manifest_digest,
            reference: critical.identity.docker_reference,
        })
    }

    /// The text to sign, made now by `creator`; `seconds` is the time since 1970.
    #[must_use]
    pub fn to_text(&self, kind: PayloadKind, creator: &str, seconds: i64) -> String {
        let document = json!({
            "critical": {
                "type": kind.name(),
                "image": {"docker-manifest-digest": self.digest},
                "identity": {"docker-reference": self.reference},
            },
            "optional": {"creator": creator, "timestamp": seconds},
        });
        document.to_string()
    }
}

/// An array of the fields' values would be read as an object of them.
fn check_shape(text: &[u8]) -> Result<(), PayloadError> {
    let document: Value = serde_json::from_slice(text)?;
    let at = |path: &str| document.pointer(path).is_some_and(Value::is_object);
    for (path, name) in [
        ("", "an array"),
        ("/critical", "an array as `critical`"),
        ("/critical/image", "an array as `critical.image`"),
        ("/critical/identity", "an array as `critical.identity`"),
    ] {
        if !at(path) {
            return Err(PayloadError::Shape(name));
        }
    }
    Ok(())
}

fn check_optional(optional: &Map<String, Value>) -> Result<(), PayloadError> {
    let creator = optional.get("creator");
    if creator.is_some_and(|creator| !creator.is_string()) {
        return Err(PayloadError::Optional("creator"));
    }
    let timestamp = optional.get("timestamp");
    if timestamp.is_some_and(|timestamp| timestamp.as_i64().is_none()) {
        return Err(PayloadError::Optional("timestamp"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Payload {
        Payload {
            digest: Digest::of(b"manifest"),
            reference: "registry.example/team/api:1".into(),
        }
    }

    fn parsed(document: &Value) -> Result<Payload, String> {
        let parsed = Payload::parse(document.to_string().as_bytes(), PayloadKind::Atomic);
        parsed.map_err(|error| error.to_string())
    }

    fn written() -> Value {
        let text = statement().to_text(PayloadKind::Atomic, "me", 7);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for kind in [PayloadKind::Atomic, PayloadKind::Cosign] {
            let text = statement().to_text(kind, "transship", 1_700_000_000);
            let read = Payload::parse(text.as_bytes(), kind).unwrap();
            assert_eq!(read, statement());
        }
    }

    #[test]
    fn a_signature_of_another_kind_is_refused() {
        let text = statement().to_text(PayloadKind::Cosign, "me", 0);
        let refused = Payload::parse(text.as_bytes(), PayloadKind::Atomic).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "what is signed is of the type \"cosign container image signature\", not \"atomic container signature\""
        );
    }

    #[test]
    fn unknown_missing_and_repeated_fields_are_refused_where_they_matter() {
        for path in ["", "/critical", "/critical/image", "/critical/identity"] {
            let mut document = written();
            document.pointer_mut(path).unwrap()["more"] = json!(1);
            assert!(parsed(&document).unwrap_err().contains("unknown field"));
        }
        for (path, field) in [
            ("", "optional"),
            ("/critical", "identity"),
            ("/critical/image", "docker-manifest-digest"),
        ] {
            let mut document = written();
            let object = document.pointer_mut(path).unwrap();
            object.as_object_mut().unwrap().remove(field);
            assert!(parsed(&document).unwrap_err().contains("missing field"));
        }
        let text = written().to_string();
        let repeated = text.replacen("\"optional\":", "\"optional\":{},\"optional\":", 1);
        let refused = Payload::parse(repeated.as_bytes(), PayloadKind::Atomic).unwrap_err();
        assert!(refused.to_string().contains("duplicate field"));
        let trailed = format!("{text}{{}}");
        assert!(Payload::parse(trailed.as_bytes(), PayloadKind::Atomic).is_err());
    }

    #[test]
    fn arrays_are_no_objects() {
        let mut document = written();
        document["critical"]["image"] = json!([Digest::of(b"manifest")]);
        assert!(parsed(&document).unwrap_err().contains("critical.image"));
    }

    #[test]
    fn optional_fields_may_be_unknown_but_not_of_the_wrong_type() {
        let mut document = written();
        document["optional"] = json!({"anything": [1]});
        assert_eq!(parsed(&document).unwrap(), statement());
        for optional in [
            json!({"creator": 1}),
            json!({"timestamp": 1.5}),
            json!(null),
        ] {
            document["optional"] = optional;
            parsed(&document).unwrap_err();
        }
    }
}
