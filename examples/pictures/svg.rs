//! Frames as SVG: single pictures, and animated recordings.
//!
//! Decides how cells look outside of a terminal. Invariant: the result is well-formed for any cells, refers to no other
//! resource and has no script.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

/// Size of a cell in tenths of a pixel, and of the margin in pixels.
const CELL: (u32, u32) = (84, 180);
const MARGIN: u32 = 12;

const STYLE: &str = "\
.b{font-weight:bold}.d{opacity:.6}\
text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre;fill:#d5d9e0}\
.k{fill:#16181d}.c{fill:#4fc1d6}.g{fill:#7fc06a}.y{fill:#e0b34f}.r{fill:#ea6a63}.u{fill:#6aa1f0}.m{fill:#c884d8}\
rect.w{fill:#d5d9e0}";

/// One frame.
#[must_use]
pub fn picture(frame: &Buffer) -> String {
    let mut text = opening(frame);
    for y in 0..frame.area.height {
        text += &row(frame, y);
    }
    text + "</svg>\n"
}

/// Frames with their start times, repeated after `end`.
#[must_use]
pub fn recording(frames: &[(Duration, Buffer)], end: Duration) -> String {
    let Some((_, first)) = frames.first() else {
        return String::new();
    };
    let mut text = opening(first);
    let mut style = String::new();
    for y in 0..first.area.height {
        // Each version of a row is written once, with all its times.
        let mut shown: Vec<(String, Vec<(Duration, Duration)>)> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (index, (begin, frame)) in frames.iter().enumerate() {
            let until = frames.get(index + 1).map_or(end, |(next, _)| *next);
            let row = row(frame, y);
            let at = *known.entry(row.clone()).or_insert(shown.len());
            if at == shown.len() {
                shown.push((row, Vec::new()));
            }
            match shown[at].1.last_mut() {
                Some((_, last)) if *last == *begin => *last = until,
                _ => shown[at].1.push((*begin, until)),
            }
        }
        if let [(row, _)] = &shown[..] {
            text += row;
            continue;
        }
        for (version, (row, times)) in shown.into_iter().enumerate() {
            let name = format!("r{y}v{version}");
            let _ = write!(style, "@keyframes {name}{{0%{{visibility:hidden}}");
            for (begin, until) in times {
                let percent = |time: Duration| time.as_secs_f64() * 100.0 / end.as_secs_f64();
                let _ = write!(
                    style,
                    "{:.3}%{{visibility:visible}}{:.3}%{{visibility:hidden}}",
                    percent(begin),
                    percent(until).min(100.0)
                );
            }
            style.push('}');
            let seconds = end.as_secs_f64();
            let _ = write!(
                text,
                "<g style=\"visibility:hidden;animation:{name} {seconds:.2}s step-end infinite\">{row}</g>"
            );
        }
    }
    let _ = write!(text, "<style>{style}</style>");
    text + "</svg>\n"
}

fn opening(frame: &Buffer) -> String {
    let width = u32::from(frame.area.width) * CELL.0 / 10 + 2 * MARGIN;
    let height = u32::from(frame.area.height) * CELL.1 / 10 + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\"><style>{STYLE}</style><rect width=\"{width}\" height=\"{height}\" rx=\"8\" \
         fill=\"#16181d\"/>\n"
    )
}

/// Adjacent cells of one style.
struct Run {
    x: u16,
    cells: u16,
    text: String,
    class: String,
    reversed: bool,
}

fn row(frame: &Buffer, y: u16) -> String {
    let mut runs: Vec<Run> = Vec::new();
    let mut covered = 0;
    for x in 0..frame.area.width {
        if x < covered {
            continue;
        }
        let cell = &frame[(x, y)];
        let cells = u16::try_from(cell.symbol().width()).unwrap_or(1).max(1);
        covered = x + cells;
        let (class, reversed) = style_of(cell);
        match runs.last_mut() {
            Some(run) if run.class == class && run.reversed == reversed => {
                run.text += cell.symbol();
                run.cells += cells;
            }
            _ => runs.push(Run {
                x,
                cells,
                text: cell.symbol().into(),
                class,
                reversed,
            }),
        }
    }
    let mut text = String::new();
    let top = u32::from(y) * CELL.1 / 10 + MARGIN;
    for run in runs {
        let left = u32::from(run.x) * CELL.0;
        let width = u32::from(run.cells) * CELL.0;
        let (left, width) = (
            f64::from(left) / 10.0 + f64::from(MARGIN),
            f64::from(width) / 10.0,
        );
        if run.reversed {
            let height = CELL.1 / 10;
            let fill = match run.class.is_empty() {
                true => "w",
                false => &run.class,
            };
            let _ = write!(
                text,
                "<rect class=\"{fill}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\"/>"
            );
        }
        if run.text.trim().is_empty() {
            continue;
        }
        // Fonts measure spaces at the ends differently.
        let blank = run.text.len() - run.text.trim_start().len();
        let inner = run.text.trim();
        #[expect(clippy::cast_precision_loss, reason = "a screen has few cells")]
        let (start, length) = (
            left + blank as f64 * f64::from(CELL.0) / 10.0,
            inner.width() as f64 * f64::from(CELL.0) / 10.0,
        );
        let class = match run.reversed {
            true => "k b".to_owned(),
            false => run.class,
        };
        let class = match class.is_empty() {
            true => String::new(),
            false => format!(" class=\"{class}\""),
        };
        let baseline = top + 14;
        let _ = write!(
            text,
            "<text x=\"{start:.1}\" y=\"{baseline}\" textLength=\"{length:.1}\"{class}>{}</text>",
            escaped(inner)
        );
    }
    text.push('\n');
    text
}

/// The classes of a cell, and whether it is reversed.
fn style_of(cell: &Cell) -> (String, bool) {
    let style = cell.style();
    let mut classes: Vec<&str> = Vec::new();
    classes.extend(match cell.fg {
        Color::Cyan => Some("c"),
        Color::Green => Some("g"),
        Color::Yellow => Some("y"),
        Color::Red => Some("r"),
        Color::Blue => Some("u"),
        Color::Magenta => Some("m"),
        _ => None,
    });
    let reversed = style.add_modifier.contains(Modifier::REVERSED);
    if !reversed && style.add_modifier.contains(Modifier::BOLD) {
        classes.push("b");
    }
    if !reversed && style.add_modifier.contains(Modifier::DIM) {
        classes.push("d");
    }
    (classes.join(" "), reversed)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // XML cannot contain these.
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    fn frame(text: &str, style: Style) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, text, style);
        buffer
    }

    #[test]
    fn text_is_escaped_and_styled() {
        let picture = picture(&frame("<a&b>", Style::new().fg(Color::Red)));
        assert!(
            picture.contains("class=\"r\">&lt;a&amp;b&gt;</text>"),
            "{picture}"
        );
    }

    #[test]
    fn wide_characters_take_two_cells() {
        let picture = picture(&frame("画像 x", Style::new()));
        assert!(
            picture.contains("textLength=\"50.4\">画像 x</text>"),
            "{picture}"
        );
    }

    #[test]
    fn a_row_that_changes_is_written_once_per_version() {
        let at = Duration::from_secs;
        let frames = [
            (at(0), frame("one", Style::new())),
            (at(1), frame("two", Style::new())),
            (at(2), frame("one", Style::new())),
        ];
        let recording = recording(&frames, at(4));
        assert_eq!(recording.matches(">one</text>").count(), 1);
        let times =
            "0.000%{visibility:visible}25.000%{visibility:hidden}50.000%{visibility:visible}";
        assert!(recording.contains(times), "{recording}");
    }
}
