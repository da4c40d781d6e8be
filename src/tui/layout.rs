//! The areas of the batch's panes.
//!
//! A pure function of the terminal's size and the focus. Invariant: areas do not overlap, and the focused pane is shown.

use ratatui::layout::{Rect, Size};

use super::areas::{Screen, SizeClass, TITLE, bottom, left, top};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    Images,
    Detail,
    Registries,
    Failures,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    /// Shown during a review.
    pub plan: Option<Rect>,
    pub images: Option<Rect>,
    /// The pane beside or under the images.
    pub beside: Option<(Pane, Rect)>,
    pub log: Option<Rect>,
    pub footer: Rect,
}

/// Room for two registries and the largest layers.
const MAX_PLAN_LINES: u16 = 10;

impl Pane {
    pub const ALL: [Self; 5] = [
        Self::Images,
        Self::Detail,
        Self::Registries,
        Self::Failures,
        Self::Log,
    ];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Images => "Images",
            Self::Detail => "Image",
            Self::Registries => "Registries",
            Self::Failures => "Failures",
            Self::Log => "Log",
        }
    }

    /// Whether it shares its place beside the images with others.
    #[must_use]
    pub fn shares(self) -> bool {
        match self {
            Self::Detail | Self::Registries | Self::Failures => true,
            Self::Images | Self::Log => false,
        }
    }
}

/// `beside` is shown in the shared place while none of the panes that share it is focused.
#[must_use]
pub fn screen(
    size: Size,
    focus: Pane,
    beside: Pane,
    zoomed: bool,
    reviewing: bool,
) -> Screen<Areas> {
    let Size { width, height } = size;
    let all = Rect::new(0, 0, width, height);
    let class = SizeClass::of(size);
    if class == SizeClass::Line {
        return Screen::Line(Rect {
            height: height.min(1),
            ..all
        });
    }
    let small = class == SizeClass::OnePane;
    let (header, rest) = top(all, if small { 2 } else { 3 });
    let (body, footer) = bottom(rest, 1);
    let mut areas = Areas {
        header,
        plan: None,
        images: None,
        beside: None,
        log: None,
        footer,
    };
    let beside = if focus.shares() { focus } else { beside };
    let mut body = body;
    if reviewing && !zoomed {
        let (plan, rest) = top(body, (body.height / 3).min(MAX_PLAN_LINES));
        areas.plan = Some(plan);
        body = rest;
    }
    // A plan leaves no lines for panes that a key shows.
    let low = height < if reviewing { 32 } else { 20 };
    if small || zoomed || (low && width < 150) {
        areas.set(focus, body);
    } else if width >= 150 {
        // Blobs need about 70 cells; the table and the log under it get the rest.
        let (table, right) = left(body, width - (width * 9 / 20).min(90));
        let (images, log) = bottom(table, (body.height / 4).clamp(5, 14));
        areas.set(Pane::Images, images);
        areas.set(Pane::Log, log);
        areas.set(beside, right);
    } else if height >= 32 && !reviewing {
        let (rest, log) = bottom(body, (height / 5).clamp(6, 12));
        let (images, under) = bottom(rest, rest.height * 2 / 5);
        areas.set(Pane::Images, images);
        areas.set(beside, under);
        areas.set(Pane::Log, log);
    } else {
        let (images, under) = bottom(body, body.height * 2 / 5);
        areas.set(Pane::Images, images);
        areas.set(if focus == Pane::Log { focus } else { beside }, under);
    }
    Screen::Panes(areas)
}

impl Areas {
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        match pane {
            Pane::Images => self.images,
            Pane::Log => self.log,
            Pane::Detail | Pane::Registries | Pane::Failures => self
                .beside
                .filter(|(own, _)| *own == pane)
                .map(|(_, area)| area),
        }
    }

    fn set(&mut self, pane: Pane, area: Rect) {
        match pane {
            Pane::Images => self.images = Some(area),
            Pane::Log => self.log = Some(area),
            Pane::Detail | Pane::Registries | Pane::Failures => self.beside = Some((pane, area)),
        }
    }
}

impl Screen<Areas> {
    /// How many lines of content `pane` has room for.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> usize {
        let Self::Panes(areas) = self else { return 0 };
        let taken = match pane {
            // A table also has column titles.
            Pane::Images | Pane::Registries | Pane::Failures => TITLE + 1,
            Pane::Detail | Pane::Log => TITLE,
        };
        areas
            .pane(pane)
            .map_or(0, |area| usize::from(area.height.saturating_sub(taken)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: u16, height: u16, focus: Pane) -> Vec<Pane> {
        match screen(Size { width, height }, focus, Pane::Detail, false, false) {
            Screen::Line(_) => Vec::new(),
            Screen::Panes(areas) => Pane::ALL
                .into_iter()
                .filter(|pane| areas.pane(*pane).is_some())
                .collect(),
        }
    }

    #[test]
    fn the_larger_the_terminal_the_more_panes() {
        let three = [Pane::Images, Pane::Detail, Pane::Log];
        assert_eq!(shown(160, 50, Pane::Images), three);
        assert_eq!(shown(120, 40, Pane::Log), three);
        assert_eq!(
            shown(120, 40, Pane::Failures),
            [Pane::Images, Pane::Failures, Pane::Log]
        );
        assert_eq!(shown(80, 24, Pane::Images), [Pane::Images, Pane::Detail]);
        assert_eq!(shown(80, 24, Pane::Log), [Pane::Images, Pane::Log]);
        assert_eq!(shown(60, 15, Pane::Detail), [Pane::Detail]);
        assert_eq!(shown(49, 15, Pane::Images), []);
    }

    #[test]
    fn areas_stay_on_the_screen_and_apart_and_show_the_focus() {
        for width in 0..320 {
            for height in 0..110 {
                for focus in Pane::ALL {
                    for (zoomed, reviewing) in
                        [(false, false), (true, false), (false, true), (true, true)]
                    {
                        let size = Size { width, height };
                        let screen = screen(size, focus, Pane::Detail, zoomed, reviewing);
                        let Screen::Panes(areas) = screen else {
                            continue;
                        };
                        assert!(areas.pane(focus).is_some_and(|area| area.height > TITLE));
                        let all: Vec<Rect> = [areas.header, areas.footer]
                            .into_iter()
                            .chain(Pane::ALL.iter().filter_map(|pane| areas.pane(*pane)))
                            .chain(areas.plan)
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
