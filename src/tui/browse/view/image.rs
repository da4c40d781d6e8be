//! The tree of the image being looked at.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{cursor, fold, row_writer, titled, words};
use crate::{
    inspect::{Step, is_attestation},
    oci::{Descriptor, Manifest, ManifestContent},
    present::{bytes, count},
    tui::{
        browse::{
            cache::Slot,
            layout::Pane,
            model::Browser,
            tree::{Role as Part, Row, What},
        },
        theme::Role,
        view::cell_writer::CellWriter,
    },
};

const SIZE: u16 = 10;

pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect) {
    let focused = browser.focus == Pane::Image;
    let Some(viewed) = &browser.viewed else {
        let area = titled(browser, buffer, area, focused, "Image", &[]);
        let text = "Open a tag to look at its image.".to_owned();
        return words(browser, buffer, area, &[(Role::Dim, text)]);
    };
    let rows = browser.rows();
    let mut facts = Vec::new();
    if rows.len() + 1 > usize::from(area.height) {
        let last = rows.len().min(viewed.offset + usize::from(area.height) - 1);
        let text = format!("{}-{last} of {}", viewed.offset + 1, rows.len());
        facts.push((Role::Dim, text));
    }
    if browser.marked.as_ref() == Some(&viewed.reference) {
        let mark = browser.options.glyphs.mark;
        facts.push((Role::Marked, format!("{mark} marked")));
    }
    let area = titled(browser, buffer, area, focused, "Image", &facts);
    for (row, content) in (0..area.height).zip(rows.iter().skip(viewed.offset)) {
        let mut pen = row_writer(browser, buffer, area, row);
        let role = cursor(&mut pen, content.id == viewed.cursor, focused);
        line(&mut pen, content, role);
    }
}

fn line(pen: &mut CellWriter, row: &Row, role: Role) {
    pen.skip(u16::try_from(row.id.depth() * 2).unwrap_or(u16::MAX));
    let glyphs = pen.glyphs();
    match row.open {
        Some(open) => pen.put(Role::Dim, fold(glyphs, open)),
        None => pen.skip(2),
    }
    match &row.what {
        What::Manifest {
            role: part,
            descriptor,
            found,
            ..
        } => manifest(pen, role, *part, descriptor.as_ref(), found),
        What::Config { descriptor, found } => {
            at_end(pen, Role::Dim, &descriptor.digest.short());
            pen.right_column(Role::Dim, &bytes(descriptor.size), SIZE);
            pen.put(role, "config");
            state(pen, found);
        }
        What::Step { step, layer } => made(pen, role, step, layer.as_ref()),
        What::Referrers { found, .. } => {
            pen.put(role, "referrers");
            if let Slot::Ready(referrers) = found {
                let text = match referrers.entries.len() {
                    0 => "  none".to_owned(),
                    amount => format!("  {amount}"),
                };
                pen.put(Role::Dim, &text);
            }
            state(pen, found);
        }
        What::Blob(descriptor) => {
            at_end(pen, Role::Dim, &descriptor.digest.short());
            pen.right_column(Role::Dim, &bytes(descriptor.size), SIZE);
            pen.put(role, descriptor.media_type.as_str());
        }
    }
}

fn manifest(
    pen: &mut CellWriter,
    role: Role,
    part: Part,
    descriptor: Option<&Descriptor>,
    found: &Slot<Manifest>,
) {
    let digest = match (found, descriptor) {
        (Slot::Ready(manifest), _) => Some(&manifest.digest),
        (_, Some(descriptor)) => Some(&descriptor.digest),
        _ => None,
    };
    if let Some(digest) = digest {
        at_end(pen, Role::Dim, &digest.short());
    }
    let kind = match (part, found.ready()) {
        (Part::Root, Some(manifest)) => kind(manifest),
        (Part::Root, None) => "manifest".to_owned(),
        (Part::Child | Part::Referrer, _) => descriptor.map(name).unwrap_or_default(),
    };
    pen.put(role, &kind);
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
        pen.put(Role::Dim, &format!("  {text}"));
    }
    state(pen, found);
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

/// What an index or a list of referrers calls it.
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

fn made(pen: &mut CellWriter, role: Role, step: &Step, layer: Option<&Descriptor>) {
    if let Some(layer) = layer {
        at_end(pen, Role::Dim, &layer.digest.short());
    }
    let (size, text) = match layer {
        Some(layer) => (bytes(layer.size), role),
        // Only the steps that left bytes are bright.
        None if role == Role::Text => ("-".to_owned(), Role::Dim),
        None => ("-".to_owned(), role),
    };
    pen.right_column(text, &size, SIZE);
    let made_by = step.created_by.as_deref().unwrap_or("layer");
    let made_by = made_by
        .strip_prefix("/bin/sh -c #(nop) ")
        .unwrap_or(made_by);
    pen.put(text, made_by.trim_start());
}

fn state<T>(pen: &mut CellWriter, slot: &Slot<T>) {
    match slot {
        Slot::Unread | Slot::Ready(_) => {}
        Slot::Reading => pen.put(Role::Busy, "  reading"),
        Slot::Failed(error) => pen.put(Role::Bad, &format!("  {}", error.message)),
    }
}

/// Digests stand at the end of the line, where they can be compared.
fn at_end(pen: &mut CellWriter, role: Role, text: &str) {
    if pen.room() > 40 {
        let text = format!(" {text}");
        pen.at_end(&[(role, &text)]);
    }
}
