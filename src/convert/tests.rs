//! Whole inputs: limits, and text that nobody wrote on purpose.

use proptest::prelude::*;

use super::{Conversion, ConvertError, Converted, Kind, convert};
use crate::list::List;

fn converted(kind: Option<Kind>, text: &str) -> Result<Converted, ConvertError> {
    let to = "b.example/mirror".parse().unwrap();
    let has_destinations = kind.is_some_and(Kind::has_destinations);
    convert(Conversion {
        input: "input",
        text,
        kind,
        to: (!has_destinations).then_some(&to),
    })
}

/// Parts of the inputs of all tools, which lead arbitrary text beyond detection.
fn part() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "sync:",
        "source: a.example/x",
        "target: b.example/x",
        "type: repository",
        "tags:",
        "allow: [",
        "images:",
        "images-by-semver:",
        "images-by-tag-regex:",
        "quay.io:",
        "tls-verify: false",
        "cert-dir: x",
        "credentials:",
        "tasks:",
        "mappings:",
        "from: team/x",
        "registry: a.example",
        "regex:(",
        "semver:>=1",
        "quay.io/a/b:v1,v2: b.example/c",
        "creds:",
        "tls: disabled",
        "reqPerSec: 1",
        "hostname: ''",
        "nginx:1.27",
        "image: nginx",
        "apiVersion: v1",
        "kind: Pod",
        "services:",
        "&a",
        "*a",
        "<<: *a",
        "a=b",
        "x y z",
        "\t",
        "{",
        "}",
        "[",
        "]",
        "---",
        "\"",
        "'",
        "- ",
        "  ",
        "    ",
        "\n",
        "\r\n",
        ": ",
        "|",
        "#",
        "oci:x",
        "*",
        "\u{7f}",
        "\u{2028}",
        "\u{85}",
        "${A:-b}",
        "digests: [sha256:0]",
        "platform: x/y",
        "defaults:",
        "parallel: 3",
    ]);
    prop_oneof![9 => known.prop_map(ToOwned::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn any_text_of_any_kind_becomes_a_list_without_mistakes_or_an_error(
        parts in prop::collection::vec(part(), 0..40),
        kind in prop::option::of(prop::sample::select(Kind::ALL.to_vec())),
    ) {
        let text = parts.concat();
        match converted(kind, &text) {
            Ok(converted) => {
                List::parse("converted", &converted.text).unwrap();
                prop_assert!(converted.images > 0);
            }
            Err(ConvertError::Refused(why)) => prop_assert!(false, "{why}\n{text}"),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn an_input_that_is_too_large_is_refused() {
    let text = "x\n".repeat(super::MAX_INPUT / 2 + 1);
    let error = converted(None, &text).unwrap_err();
    assert_eq!(error.to_string(), "the text has more than 8 MiB");
}

#[test]
fn a_list_that_would_be_much_larger_than_its_input_is_refused() {
    let tags = vec!["a_tag_of_this_length"; 5000].join(",");
    let destinations: String = (0..2000).map(|n| format!("  - b.example/x{n}\n")).collect();
    let text = format!("? quay.io/team/x:{tags}\n:\n{destinations}");
    let error = converted(Some(Kind::ImageSyncer), &text).unwrap_err();
    assert_eq!(error.to_string(), "the list would have more than 64 MiB");
}

#[test]
fn settings_that_a_list_refuses_become_a_comment() {
    let text = "a.example: { cert-dir: certs, images: { team/x: [\"1\"] } }\n---\n\
                a.example: { tls-verify: false }\n";
    let converted = converted(Some(Kind::SkopeoSync), text).unwrap();
    List::parse("converted", &converted.text).unwrap();
    assert_eq!(converted.images, 1);
    let comment = "the settings of registries are not converted: with verify = false";
    assert!(converted.text.contains(comment), "{}", converted.text);
}

#[test]
fn an_input_without_a_usable_image_fails_with_the_first_reason() {
    let error = converted(Some(Kind::References), "Team/Wrong\n").unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("references without an image"), "{said}");
    assert!(
        said.contains("line 1: \"Team/Wrong\" is not converted"),
        "{said}"
    );
}

#[test]
fn ten_thousand_references_are_ten_thousand_entries() {
    let text: String = (0..10_000)
        .map(|n| format!("quay.io/team/app{n}:1\n"))
        .collect();
    let converted = converted(None, &text).unwrap();
    assert_eq!((converted.images, converted.unconverted.len()), (10_000, 0));
}
