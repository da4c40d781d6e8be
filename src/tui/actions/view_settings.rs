//! Changes what the table shows: filters, order, theme.

use crate::{
    present::Level,
    tui::{model::Model, sort::Sort, status_filter::StatusFilter, theme::Theme},
};

pub(super) fn set_filter(model: &mut Model, text: &str) {
    model
        .images
        .set_filter(text, &model.board, &model.stats.speed);
}

pub(super) fn set_show(model: &mut Model, show: StatusFilter) {
    model
        .images
        .set_show(show, &model.board, &model.stats.speed);
}

pub(super) fn set_sort(model: &mut Model, sort: Sort) {
    model
        .images
        .set_sort(sort, &model.board, &model.stats.speed);
    model.say(Level::Info, format!("sorted by {}", sort.name()));
}

pub(super) fn set_theme(model: &mut Model, theme: Theme) {
    model.options.theme = theme;
    model.say(Level::Info, format!("the {} theme", theme.name()));
}
