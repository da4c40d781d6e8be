//! The event loop of the interface, which does all its I/O: keys, events and answers in, frames and commands out.
//!
//! It is the same for a batch and for the browser alone. It draws after changes, at most 20 times a second, and ticks
//! once a second while something moves.

use std::{io, sync::Arc, time::Duration};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use ratatui::layout::Size;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep_until},
};

use super::{
    OnFinish, Options,
    browse::{MarkedList, Start, Ticket, WriteMarksError},
    model::{Effect, Model, Msg},
    terminal::TerminalGuard,
    update::ModelStore,
    view::view,
};
use crate::{
    batch::{Board, Command, EventClock, Job, TimedEvent},
    inspect::{Answer, Error, Request},
    program,
};

/// 20 frames a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(50);
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// Events handled before the loop checks keys and clock again.
const MAX_BURST: usize = 4096;

/// The channels of a running batch. They are unbounded: no event may be lost, and the engine must not wait for a
/// terminal.
pub struct BatchHandle {
    pub events: UnboundedReceiver<Arc<TimedEvent>>,
    pub commands: UnboundedSender<Command>,
    pub write_list: WriteList,
    /// Reads registries for the browser.
    pub loader: Loader,
}

/// Does what the browser requests: reads stores, and writes lists of what was marked. The channels are unbounded: a screen requests little at a time, and must not wait
/// for registries.
pub struct Loader {
    pub requests: UnboundedSender<(Ticket, Request)>,
    pub answers: UnboundedReceiver<(Ticket, Result<Answer, Error>)>,
    pub write_marks: WriteMarks,
}

/// Writes the marks of the browser as a list file; returns the command that runs it.
pub type WriteMarks = Box<dyn FnMut(&MarkedList) -> Result<String, WriteMarksError> + Send>;

/// Writes images as a list file; returns its name or the error.
pub type WriteList = Box<dyn FnMut(&[Job]) -> Result<String, String> + Send>;

/// The state when the operator left, for the closing summary.
#[derive(Debug)]
pub struct Ended {
    pub board: Board,
    /// Time the batch took.
    pub elapsed: Duration,
}

/// Shows the batch until it is finished and the operator leaves.
///
/// # Errors
/// When the terminal cannot be set up, drawn on or read from; it is restored first.
pub async fn run(handle: BatchHandle, options: Options) -> io::Result<Ended> {
    let engine = Engine {
        events: handle.events,
        commands: handle.commands,
        write_list: handle.write_list,
    };
    let model = show(Model::new(options), Some(engine), handle.loader).await?;
    Ok(Ended {
        elapsed: model.elapsed(),
        board: model.board,
    })
}

/// Shows the browser until the operator closes it.
///
/// # Errors
/// When the terminal cannot be set up, drawn on or read from; it is restored first.
pub async fn run_browser(start: Start, loader: Loader, options: Options) -> io::Result<()> {
    show(Model::browsing(options, start), None, loader).await?;
    Ok(())
}

/// Shows the model until the operator leaves; returns its last state.
async fn show(model: Model, engine: Option<Engine>, loader: Loader) -> io::Result<Model> {
    let mut app = App {
        terminal: TerminalGuard::enter()?,
        model: ModelStore::new(model),
        engine,
        requests: loader.requests,
        write_marks: loader.write_marks,
        start: Instant::now(),
        clock: EventClock::start(),
        changed: true,
        leaving: false,
    };
    app.update(Msg::Resized(app.terminal.size()?))?;
    app.run(loader.answers).await?;
    Ok(app.model.into_model())
}

/// The channels of the batch.
struct Engine {
    events: UnboundedReceiver<Arc<TimedEvent>>,
    commands: UnboundedSender<Command>,
    write_list: WriteList,
}

struct App {
    terminal: TerminalGuard,
    model: ModelStore,
    /// None when the browser runs alone.
    engine: Option<Engine>,
    requests: UnboundedSender<(Ticket, Request)>,
    write_marks: WriteMarks,
    start: Instant,
    clock: EventClock,
    changed: bool,
    leaving: bool,
}

