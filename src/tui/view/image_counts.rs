//! How many images are in each state, and the speed of the last seconds.

use ratatui::layout::Rect;

use super::{canvas::Canvas, progress::speed};
use crate::{
    present::{Phase, rate, width},
    tui::{model::Model, theme::Role},
};

/// Seconds of speed shown.
const MAX_SPARKS: usize = 24;

/// Shows every state where there is room; else one number for all images that ended, and fewer seconds.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let board = &model.board;
    let counts = board.counts();
    let in_flight = match board.is_reviewing() {
        true => Phase::Reading,
        false => Phase::Copying,
    };
    let (planned, queued) = (board.planned(), counts.queued - board.planned());
    let open = [
        (counts.running, in_flight, in_flight.name()),
        (counts.waiting, Phase::Waiting, "waiting"),
        (counts.failed, Phase::Failed, "failed"),
        (planned, Phase::Planned, Phase::Planned.name()),
        (queued, Phase::Queued, "queued"),
        (counts.staged, Phase::Staged, "staged"),
    ];
    let ended = [
        (counts.copied, Phase::Copied, "copied"),
        (counts.up_to_date, Phase::UpToDate, "up to date"),
        (counts.skipped, Phase::Skipped, "skipped"),
        (counts.kept, Phase::Kept, "kept"),
    ];
    let done = ended.iter().map(|(amount, ..)| amount).sum();
    let cells = |parts: &[(usize, Phase, &str)]| -> usize {
        (parts.iter().filter(|(amount, ..)| *amount > 0))
            .map(|(amount, _, word)| amount.to_string().len() + word.len() + 5)
            .sum()
    };
    let mut writer = canvas.row(area, 2);
    writer.skip(1);
    let right = match speed(model) {
        Some(speed) => format!(" {} ", rate(speed)),
        None => " ".into(),
    };
    let room = usize::from(writer.room()).saturating_sub(width(&right));
    let mut parts = open.to_vec();
    match cells(&open) + cells(&ended) <= room {
        true => parts.extend(ended),
        false => parts.push((done, Phase::Copied, "done")),
    }
    let sparks = match room.saturating_sub(cells(&parts)) {
        0..6 => String::new(),
        _ if board.is_reviewing() => String::new(),
        room => sparks(model, room.min(MAX_SPARKS)),
    };
    writer.at_end(&[(Role::Busy, &sparks), (Role::Strong, &right)]);
    let glyphs = writer.glyphs();
    for (amount, phase, word) in parts.into_iter().filter(|(amount, ..)| *amount > 0) {
        let role = Role::from(phase);
        writer.put(role, glyphs.phase(phase));
        writer.put(Role::Strong, &format!(" {amount}"));
        writer.put(role, &format!(" {word}  "));
    }
}

/// The speed of the last seconds, newest at the right.
fn sparks(model: &Model, seconds: usize) -> String {
    let glyphs = model.options.glyphs.spark;
    let speeds: Vec<u64> = model.stats.speed.speeds(seconds).collect();
    let highest = speeds.iter().copied().max().unwrap_or(0).max(1);
    let steps = glyphs.len() as u128 - 1;
    (speeds.iter())
        .map(|speed| {
            let step = (u128::from(*speed) * steps).div_ceil(u128::from(highest));
            glyphs[usize::try_from(step).unwrap_or(0).min(glyphs.len() - 1)]
        })
        .collect()
}
