//! The state of the browser.
//!
//! Panes hold what is selected; the cache holds what was read. Invariant: only `update` changes a [`Browser`].

use std::{collections::HashSet, fmt};

use ratatui::layout::Size;
use tui_input::Input;

use super::{
    cache::Cache,
    chooser::Chooser,
    comparison::Comparing,
    keymap::Mode,
    layout::{self, Areas, Pane},
    marks::Marks,
    raw::Raw,
    tree::{self, NodeId, TreeRow},
};
use crate::{
    inspect::{Collection, ListedImage},
    oci::{LocalStore, Location, Registry, Repository},
    present::Level,
    tui::{areas::Screen, notice::Notice},
};

/// What the browser opens with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Registry(Registry),
    Collection(Collection),
    Image(Location),
    /// The images of a list, or one image of a batch.
    Images(Vec<Pair>),
}

/// An image and its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub source: Location,
    pub destination: Location,
}

#[derive(Clone, Debug)]
pub struct Browser {
    pub size: Size,
    pub focus: Pane,
    pub zoomed: bool,
    pub cache: Cache,
    pub left: LeftPane,
    pub tags: Option<Tags>,
    pub viewed: Option<Viewed>,
    /// First line shown of the detail.
    pub detail_offset: usize,
    /// The image to compare another one with.
    pub compared: Option<Location>,
    /// What a list is written of.
    pub marks: Marks,
    /// Shown instead of the panes; the last one gets the keys.
    pub overlays: Vec<Overlay>,
    /// The answer to the last key, for the footer to show.
    pub notice: Option<Notice>,
}

/// The list in the first pane.
#[derive(Clone, Debug)]
pub enum LeftPane {
    Repositories {
        registry: Registry,
        /// Whether the registry is asked for its list; else only the named repository is shown.
        listed: bool,
        chooser: Chooser<Repository>,
    },
    /// The one store that is shown.
    Store(Chooser<LocalStore>),
    Images(Chooser<Pair>),
}

/// The tags of one repository, or the names of a store of this machine.
#[derive(Clone, Debug)]
pub struct Tags {
    pub collection: Collection,
    pub chooser: Chooser<ListedImage>,
}

/// The image in the image pane.
#[derive(Clone, Debug)]
pub struct Viewed {
    pub location: Location,
    /// Its source and destination, if they are known.
    pub pair: Option<Pair>,
    pub open: HashSet<NodeId>,
    pub cursor: NodeId,
    pub offset: usize,
}

#[derive(Clone, Debug)]
pub enum Overlay {
    /// The filter of the focused pane, or the search of the overlay below.
    Typing(Input),
    Naming(Naming),
    Raw(Raw),
    Comparing(Comparing),
}

/// The name of a list being typed.
#[derive(Clone, Debug)]
pub struct Naming {
    pub input: Input,
    /// The name that was entered before, of a file that exists.
    pub exists: Option<String>,
}

impl Browser {
    /// Reads nothing before it has a size.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mut browser = Self {
            size: Size::default(),
            focus: Pane::Left,
            zoomed: false,
            cache: Cache::default(),
            left: LeftPane::Images(Chooser::new(Vec::new())),
            tags: None,
            viewed: None,
            detail_offset: 0,
            compared: None,
            marks: Marks::default(),
            overlays: Vec::new(),
            notice: None,
        };
        let named = |collection: &Collection| match collection {
            Collection::Repository(repository) => LeftPane::Repositories {
                registry: repository.registry.clone(),
                listed: false,
                chooser: Chooser::new(vec![repository.repository.clone()]),
            },
            Collection::Local(store) => LeftPane::Store(Chooser::new(vec![store.clone()])),
        };
        match start {
            Start::Registry(registry) => {
                browser.left = LeftPane::Repositories {
                    registry,
                    listed: true,
                    chooser: Chooser::new(Vec::new()),
                };
            }
            Start::Collection(collection) => {
                browser.left = named(&collection);
                browser.show_tags(collection);
                browser.focus = Pane::Tags;
            }
            Start::Image(image) => {
                let collection = Collection::of(&image);
                browser.left = named(&collection);
                browser.show_tags(collection);
                browser.show(image, None);
                browser.focus = Pane::Image;
            }
            Start::Images(pairs) => {
                if let [pair] = pairs.as_slice() {
                    browser.show_tags(Collection::of(&pair.source));
                    browser.show(pair.source.clone(), Some(pair.clone()));
                    browser.focus = Pane::Image;
                }
                browser.left = LeftPane::Images(Chooser::new(pairs));
            }
        }
        browser
    }

    /// Starts with what another browser has read.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { cache, ..self }
    }

    /// What was read and is being read, for the next browser.
    #[must_use]
    pub fn into_cache(self) -> Cache {
        self.cache
    }

    #[must_use]
    pub fn screen(&self) -> Screen<Areas> {
        layout::screen(self.size, self.focus, self.zoomed)
    }

    /// The lines of the image pane.
    #[must_use]
    pub fn rows(&self) -> Vec<TreeRow> {
        match &self.viewed {
            Some(viewed) => tree::rows(&viewed.location, &viewed.open, &self.cache),
            None => Vec::new(),
        }
    }

    /// The selected line of the image pane.
    #[must_use]
    pub fn row(&self) -> Option<TreeRow> {
        let cursor = &self.viewed.as_ref()?.cursor;
        self.rows().into_iter().find(|row| row.id == *cursor)
    }

    /// Which part of the key table applies.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.overlays.last() {
            None => Mode::Panes,
            Some(Overlay::Typing(_)) => Mode::Typing,
            Some(Overlay::Naming(_)) => Mode::Naming,
            Some(Overlay::Raw(_)) => Mode::Raw,
            Some(Overlay::Comparing(_)) => Mode::Comparing,
        }
    }

    /// The line being typed.
    #[must_use]
    pub fn input(&self) -> Option<&Input> {
        match self.overlays.last()? {
            Overlay::Typing(input) | Overlay::Naming(Naming { input, .. }) => Some(input),
            Overlay::Raw(_) | Overlay::Comparing(_) => None,
        }
    }

    /// What the line being typed is.
    #[must_use]
    pub fn prompt(&self) -> &'static str {
        match self.overlays.last() {
            Some(Overlay::Naming(Naming { exists: None, .. })) => "write the marks to ",
            Some(Overlay::Naming(Naming {
                exists: Some(_), ..
            })) => "this file exists; enter replaces it: ",
            Some(Overlay::Typing(_) | Overlay::Raw(_) | Overlay::Comparing(_)) | None => "/",
        }
    }

    pub fn input_mut(&mut self) -> Option<&mut Input> {
        match self.overlays.last_mut()? {
            Overlay::Typing(input) | Overlay::Naming(Naming { input, .. }) => Some(input),
            Overlay::Raw(_) | Overlay::Comparing(_) => None,
        }
    }

    pub fn show_tags(&mut self, collection: Collection) {
        if self
            .tags
            .as_ref()
            .is_none_or(|tags| tags.collection != collection)
        {
            let chooser = Chooser::new(Vec::new());
            self.tags = Some(Tags {
                collection,
                chooser,
            });
        }
    }

    pub fn show(&mut self, location: Location, pair: Option<Pair>) {
        self.viewed = Some(Viewed {
            location,
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
    pub fn other(&self, side: &Location) -> &Location {
        match *side == self.source {
            true => &self.destination,
            false => &self.source,
        }
    }
}

/// The text that filters apply to.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.destination)
    }
}
