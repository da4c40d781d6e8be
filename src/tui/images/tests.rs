//! The cursor, the marks and the rows: before, keys, after.

use crate::{
    batch::JobId,
    tui::{
        fixtures::{copied, failed, job, listed, model, press, started, tell, tick},
        model::Model,
    },
};

fn selected(model: &Model) -> Option<u32> {
    model.images.selected().map(|job| job.0)
}

fn marked(model: &Model) -> Vec<u32> {
    model.images.marked().iter().map(|job| job.0).collect()
}

#[test]
fn arrows_letters_and_pages_move_and_stop_at_the_ends() {
    let mut model = model(listed(100));
    press(&mut model, "j down j");
    assert_eq!(selected(&model), Some(3));
    press(&mut model, "k up k up");
    assert_eq!(selected(&model), Some(0));
    press(&mut model, "pgdn");
    let page = selected(&model).unwrap();
    assert!(page > 5, "{page}");
    press(&mut model, "G j");
    assert_eq!(selected(&model), Some(99));
    press(&mut model, "g");
    assert_eq!(selected(&model), Some(0));
}

#[test]
fn sorting_and_filtering_never_move_the_selection_to_another_image() {
    let mut model = model(listed(20).into_iter().chain([started(17, 1)]));
    press(&mut model, "j j j");
    assert_eq!(selected(&model), Some(3));
    press(&mut model, "S");
    assert_eq!(selected(&model), Some(3));
    press(&mut model, "/ a p p - 1 7 enter");
    assert_eq!(selected(&model), None);
    press(&mut model, "esc");
    assert_eq!(selected(&model), Some(3));
}

#[test]
fn an_image_that_is_not_shown_is_not_acted_on() {
    let mut model = model(listed(20));
    press(&mut model, "j / a p p - 1 7 enter");
    assert_eq!(press(&mut model, "r"), []);
    assert_eq!(model.notice.unwrap().text, "no image is selected");
}

#[test]
fn from_an_image_that_is_not_shown_a_move_goes_to_one_that_is() {
    let mut model = model(listed(20));
    press(&mut model, "j / a p p - 1 7 enter j");
    assert_eq!(selected(&model), Some(17));
}

#[test]
fn a_failure_that_is_retried_does_not_move_the_selection_to_another_image() {
    let mut model = model(
        listed(5)
            .into_iter()
            .chain([failed(1, "x"), failed(3, "x")]),
    );
    press(&mut model, "j e");
    assert_eq!(selected(&model), Some(1));
    tell(&mut model, [started(1, 2), copied(1)]);
    tick(&mut model, 1);
    assert_eq!(selected(&model), None);
    assert_eq!(model.images.rows(), [JobId(3)]);
}

#[test]
fn marks_follow_the_image_through_any_order() {
    let mut model = model(listed(9));
    press(&mut model, "space j space S S S");
    assert_eq!(marked(&model), [0, 2]);
    press(&mut model, "a");
    assert_eq!(marked(&model), (0..9).collect::<Vec<_>>());
    press(&mut model, "a");
    assert_eq!(marked(&model), [0; 0]);
}

#[test]
fn mark_all_marks_what_is_shown() {
    let mut model = model(listed(20));
    press(&mut model, "/ a p p - 1 enter a esc");
    assert_eq!(marked(&model), [1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
}

#[test]
fn a_range_goes_from_where_it_began_to_the_cursor() {
    let mut model = model(listed(9));
    press(&mut model, "j j v j j");
    assert_eq!(marked(&model), [2, 3, 4]);
    press(&mut model, "k k k");
    assert_eq!(marked(&model), [1, 2]);
    press(&mut model, "v j j j");
    assert_eq!(marked(&model), [1, 2]);
    press(&mut model, "v j esc");
    assert_eq!(marked(&model), [1, 2]);
}

#[test]
fn following_keeps_an_image_in_flight_selected_until_the_next_move() {
    let mut model = model(listed(9).into_iter().chain([started(0, 1), started(1, 1)]));
    tell(&mut model, [copied(0)]);
    tick(&mut model, 1);
    assert_eq!(selected(&model), Some(1));
    press(&mut model, "j");
    tell(&mut model, [copied(1), started(4, 1)]);
    tick(&mut model, 2);
    assert_eq!(selected(&model), Some(2));
    press(&mut model, "w");
    assert_eq!(selected(&model), Some(4));
}

#[test]
fn while_following_a_filter_selects_what_it_shows() {
    let mut model = model(listed(5).into_iter().chain([started(0, 1), failed(3, "x")]));
    press(&mut model, "e");
    assert_eq!(selected(&model), Some(3));
}

#[test]
fn an_image_listed_later_is_shown_if_the_filter_matches() {
    let mut model = model(listed(2));
    press(&mut model, "/ n e w enter");
    let events = ["old", "new"].iter().zip(2..).map(|(name, id)| {
        job(
            id,
            &format!("a.example/{name}:1"),
            &format!("b.example/{name}:1"),
        )
    });
    tell(&mut model, events);
    tick(&mut model, 1);
    assert_eq!(model.images.rows(), [JobId(3)]);
}
