//! What a person reads when a list is wrong.

use super::{SIDES, parse, told};
use crate::list::Colours;

#[test]
fn every_mistake_of_a_list_is_told_at_once() {
    let mistakes = parse(include_str!("everything-wrong.toml")).unwrap_err();
    assert!(mistakes.count() >= 20);
    insta::assert_snapshot!(mistakes);
}

#[test]
fn text_that_is_no_toml_is_told_beside_the_mistakes_of_the_rest() {
    insta::assert_snapshot!(told(
        r#"
[defaults]
parallel =
attempts = five
colour = 1
[[images]]
name = library/nginx
tags = ["1" "2"]
[[images]]
name = "a:1
"#
    ));
}

#[test]
fn the_two_ways_to_write_images_cannot_be_mixed() {
    let text =
        format!("images = [\"a:1\"]\n{SIDES}[[images]]\nname = \"b\"\n[[images]]\nname = \"c\"\n");
    insta::assert_snapshot!(parse(&text).unwrap_err());
}

#[test]
fn an_empty_list_is_told_what_is_missing() {
    insta::assert_snapshot!(parse("").unwrap_err());
}

#[test]
fn a_missing_side_is_told_once_with_the_images_that_need_it() {
    insta::assert_snapshot!(
        parse("version = 1\nimages = [\"a:1\", \"b:1\", \"quay.io/c:1\"]\n").unwrap_err()
    );
}

#[test]
fn wrong_types_are_told_with_an_example_of_the_right_one() {
    insta::assert_snapshot!(told(
        r#"
create-command = "aws ecr create-repository"
bytes-per-second = true
requests-per-second = -1
streams = 70000
[registries]
"quay.io" = 5
"bad host" = { streams = 1 }
[[rewrite]]
from = 1
[[images]]
name = ["a"]
tags = "1"
semver = 1.2
[[images]]
tag-pattern = "1"
"#
    ));
}

#[test]
fn references_are_blamed_to_the_byte() {
    let digest = "ab".repeat(31);
    insta::assert_snapshot!(told(&format!(
        r#"
[[images]]
names = ["team//app:1", "team/app:-x", 'team/a___b', "", "a@sha256:{digest}", "esc\u0061ped/UP"]
[[images]]
name = "app"
tags = ["1.0", "no good"]
"#
    )));
}

#[test]
fn ways_to_log_in_exclude_each_other() {
    insta::assert_snapshot!(told(
        r#"
username = "me"
password-env = "A"
password-file = "b"
token-env = "C"
[registries."quay.io"]
password-command = []
anonymous = true
token-env = "D"
[registries."ghcr.io"]
password-env = "E"
[registries."docker.io"]
verify = false
ca-file = "ca.pem"
client-certificate = ""
[registries."index.docker.io"]
[registries."to.example"]
[[images]]
name = "a:1"
"#
    ));
}

#[test]
fn keys_of_an_image_that_contradict_each_other_are_told() {
    let digest = "ab".repeat(32);
    insta::assert_snapshot!(told(&format!(
        r#"
[[images]]
name = "a:1"
tags = ["1"]
[[images]]
name = "b"
tags = ["1"]
latest = 2
[[images]]
name = "c"
names = ["d"]
[[images]]
names = ["e", "f"]
to = "g"
[[images]]
name = "h"
tags = []
[[images]]
name = "i"
tags = ["1", "2"]
to = "i:3"
[[images]]
name = "j@sha256:{digest}"
platforms = ["linux/amd64"]
[[images]]
name = "k"
to = "k@sha256:{digest}"
[[images]]
name = "to.example/l:1"
"#
    )));
}

#[test]
fn images_that_meet_at_one_destination_are_told_with_both_places() {
    insta::assert_snapshot!(told(
        r#"
[[images]]
names = ["a:1", "quay.io/a:1", "b:1", "b:1"]
[[images]]
name = "b:1"
platforms = ["linux/amd64"]
[[images]]
name = "c"
tags = ["1", "2", "1"]
"#
    ));
}

#[test]
fn a_rewrite_is_told_what_it_does_wrong() {
    insta::assert_snapshot!(told(
        r#"
[[rewrite]]
from = "(a)(?<name>b)("
to = "x"
[[rewrite]]
from = "(a)(?<name>b)"
to = "$1_x/${nam}/$3"
[[rewrite]]
to = "y"
"#
    ));
    insta::assert_snapshot!(told(
        r#"
[[rewrite]]
from = "^team/"
to = "Team/"
[[images]]
name = "team/app:1"
"#
    ));
}

#[test]
fn nothing_in_a_list_steers_the_terminal() {
    let shown =
        parse("imag\u{1b}[2Jes = \"\u{202e}\u{9b}31m\"\r\nversion = \"\\u001b[31m\u{7}\"\r\n")
            .unwrap_err();
    let unseen = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!shown.to_string().contains(unseen), "{shown}");
    assert!(shown.render(Colours::On).contains("\u{1b}["));
}
