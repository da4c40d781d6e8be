//! How a screen is divided: what its size allows, and the parts of a rectangle.
//!
//! Plain arithmetic: the layouts are tested at every size up to 320x110, too many for a constraint solver. Invariant:
//! parts do not overlap and stay in the rectangle.

use ratatui::layout::{Rect, Size};

/// A pane's first line is its title.
pub const TITLE: u16 = 1;

/// What the terminal's size allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeClass {
    /// Below 50x10: one line of text.
    Line,
    /// Below 80x20: one pane at a time.
    OnePane,
    Panes,
}

/// A divided screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen<A> {
    /// Too small for panes.
    Line(Rect),
    Panes(A),
}

impl SizeClass {
    #[must_use]
    pub fn of(size: Size) -> Self {
        match (size.width, size.height) {
            (..50, _) | (_, ..10) => Self::Line,
            (..80, _) | (_, ..20) => Self::OnePane,
            _ => Self::Panes,
        }
    }
}

/// The area without its first `height` lines.
#[must_use]
pub fn below(area: Rect, height: u16) -> Rect {
    top(area, height).1
}

/// The first `height` lines, and the others.
#[must_use]
pub fn top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (
        Rect { height, ..area },
        Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        },
    )
}

/// The area without its last `height` lines, and those.
#[must_use]
pub fn bottom(area: Rect, height: u16) -> (Rect, Rect) {
    top(area, area.height.saturating_sub(height))
}

/// The first `width` columns, and the others after one free column.
#[must_use]
pub fn left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let free = (width + 1).min(area.width);
    (
        Rect { width, ..area },
        Rect {
            x: area.x + free,
            width: area.width - free,
            ..area
        },
    )
}
