//! Where everything is on the screen.
//!
//! One pure function of the terminal's size and what is focused. Invariant: areas do not overlap, and the
//! focused pane is always there.

use ratatui::layout::{Rect, Size};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    Images,
    Detail,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Too small for panes: one honest line.
    Line(Rect),
    Panes(Areas),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub images: Option<Rect>,
    pub detail: Option<Rect>,
    pub log: Option<Rect>,
    pub footer: Rect,
}

/// A pane's first line is its title.
pub const TITLE: u16 = 1;

#[must_use]
pub fn screen(size: Size, focus: Pane, zoomed: bool) -> Screen {
    let Size { width, height } = size;
    let all = Rect::new(0, 0, width, height);
    if width < 50 || height < 10 {
        return Screen::Line(Rect {
            height: height.min(1),
            ..all
        });
    }
    let small = width < 80 || height < 20;
    let (header, rest) = top(all, if small { 2 } else { 3 });
    let (body, footer) = bottom(rest, 1);
    let mut areas = Areas {
        header,
        images: None,
        detail: None,
        log: None,
        footer,
    };
    if small || zoomed {
        *areas.pane_mut(focus) = Some(body);
    } else if width >= 150 {
        // Blobs need about 70 cells; the list takes what is left, and the log lies under it.
        let (left, right) = split_left(body, width - (width * 9 / 20).min(90));
        let (images, log) = bottom(left, (body.height / 4).clamp(5, 14));
        areas.images = Some(images);
        areas.log = Some(log);
        areas.detail = Some(right);
    } else if height >= 32 {
        let (rest, log) = bottom(body, (height / 5).clamp(6, 12));
        let (images, detail) = bottom(rest, rest.height * 2 / 5);
        areas.images = Some(images);
        areas.detail = Some(detail);
        areas.log = Some(log);
    } else {
        let (images, below) = bottom(body, body.height * 2 / 5);
        areas.images = Some(images);
        *areas.pane_mut(if focus == Pane::Log {
            Pane::Log
        } else {
            Pane::Detail
        }) = Some(below);
    }
    Screen::Panes(areas)
}

impl Areas {
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        match pane {
            Pane::Images => self.images,
            Pane::Detail => self.detail,
            Pane::Log => self.log,
        }
    }

    fn pane_mut(&mut self, pane: Pane) -> &mut Option<Rect> {
        match pane {
            Pane::Images => &mut self.images,
            Pane::Detail => &mut self.detail,
            Pane::Log => &mut self.log,
        }
    }
}

impl Screen {
    /// How many lines of content `pane` shows.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        let taken = match pane {
            // The images have column titles as well.
            Pane::Images => TITLE + 1,
            Pane::Detail | Pane::Log => TITLE,
        };
        areas
            .pane(pane)
            .map_or(0, |area| usize::from(area.height.saturating_sub(taken)))
    }
}

fn top(area: Rect, height: u16) -> (Rect, Rect) {
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
fn bottom(area: Rect, height: u16) -> (Rect, Rect) {
    top(area, area.height.saturating_sub(height))
}

/// The first `width` columns, and the others after one free column.
fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const PANES: [Pane; 3] = [Pane::Images, Pane::Detail, Pane::Log];

    fn shown(width: u16, height: u16, focus: Pane) -> Vec<Pane> {
        match screen(Size { width, height }, focus, false) {
            Screen::Line(_) => Vec::new(),
            Screen::Panes(areas) => PANES
                .into_iter()
                .filter(|pane| areas.pane(*pane).is_some())
                .collect(),
        }
    }

    #[test]
    fn the_larger_the_terminal_the_more_panes() {
        assert_eq!(shown(160, 50, Pane::Images), PANES);
        assert_eq!(shown(120, 40, Pane::Images), PANES);
        assert_eq!(shown(80, 24, Pane::Images), [Pane::Images, Pane::Detail]);
        assert_eq!(shown(80, 24, Pane::Log), [Pane::Images, Pane::Log]);
        assert_eq!(shown(60, 15, Pane::Detail), [Pane::Detail]);
        assert_eq!(shown(49, 15, Pane::Images), []);
    }

    #[test]
    fn areas_stay_on_the_screen_and_apart_and_show_the_focus() {
        for width in 0..320 {
            for height in 0..110 {
                for focus in PANES {
                    for zoomed in [false, true] {
                        let size = Size { width, height };
                        let Screen::Panes(areas) = screen(size, focus, zoomed) else {
                            continue;
                        };
                        assert!(areas.pane(focus).is_some_and(|area| area.height > TITLE));
                        let all: Vec<Rect> = [areas.header, areas.footer]
                            .into_iter()
                            .chain(PANES.iter().filter_map(|pane| areas.pane(*pane)))
                            .collect();
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
