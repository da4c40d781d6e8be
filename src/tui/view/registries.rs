//! The registries pane: streams, speed, response times, rate limits and circuit breaker of each registry.

use ratatui::layout::Rect;

use super::{
    batch_pane::{select, titled, write_in_full},
    canvas::Canvas,
};
use crate::{
    batch::{RegistryStatus, UploadMode},
    present::{Phase, bytes, count, countdown, rate},
    tui::{layout::Pane, model::Model, theme::Role},
};

const REGISTRY: u16 = 40;
const STREAMS: u16 = 9;
const REQUESTS: u16 = 8;
const SPEED: u16 = 11;
const RESPONSE_TIMES: u16 = 12;

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let (statuses, at) = model.registries.rows(&model.board);
    let facts: Vec<(Role, String)> = match statuses.is_empty() {
        true => Vec::new(),
        false => vec![(Role::Text, statuses.len().to_string())],
    };
    let area = titled(model, canvas, area, Pane::Registries, &facts);
    if statuses.is_empty() {
        let mut writer = canvas.row(area, 0);
        writer.skip(2);
        return writer.put(Role::Dim, "No registry has been contacted yet.");
    }
    // Narrow screens show the state rather than these numbers.
    let (has_requests, has_response_times) = (area.width >= 84, area.width >= 100);
    let name = (area.width / 4).clamp(18, REGISTRY);
    let mut titles = canvas.row(area, 0);
    titles.skip(2);
    titles.column(Role::Dim, "registry", name);
    titles.right_column(Role::Dim, "streams", STREAMS);
    if has_requests {
        titles.right_column(Role::Dim, "req/s", REQUESTS);
    }
    titles.right_column(Role::Dim, "speed", SPEED);
    if has_response_times {
        titles.right_column(Role::Dim, "p50/p95", RESPONSE_TIMES);
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
        let mut writer = canvas.row(area, row);
        let glyphs = writer.glyphs();
        writer.put(Role::Accent, if selected { glyphs.cursor } else { " " });
        writer.skip(1);
        let text = glyphs.clip_middle(&status.registry.to_string(), usize::from(name));
        writer.column(Role::Text, &text, name);
        let streams = format!("{}/{}", status.streams, status.stream_limit);
        let role = match status.streams {
            0 => Role::Dim,
            streams if streams >= status.stream_limit => Role::Strong,
            _ => Role::Text,
        };
        writer.right_column(role, &streams, STREAMS);
        let requests = match status.request_rate {
            0 => String::new(),
            requests => requests.to_string(),
        };
        if has_requests {
            writer.right_column(Role::Text, &requests, REQUESTS);
        }
        let moving = match model.stats.speed.registry_speed(&status.registry) {
            0 => String::new(),
            speed => rate(speed),
        };
        writer.right_column(Role::Busy, &moving, SPEED);
        if has_response_times {
            writer.right_column(Role::Text, &response_times(status), RESPONSE_TIMES);
        }
        writer.skip(1);
        let (role, state) = state(model, status);
        writer.put(role, &state);
        if selected && writer.room() == 0 {
            cut = Some((role, state));
        }
        free = row + 1;
        if selected && model.focus == Pane::Registries {
            select(model, canvas, area, row);
        }
    }
    write_in_full(canvas, area, free + 1, cut.into_iter());
}

/// Median and 95th percentile of the response times.
fn response_times(status: &RegistryStatus) -> String {
    match (status.answer_p50_ms, status.answer_p95_ms) {
        (Some(p50), Some(p95)) => format!("{}/{} ms", p50.0, p95.0),
        (Some(one), None) | (None, Some(one)) => format!("{} ms", one.0),
        (None, None) => String::new(),
    }
}

/// The state of a registry, and its limits.
fn state(model: &Model, status: &RegistryStatus) -> (Role, String) {
    let glyphs = model.options.glyphs;
    let mut limits = String::new();
    if let Some(budget) = status.budget {
        limits += &format!(", {} of {} requests left", budget.remaining, budget.limit);
    }
    let operation_wait = model
        .registries
        .operation_retry_in(&status.registry, model.now);
    let ceiling = (model.registries.requested_streams.get(&status.registry))
        .unwrap_or(&status.stream_ceiling);
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
            limits += &format!(", uploads in chunks of {}", bytes(size));
        }
    }
    if let (Some(rationed), None) = (&status.rationed, operation_wait) {
        let (limit, operation) = (rationed.request_limit, &rationed.operation);
        limits += &format!(", at most {limit} req/s to {operation}");
    }
    let (role, phase, state) = match model.registries.retry_in(&status.registry, model.now) {
        Some(wait) if status.unreachable => {
            let state = format!("unreachable; retrying {}", countdown(wait));
            (Role::Bad, Phase::Waiting, state)
        }
        Some(wait) => {
            let state = format!("rate limited; retrying {}", countdown(wait));
            (Role::Warning, Phase::Waiting, state)
        }
        None if let (Some(wait), Some(rationed)) = (operation_wait, &status.rationed) => {
            let (operation, wait) = (&rationed.operation, countdown(wait));
            let state = format!("rate limited; retrying to {operation} {wait}");
            (Role::Warning, Phase::Waiting, state)
        }
        None if status.streams == 0 && status.request_rate == 0 => {
            (Role::Dim, Phase::Queued, "idle".into())
        }
        None => (Role::Busy, Phase::Copying, "busy".into()),
    };
    (role, format!("{} {state}{limits}", glyphs.phase(phase)))
}
