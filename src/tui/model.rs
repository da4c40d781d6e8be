//! The state of every screen, the messages that change it, and the effects it asks for.
//!
//! Invariant: only `update` changes a [`Model`]; time, size, keys and events arrive only as messages.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use tui_input::Input;

use super::{
    Options,
    areas::Screen,
    browse::{Browser, Cache, MarkedList, Start, Ticket, WriteMarksError},
    failures::Failures,
    help::{self, Help, HelpLine},
    images::Images,
    keymap::{Action, Binding, Mode},
    layout::{self, Areas, Pane},
    log::Log,
    names::Names,
    notice::Notice,
    registries::Registries,
};
use crate::{
    batch::{Board, Command, Job, JobId, Plan, Stats, StopMode, TimedEvent},
    inspect::{Answer, Error, Request},
    present::Level,
};

/// Input of `update`.
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
    /// The command that runs a list of marks that was written, or why it was not.
    MarksWritten(MarkedList, Result<String, WriteMarksError>),
    /// The result of [`Effect::Load`].
    Loaded(Ticket, Box<Result<Answer, Error>>),
    /// Why the operator's command for [`Effect::Announce`] was not started.
    NotAnnounced(String),
}

/// Output of `update`, carried out by `app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Send(Command),
    /// Copy this text to the operator's clipboard.
    Copy(String),
    /// Write these images as a list file; answered with [`Msg::ListWritten`].
    WriteList(Vec<Job>),
    /// Write the marks of the browser as a list file; answered with [`Msg::MarksWritten`].
    WriteMarks(MarkedList),
    /// Read this and send [`Msg::Loaded`] with the ticket.
    Load(Ticket, Request),
    /// Every image has ended: ring the bell, run the configured command.
    Announce,
    Suspend,
    /// Close the screen.
    Leave,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub options: Options,
    pub board: Board,
    pub now: Duration,
    pub size: Size,
    pub focus: Pane,
    /// The pane shown beside the images while none of those that share that place is focused.
    pub beside: Pane,
    pub zoomed: bool,
    pub images: Images,
    pub failures: Failures,
    pub registries: Registries,
    /// Result of the review so far.
    pub plan: Plan,
    pub names: Names,
    pub stats: Stats,
    pub log: Log,
    /// First line shown of the selected image's detail.
    pub detail_offset: usize,
    /// Lines between the last one shown and the newest; 0 follows.
    pub log_offset: usize,
    /// Drawn over the screen; the last one gets the keys.
    pub overlays: Vec<Overlay>,
    pub notice: Option<Notice>,
    /// Whether a batch is shown under the browser; without one there is only the browser.
    pub has_batch: bool,
    /// The browser, while it is open. It covers the panes.
    pub browser: Option<Box<Browser>>,
    /// What closed browsers have read.
    pub browser_cache: Cache,
    pub clocks: Clocks,
    /// The stop requested last.
    pub stop_asked: Option<StopMode>,
    /// Parallelism requested and not yet confirmed.
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
    /// Asks what to do with the images in flight.
    Leave,
    Help(Help),
    /// The command palette: its input, and the selected row.
    Palette {
        input: Input,
        at: usize,
    },
}

/// Times that the board does not have.
#[derive(Clone, Debug, Default)]
pub struct Clocks {
    /// When a waiting image is tried again.
    pub retry_due: BTreeMap<JobId, Duration>,
    /// When something last moved for a running image, and how many bytes it had then.
    pub moved: BTreeMap<JobId, (Duration, u64)>,
}

impl Model {
    /// The browser alone. It loads nothing before [`Msg::Resized`].
    #[must_use]
    pub fn browsing(options: Options, start: Start) -> Self {
        Self {
            has_batch: false,
            browser: Some(Box::new(Browser::new(start))),
            ..Self::new(options)
        }
    }

    /// A batch without events.
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
            browser: None,
            browser_cache: Cache::default(),
            clocks: Clocks::default(),
            stop_asked: None,
            parallel_asked: None,
            engine_gone: false,
        }
    }

    /// Time the batch has taken, without its review.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.stats.elapsed(self.now)
    }

    #[must_use]
    pub fn screen(&self) -> Screen<Areas> {
        let reviewing = self.board.is_reviewing() && !self.stats.has_ended();
        layout::screen(self.size, self.focus, self.beside, self.zoomed, reviewing)
    }

    /// Whether images are being copied, not only reviewed.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        !self.stats.has_ended() && !self.board.is_reviewing()
    }

    /// Whether a key has an effect now: only a review can begin the copying, and only a drain can be cancelled.
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

    /// Whether the screen changes with time alone: bytes move, or a countdown runs.
    #[must_use]
    pub fn is_lively(&self) -> bool {
        let counts = self.board.counts();
        let next = self.board.queue().next();
        let starting = next.is_some() && !self.board.paused && self.board.stopping.is_none();
        !self.board.finished
            && !self.engine_gone
            && (counts.running + counts.waiting > 0 || starting)
    }

    /// Which part of the key table applies. The browser has a table of its own.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.overlays.last() {
            None => Mode::Panes,
            Some(Overlay::Filter(_)) => Mode::Filter,
            Some(Overlay::Question { .. }) => Mode::Question,
            Some(Overlay::Leave) => Mode::Leave,
            Some(Overlay::Help(help)) if help.is_typing => Mode::Search,
            Some(Overlay::Help(_)) => Mode::Help,
            Some(Overlay::Palette { .. }) => Mode::Palette,
        }
    }

    /// The line being typed.
    pub fn input_mut(&mut self) -> Option<&mut Input> {
        match self.overlays.last_mut()? {
            Overlay::Filter(input) | Overlay::Palette { input, .. } => Some(input),
            Overlay::Help(help) if help.is_typing => Some(&mut help.search),
            Overlay::Help(_) | Overlay::Question { .. } | Overlay::Leave => None,
        }
    }

    /// The help on the keys of the screen below it.
    #[must_use]
    pub fn help_lines(&self, search: &str) -> Vec<HelpLine> {
        let (options, cells) = (&self.options, help::cells(self.size));
        match &self.browser {
            Some(_) => help::lines(&options.browser_keys, search, cells),
            None => help::lines(&options.keys, search, cells),
        }
    }

    /// Focuses a pane.
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
