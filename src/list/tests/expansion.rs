//! What comes out of filters, given the tags there are.

use super::list;
use crate::list::{Answers, Expansion, List, Mistakes, Question};

/// Answers every tag list a list needs with `tags`.
fn expand(list: &List, tags: &[&str]) -> Result<Expansion, Mistakes> {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let mut answers = Answers::default();
    for question in list.questions(&answers) {
        let Question::Tags(registry, repository) = question else {
            panic!("{question:?}");
        };
        answers.tags.insert((registry, repository), tags.clone());
    }
    list.expand(&answers)
}

/// The destination tags of one image table with `keys`, out of `tags`.
fn chosen(keys: &str, tags: &[&str]) -> Vec<String> {
    let list = list(&format!("[[images]]\nname = \"app\"\n{keys}\n"));
    let images = expand(&list, tags).unwrap().images;
    let tags = images
        .into_iter()
        .filter_map(|image| image.spec.destination.reference()?.tag.clone());
    tags.map(|tag| tag.to_string()).collect()
}

const TAGS: [&str; 9] = [
    "latest",
    "1.9.0",
    "v1.10.0",
    "1.10",
    "2.0.0-rc.1",
    "2.0.0",
    "2.0.0-alpine",
    "nightly",
    "1.9.0",
];

#[test]
fn a_pattern_matches_a_whole_tag() {
    assert_eq!(chosen(r"tag-pattern = '1\.\d+'", &TAGS), ["1.10"]);
    assert_eq!(
        chosen("tag-pattern = '2.0.0|2.0.0-rc.1'", &TAGS),
        ["2.0.0-rc.1", "2.0.0"]
    );
    let commented = "tag-pattern = '''(?x) night # owls\nly'''";
    assert_eq!(chosen(commented, &TAGS), ["nightly"]);
}

#[test]
fn a_range_reads_tags_as_versions() {
    assert_eq!(chosen("semver = '1'", &TAGS), ["1.9.0", "v1.10.0", "1.10"]);
    assert_eq!(
        chosen("semver = '>=2.0.0-0'", &TAGS),
        ["2.0.0-rc.1", "2.0.0", "2.0.0-alpine"]
    );
}

#[test]
fn the_latest_are_counted_after_everything_else() {
    assert_eq!(
        chosen("latest = 2\nexclude = ['.*-.*']", &TAGS),
        ["2.0.0", "v1.10.0"]
    );
    assert_eq!(
        chosen("latest = 1\nsemver = '<2'\nto = 'app:current'", &TAGS),
        ["current"]
    );
}

#[test]
fn exclusions_leave_the_rest() {
    let chosen = chosen("exclude = ['.*[0-9].*']", &TAGS);
    assert_eq!(chosen, ["latest", "nightly"]);
}

#[test]
fn default_filters_hold_for_images_without_a_tag() {
    let list = list(
        "[defaults]\ntag-pattern = '2.*'\nexclude = ['.*rc.*']\n\
         [[images]]\nnames = ['a', 'b:1']\n[[images]]\nname = 'c'\nexclude = []\nlatest = 1\n",
    );
    let images = expand(&list, &TAGS).unwrap().images;
    let sources: Vec<String> = images
        .iter()
        .map(|image| image.spec.source.to_string())
        .collect();
    assert_eq!(
        sources,
        [
            "from.example/a:2.0.0",
            "from.example/a:2.0.0-alpine",
            "from.example/b:1",
            "from.example/c:2.0.0",
        ]
    );
}

#[test]
fn an_image_two_filters_choose_is_moved_once() {
    let list = list(
        "[[images]]\nname = 'a:2.0.0'\n[[images]]\nname = 'a'\nsemver = '2'\n\
         [[images]]\nname = 'a'\nlatest = 1\n",
    );
    assert_eq!(expand(&list, &TAGS).unwrap().images.len(), 1);
}

#[test]
fn a_filter_that_chooses_nothing_is_told_with_tags_there_are() {
    let list = list(
        "[[images]]\nname = 'a'\nsemver = '>=3'\ntag-pattern = 'v.*'\n\
         [[images]]\nname = 'b:1'\n[[images]]\nname = 'c'\ntag-pattern = '2.*'\nlatest = 1\n",
    );
    insta::assert_snapshot!(expand(&list, &TAGS).unwrap_err());
    insta::assert_snapshot!(expand(&list, &[]).unwrap_err());
}

#[test]
fn filters_that_meet_at_one_destination_are_told() {
    let list = list(
        "[[images]]\nname = 'a'\nsemver = '2'\n\
         [[images]]\nname = 'b'\nsemver = '2'\nto = 'a'\n",
    );
    insta::assert_snapshot!(expand(&list, &["2.1.0"]).unwrap_err());
}

#[test]
fn tags_that_are_none_are_left_out_with_a_warning() {
    let list = list("[[images]]\nname = 'a'\ntag-pattern = '.*'\n");
    let expansion = expand(&list, &["1", "sha256:abc", "\u{1b}[2J", ""]).unwrap();
    assert_eq!(expansion.images.len(), 1);
    assert_eq!(
        expansion.warnings[0].to_string(),
        "from.example lists 3 invalid tags of a, such as \"sha256:abc\"; they are ignored"
    );
}
