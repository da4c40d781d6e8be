//! Everything the browser shows.
//!
//! Invariant: only `update` changes a [`Browser`]; panes say what they show, the cache what is known of it.

use std::{collections::HashSet, fmt};

use ratatui::layout::Size;
use tui_input::Input;

use super::{
    cache::Cache,
    chooser::Chooser,
    comparing::Comparing,
    layout::{self, Pane, Screen},
    raw::Raw,
    tree::{self, NodeId, Row},
};
use crate::{
    inspect::RepositoryId,
    oci::{Reference, Registry, Repository, Tag},
    present::Level,
    tui::{Options, model::Notice},
};

/// Where browsing begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Registry(Registry),
    Repository(RepositoryId),
    Image(Reference),
    /// The images of a list, or one image of a batch.
    Images(Vec<Pair>),
}

/// An image and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub source: Reference,
    pub destination: Reference,
}

#[derive(Clone, Debug)]
pub struct Browser {
    pub options: Options,
    pub size: Size,
    pub focus: Pane,
    pub zoomed: bool,
    pub cache: Cache,
    pub left: LeftPane,
    pub tags: Option<Tags>,
    pub viewed: Option<Viewed>,
    /// First line shown of the detail.
    pub detail_offset: usize,
    /// The image the next one is compared with.
    pub marked: Option<Reference>,
    /// What lies over the panes; the last one has the keys.
    pub overlays: Vec<Overlay>,
    pub notice: Option<Notice>,
}

/// What the first pane offers.
#[derive(Clone, Debug)]
pub enum LeftPane {
    Repositories {
        registry: Registry,
        /// Whether the registry's own list is shown, or only what was named.
        listed: bool,
        chooser: Chooser<Repository>,
    },
    Images(Chooser<Pair>),
}

/// The tags of one repository.
#[derive(Clone, Debug)]
pub struct Tags {
    pub place: RepositoryId,
    pub chooser: Chooser<Tag>,
}

/// The image being looked at.
#[derive(Clone, Debug)]
pub struct Viewed {
    pub reference: Reference,
    /// Where it comes from or goes to, if that is known.
    pub pair: Option<Pair>,
    pub open: HashSet<NodeId>,
    pub cursor: NodeId,
    pub offset: usize,
}

#[derive(Clone, Debug)]
pub enum Overlay {
    /// The filter of the focused pane, or the search of the overlay below.
    Typing(Input),
    Raw(Raw),
    Comparing(Comparing),
    Help {
        offset: usize,
    },
}

impl Browser {
    /// Asks for nothing yet: that begins with the first message, which tells the size.
    #[must_use]
    pub fn new(options: Options, start: Start) -> Self {
        let mut browser = Self {
            options,
            size: Size::default(),
            focus: Pane::Left,
            zoomed: false,
            cache: Cache::default(),
            left: LeftPane::Images(Chooser::new(Vec::new())),
            tags: None,
            viewed: None,
            detail_offset: 0,
            marked: None,
            overlays: Vec::new(),
            notice: None,
        };
        let named = |place: &RepositoryId| LeftPane::Repositories {
            registry: place.registry.clone(),
            listed: false,
            chooser: Chooser::new(vec![place.repository.clone()]),
        };
        match start {
            Start::Registry(registry) => {
                browser.left = LeftPane::Repositories {
                    registry,
                    listed: true,
                    chooser: Chooser::new(Vec::new()),
                };
            }
            Start::Repository(place) => {
                browser.left = named(&place);
                browser.show_tags(place);
                browser.focus = Pane::Tags;
            }
            Start::Image(reference) => {
                let place = RepositoryId::of(&reference);
                browser.left = named(&place);
                browser.show_tags(place);
                browser.show(reference, None);
                browser.focus = Pane::Image;
            }
            Start::Images(pairs) => {
                if let [pair] = pairs.as_slice() {
                    browser.show_tags(RepositoryId::of(&pair.source));
                    browser.show(pair.source.clone(), Some(pair.clone()));
                    browser.focus = Pane::Image;
                }
                browser.left = LeftPane::Images(Chooser::new(pairs));
            }
        }
        browser
    }

    /// With what another browser of the same registries has read.
    #[must_use]
    pub fn knowing(self, cache: Cache) -> Self {
        Self { cache, ..self }
    }

    /// What was read, and what still is, for another browser to go on with.
    #[must_use]
    pub fn into_known(self) -> Cache {
        self.cache
    }

    #[must_use]
    pub fn screen(&self) -> Screen {
        layout::screen(self.size, self.focus, self.zoomed)
    }

    /// The lines of the image pane.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        (self.viewed.as_ref()).map_or_else(Vec::new, |viewed| tree::rows(viewed, &self.cache))
    }

    /// The line of the image pane that is selected.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        let cursor = &self.viewed.as_ref()?.cursor;
        self.rows().into_iter().find(|row| row.id == *cursor)
    }

    pub fn show_tags(&mut self, place: RepositoryId) {
        if self.tags.as_ref().is_none_or(|tags| tags.place != place) {
            let chooser = Chooser::new(Vec::new());
            self.tags = Some(Tags { place, chooser });
        }
    }

    pub fn show(&mut self, reference: Reference, pair: Option<Pair>) {
        self.viewed = Some(Viewed {
            reference,
            pair,
            open: HashSet::from([NodeId::root(), NodeId::root().referrers()]),
            cursor: NodeId::root(),
            offset: 0,
        });
        self.detail_offset = 0;
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some(Notice::new(level, text));
    }
}

impl Pair {
    /// The other side of this image.
    #[must_use]
    pub fn other(&self, side: &Reference) -> &Reference {
        match *side == self.source {
            true => &self.destination,
            false => &self.source,
        }
    }
}

/// What the filter looks at.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.destination)
    }
}
