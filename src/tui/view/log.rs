//! The log pane, newest line at the bottom.

use ratatui::layout::Rect;

use super::{batch_pane::titled, canvas::Canvas};
use crate::{
    present::{Level, Phase, clock},
    tui::{layout::Pane, model::Model, theme::Role},
};

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let mut facts = Vec::new();
    match model.log.min_level() {
        None | Some(Level::Info | Level::Good) => {}
        Some(Level::Warning) => facts.push((Role::Warning, "warnings and errors".into())),
        Some(Level::Error) => facts.push((Role::Bad, "errors".into())),
    }
    if let Some(view) = model.log.only().and_then(|job| model.board.job(job)) {
        let name = model
            .names
            .clip_source(model.options.glyphs, &view.job.spec.source, 40);
        facts.push((Role::Strong, format!("only {name}")));
    }
    if model.log_offset > 0 {
        facts.push((Role::Warning, format!("{} newer below", model.log_offset)));
    }
    let area = titled(model, canvas, area, Pane::Log, &facts);
    if model.log.shown_len() == 0 {
        let mut writer = canvas.row(area, 0);
        writer.skip(2);
        return writer.put(
            Role::Dim,
            match model.log.is_empty() {
                true => "Nothing has happened yet.",
                false => "No matching line; l shows more levels, L all images.",
            },
        );
    }
    let lines = model.log.page(model.log_offset, usize::from(area.height));
    for (row, (at, sentence)) in (0..).zip(lines) {
        let mut writer = canvas.row(area, row);
        let glyphs = writer.glyphs();
        let (role, glyph) = match sentence.level {
            Level::Info => (Role::Dim, glyphs.separator),
            Level::Good => (Role::Good, glyphs.phase(Phase::Copied)),
            Level::Warning => (Role::Warning, glyphs.phase(Phase::Waiting)),
            Level::Error => (Role::Bad, glyphs.phase(Phase::Failed)),
        };
        writer.skip(1);
        writer.put(Role::Dim, &clock(*at));
        writer.put(role, &format!(" {glyph} "));
        if let Some(view) = sentence.job.and_then(|job| model.board.job(job)) {
            // A name takes at most half of the line.
            let cells = writer.room() / 2;
            let name = model
                .names
                .clip_source(glyphs, &view.job.spec.source, cells);
            writer.put(Role::Text, &format!("{name}  "));
        }
        let text = match sentence.level {
            Level::Info | Level::Good => Role::Text,
            Level::Warning => Role::Warning,
            Level::Error => Role::Bad,
        };
        writer.put(text, &sentence.text);
    }
}
