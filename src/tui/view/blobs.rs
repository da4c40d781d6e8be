//! The image pane: source, destination, state, failures, manifests and blobs of the selected image.

use ratatui::layout::Rect;

use super::{batch_pane::titled, canvas::Canvas, cell_writer::CellWriter, notes::note};
use crate::{
    batch::{BlobState, BlobView, JobView, PlannedManifest},
    present::{Phase, blob_kind, bytes, copier, count, media_type, percent, phase, settled},
    tui::{
        detail::{self, DetailLine, Lead},
        layout::Pane,
        model::Model,
        theme::Role,
    },
};

const BAR: u16 = 10;
const KIND: u16 = 6;
const DIGEST: u16 = 12;
const SIZE: u16 = 10;

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let lines = detail::lines(model);
    let height = usize::from(area.height.saturating_sub(1));
    let mut facts = Vec::new();
    if let Some(view) = model.images.selected().and_then(|job| model.board.job(job)) {
        // The keys of the other panes are at the end of the line.
        let cells = usize::from(area.width.saturating_sub(46)).max(16);
        let name = model.options.glyphs.clip_name(&view.job.spec.source, cells);
        facts.push((Role::Text, name));
    }
    if lines.len() > height {
        let last = lines.len().min(model.detail_offset + height);
        let first = model.detail_offset + 1;
        facts.push((Role::Dim, format!("{first}-{last} of {}", lines.len())));
    }
    let area = titled(model, canvas, area, Pane::Detail, &facts);
    if lines.is_empty() {
        let mut writer = canvas.row(area, 0);
        writer.skip(2);
        return writer.put(Role::Dim, "No image is selected; j and k select one.");
    }
    let shown = lines.iter().skip(model.detail_offset).take(height);
    for (row, line) in (0..).zip(shown) {
        let mut writer = canvas.row(area, row);
        writer.skip(1);
        draw_line(model, &mut writer, line);
    }
}

/// Repository and version, without the store.
fn name(view: &JobView) -> String {
    view.job.spec.source.name_in_store()
}

fn draw_line(model: &Model, writer: &mut CellWriter, line: &DetailLine) {
    let glyphs = writer.glyphs();
    match line {
        DetailLine::Source(view) => {
            writer.column(Role::Dim, "from", 5);
            let cells = usize::from(writer.room());
            writer.put(
                Role::Text,
                &glyphs.clip_location(&view.job.spec.source, cells),
            );
        }
        DetailLine::Destination(view) => {
            writer.column(Role::Dim, "to", 5);
            let cells = usize::from(writer.room());
            writer.put(
                Role::Text,
                &glyphs.clip_location(&view.job.spec.destination, cells),
            );
        }
        DetailLine::Engine(view) => {
            writer.column(Role::Dim, "by", 5);
            writer.put(Role::Text, &copier(view));
        }
        DetailLine::State(view) => state(model, writer, view),
        DetailLine::Replaced(verb, digest) => {
            writer.column(Role::Dim, verb, 8);
            writer.put(Role::Text, &digest.to_string());
        }
        DetailLine::Failure(lead, text) => {
            match *lead {
                Lead::Failure(attempt) => {
                    writer.put(Role::Bad, &format!("{} ", glyphs.phase(Phase::Failed)));
                    if attempt.0 > 0 {
                        writer.put(Role::Dim, &format!("attempt {}  ", attempt.0));
                    }
                }
                Lead::Cause(_) => {
                    writer.skip(lead.cells() - 2);
                    writer.put(Role::Dim, &format!("{} ", glyphs.corner));
                }
                Lead::Advice => writer.put(Role::Strong, &format!("{} ", glyphs.arrow)),
            }
            writer.put(role_of(*lead), text);
        }
        DetailLine::More(lead, text) => {
            writer.skip(lead.cells());
            writer.put(role_of(*lead), text);
        }
        DetailLine::Manifest(depth, manifest) => draw_manifest(writer, *depth, manifest),
        DetailLine::Blob(depth, blob) => draw_blob(model, writer, *depth, blob),
        DetailLine::NoBlobs(view) => writer.put(
            Role::Dim,
            match phase(view) {
                _ if view.is_sized() => {
                    "Its blobs are no longer in memory: many images have ended since."
                }
                Phase::UpToDate => "The destination has this image already.",
                Phase::Copied => "Copied by an earlier run.",
                Phase::Reading => "Reading its manifests.",
                Phase::Staged => "At its destination since an earlier run, without its tag.",
                Phase::Skipped => "Skipped; u queues it again.",
                Phase::Kept => {
                    "Its destination tag names another image and is kept; u checks again."
                }
                _ => "Its blobs are known once its manifests are read.",
            },
        ),
        DetailLine::EarlierAttempts => writer.put(Role::Dim, "earlier attempts"),
        DetailLine::Gap => {}
    }
}

