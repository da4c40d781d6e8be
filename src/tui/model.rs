//! Everything the screen shows, and the messages and effects around it.
//!
//! Invariant: only `update` changes a [`Model`], and only messages bring it time, size, keys and events.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use tui_input::Input;

use super::{
    Options,
    browse::{Browser, Start, Ticket},
    browser_overlay::BrowserOverlay,
    causes::Failures,
    images::Images,
    keymap::{Action, Binding},
    layout::{self, Pane, Screen},
    log::Log,
    names::Names,
    registries::Registries,
};
use crate::{
    batch::{Board, Command, Job, JobId, Plan, Stats, StopMode, TimedEvent},
    inspect::{Answer, Error, Request},
    present::Level,
};

/// What the model is told.
#[derive(Clone, Debug)]
pub enum Msg {
    Event(Arc<TimedEvent>),
    Key(KeyEvent),
    /// Time since the batch started. Comes before every frame, and once a second while something moves.
    Tick(Duration),
    Resized(Size),
    /// No event will come any more.
    EngineGone,
    /// A list of so many images was written to this file, or why it was not.
    ListWritten(Result<(usize, String), String>),
    /// What came of [`Effect::Load`].
    Loaded(Ticket, Box<Result<Answer, Error>>),
    /// Why the operator's own command for [`Effect::Announce`] was not started.
    NotAnnounced(String),
}

/// What the model wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Send(Command),
    /// Put this text on the operator's clipboard.
    Copy(String),
    /// Write these images as a list file; answered with [`Msg::ListWritten`].
    WriteList(Vec<Job>),
    /// Read this and send [`Msg::Loaded`] with the ticket.
    Load(Ticket, Request),
    /// Every image has ended: tell the operator, who may be elsewhere.
    Announce,
    Suspend,
    /// The operator is done with the screen.
    Leave,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub options: Options,
    pub board: Board,
    pub now: Duration,
    pub size: Size,
    pub focus: Pane,
    /// The pane that has the place beside the images while another one is focused.
    pub beside: Pane,
    pub zoomed: bool,
    pub images: Images,
    pub failures: Failures,
    pub registries: Registries,
    /// What the review found so far.
    pub plan: Plan,
    pub names: Names,
    pub stats: Stats,
    pub log: Log,
    /// First line shown of the selected image's detail.
    pub detail_offset: usize,
    /// Lines between the last one shown and the newest; 0 follows.
    pub log_offset: usize,
    /// What lies over the panes; the last one has the keys.
    pub overlays: Vec<Overlay>,
    pub notice: Option<Notice>,
    /// Whether a batch is shown under the browser; without one there is only the browser.
    pub has_batch: bool,
    /// The browser, which lies over everything while it is open.
    pub browser: BrowserOverlay,
    pub clocks: Clocks,
    /// The stop this operator asked for last.
    pub stop_asked: Option<StopMode>,
    /// Parallelism asked for and not yet confirmed.
    pub parallel_asked: Option<u16>,
    pub engine_gone: bool,
}

#[derive(Clone, Debug)]
pub enum Overlay {
    /// The filter's input line; filters live.
    Filter(Input),
    /// Sends the command on yes.
    Question {
        question: String,
        /// What it is about, one a line.
        about: Vec<String>,
        then: Command,
    },
    /// What to do with the images in flight.
    Leave,
    Help {
        offset: usize,
        search: Input,
        /// Whether keys are typed into the search.
        typing: bool,
    },
    /// The command palette: what was typed, and the row chosen.
    Palette { input: Input, at: usize },
}

/// A short answer to a key, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

/// When things happened that the board has no time of.
#[derive(Clone, Debug, Default)]
pub struct Clocks {
    /// When a waiting image is tried again.
    pub retry_due: BTreeMap<JobId, Duration>,
    /// When something last moved for a running image, and how many bytes it had then.
    pub moved: BTreeMap<JobId, (Duration, u64)>,
}

impl Model {
    /// The browser alone. It asks for nothing yet: that begins with the first message, which tells the size.
    #[must_use]
    pub fn browsing(options: Options, start: Start) -> Self {
        let browser = Browser::new(options.clone(), start);
        let mut model = Self::new(options);
        model.has_batch = false;
        model.browser.open = Some(Box::new(browser));
        model
    }

    /// A batch that nothing is known of yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            board: Board::default(),
            now: Duration::ZERO,
            size: Size::default(),
            focus: Pane::default(),
            beside: Pane::Detail,
            zoomed: false,
            images: Images::new(),
            failures: Failures::default(),
            registries: Registries::default(),
            plan: Plan::default(),
            names: Names::default(),
            stats: Stats::default(),
            log: Log::default(),
            detail_offset: 0,
            log_offset: 0,
            overlays: Vec::new(),
            notice: None,
            has_batch: true,
            browser: BrowserOverlay::default(),
            clocks: Clocks::default(),
            stop_asked: None,
            parallel_asked: None,
            engine_gone: false,
        }
    }

    /// Time the batch has taken; a review that has ended is no part of it.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.stats.elapsed(self.now)
    }

    #[must_use]
    pub fn screen(&self) -> Screen {
        let reviewing = self.board.is_reviewing() && !self.stats.has_ended();
        layout::screen(self.size, self.focus, self.beside, self.zoomed, reviewing)
    }

    /// Whether images are copied, not only looked at.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        !self.stats.has_ended() && !self.board.is_reviewing()
    }

    /// Whether a key is worth showing now: only a review can be ended, and it has nothing to be finished; a
    /// drain is asked for once, and can then be taken back.
    #[must_use]
    pub fn offers(&self, binding: &Binding) -> bool {
        let drains = self.board.stopping == Some(StopMode::Drain);
        match binding.action {
            Action::Begin => self.board.is_reviewing(),
            Action::Drain => !self.board.is_reviewing() && !drains,
            Action::TakeBack => drains,
            _ => true,
        }
    }

    /// Whether the picture changes with time alone: something moves, or a wait runs down.
    #[must_use]
    pub fn is_lively(&self) -> bool {
        let counts = self.board.counts();
        let next = self.board.queue().next();
        let starting = next.is_some() && !self.board.paused && self.board.stopping.is_none();
        !self.board.finished
            && !self.engine_gone
            && (counts.running + counts.waiting > 0 || starting)
    }

    /// Gives a pane the keys.
    pub fn give_focus(&mut self, pane: Pane) {
        self.focus = pane;
        if pane.shares() {
            self.beside = pane;
        }
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some(Notice::new(level, text));
    }
}

impl Notice {
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { level, text }
    }
}
