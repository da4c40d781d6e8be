//! The registries pane: what each registry is doing, and what it is allowed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{pen, select, titled};
use crate::{
    batch::LaneState,
    present::{Phase, bytes, count, duration, rate},
    tui::{layout::Pane, model::Model, theme::Role},
};

const REGISTRY: u16 = 40;
const STREAMS: u16 = 9;
const REQUESTS: u16 = 8;
const SPEED: u16 = 11;
const TOTAL: u16 = 10;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (lanes, at) = model.registries.rows(&model.board);
    let facts: Vec<(Role, String)> = match lanes.is_empty() {
        true => Vec::new(),
        false => vec![(Role::Text, lanes.len().to_string())],
    };
    let area = titled(model, buffer, area, Pane::Registries, &facts);
    if lanes.is_empty() {
        let mut pen = pen(model, buffer, area, 0);
        pen.skip(2);
        return pen.put(Role::Dim, "No registry was asked yet.");
    }
    let (has_requests, has_total) = (area.width >= 70, area.width >= 100);
    let name = (area.width / 4).clamp(18, REGISTRY);
    let mut titles = pen(model, buffer, area, 0);
    titles.skip(2);
    titles.column(Role::Dim, "registry", name);
    titles.right_column(Role::Dim, "streams", STREAMS);
    if has_requests {
        titles.right_column(Role::Dim, "req/s", REQUESTS);
    }
    titles.right_column(Role::Dim, "speed", SPEED);
    if has_total {
        titles.right_column(Role::Dim, "moved", TOTAL);
    }
    titles.skip(1);
    titles.put(Role::Dim, "state");
    let height = usize::from(area.height.saturating_sub(1));
    let shown = lanes
        .iter()
        .enumerate()
        .skip(model.registries.offset)
        .take(height);
    for (row, (index, lane)) in (1..).zip(shown) {
        let selected = index == at;
        let mut pen = pen(model, buffer, area, row);
        let glyphs = pen.glyphs();
        pen.put(Role::Accent, if selected { glyphs.cursor } else { " " });
        pen.skip(1);
        let text = glyphs.clip_middle(lane.registry.as_str(), usize::from(name));
        pen.column(Role::Text, &text, name);
        let streams = format!("{}/{}", lane.streams, lane.stream_limit);
        let role = match lane.streams {
            0 => Role::Dim,
            streams if streams >= lane.stream_limit => Role::Strong,
            _ => Role::Text,
        };
        pen.right_column(role, &streams, STREAMS);
        let speed = model.registries.rate(&lane.registry).unwrap_or_default();
        let requests = match speed.tenths {
            0 => String::new(),
            tenths @ ..1000 => format!("{}.{}", tenths / 10, tenths % 10),
            tenths => (tenths / 10).to_string(),
        };
        if has_requests {
            pen.right_column(Role::Text, &requests, REQUESTS);
        }
        let moving = match speed.bytes_per_second {
            0 => String::new(),
            speed => rate(speed),
        };
        pen.right_column(Role::Busy, &moving, SPEED);
        if has_total {
            pen.right_column(Role::Text, &bytes(lane.bytes), TOTAL);
        }
        pen.skip(1);
        let (role, state) = state(model, lane);
        pen.put(role, &state);
        if selected && model.focus == Pane::Registries {
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            select(model, buffer, line);
        }
    }
}

/// What a registry is doing, in words.
fn state(model: &Model, lane: &LaneState) -> (Role, String) {
    let glyphs = model.options.glyphs;
    if let Some(wait) = model.registries.throttled(&lane.registry, model.now) {
        let glyph = glyphs.phase(Phase::Waiting);
        let again = duration(wait);
        return (
            Role::Warning,
            format!("{glyph} throttles, again in {again}"),
        );
    }
    let requests = count(
        usize::try_from(lane.requests).unwrap_or(usize::MAX),
        "request",
    );
    match lane.streams {
        0 => (Role::Dim, format!("{} idle, {requests}", glyphs.separator)),
        _ => (
            Role::Busy,
            format!("{} busy, {requests}", glyphs.phase(Phase::Copying)),
        ),
    }
}