fn role_of(lead: Lead) -> Role {
    match lead {
        Lead::Failure(_) => Role::Bad,
        Lead::Cause(_) => Role::Text,
        Lead::Advice => Role::Strong,
    }
}

fn state(model: &Model, writer: &mut CellWriter, view: &JobView) {
    let phase = phase(view);
    let glyphs = writer.glyphs();
    let dot = format!(" {} ", glyphs.separator);
    let role = Role::from(phase);
    writer.column(Role::Dim, "state", 5);
    writer.put(role, &format!("{} {}", glyphs.phase(phase), phase.name()));
    if view.attempt.0 > 1 {
        writer.put(Role::Text, &format!("{dot}attempt {}", view.attempt.0));
    }
    if !view.blobs.is_empty() {
        writer.put(
            Role::Text,
            &format!(
                "{dot}{}{dot}{} of {}",
                count(view.blobs.len(), "blob"),
                bytes(view.bytes_done),
                bytes(view.bytes_total)
            ),
        );
    }
    match note(model, view) {
        // A failure has lines of its own.
        Some((role, text)) if phase != Phase::Failed => {
            writer.put(Role::Text, &dot);
            writer.put(role, &text);
        }
        _ => {
            if let Some(root) = &view.root {
                writer.put(Role::Dim, &format!("{dot}{}", root.short()));
            }
        }
    }
}

/// Limits the indentation, so that the rest of the line stays readable.
fn indent(writer: &mut CellWriter, depth: usize) {
    writer.skip(u16::try_from(depth.min(6) * 2).unwrap_or(0));
}

fn draw_manifest(writer: &mut CellWriter, depth: usize, manifest: &PlannedManifest) {
    indent(writer, depth);
    if let Some(platform) = &manifest.platform {
        writer.put(Role::Strong, &format!("{platform}  "));
    }
    let name = media_type(&manifest.media_type);
    let role = match manifest.platform {
        Some(_) => Role::Text,
        None => Role::Strong,
    };
    writer.put(role, &name);
    writer.put(Role::Text, &format!("  {}", manifest.digest.short()));
    writer.put(Role::Dim, &format!("  {}", bytes(manifest.size)));
}

fn draw_blob(model: &Model, writer: &mut CellWriter, depth: usize, blob: &BlobView) {
    indent(writer, depth);
    let done = match &blob.state {
        BlobState::Pending | BlobState::WaitingFor(_) => 0,
        BlobState::Copying { done } => *done,
        BlobState::Settled(_) => blob.size,
    };
    let (role, text) = match &blob.state {
        BlobState::Pending => (Role::Dim, "pending".to_owned()),
        BlobState::WaitingFor(owner) => {
            let owner = model.board.job(*owner).map(name).unwrap_or_default();
            (Role::Warning, format!("waiting for {owner}"))
        }
        BlobState::Copying { done } => {
            let share = percent(*done, blob.size);
            (Role::Busy, format!("copying {share:>2} %"))
        }
        BlobState::Settled(how) => (Role::Good, settled(how)),
    };
    writer.bar(role, done, blob.size.max(1), BAR);
    writer.skip(1);
    writer.column(Role::Dim, blob_kind(blob.kind), KIND);
    writer.column(Role::Text, &blob.digest.short(), DIGEST);
    writer.right_column(Role::Text, &bytes(blob.size), SIZE);
    writer.skip(1);
    writer.put(role, &text);
    if let Some(kind) = &blob.media_type {
        writer.put(Role::Dim, &format!("  {}", media_type(kind)));
    }
}
