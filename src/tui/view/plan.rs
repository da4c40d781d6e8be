//! The plan of a review: number of images to copy, bytes per registry, tags that are overwritten, largest layers.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::{
    batch::Amounts,
    oci::Store,
    present::{amounts, bytes, fates, large_layer, replaced, width},
    tui::{
        areas,
        keymap::{Action, Mode},
        model::Model,
        theme::Role,
    },
};

const SIZE: u16 = 10;

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    title(model, canvas, area);
    let area = areas::below(area, areas::TITLE);
    if model.board.planned() == 0 {
        let text = match model.board.without_preflight() {
            0 => "Nothing is to be copied.",
            _ => "Checking both registries for every image; nothing is copied.",
        };
        let mut writer = canvas.row(area, 0);
        writer.skip(2);
        return writer.put(Role::Dim, text);
    }
    let area = areas::below(area, registries(model, canvas, area));
    let area = areas::below(area, replaced_tags(model, canvas, area));
    layers(model, canvas, area);
}

fn title(model: &Model, canvas: &mut Canvas, area: Rect) {
    let [_, light] = model.options.glyphs.rule;
    let mut writer = canvas.row(area, 0);
    let mut panes = model.options.keys.in_mode(Mode::Panes);
    let binding = panes.find(|binding| binding.action == Action::Begin);
    if let Some(key) = binding.and_then(|binding| binding.keys.first()) {
        writer.at_end(&[(Role::Key, &format!(" {key}")), (Role::Text, " begins ")]);
    }
    writer.put(Role::Dim, light);
    writer.put(Role::Strong, " Plan ");
    writer.put(
        Role::Text,
        &format!("{} ", fates(&model.board, &model.plan)),
    );
    writer.rule(Role::Dim, light);
}

/// The registries with most to copy, on at most half of the lines, after the sum of all if not all fit. Returns the
/// number of lines used.
fn registries(model: &Model, canvas: &mut Canvas, area: Rect) -> u16 {
    let mut shares: Vec<(&Store, Amounts)> = model.plan.registries().collect();
    shares.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.copy));
    let max = usize::from(area.height / 2).max(1);
    let mut lines: Vec<(String, Amounts)> = Vec::new();
    if shares.len() > max {
        lines.push((format!("{} registries", shares.len()), model.plan.amounts()));
    }
    let shown = shares.iter().take(max - lines.len());
    lines.extend(shown.map(|(registry, amounts)| (registry.to_string(), *amounts)));
    let widest = lines.iter().map(|(name, _)| width(name)).max();
    let cells = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    let cells = cells.min(area.width / 3);
    for (row, (name, own)) in (0..).zip(&lines) {
        let amounts = amounts(*own);
        let mut writer = canvas.row(area, row);
        writer.skip(2);
        // A single registry is named only if there is room.
        let needed = width(&amounts) + usize::from(cells) + 5;
        if lines.len() > 1 || needed <= usize::from(writer.room()) {
            let name = writer.glyphs().clip_middle(name, usize::from(cells));
            writer.put(Role::Dim, "to ");
            writer.column(Role::Text, &name, cells);
            writer.skip(1);
        }
        writer.put(Role::Strong, &amounts);
    }
    u16::try_from(lines.len()).unwrap_or(0)
}

/// The tags that are overwritten with their present digests, on at most half of the lines. Returns the number of lines
/// used.
fn replaced_tags(model: &Model, canvas: &mut Canvas, area: Rect) -> u16 {
    let (all, max) = (model.plan.replacing().len(), usize::from(area.height / 2));
    let named = match all > max {
        true => max.saturating_sub(1),
        false => all,
    };
    let mut row = 0;
    for (location, digest) in replaced(&model.board, &model.plan).take(named) {
        let mut writer = canvas.row(area, row);
        writer.skip(2);
        writer.put(Role::Dim, "tag ");
        let digest = format!(" replaces {}", digest.short());
        let cells = usize::from(writer.room()).saturating_sub(width(&digest) + 1);
        let name = writer.glyphs().clip_location(location, cells);
        writer.put(Role::Text, &name);
        writer.put(Role::Warning, &digest);
        row += 1;
    }
    if all > named && max > 0 {
        let mut writer = canvas.row(area, row);
        writer.skip(2);
        let more = match named {
            0 => format!("{all} tags are overwritten"),
            _ => format!("and {} more tags are overwritten", all - named),
        };
        writer.put(Role::Dim, &more);
        row += 1;
    }
    row
}

fn layers(model: &Model, canvas: &mut Canvas, area: Rect) {
    let layers = model.plan.largest(usize::from(area.height));
    for (row, layer) in (0..area.height).zip(&layers) {
        let mut writer = canvas.row(area, row);
        writer.skip(2);
        writer.put(Role::Dim, "layer ");
        writer.right_column(Role::Text, &bytes(layer.size), SIZE);
        writer.skip(1);
        writer.put(Role::Dim, &format!("{}  ", layer.digest.short()));
        writer.put(Role::Text, &large_layer(layer));
    }
}
