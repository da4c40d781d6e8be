//! The image pane: a tree.

use ratatui::layout::Rect;

use super::parts::{cursor, fold, titled};
use crate::{
    inspect::{Step, is_attestation},
    oci::{Descriptor, Manifest, ManifestContent},
    present::{bytes, count},
    tui::{
        browse::{
            cache::Slot,
            layout::Pane,
            model::Browser,
            tree::{ManifestRole, Node, TreeRow},
        },
        theme::Role,
        view::{canvas::Canvas, cell_writer::CellWriter},
    },
};

const SIZE: u16 = 10;

pub(super) fn draw(browser: &Browser, canvas: &mut Canvas, area: Rect) {
    let focused = browser.focus == Pane::Image;
    let Some(viewed) = &browser.viewed else {
        let area = titled(canvas, area, focused, "Image", &[]);
        let text = "Open a tag to see its image.".to_owned();
        return canvas.paragraph(area, &[(Role::Dim, text)]);
    };
    let rows = browser.rows();
    let mut facts = Vec::new();
    if rows.len() + 1 > usize::from(area.height) {
        let last = rows.len().min(viewed.offset + usize::from(area.height) - 1);
        let text = format!("{}-{last} of {}", viewed.offset + 1, rows.len());
        facts.push((Role::Dim, text));
    }
    if browser.compared.as_ref() == Some(&viewed.location) {
        facts.push((Role::Marked, "to compare".into()));
    }
    let area = titled(canvas, area, focused, "Image", &facts);
    for (row, content) in (0..area.height).zip(rows.iter().skip(viewed.offset)) {
        let mut writer = canvas.row(area, row);
        let role = cursor(&mut writer, content.id == viewed.cursor, focused);
        draw_line(&mut writer, content, role);
    }
}

fn draw_line(writer: &mut CellWriter, row: &TreeRow, role: Role) {
    writer.skip(u16::try_from(row.id.depth() * 2).unwrap_or(u16::MAX));
    let glyphs = writer.glyphs();
    match row.open {
        Some(open) => writer.put(Role::Dim, fold(glyphs, open)),
        None => writer.skip(2),
    }
    match &row.node {
        Node::Manifest {
            role: part,
            descriptor,
            found,
            ..
        } => draw_manifest(writer, role, *part, descriptor.as_ref(), found),
        Node::Config { descriptor, found } => {
            at_end(writer, Role::Dim, &descriptor.digest.short());
            writer.right_column(Role::Dim, &bytes(descriptor.size), SIZE);
            writer.put(role, "config");
            draw_state(writer, found);
        }
        Node::Step { step, layer } => draw_step(writer, role, step, layer.as_ref()),
        Node::Referrers { found, .. } => {
            writer.put(role, "referrers");
            if let Slot::Ready(referrers) = found {
                let text = match referrers.entries.len() {
                    0 => "  none".to_owned(),
                    amount => format!("  {amount}"),
                };
                writer.put(Role::Dim, &text);
            }
            draw_state(writer, found);
        }
        Node::Blob(descriptor) => {
            at_end(writer, Role::Dim, &descriptor.digest.short());
            writer.right_column(Role::Dim, &bytes(descriptor.size), SIZE);
            writer.put(role, descriptor.media_type.as_str());
        }
    }
}

fn draw_manifest(
    writer: &mut CellWriter,
    role: Role,
    part: ManifestRole,
    descriptor: Option<&Descriptor>,
    found: &Slot<Manifest>,
) {
    let digest = match (found, descriptor) {
        (Slot::Ready(manifest), _) => Some(&manifest.digest),
        (_, Some(descriptor)) => Some(&descriptor.digest),
        _ => None,
    };
    if let Some(digest) = digest {
        at_end(writer, Role::Dim, &digest.short());
    }
    let kind = match (part, found.ready()) {
        (ManifestRole::Root, Some(manifest)) => kind(manifest),
        (ManifestRole::Root, None) => "manifest".to_owned(),
        (ManifestRole::Child | ManifestRole::Referrer, _) => {
            descriptor.map(name).unwrap_or_default()
        }
    };
    writer.put(role, &kind);
    if let Some(manifest) = found.ready() {
        let text = match &manifest.content {
            ManifestContent::Index(children) => count(children.len(), "manifest"),
            ManifestContent::Image { layers, .. } => {
                let size = manifest
                    .blobs()
                    .fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
                format!("{} in {}", bytes(size), count(layers.len(), "layer"))
            }
        };
        writer.put(Role::Dim, &format!("  {text}"));
    }
    draw_state(writer, found);
}

fn kind(manifest: &Manifest) -> String {
    match &manifest.content {
        ManifestContent::Index(_) => "index".into(),
        ManifestContent::Image {
            artifact_type: Some(artifact_type),
            ..
        } => artifact_type.to_string(),
        ManifestContent::Image { .. } => "image".into(),
    }
}

/// The name of an entry of an index or of a list of referrers.
fn name(descriptor: &Descriptor) -> String {
    match (&descriptor.platform, &descriptor.artifact_type) {
        _ if is_attestation(descriptor) => "attestation".into(),
        (Some(platform), _) => match &platform.os_version {
            Some(version) => format!("{platform} {version}"),
            None => platform.to_string(),
        },
        (None, Some(artifact_type)) => artifact_type.to_string(),
        (None, None) => descriptor.media_type.to_string(),
    }
}

fn draw_step(writer: &mut CellWriter, role: Role, step: &Step, layer: Option<&Descriptor>) {
    if let Some(layer) = layer {
        at_end(writer, Role::Dim, &layer.digest.short());
    }
    let (size, text) = match layer {
        Some(layer) => (bytes(layer.size), role),
        // Steps without a layer are dimmed.
        None if role == Role::Text => ("-".to_owned(), Role::Dim),
        None => ("-".to_owned(), role),
    };
    writer.right_column(text, &size, SIZE);
    let made_by = step.created_by.as_deref().unwrap_or("layer");
    let made_by = made_by
        .strip_prefix("/bin/sh -c #(nop) ")
        .unwrap_or(made_by);
    writer.put(text, made_by.trim_start());
}

fn draw_state<T>(writer: &mut CellWriter, slot: &Slot<T>) {
    match slot {
        Slot::Unread | Slot::Ready(_) => {}
        Slot::Reading => writer.put(Role::Busy, "  reading"),
        Slot::Failed(error) => writer.put(Role::Bad, &format!("  {}", error.message)),
    }
}

/// Digests are aligned at the end of the line if there is room.
fn at_end(writer: &mut CellWriter, role: Role, text: &str) {
    if writer.room() > 40 {
        let text = format!(" {text}");
        writer.at_end(&[(role, &text)]);
    }
}
