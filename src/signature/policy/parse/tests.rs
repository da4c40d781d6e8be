//! Mistakes in policies.

use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let read = |path: &std::path::Path| match path.ends_with("bad") {
        true => Ok(b"nothing".to_vec()),
        false => Err("cannot be read".to_owned()),
    };
    let mistakes = parse_policy(text.as_bytes(), &read).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

/// The mistakes of a policy whose only entry has this requirement.
fn of_requirement(requirement: &str) -> Vec<String> {
    mistakes(&format!(
        r#"{{"default": [{{"type": "reject"}}], "transports": {{"docker": {{"x": [{requirement}]}}}}}}"#
    ))
}

#[test]
fn every_mistake_is_reported_with_its_path() {
    assert_eq!(mistakes("{}"), ["`default` is missing"]);
    assert!(mistakes("{")[0].starts_with("is no JSON"));
    let text = r#"{"default": [], "more": 1, "transports": {"docker": {"x": 1}, "dir": {"/": [{"type": "reject"}], "a": [{"type": "reject"}]}}}"#;
    let found = mistakes(text);
    assert_eq!(
        found,
        [
            "\"more\" is unknown",
            "default: has no requirement; write insecureAcceptAnything to accept every image",
            "transports.docker[\"x\"]: is null, a number or a boolean instead of an array of requirements",
            "transports.dir[\"/\"]: the root is no scope; write \"\" for all images of the transport",
            "transports.dir[\"a\"]: a scope of this transport is an absolute path",
        ]
    );
    let repeated = r#"{"default": [{"type": "reject"}], "default": [{"type": "reject"}]}"#;
    assert_eq!(mistakes(repeated), ["has \"default\" more than once"]);
}

#[test]
fn requirements_are_checked_field_by_field() {
    let at = r#"transports.docker["x"][0]"#;
    for (requirement, expected) in [
        (r#"{"type": "trust"}"#, ".type: \"trust\" is unknown"),
        (r#"{"kind": "reject"}"#, ".type: is missing"),
        (r#"{"type": "reject", "a": 1}"#, ": \"a\" is unknown"),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys"}"#,
            ": exactly one of keyPath, keyPaths, keyData has to be there",
        ),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "a", "keyData": ""}"#,
            ": exactly one of keyPath, keyPaths, keyData has to be there",
        ),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "a"}"#,
            ".keyPath: cannot be read",
        ),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": ["a"]}"#,
            ".keyPath: has to be a text",
        ),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": []}"#,
            ".keyPaths: has to be an array of texts with at least one",
        ),
        (
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "?"}"#,
            ".keyData: is not base64",
        ),
        (
            r#"{"type": "signedBaseLayer"}"#,
            ": signedBaseLayer cannot be checked; containers/image does not implement it, either",
        ),
        (
            r#"{"type": "sigstoreSigned", "fulcio": {}}"#,
            ".fulcio: certificates and the log of Rekor cannot be checked offline; only keys can",
        ),
    ] {
        assert_eq!(of_requirement(requirement), [format!("{at}{expected}")]);
    }
    let unusable = of_requirement(r#"{"type": "sigstoreSigned", "keyPaths": ["a", "bad"]}"#);
    assert_eq!(unusable, [format!("{at}.keyPaths[0]: cannot be read")]);
    let unusable = of_requirement(r#"{"type": "sigstoreSigned", "keyPath": "bad"}"#);
    assert!(
        unusable[0].contains("begins with -----BEGIN PUBLIC KEY"),
        "{unusable:?}"
    );
    let no_key = of_requirement(r#"{"type": "signedBy", "keyType": "x", "keyPath": "bad"}"#);
    assert_eq!(no_key.len(), 2, "{no_key:?}");
}

#[test]
fn identities_are_checked() {
    let at = r#"transports.docker["x"][0].signedIdentity"#;
    for (identity, expected) in [
        (r#"{"type": "any"}"#, ".type: \"any\" is unknown"),
        (
            r#"{"type": "exactReference"}"#,
            ".dockerReference: is missing",
        ),
        (
            r#"{"type": "exactReference", "dockerReference": "a/b"}"#,
            ".dockerReference: \"a/b\" is no reference with a tag or digest",
        ),
        (
            r#"{"type": "exactRepository", "dockerRepository": "a/b:1"}"#,
            ".dockerRepository: \"a/b:1\" is no repository",
        ),
        (
            r#"{"type": "remapIdentity", "prefix": "a", "signedPrefix": "b.example"}"#,
            ".prefix: \"a\" is no registry, namespace or repository",
        ),
        (
            r#"{"type": "matchExact", "more": 1}"#,
            ": \"more\" is unknown",
        ),
    ] {
        let found = of_requirement(&format!(
            r#"{{"type": "sigstoreSigned", "keyPath": "a", "signedIdentity": {identity}}}"#
        ));
        assert_eq!(found[0], format!("{at}{expected}"));
    }
}
