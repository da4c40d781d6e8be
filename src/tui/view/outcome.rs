//! The result of a batch whose images have all ended, and the next step.

use ratatui::layout::Rect;

use super::{canvas::Canvas, cell_writer::CellWriter};
use crate::{
    present::{self, width},
    tui::{model::Model, theme::Role},
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    banner(model, &mut canvas.row(area, 1));
    next_step(model, canvas, area);
}

/// The result and the sums in one line, for a header of two lines.
pub(super) fn draw_line(model: &Model, canvas: &mut Canvas, area: Rect) {
    let mut writer = canvas.row(area, 1);
    banner(model, &mut writer);
    sums(model, &mut writer);
}

fn banner(model: &Model, writer: &mut CellWriter) {
    let board = &model.board;
    let failed = board.counts().failed;
    let verdict = match board.all_done() {
        true if board.counts().staged > 0 => "Tags wait for failed images",
        true => "All images ended",
        false => "The batch was stopped",
    };
    let role = match failed {
        0 => Role::Success,
        _ => Role::Alert,
    };
    writer.skip(1);
    writer.put(
        role,
        &format!(" {verdict}: {} ", present::outcome_counts(board)),
    );
}

/// Bytes copied, mounted and present, if there is room.
fn sums(model: &Model, writer: &mut CellWriter) {
    let sums = format!("  {} ", present::blob_sums(&model.board));
    writer.at_end(&[(Role::Strong, &sums)]);
}

fn next_step(model: &Model, canvas: &mut Canvas, area: Rect) {
    let board = &model.board;
    let next = match (board.counts().failed, &board.batch) {
        (0, _) | (_, None) => "q leaves".into(),
        (_, Some(_)) if !board.finished => "R retries the failed images, q leaves".into(),
        // A truncated command cannot be pasted.
        (_, Some(id)) => (model.options.commands.retry_failed(id))
            .map(|command| format!("q leaves; `{command}` retries"))
            .filter(|next| width(next) + 2 <= usize::from(area.width))
            .unwrap_or_else(|| "q leaves and prints the next step".into()),
    };
    let mut writer = canvas.row(area, 2);
    writer.skip(2);
    writer.put(Role::Strong, &next);
    sums(model, &mut writer);
}
