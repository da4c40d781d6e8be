//! The areas of the browser's panes.
//!
//! A pure function of the terminal's size and the focus. Invariant: areas do not overlap, and the focused pane is shown.

use ratatui::layout::{Rect, Size};

use crate::tui::areas::{Screen, SizeClass, TITLE, bottom, left, top};

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
pub struct Areas {
    pub header: Rect,
    pub panes: [Option<Rect>; 4],
    /// The area of all panes together, which JSON and comparisons take.
    pub body: Rect,
    pub footer: Rect,
}

#[must_use]
pub fn screen(size: Size, focus: Pane, zoomed: bool) -> Screen<Areas> {
    let all = Rect::from(size);
    let class = SizeClass::of(size);
    if class == SizeClass::Line {
        return Screen::Line(top(all, 1).0);
    }
    let (header, rest) = top(all, 1);
    let (body, footer) = bottom(rest, 1);
    let mut areas = Areas {
        header,
        panes: [None; 4],
        body,
        footer,
    };
    if class == SizeClass::OnePane || zoomed {
        areas.panes[focus as usize] = Some(body);
        return Screen::Panes(areas);
    }
    // Names are longer than tags, and layers need most of the width.
    let (lists, contents) = left(body, (size.width / 4).clamp(26, 44));
    let (repositories, tags) = top(lists, body.height / 2);
    let (image, detail) = top(contents, body.height / 2);
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

impl Screen<Areas> {
    /// How many lines of content `pane` has room for.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        areas.pane(pane).map_or(0, content_lines)
    }

    /// How many cells a line of `pane` has for content.
    #[must_use]
    pub fn cells(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        let area = areas.pane(pane);
        // One cell is free on both sides.
        area.map_or(0, |area| usize::from(area.width.saturating_sub(2)))
    }

    /// How many lines of content JSON or a comparison has room for.
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
