//! Properties of the parsers of untrusted text and bytes. `PROPTEST_CASES` sets the number of cases.

use bytes::Bytes;
use proptest::prelude::*;

use super::{Digest, Manifest, MediaType, PartialReference, Platform, Reference, Registry};

/// Text that is nearly a reference, and random text.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9./:@_\\[\\]-]{0,80}",
        "([a-z0-9]{1,8}[./:_-]{0,2}){0,8}(@sha256:[0-9a-f]{60,66})?",
    ]
}

/// JSON of the shape of a manifest, with any values.
fn manifest() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\"[a-z0-9:/.+]{0,80}\"",
        Just(format!("\"{}\"", Digest::of(b""))),
        Just(format!("\"{}\"", MediaType::OCI_INDEX)),
        Just(format!("\"{}\"", MediaType::OCI_MANIFEST)),
    ];
    let key = prop::sample::select(vec![
        "schemaVersion",
        "mediaType",
        "artifactType",
        "manifests",
        "config",
        "layers",
        "blobs",
        "subject",
        "digest",
        "size",
        "platform",
        "urls",
        "annotations",
        "os",
        "architecture",
    ]);
    let value = leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    prop_oneof![any::<Vec<u8>>(), value.prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn a_reference_that_can_be_read_reads_back_the_same(text in text()) {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
        let _ = text.parse::<Registry>();
        let _ = text.parse::<Platform>();
    }

    #[test]
    fn a_faulty_reference_is_blamed_on_bytes_it_has(text in text()) {
        if let Err(error) = text.parse::<PartialReference>() {
            prop_assert!(text.get(error.at.clone()).is_some(), "{:?} of {text:?}", error.at);
        }
    }

    #[test]
    fn a_manifest_is_read_or_refused_and_never_changed(
        raw in manifest(),
        content_type in proptest::option::of(prop::sample::select(MediaType::MANIFESTS.to_vec())),
    ) {
        let raw = Bytes::from(raw);
        if let Ok(manifest) = Manifest::parse(raw.clone(), content_type) {
            prop_assert_eq!(&manifest.digest, &Digest::of(&raw));
            prop_assert_eq!(&manifest.raw, &raw);
            prop_assert!(manifest.children().is_empty() || manifest.blobs().count() == 0);
        }
    }
}
