//! The registries pane: what each registry is doing, and what it is allowed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{row_writer, select, spell, titled};
use crate::{
    batch::{RegistryStatus, UploadMode},
    present::{Phase, bytes, count, duration, rate},
    tui::{layout::Pane, model::Model, theme::Role},
};

const REGISTRY: u16 = 40;
const STREAMS: u16 = 9;
const REQUESTS: u16 = 8;
const SPEED: u16 = 11;
const ANSWERS: u16 = 12;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (statuses, at) = model.registries.rows(&model.board);
    let facts: Vec<(Role, String)> = match statuses.is_empty() {
        true => Vec::new(),
        false => vec![(Role::Text, statuses.len().to_string())],
    };
    let area = titled(model, buffer, area, Pane::Registries, &facts);
    if statuses.is_empty() {
        let mut pen = row_writer(model, buffer, area, 0);
        pen.skip(2);
        return pen.put(Role::Dim, "No registry was asked yet.");
    }
    // What a registry is doing matters more than how much of it.
    let (has_requests, has_answers) = (area.width >= 84, area.width >= 100);
    let name = (area.width / 4).clamp(18, REGISTRY);
    let mut titles = row_writer(model, buffer, area, 0);
    titles.skip(2);
    titles.column(Role::Dim, "registry", name);
    titles.right_column(Role::Dim, "streams", STREAMS);
    if has_requests {
        titles.right_column(Role::Dim, "req/s", REQUESTS);
    }
    titles.right_column(Role::Dim, "speed", SPEED);
    if has_answers {
        titles.right_column(Role::Dim, "p50/p95", ANSWERS);
    }
    titles.skip(1);
    titles.put(Role::Dim, "state");
    let height = usize::from(area.height.saturating_sub(1));
    let shown = statuses
        .iter()
        .enumerate()
        .skip(model.registries.offset)
        .take(height);
    let mut cut = None;
    let mut free = 1;
    for (row, (index, status)) in (1..).zip(shown) {
        let selected = index == at;
        let mut pen = row_writer(model, buffer, area, row);
        let glyphs = pen.glyphs();
        pen.put(Role::Accent, if selected { glyphs.cursor } else { " " });
        pen.skip(1);
        let text = glyphs.clip_middle(status.registry.as_str(), usize::from(name));
        pen.column(Role::Text, &text, name);
        let streams = format!("{}/{}", status.streams, status.stream_limit);
        let role = match status.streams {
            0 => Role::Dim,
            streams if streams >= status.stream_limit => Role::Strong,
            _ => Role::Text,
        };
        pen.right_column(role, &streams, STREAMS);
        let requests = match status.request_rate {
            0 => String::new(),
            requests => requests.to_string(),
        };
        if has_requests {
            pen.right_column(Role::Text, &requests, REQUESTS);
        }
        let moving = match model.stats.speed.registry_speed(&status.registry) {
            0 => String::new(),
            speed => rate(speed),
        };
        pen.right_column(Role::Busy, &moving, SPEED);
        if has_answers {
            pen.right_column(Role::Text, &answers(status), ANSWERS);
        }
        pen.skip(1);
        let (role, state) = state(model, status);
        pen.put(role, &state);
        if selected && pen.room() == 0 {
            cut = Some((role, state));
        }
        free = row + 1;
        if selected && model.focus == Pane::Registries {
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            select(model, buffer, line);
        }
    }
    spell(model, buffer, area, free + 1, cut.into_iter());
}

/// How long answers take: half of them, and nineteen of twenty.
fn answers(status: &RegistryStatus) -> String {
    match (status.answer_p50_ms, status.answer_p95_ms) {
        (Some(half), Some(most)) => format!("{}/{} ms", half.0, most.0),
        (Some(one), None) | (None, Some(one)) => format!("{} ms", one.0),
        (None, None) => String::new(),
    }
}

/// What a registry is doing and under which limits, in words.
fn state(model: &Model, status: &RegistryStatus) -> (Role, String) {
    let glyphs = model.options.glyphs;
    let mut limits = String::new();
    if let Some(budget) = status.budget {
        limits += &format!(", {} of {} requests left", budget.remaining, budget.limit);
    }
    let paused = model
        .registries
        .operation_paused(&status.registry, model.now);
    let ceiling = (model.registries.asked.get(&status.registry)).unwrap_or(&status.stream_ceiling);
    if *ceiling != status.stream_limit {
        limits += &format!(", {} allowed", count(usize::from(*ceiling), "stream"));
    }
    if let Some(limit) = status.request_limit {
        limits += &format!(", at most {limit} req/s");
    }
    if let Some(limit) = status.byte_limit {
        limits += &format!(", at most {}", rate(limit));
    }
    match status.upload_mode {
        UploadMode::Whole => {}
        UploadMode::Streamed => limits += ", uploads streamed",
        UploadMode::Chunks { bytes: size } => {
            limits += &format!(", uploads in pieces of {}", bytes(size));
        }
    }
    if let (Some(rationed), None) = (&status.rationed, paused) {
        let (most, operation) = (rationed.request_limit, &rationed.operation);
        limits += &format!(", at most {most} req/s to {operation}");
    }
    let (role, glyph, word) = match model.registries.throttled(&status.registry, model.now) {
        Some(wait) if status.unreachable => {
            let word = format!("cannot be reached, again in {}", duration(wait));
            (Role::Bad, Phase::Waiting, word)
        }
        Some(wait) => {
            let word = format!("throttles, again in {}", duration(wait));
            (Role::Warning, Phase::Waiting, word)
        }
        None if let (Some(wait), Some(rationed)) = (paused, &status.rationed) => {
            let (operation, wait) = (&rationed.operation, duration(wait));
            let word = format!("waits {wait} to {operation}");
            (Role::Warning, Phase::Waiting, word)
        }
        None if status.streams == 0 && status.request_rate == 0 => {
            (Role::Dim, Phase::Queued, "idle".into())
        }
        None => (Role::Busy, Phase::Copying, "busy".into()),
    };
    (role, format!("{} {word}{limits}", glyphs.phase(glyph)))
}
