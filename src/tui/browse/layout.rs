//! Where everything is on the screen.
//!
//! One pure function of the terminal's size and what is focused. Invariant: areas do not overlap, and the
//! focused pane is always there.

use ratatui::layout::{Rect, Size};

use crate::tui::layout::TITLE;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// Repositories, or the images of a list.
    #[default]
    Left,
    Tags,
    Image,
    Detail,
}

pub const PANES: [Pane; 4] = [Pane::Left, Pane::Tags, Pane::Image, Pane::Detail];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Too small for panes: one honest line.
    Line(Rect),
    Panes(Areas),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub panes: [Option<Rect>; 4],
    /// All of the panes: where raw JSON, comparison and help are.
    pub body: Rect,
    pub footer: Rect,
}

#[must_use]
pub fn screen(size: Size, focus: Pane, zoomed: bool) -> Screen {
    let Size { width, height } = size;
    let line = |y, height| Rect::new(0, y, width, height);
    if width < 50 || height < 10 {
        return Screen::Line(line(0, height.min(1)));
    }
    let body = line(1, height - 2);
    let mut areas = Areas {
        header: line(0, 1),
        panes: [None; 4],
        body,
        footer: line(height - 1, 1),
    };
    if width < 80 || height < 20 || zoomed {
        areas.panes[focus as usize] = Some(body);
        return Screen::Panes(areas);
    }
    // Names are longer than tags, and layers are wide.
    let column = (width / 4).clamp(26, 44);
    let left = Rect {
        width: column,
        ..body
    };
    let right = Rect {
        x: column + 1,
        width: width - column - 1,
        ..body
    };
    let [repositories, tags] = stacked(left, body.height / 2);
    let [image, detail] = stacked(right, body.height / 2);
    areas.panes = [Some(repositories), Some(tags), Some(image), Some(detail)];
    Screen::Panes(areas)
}

impl Pane {
    #[must_use]
    pub fn next(self, by: usize) -> Self {
        PANES[(self as usize + by) % PANES.len()]
    }
}

impl Areas {
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes[pane as usize]
    }
}

impl Screen {
    /// How many lines of content `pane` shows.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        areas.pane(pane).map_or(0, content_lines)
    }

    /// How many cells a line of `pane` has.
    #[must_use]
    pub fn cells(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        let area = areas.pane(pane);
        // A free cell at both ends.
        area.map_or(0, |area| usize::from(area.width.saturating_sub(2)))
    }

    /// How many lines what lies over the panes has.
    #[must_use]
    pub fn overlay_lines(&self) -> usize {
        match self {
            Self::Line(_) => 0,
            Self::Panes(areas) => content_lines(areas.body),
        }
    }
}

fn content_lines(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(TITLE))
}

fn stacked(area: Rect, height: u16) -> [Rect; 2] {
    let below = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    [Rect { height, ..area }, below]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_stay_on_the_screen_and_apart_and_show_the_focus() {
        for width in 0..320 {
            for height in 0..110 {
                for focus in PANES {
                    for zoomed in [false, true] {
                        let size = Size { width, height };
                        let Screen::Panes(areas) = screen(size, focus, zoomed) else {
                            assert!(width < 50 || height < 10);
                            continue;
                        };
                        assert!(areas.pane(focus).is_some_and(|area| area.height > TITLE));
                        let shown = areas.panes.into_iter().flatten();
                        let all: Vec<Rect> = shown.chain([areas.header, areas.footer]).collect();
                        for (index, area) in all.iter().enumerate() {
                            assert!(area.right() <= width && area.bottom() <= height);
                            let apart = |other: &Rect| !area.intersects(*other);
                            assert!(all[index + 1..].iter().all(apart), "{width}x{height}");
                        }
                    }
                }
            }
        }
    }
}
