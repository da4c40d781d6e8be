//! The failures pane: each cause with the number of its images and what an operator can do about it.

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::{
    batch_pane::{select, titled, write_in_full},
    canvas::Canvas,
};
use crate::{
    present::{CauseGroup, Phase, count, remedy},
    tui::{layout::Pane, model::Model, theme::Role},
};

const IMAGES: u16 = 6;
const REGISTRY: u16 = 24;

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let groups = model.failures.groups();
    let mut facts = Vec::new();
    if !groups.is_empty() {
        let images: usize = groups.iter().map(|group| group.jobs.len()).sum();
        let causes = count(groups.len(), "cause");
        facts.push((Role::Text, format!("{images} by {causes}")));
    }
    let area = titled(model, canvas, area, Pane::Failures, &facts);
    if groups.is_empty() {
        let mut writer = canvas.row(area, 0);
        writer.skip(2);
        return writer.put(Role::Dim, "No image failed.");
    }
    let mut titles = canvas.row(area, 0);
    titles.skip(2);
    titles.right_column(Role::Dim, "images", IMAGES);
    titles.skip(1);
    titles.column(Role::Dim, "registry", registry_cells(area));
    titles.put(Role::Dim, "cause");
    let height = usize::from(area.height.saturating_sub(1));
    let shown = groups
        .iter()
        .enumerate()
        .skip(model.failures.offset)
        .take(height);
    let mut cut = None;
    let mut free = 1;
    for (row, (index, group)) in (1..).zip(shown) {
        let selected = index == model.failures.at();
        let whole = draw_group(model, canvas, area, row, group, selected);
        if selected && !whole {
            cut = Some(group);
        }
        free = row + 1;
    }
    if let Some(group) = cut {
        write_in_full(canvas, area, free + 1, texts(model, group));
    }
}

fn registry_cells(area: Rect) -> u16 {
    REGISTRY.min(area.width / 4)
}

/// Draws a cause on one line; returns whether all of it fits.
fn draw_group(
    model: &Model,
    canvas: &mut Canvas,
    area: Rect,
    row: u16,
    group: &CauseGroup,
    selected: bool,
) -> bool {
    let cause = &group.cause;
    let mut writer = canvas.row(area, row);
    let glyphs = writer.glyphs();
    let marked = group.jobs.iter().all(|job| model.images.is_marked(*job));
    writer.put(Role::Accent, if selected { glyphs.cursor } else { " " });
    writer.put(Role::Marked, if marked { glyphs.mark } else { " " });
    let (role, phase) = state(group);
    writer.right_column(Role::Strong, &group.jobs.len().to_string(), IMAGES);
    writer.skip(1);
    let cells = registry_cells(area);
    let origin = glyphs.clip_middle(&cause.origin(), usize::from(cells));
    writer.column(Role::Text, &origin, cells);
    writer.put(
        role,
        &format!("{} {} {}", glyphs.phase(phase), cause.side, cause.message),
    );
    if group.waiting > 0 && phase == Phase::Failed {
        writer.put(Role::Warning, &format!("  {} waiting", group.waiting));
    }
    if let Some(remedy) = group_remedy(model, group) {
        writer.put(Role::Dim, &format!("  {} {remedy}", glyphs.arrow));
    }
    let whole = writer.room() > 0;
    if selected && model.focus == Pane::Failures {
        select(model, canvas, area, row);
    }
    whole
}

/// The whole cause and remedy.
fn texts(model: &Model, group: &CauseGroup) -> impl Iterator<Item = (Role, String)> {
    let cause = format!("{} {}", group.cause.side, group.cause.message);
    let remedy = group_remedy(model, group);
    let remedy = remedy.map(|remedy| format!("{} {remedy}", model.options.glyphs.arrow));
    let remedy = remedy.map(|remedy| (Role::Dim, remedy));
    [(state(group).0, cause)].into_iter().chain(remedy)
}

fn state(group: &CauseGroup) -> (Role, Phase) {
    match group.waiting == group.jobs.len() {
        true => (Role::Warning, Phase::Waiting),
        false => (Role::Bad, Phase::Failed),
    }
}

/// What an operator can do about a cause that is not retried automatically.
fn group_remedy<'a>(model: &'a Model, group: &CauseGroup) -> Option<Cow<'a, str>> {
    let view = group.jobs.first().and_then(|job| model.board.job(*job))?;
    let has_failed = state(group).1 == Phase::Failed;
    view.cause().filter(|_| has_failed).map(remedy)
}
