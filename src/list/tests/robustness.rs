//! Lists nobody would write, and lists nobody would write by hand.

use std::fmt::Write;

use proptest::prelude::*;

use super::{SIDES, list, parse};
use crate::{
    list::{Answers, Catalogue, Colours, List, Question, table_kind::TableKind},
    oci::StoredName,
};

#[test]
fn every_key_of_the_schema_is_read() {
    // No key takes a date; whoever reads one says so.
    let places = [
        (TableKind::List, ""),
        (TableKind::Source, "[source]"),
        (TableKind::Destination, "[destination]"),
        (TableKind::Registry, "[registries.\"r.example\"]"),
        (TableKind::Defaults, "[defaults]"),
        (TableKind::Image, "[[images]]"),
        (TableKind::Rewrite, "[[rewrite]]"),
        (TableKind::Skopeo, "[skopeo]"),
    ];
    for (shape, header) in places {
        for key in shape.keys() {
            let mistakes = parse(&format!("{header}\n{key} = 1979-05-27\n")).unwrap_err();
            let told = mistakes.iter().any(|mistake| {
                mistake.message.starts_with(&format!("`{key}` is"))
                    && mistake.message.ends_with("not a date")
            });
            assert!(told, "{header} {key}: {mistakes}");
        }
    }
}

#[test]
fn ten_thousand_images_are_ten_thousand_jobs() {
    let mut text = SIDES.to_owned();
    text.push_str("[[images]]\nnames = [\n");
    for image in 0..5_000 {
        writeln!(text, "\"team/app-{image}:1\",").unwrap();
    }
    text.push_str("]\n");
    for image in 0..5_000 {
        writeln!(
            text,
            "[[images]]\nname = \"team/tool-{image}\"\ntag-pattern = 'v[0-9]+'"
        )
        .unwrap();
    }
    let list = parse(&text).unwrap();
    let mut answers = Answers::default();
    for question in list.questions(&answers) {
        let Question::Tags(registry, repository) = question else {
            panic!("{question:?}");
        };
        let tags = vec!["v1".into(), "old".into()];
        answers.tags.insert((registry, repository), tags);
    }
    assert_eq!(answers.tags.len(), 5_000);
    let images = list.expand(&answers).unwrap().images;
    assert_eq!(images.len(), 10_000);
    assert_eq!(images[4_999].line, SIDES.lines().count() + 2 + 5_000);
    assert_eq!(
        images[9_999].spec.destination.to_string(),
        "to.example/team/tool-4999:v1"
    );
}

#[test]
fn a_list_does_not_show_secrets_it_should_not_have_had() {
    for secret in [
        "password = \"hunter2\"",
        "token = hunter2",
        "secret = [\"hunter2\"]",
        "proxy = \"http://u:hunter2@p:1\"",
    ] {
        let mistakes = parse(&format!("{SIDES}{secret}\n")).unwrap_err();
        assert!(!format!("{mistakes:?}").contains("hunter2"), "{mistakes}");
    }
    let found = list("username = \"u\"\npassword-env = \"VARIABLE\"\n[[images]]\nname = \"a:1\"\n");
    assert!(format!("{found:?}").contains("VARIABLE"));
}

/// Pieces of lists, so that random text gets past the first token.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "version = 1\n",
        "[source]\n",
        "[destination]\n",
        "registry = ",
        "\"r.example\"",
        "'x/y:1'",
        "[[images]]\n",
        "images = [",
        "]",
        "{",
        "}",
        "name = ",
        "names = ",
        "tags = ",
        "to = ",
        "\"",
        "'",
        "\"\"\"",
        "\n",
        "\r\n",
        "=",
        ".",
        ",",
        "1",
        "-7",
        "1979-05-27",
        "true",
        "inf",
        "[[rewrite]]\n",
        "from = \"(a\"\n",
        "to = \"$1${\"\n",
        "[defaults]\n",
        "tag-pattern = ",
        "semver = ",
        "latest = ",
        "\"a@sha256:\"",
        "[registries.\"q.io\"]\n",
        "proxy = \"http://a@b\"\n",
        "password = ",
        "\\u0041",
        "\u{1b}",
        "\u{202e}",
        "é",
        "#",
        "\u{feff}",
        "\0",
        "[",
        "a",
        "\"é//É\"",
        "oci = ",
        "dir = \".\"\n",
        "docker-daemon = true\n",
        "base = [",
        "\"*\"",
        "\"team/?*:1\"",
        "\"@1\"",
        "\"oci:a:*\"",
        "\"docker-archive:x/*.tar\"",
        "\"dir:[**\"",
        "\"docker://\"",
        "\"oci-archive:a.tar\"",
    ]);
    prop::collection::vec(
        prop_oneof![9 => piece.prop_map(String::from), 1 => any::<String>()],
        0..60,
    )
    .prop_map(|pieces| pieces.concat())
}

/// Answers what a list asks with names nobody would give.
fn answer(list: &List, answers: &mut Answers) {
    let names = ["a", "1", "", "team/a", "*", "\u{1b}[2J", "x y", "a:b"];
    let names = names.map(String::from).to_vec();
    for question in list.questions(answers) {
        match question {
            Question::Files(pattern) => {
                answers.files.insert(pattern, names.clone());
            }
            Question::Repositories(registry) => {
                answers
                    .repositories
                    .insert(registry, Catalogue::Listed(names.clone()));
            }
            Question::Tags(registry, repository) => {
                answers.tags.insert((registry, repository), names.clone());
            }
            Question::Images(store) => {
                let position = StoredName::Position(usize::MAX);
                let stored = names.iter().cloned().map(StoredName::Name);
                answers
                    .images
                    .insert(store, stored.chain([position]).collect());
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_print_control_characters(text in pieces()) {
        match parse(&text) {
            Ok(list) => {
                drop(list.expand(&Answers::default()));
                let mut answers = Answers::default();
                for _ in 0..2 {
                    answer(&list, &mut answers);
                }
                prop_assert!(list.questions(&answers).is_empty());
                drop(list.expand(&answers));
            }
            Err(mistakes) => {
                let shown = mistakes.render(Colours::Off);
                prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }
}
