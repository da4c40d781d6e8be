//! The only I/O of the terminal front end: keys, events and answers in, frames and commands out.
//!
//! One loop for every screen: a batch with the browser over it, or the browser alone. Draws when something
//! changed, at most 20 times a second; ticks once a second while something moves, and not at all otherwise.

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
    browse::{Start, Ticket},
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
const FRAME: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_secs(1);
/// Events taken before looking at keys and the clock again.
const BURST: usize = 4096;

/// The two ends of a running batch. Unbounded: events must not be lost, and the engine must not wait for
/// a terminal.
pub struct BatchHandle {
    pub events: UnboundedReceiver<Arc<TimedEvent>>,
    pub commands: UnboundedSender<Command>,
    pub write_list: WriteList,
    /// Who looks into registries for the browser.
    pub loader: Loader,
}

/// Who reads what the browser asks for. Unbounded both ways: a screen asks for little at a time, and must
/// not wait for registries.
#[derive(Debug)]
pub struct Loader {
    pub requests: UnboundedSender<(Ticket, Request)>,
    pub answers: UnboundedReceiver<(Ticket, Result<Answer, Error>)>,
}

/// Writes images as a list file and gives back its name, or why it could not.
pub type WriteList = Box<dyn FnMut(&[Job]) -> Result<String, String> + Send>;

/// What the operator saw last: enough for the closing summary.
#[derive(Debug)]
pub struct Ended {
    pub board: Board,
    /// Time the batch took.
    pub elapsed: Duration,
}

/// Shows the batch until it is finished and the operator leaves.
///
/// # Errors
/// When the terminal cannot be taken, drawn on or read from; it is given back first.
pub async fn run(feed: BatchHandle, options: Options) -> io::Result<Ended> {
    let engine = Engine {
        events: feed.events,
        commands: feed.commands,
        write_list: feed.write_list,
    };
    let model = show(Model::new(options), Some(engine), feed.loader).await?;
    Ok(Ended {
        elapsed: model.elapsed(),
        board: model.board,
    })
}

/// Shows the browser until the operator closes it.
///
/// # Errors
/// When the terminal cannot be taken, drawn on or read from; it is given back first.
pub async fn run_browser(start: Start, loader: Loader, options: Options) -> io::Result<()> {
    show(Model::browsing(options, start), None, loader).await?;
    Ok(())
}

/// Shows the model until the operator leaves; gives back what it was then.
async fn show(model: Model, engine: Option<Engine>, loader: Loader) -> io::Result<Model> {
    let mut app = App {
        terminal: TerminalGuard::take()?,
        model: ModelStore::new(model),
        engine,
        requests: loader.requests,
        start: Instant::now(),
        clock: EventClock::start(),
        changed: true,
        leaving: false,
    };
    app.update(Msg::Resized(app.terminal.size()?))?;
    app.run(loader.answers).await?;
    Ok(app.model.into_model())
}

/// The batch's side of the screen.
struct Engine {
    events: UnboundedReceiver<Arc<TimedEvent>>,
    commands: UnboundedSender<Command>,
    write_list: WriteList,
}

struct App {
    terminal: TerminalGuard,
    model: ModelStore,
    /// None when there is only the browser.
    engine: Option<Engine>,
    requests: UnboundedSender<(Ticket, Request)>,
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
        let mut burst = Vec::with_capacity(BURST);
        let mut drawn = self.start - FRAME;
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
                () = sleep_until(drawn + TICK), if self.model.is_lively() => self.changed = true,
                () = sleep_until(drawn + FRAME), if self.changed => {
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
                    // An engine that is gone closes the events as well, which is told then.
                    let _ = engine.commands.send(command);
                }
            }
            Effect::WriteList(jobs) => {
                if let Some(engine) = &mut self.engine {
                    let written = (engine.write_list)(&jobs).map(|file| (jobs.len(), file));
                    self.update(Msg::ListWritten(written))?;
                }
            }
            Effect::Copy(text) => self.terminal.copy(&text)?,
            // Without a reader the browser goes on saying that it reads.
            Effect::Load(ticket, request) => drop(self.requests.send((ticket, request))),
            Effect::Announce => self.announce()?,
            Effect::Suspend => self.terminal.suspend()?,
            Effect::Leave => self.leaving = true,
        }
        Ok(())
    }

    /// Tells an operator who looks elsewhere that the batch has ended.
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

/// How many events came; 0 when no more will. Never ready when there is no batch.
async fn events(engine: &mut Option<Engine>, burst: &mut Vec<Arc<TimedEvent>>) -> usize {
    match engine {
        Some(engine) => engine.events.recv_many(burst, BURST).await,
        None => std::future::pending().await,
    }
}
