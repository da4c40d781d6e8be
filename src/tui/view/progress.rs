//! How much of the batch is done, and how fast it goes.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::{
    present::{bytes, duration, percent, rate},
    tui::{model::Model, theme::Role},
};

/// The bar, the bytes and the time left.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let (done, total) = (
        model.board.totals().done,
        model.stats.speed.expected(&model.board),
    );
    let about = match total > model.board.totals().planned {
        true => "about ",
        false => "",
    };
    let amount = match total {
        _ if model.board.is_reviewing() => {
            let images = model.board.jobs().len();
            format!(
                "  {} of {images} planned",
                images - model.board.without_preflight()
            )
        }
        0 => String::new(),
        _ => format!("  {} of {about}{}", bytes(done), bytes(total)),
    };
    let share = share(model);
    let left = match model.stats.speed.time_left(&model.board) {
        Some(left) => format!("  {} left ", duration(left)),
        None => " ".into(),
    };
    let mut writer = canvas.row(area, 1);
    writer.skip(1);
    let percent = format!("  {share:>3} %");
    writer.at_end(&[
        (Role::Strong, &percent),
        (Role::Text, &amount),
        (Role::Strong, &left),
    ]);
    let cells = writer.room();
    writer.bar(Role::Good, u64::from(share), 100, cells);
}

/// Share, images and speed in one line, for a header of two lines.
pub(super) fn draw_narrow(model: &Model, canvas: &mut Canvas, area: Rect) {
    let counts = model.board.counts();
    let (images, board) = (model.board.jobs().len(), &model.board);
    let mut facts = match board.is_reviewing() {
        true => format!(
            " {} of {images} planned",
            images - board.without_preflight()
        ),
        false => format!(" {} of {images} ended", ended(model)),
    };
    if counts.failed > 0 {
        facts += &format!(", {} failed", counts.failed);
    }
    let speed = speed(model).map(|speed| format!(" {}", rate(speed)));
    let mut writer = canvas.row(area, 1);
    writer.skip(1);
    let percent = format!(" {} %", share(model));
    writer.at_end(&[
        (Role::Strong, &percent),
        (Role::Text, &facts),
        (Role::Busy, speed.as_deref().unwrap_or_default()),
        (Role::Text, " "),
    ]);
    let cells = writer.room();
    writer.bar(Role::Good, u64::from(share(model)), 100, cells);
}

/// Bytes a second; a review moves none.
pub(super) fn speed(model: &Model) -> Option<u64> {
    (model.stats.speed.speed()).filter(|_| !model.board.is_reviewing())
}

/// Images that ended.
pub(super) fn ended(model: &Model) -> usize {
    let counts = model.board.counts();
    counts.copied + counts.up_to_date + counts.failed + counts.skipped + counts.kept
}

/// Percent of the bytes, or of the images while no bytes are known; in a review, percent of the images planned.
pub(super) fn share(model: &Model) -> u8 {
    let (ended, images) = (ended(model) as u64, model.board.jobs().len() as u64);
    if model.board.is_reviewing() && images > 0 {
        return percent(images - model.board.without_preflight() as u64, images);
    }
    match model.stats.speed.expected(&model.board) {
        _ if images == 0 => 0,
        0 => percent(ended, images),
        // Bytes may all be there while manifests are still to be written.
        total if ended < images => percent(model.board.totals().done, total).min(99),
        total => percent(model.board.totals().done, total),
    }
}
