//! What the batch would do if it began now: images by what becomes of them, bytes for each registry, the tags that
//! are written over, the largest layers.

use ratatui::{buffer::Buffer, layout::Rect};

use super::row_writer;
use crate::{
    batch::Amounts,
    oci::Registry,
    present::{amounts, bytes, fates, large_layer, replaced, width},
    tui::{
        keymap::{Action, Mode},
        layout::TITLE,
        model::Model,
        theme::Role,
    },
};

const SIZE: u16 = 10;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    title(model, buffer, area);
    let mut area = Rect {
        y: area.y + TITLE.min(area.height),
        height: area.height.saturating_sub(TITLE),
        ..area
    };
    if model.board.planned() == 0 {
        let text = match model.board.without_preflight() {
            0 => "Nothing is to be copied.",
            _ => "Both sides are asked for every image; nothing is copied.",
        };
        let mut pen = row_writer(model, buffer, area, 0);
        pen.skip(2);
        return pen.put(Role::Dim, text);
    }
    let taken = registries(model, buffer, area);
    area.y += taken;
    area.height -= taken;
    let taken = replaced_tags(model, buffer, area);
    area.y += taken;
    area.height -= taken;
    layers(model, buffer, area);
}

fn title(model: &Model, buffer: &mut Buffer, area: Rect) {
    let [_, light] = model.options.glyphs.rule;
    let mut pen = row_writer(model, buffer, area, 0);
    let mut panes = model.options.keys.in_mode(Mode::Panes);
    let binding = panes.find(|binding| binding.action == Action::Begin);
    if let Some(key) = binding.and_then(|binding| binding.keys.first()) {
        pen.at_end(&[(Role::Key, &format!(" {key}")), (Role::Text, " begins ")]);
    }
    pen.put(Role::Dim, light);
    pen.put(Role::Strong, " Plan ");
    pen.put(
        Role::Text,
        &format!("{} ", fates(&model.board, &model.plan)),
    );
    pen.rule(Role::Dim, light);
}

/// The registries with most to copy, on at most half of the lines; all of them in one line when they are more.
/// Gives the lines taken.
fn registries(model: &Model, buffer: &mut Buffer, area: Rect) -> u16 {
    let mut shares: Vec<(&Registry, Amounts)> = model.plan.registries().collect();
    shares.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.copy));
    let most = usize::from(area.height / 2).max(1);
    let mut lines: Vec<(String, Amounts)> = Vec::new();
    if shares.len() > most {
        lines.push((format!("{} registries", shares.len()), model.plan.amounts()));
    }
    let shown = shares.iter().take(most - lines.len());
    lines.extend(shown.map(|(registry, amounts)| (registry.to_string(), *amounts)));
    let widest = lines.iter().map(|(name, _)| width(name)).max();
    let cells = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    let cells = cells.min(area.width / 3);
    for (row, (name, own)) in (0..).zip(&lines) {
        let amounts = amounts(*own);
        let mut pen = row_writer(model, buffer, area, row);
        pen.skip(2);
        // The only one needs no name where there is no room for it.
        let needed = width(&amounts) + usize::from(cells) + 5;
        if lines.len() > 1 || needed <= usize::from(pen.room()) {
            let name = pen.glyphs().clip_middle(name, usize::from(cells));
            pen.put(Role::Dim, "to ");
            pen.column(Role::Text, &name, cells);
            pen.skip(1);
        }
        pen.put(Role::Strong, &amounts);
    }
    u16::try_from(lines.len()).unwrap_or(0)
}

/// The tags that are written over and what they name, on at most half of the lines; gives the lines taken.
fn replaced_tags(model: &Model, buffer: &mut Buffer, area: Rect) -> u16 {
    let (all, most) = (model.plan.replacing().len(), usize::from(area.height / 2));
    let named = match all > most {
        true => most.saturating_sub(1),
        false => all,
    };
    let mut row = 0;
    for (reference, digest) in replaced(&model.board, &model.plan).take(named) {
        let mut pen = row_writer(model, buffer, area, row);
        pen.skip(2);
        pen.put(Role::Dim, "tag ");
        let digest = format!(" replaces {}", digest.short());
        let cells = usize::from(pen.room()).saturating_sub(width(&digest) + 1);
        let name = pen.glyphs().clip_reference(reference, cells);
        pen.put(Role::Text, &name);
        pen.put(Role::Warning, &digest);
        row += 1;
    }
    if all > named && most > 0 {
        let mut pen = row_writer(model, buffer, area, row);
        pen.skip(2);
        let more = match named {
            0 => format!("{all} tags are written over"),
            _ => format!("and {} more tags are written over", all - named),
        };
        pen.put(Role::Dim, &more);
        row += 1;
    }
    row
}

fn layers(model: &Model, buffer: &mut Buffer, area: Rect) {
    let layers = model.plan.largest(usize::from(area.height));
    for (row, layer) in (0..area.height).zip(&layers) {
        let mut pen = row_writer(model, buffer, area, row);
        pen.skip(2);
        pen.put(Role::Dim, "layer ");
        pen.right_column(Role::Text, &bytes(layer.size), SIZE);
        pen.skip(1);
        pen.put(Role::Dim, &format!("{}  ", layer.digest.short()));
        pen.put(Role::Text, &large_layer(layer));
    }
}
