//! The header: the batch's name and state, then its progress or its outcome.

use ratatui::layout::Rect;

use super::{canvas::Canvas, image_counts, outcome, progress};
use crate::{
    batch::{StopMode, StopReason},
    present::{clock, count, rate, sanitize, width},
    tui::{model::Model, theme::Role},
};

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    title(model, canvas, area);
    match (area.height, model.stats.has_ended()) {
        (0..3, true) => outcome::draw_line(model, canvas, area),
        (0..3, false) => progress::draw_narrow(model, canvas, area),
        (_, true) => outcome::draw(model, canvas, area),
        (_, false) => {
            progress::draw(model, canvas, area);
            image_counts::draw(model, canvas, area);
        }
    }
}

/// The whole batch in one line, for a terminal that is too small for panes.
pub fn draw_line(model: &Model, canvas: &mut Canvas, area: Rect) {
    let board = &model.board;
    let counts = board.counts();
    let images = count(board.jobs().len(), "image");
    let mut text = match board.is_reviewing() {
        true => format!("{images} reviewed"),
        false => format!("{} of {images}", progress::ended(model)),
    };
    if counts.failed > 0 {
        text += &format!(", {} failed", counts.failed);
    }
    text += &format!(", {} %", progress::share(model));
    if let Some(speed) = progress::speed(model).filter(|_| !model.stats.has_ended()) {
        text += &format!(", {}", rate(speed));
    }
    let mut writer = canvas.row(area, 0);
    writer.put(Role::Strong, &text);
    let hint = "  50x10 shows more";
    if usize::from(writer.room()) >= width(hint) {
        writer.put(Role::Dim, hint);
    }
}

fn title(model: &Model, canvas: &mut Canvas, area: Rect) {
    let board = &model.board;
    let (role, state) = state(model);
    let elapsed = clock(model.elapsed());
    let parallel = format!("{} at once", board.parallel);
    let dot = format!(" {} ", model.options.glyphs.separator);
    let mut writer = canvas.row(area, 0);
    writer.skip(1);
    let padded = format!(" {state} ");
    let parts = [
        (Role::Text, " "),
        (role, padded.as_str()),
        (Role::Dim, " "),
        (Role::Text, &parallel),
        (Role::Dim, &dot),
        (Role::Text, &elapsed),
        (Role::Text, " "),
    ];
    writer.at_end(&parts);
    writer.put(Role::Accent, "transship");
    if let Some(batch) = &board.batch {
        writer.put(Role::Strong, &format!("  {}", sanitize(&board.list)));
        let resumed = if board.resumed { ", resumed" } else { "" };
        let name = format!("{dot}batch {}{resumed}", sanitize(&batch.0));
        if width(&name) <= usize::from(writer.room()) {
            writer.put(Role::Dim, &name);
        }
    }
    writer.skip(1);
}

fn state(model: &Model) -> (Role, &'static str) {
    let board = &model.board;
    if board.finished {
        return match board.stopped_by {
            None => (Role::Success, "finished"),
            Some(StopReason::User | StopReason::Signal | StopReason::Reviewed) => {
                (Role::Alert, "stopped")
            }
            Some(StopReason::Unfinished) => (Role::Alert, "unfinished"),
            Some(StopReason::JournalLost) => (Role::Alert, "journal lost"),
        };
    }
    if model.engine_gone {
        return (Role::Alert, "engine gone");
    }
    match board.stopping {
        Some(StopMode::Now) => return (Role::Alert, "stopping"),
        Some(StopMode::Drain | StopMode::Cancel) => return (Role::Alert, "draining"),
        None => {}
    }
    match (&board.batch, model.stats.has_ended(), board.paused) {
        (None, ..) => (Role::Dim, "starting"),
        (Some(_), true, _) => (Role::Success, "done"),
        (Some(_), false, true) => (Role::Alert, "paused"),
        (Some(_), false, false) if board.is_reviewing() => (Role::Alert, "reviewing"),
        (Some(_), false, false) => (Role::Busy, "running"),
    }
}
