//! Marks, and the list that is written of them.

use super::registries::whole;
use crate::{
    oci::Location,
    tui::{
        browse::{
            Mark, MarkedList, Start, WriteMarksError,
            fixtures::{Browsing, Content, REGISTRY},
        },
        model::{Effect, Msg},
    },
};

fn registry() -> (Browsing, Content) {
    let content = Content::new();
    let mut browsing = Browsing::new(Start::Registry(REGISTRY.parse().unwrap()));
    browsing.answer(&content);
    (browsing, content)
}

fn repository(name: &str) -> Mark {
    Mark::Repository(REGISTRY.parse().unwrap(), name.parse().unwrap())
}

fn image(name: &str) -> Mark {
    let image: Location = format!("{REGISTRY}/{name}").parse().unwrap();
    Mark::Image(image)
}

/// The list that is to be written.
fn list(browsing: &Browsing) -> &MarkedList {
    match browsing.effects.last() {
        Some(Effect::WriteMarks(list)) => list,
        other => panic!("{other:?}"),
    }
}

fn marks(browsing: &Browsing) -> Vec<Mark> {
    browsing.browser().marks.iter().cloned().collect()
}

#[test]
fn space_marks_a_repository_and_w_writes_a_list_of_it() {
    let (mut browsing, _) = registry();
    browsing.press("space j j space W enter");
    let list = list(&browsing).clone();
    assert_eq!((&*list.file, list.replaces), ("list.toml", false));
    assert_eq!(
        list.marks,
        [repository("base/debian"), repository("team/worker")]
    );
    let command = "transship run list.toml".to_owned();
    browsing.update(Msg::MarksWritten(list, Ok(command)));
    let text = browsing.text();
    assert!(
        text.contains("wrote 2 marks to list.toml") && text.contains("transship run list.toml"),
        "{text}"
    );
    assert!(marks(&browsing).is_empty());
}

#[test]
fn a_file_that_exists_is_replaced_only_after_its_name_was_entered_again() {
    let (mut browsing, _) = registry();
    browsing.press("space W enter");
    let first = list(&browsing).clone();
    browsing.update(Msg::MarksWritten(
        first.clone(),
        Err(WriteMarksError::Exists),
    ));
    assert!(
        browsing
            .text()
            .contains("this file exists; enter replaces it: list.toml")
    );
    browsing.press("x enter");
    let other = list(&browsing).clone();
    assert_eq!((&*other.file, other.replaces), ("list.tomlx", false));
    browsing.update(Msg::MarksWritten(
        first.clone(),
        Err(WriteMarksError::Exists),
    ));
    browsing.press("enter");
    assert!(list(&browsing).replaces);
    let failed = WriteMarksError::Failed("the disk is full".into());
    browsing.update(Msg::MarksWritten(first, Err(failed)));
    assert!(browsing.text().contains("the disk is full"));
    assert_eq!(
        marks(&browsing),
        [repository("base/debian")],
        "they are kept"
    );
}

#[test]
fn a_marks_what_the_filter_shows_and_esc_in_the_first_pane_removes_the_marks() {
    let (mut browsing, _) = registry();
    browsing.press("/ t e a m enter a");
    assert_eq!(
        marks(&browsing),
        [repository("team/api"), repository("team/worker")]
    );
    assert!(browsing.text().contains("2 marked"));
    browsing.press("esc");
    assert_eq!(marks(&browsing).len(), 2, "the filter is cleared first");
    browsing.press("esc");
    assert!(marks(&browsing).is_empty());
}

#[test]
fn tags_are_marked_unless_their_repository_is() {
    let (mut browsing, content) = registry();
    browsing.press_and_read("j enter j space", &content);
    assert_eq!(marks(&browsing), [image("team/api:1.10")]);
    browsing.press("shift-tab space tab");
    assert_eq!(marks(&browsing), [repository("team/api")]);
    browsing.press("space");
    assert!(browsing.text().contains("its repository is marked"));
    assert_eq!(marks(&browsing), [repository("team/api")]);
}

#[test]
fn without_a_mark_w_says_how_to_mark_and_esc_writes_nothing() {
    let (mut browsing, _) = whole();
    browsing.press("W");
    assert!(browsing.text().contains("nothing is marked: space marks"));
    browsing.press("space");
    assert!(browsing.text().contains("nothing to mark"));
    let (mut browsing, _) = registry();
    browsing.press("space W esc");
    assert!(browsing.effects.is_empty());
    assert_eq!(marks(&browsing).len(), 1);
}