impl App {
    async fn run(
        &mut self,
        mut answers: UnboundedReceiver<(Ticket, Result<Answer, Error>)>,
    ) -> io::Result<()> {
        let mut keys = EventStream::new();
        let mut burst = Vec::with_capacity(MAX_BURST);
        let mut drawn = self.start - FRAME_INTERVAL;
        while !self.leaving {
            tokio::select! {
                received = events(&mut self.engine, &mut burst), if !self.model.engine_gone => {
                    for event in burst.drain(..) {
                        self.update(Msg::Event(event))?;
                    }
                    self.tick()?;
                    if received == 0 {
                        self.update(Msg::EngineGone)?;
                    }
                }
                Some((ticket, answer)) = answers.recv() => {
                    self.update(Msg::Loaded(ticket, Box::new(answer)))?;
                }
                key = keys.next() => {
                    self.tick()?;
                    match key {
                        Some(Ok(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => {
                            self.update(Msg::Key(key))?;
                        }
                        Some(Ok(TerminalEvent::Resize(width, height))) => {
                            self.update(Msg::Resized(Size { width, height }))?;
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Err(error),
                        None => return Err(io::ErrorKind::UnexpectedEof.into()),
                    }
                }
                () = sleep_until(drawn + TICK_INTERVAL), if self.model.is_lively() => self.changed = true,
                () = sleep_until(drawn + FRAME_INTERVAL), if self.changed => {
                    self.tick()?;
                    self.terminal.draw(|frame| view(&self.model, frame))?;
                    self.changed = false;
                    drawn = Instant::now();
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        let stats = &self.model.stats;
        let now = match stats.has_started() {
            true => stats.since_start(self.clock.now()),
            false => self.start.elapsed(),
        };
        self.update(Msg::Tick(now))
    }

    fn update(&mut self, msg: Msg) -> io::Result<()> {
        self.changed |= !matches!(msg, Msg::Tick(_));
        for effect in self.model.update(msg) {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Send(command) => {
                if let Some(engine) = &self.engine {
                    // An engine that is gone also closes the events, which `Msg::EngineGone` reports.
                    let _ = engine.commands.send(command);
                }
            }
            Effect::WriteList(jobs) => {
                if let Some(engine) = &mut self.engine {
                    let written = (engine.write_list)(&jobs).map(|file| (jobs.len(), file));
                    self.update(Msg::ListWritten(written))?;
                }
            }
            Effect::WriteMarks(list) => {
                let written = (self.write_marks)(&list);
                self.update(Msg::MarksWritten(list, written))?;
            }
            Effect::Copy(text) => self.terminal.copy(&text)?,
            // Without a loader the browser keeps showing "reading".
            Effect::Load(ticket, request) => drop(self.requests.send((ticket, request))),
            Effect::Announce => self.announce()?,
            Effect::Suspend => self.terminal.suspend()?,
            Effect::Leave => self.leaving = true,
        }
        Ok(())
    }

    /// Rings the bell and runs the configured command: the batch has ended.
    fn announce(&mut self) -> io::Result<()> {
        let OnFinish { bell, command } = &self.model.options.on_finish;
        if *bell {
            self.terminal.ring()?;
        }
        let Some((name, arguments)) = command.split_first() else {
            return Ok(());
        };
        match program::launch(name, arguments) {
            Ok(()) => Ok(()),
            Err(error) => {
                let text = format!("cannot start {name}: {error}");
                self.update(Msg::NotAnnounced(text))
            }
        }
    }
}

/// Receives events; returns their number, 0 at the end of the stream. Never ready without a batch.
async fn events(engine: &mut Option<Engine>, burst: &mut Vec<Arc<TimedEvent>>) -> usize {
    match engine {
        Some(engine) => engine.events.recv_many(burst, MAX_BURST).await,
        None => std::future::pending().await,
    }
}
