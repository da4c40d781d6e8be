//! Charts as SVG.
//!
//! Decides positions, in units of the view box. Invariant: no division by 0, and no bar outside its chart.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{present::bytes, report::timeline::Timeline};

/// The width of a chart alone in its row, and of one beside another. One unit is about a pixel.
pub(super) const FULL_WIDTH: u64 = 1200;
pub(super) const HALF_WIDTH: u64 = 580;
/// The longest label of a bar, in characters.
const MAX_LABEL: usize = 62;

/// Stores in the chart by registry.
const MAX_BARS: usize = 12;

/// A bar with its name and what its length means.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: u64,
    pub(super) shown: String,
}

/// Horizontal bars, each below its label. Nothing if all are 0.
pub(super) fn bars(title: &str, width: u64, mut bars: Vec<Bar>) -> Markup {
    const ROW: u64 = 38;
    bars.truncate(MAX_BARS);
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or_default();
    let rows = bars.len() as u64;
    html! {
        @if most > 0 {
            section {
                h2 { (title) }
                svg viewBox=(format!("0 0 {width} {}", rows * ROW)) role="img" aria-label=(title) {
                    @for (row, bar) in (0..).zip(&bars) {
                        @let top = row * ROW;
                        g {
                            title { (bar.label) ": " (bar.shown) }
                            text x="0" y=(top + 14) { (shortened(&bar.label)) }
                            text.value x=(width) y=(top + 14) text-anchor="end" { (bar.shown) }
                            rect.track x="0" y=(top + 20) width=(width) height="9" rx="2" {}
                            rect.bar x="0" y=(top + 20) width=(share(bar.value, most, width)) height="9" rx="2" {}
                        }
                    }
                }
            }
        }
    }
}

/// A bar for each stretch of time.
pub(super) fn over_time(timeline: &Timeline) -> Markup {
    const LEFT: u64 = 84;
    const TOP: u64 = 8;
    const HEIGHT: u64 = 150;
    const WIDE: u64 = FULL_WIDTH;
    let most = timeline.bytes.iter().copied().max().unwrap_or_default();
    let stretches = (timeline.bytes.len() as u64).max(1);
    // A short batch begins and ends in the same minute.
    let format = match timeline.step.as_secs() {
        ..10 => "%H:%M:%S UTC",
        _ => "%Y-%m-%d %H:%M UTC",
    };
    let time = |at: Timestamp| at.strftime(format).to_string();
    let left = |at: u64| LEFT + (WIDE - LEFT) * at / stretches;
    let middle = timeline
        .start
        .saturating_add(timeline.end().duration_since(timeline.start) / 2);
    let middle = middle.unwrap_or(timeline.start);
    html! {
        svg viewBox=(format!("0 0 {WIDE} {}", TOP + HEIGHT + 26)) role="img" aria-label="Bytes over time" {
            @for (part, y) in [(most, TOP), (most / 2, TOP + HEIGHT / 2), (0, TOP + HEIGHT)] {
                line.grid x1=(LEFT) y1=(y) x2=(WIDE) y2=(y) {}
                text.axis x=(LEFT - 8) y=(y + 4) text-anchor="end" { (bytes(part)) }
            }
            @for (at, copied) in (0..).zip(&timeline.bytes) {
                @let height = share(*copied, most, HEIGHT);
                @let width = (left(at + 1) - left(at)).saturating_sub(2).max(1);
                rect.bar x=(left(at)) y=(TOP + HEIGHT - height) width=(width) height=(height) {
                    title { (bytes(*copied)) }
                }
            }
            text.axis x=(LEFT) y=(TOP + HEIGHT + 20) { (time(timeline.start)) }
            text.axis x=((LEFT + WIDE) / 2) y=(TOP + HEIGHT + 20) text-anchor="middle" { (time(middle)) }
            text.axis x=(WIDE) y=(TOP + HEIGHT + 20) text-anchor="end" { (time(timeline.end())) }
        }
    }
}

/// How much of `width` stands for `value`; at least 1 unless it is 0.
fn share(value: u64, most: u64, width: u64) -> u64 {
    let share = u128::from(value) * u128::from(width) / u128::from(most.max(1));
    let share = u64::try_from(share).unwrap_or(width).min(width);
    share.max(u64::from(value > 0))
}

/// The end of a label says more than its beginning.
fn shortened(label: &str) -> String {
    match label.chars().count() {
        long @ MAX_LABEL.. => {
            let end: String = label.chars().skip(long - MAX_LABEL + 1).collect();
            format!("…{end}")
        }
        _ => label.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_in_its_chart_and_visible() {
        assert_eq!(share(0, 0, 720), 0);
        assert_eq!(share(1, u64::MAX, 720), 1);
        assert_eq!(share(u64::MAX, u64::MAX, 720), 720);
    }

    #[test]
    fn a_long_label_keeps_its_end() {
        let label = format!("{}/app:1", "ä".repeat(200));
        let shown = shortened(&label);
        assert_eq!(shown.chars().count(), MAX_LABEL);
        assert!(shown.ends_with("ä/app:1"), "{shown}");
    }
}
