//! The failures pane: causes, how many images stand at each, and what can be done.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{row_writer, select, spell, titled};
use crate::{
    present::{Group, Phase, remedy},
    tui::{layout::Pane, model::Model, theme::Role},
};

const IMAGES: u16 = 6;
const REGISTRY: u16 = 24;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let groups = model.failures.groups();
    let mut facts = Vec::new();
    if !groups.is_empty() {
        let images: usize = groups.iter().map(|group| group.jobs.len()).sum();
        let causes = crate::present::count(groups.len(), "cause");
        facts.push((Role::Text, format!("{images} by {causes}")));
    }
    let area = titled(model, buffer, area, Pane::Failures, &facts);
    if groups.is_empty() {
        let mut pen = row_writer(model, buffer, area, 0);
        pen.skip(2);
        return pen.put(Role::Dim, "No image failed.");
    }
    let mut titles = row_writer(model, buffer, area, 0);
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
        let whole = draw_group(model, buffer, area, row, group, selected);
        if selected && !whole {
            cut = Some(group);
        }
        free = row + 1;
    }
    if let Some(group) = cut {
        spell(model, buffer, area, free + 1, texts(model, group));
    }
}

fn registry_cells(area: Rect) -> u16 {
    REGISTRY.min(area.width / 4)
}

/// Draws a cause on one line; gives whether all of it was seen to fit.
fn draw_group(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    row: u16,
    group: &Group,
    selected: bool,
) -> bool {
    let cause = &group.cause;
    let mut pen = row_writer(model, buffer, area, row);
    let glyphs = pen.glyphs();
    let marked = group.jobs.iter().all(|job| model.images.is_marked(*job));
    pen.put(Role::Accent, if selected { glyphs.cursor } else { " " });
    pen.put(Role::Marked, if marked { glyphs.mark } else { " " });
    let (role, phase) = state(group);
    pen.right_column(Role::Strong, &group.jobs.len().to_string(), IMAGES);
    pen.skip(1);
    let cells = registry_cells(area);
    let blamed = glyphs.clip_middle(cause.blamed(), usize::from(cells));
    pen.column(Role::Text, &blamed, cells);
    pen.put(
        role,
        &format!("{} {} {}", glyphs.phase(phase), cause.side, cause.said),
    );
    if group.waiting > 0 && phase == Phase::Failed {
        pen.put(Role::Warning, &format!("  {} wait", group.waiting));
    }
    if let Some(remedy) = group_remedy(model, group) {
        pen.put(Role::Dim, &format!("  {} {remedy}", glyphs.arrow));
    }
    let whole = pen.room() > 0;
    if selected && model.focus == Pane::Failures {
        let line = Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        select(model, buffer, line);
    }
    whole
}

/// The cause and what can be done about it, in full.
fn texts(model: &Model, group: &Group) -> impl Iterator<Item = (Role, String)> {
    let cause = format!("{} {}", group.cause.side, group.cause.said);
    let remedy = group_remedy(model, group);
    let remedy = remedy.map(|remedy| format!("{} {remedy}", model.options.glyphs.arrow));
    let remedy = remedy.map(|remedy| (Role::Dim, remedy));
    [(state(group).0, cause)].into_iter().chain(remedy)
}

fn state(group: &Group) -> (Role, Phase) {
    match group.waiting == group.jobs.len() {
        true => (Role::Warning, Phase::Waiting),
        false => (Role::Bad, Phase::Failed),
    }
}

/// What can be done about a cause that does not pass by itself.
fn group_remedy<'a>(model: &'a Model, group: &Group) -> Option<Cow<'a, str>> {
    let view = group.jobs.first().and_then(|job| model.board.job(*job))?;
    let stays = state(group).1 == Phase::Failed;
    view.cause().filter(|_| stays).map(remedy)
}
