//! The only I/O of the terminal front end: keys and events in, frames and commands out.
//!
//! Draws when something changed, at most 20 times a second; ticks once a second while something moves,
//! and not at all otherwise.

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
    browse::{Loader, Ticket},
    model::{Effect, Model, Msg},
    screen::Screen,
    update::update,
    view::view,
};
use crate::{
    batch::{Board, Command, Event, Job},
    inspect::{Answer, Error, Request},
    present::Level,
    program,
};

/// 20 frames a second.
const FRAME: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_secs(1);
/// Events taken before looking at keys and the clock again.
const BURST: usize = 4096;

/// The two ends of a running batch. Unbounded: events must not be lost, and the engine must not wait for
/// a terminal.
pub struct Feed {
    pub events: UnboundedReceiver<Arc<Event>>,
    pub commands: UnboundedSender<Command>,
    pub write_list: WriteList,
    /// Who looks into registries for the browser.
    pub loader: Loader,
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
pub async fn run(feed: Feed, options: Options) -> io::Result<Ended> {
    let mut screen = Screen::take()?;
    let mut app = App {
        model: Model::new(options),
        commands: feed.commands,
        write_list: feed.write_list,
        requests: feed.loader.requests,
        start: Instant::now(),
        changed: true,
        leaving: false,
    };
    app.tell(Msg::Resized(screen.size()?), &mut screen)?;
    let result = app
        .watch(feed.events, feed.loader.answers, &mut screen)
        .await;
    drop(screen);
    result.map(|()| Ended {
        elapsed: app.model.elapsed(),
        board: app.model.board,
    })
}

struct App {
    model: Model,
    commands: UnboundedSender<Command>,
    write_list: WriteList,
    requests: UnboundedSender<(Ticket, Request)>,
    start: Instant,
    changed: bool,
    leaving: bool,
}

impl App {
    async fn watch(
        &mut self,
        mut events: UnboundedReceiver<Arc<Event>>,
        mut answers: UnboundedReceiver<(Ticket, Result<Answer, Error>)>,
        screen: &mut Screen,
    ) -> io::Result<()> {
        let mut keys = EventStream::new();
        let mut burst = Vec::with_capacity(BURST);
        let mut drawn = self.start - FRAME;
        while !self.leaving {
            tokio::select! {
                received = events.recv_many(&mut burst, BURST), if !self.model.engine_gone => {
                    self.tick(screen)?;
                    if received == 0 {
                        self.tell(Msg::EngineGone, screen)?;
                    }
                    for event in burst.drain(..) {
                        self.tell(Msg::Event(event), screen)?;
                    }
                }
                Some((ticket, answer)) = answers.recv() => {
                    self.tell(Msg::Loaded(ticket, Box::new(answer)), screen)?;
                }
                key = keys.next() => {
                    self.tick(screen)?;
                    match key {
                        Some(Ok(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => {
                            self.tell(Msg::Key(key), screen)?;
                        }
                        Some(Ok(TerminalEvent::Resize(width, height))) => {
                            self.tell(Msg::Resized(Size { width, height }), screen)?;
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Err(error),
                        None => return Err(io::ErrorKind::UnexpectedEof.into()),
                    }
                }
                () = sleep_until(drawn + TICK), if self.model.is_lively() => self.changed = true,
                () = sleep_until(drawn + FRAME), if self.changed => {
                    self.tick(screen)?;
                    screen.draw(|frame| view(&self.model, frame))?;
                    self.changed = false;
                    drawn = Instant::now();
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.tell(Msg::Tick(self.start.elapsed()), screen)
    }

    fn tell(&mut self, msg: Msg, screen: &mut Screen) -> io::Result<()> {
        self.changed |= !matches!(msg, Msg::Tick(_));
        for effect in update(&mut self.model, msg) {
            match effect {
                // An engine that is gone closes the events as well, which is told then.
                Effect::Send(command) => drop(self.commands.send(command)),
                Effect::Copy(text) => screen.copy(&text)?,
                Effect::WriteList(jobs) => {
                    let written = (self.write_list)(&jobs).map(|file| (jobs.len(), file));
                    self.tell(Msg::ListWritten(written), screen)?;
                }
                // Without a reader the browser goes on saying that it reads.
                Effect::Load(ticket, request) => drop(self.requests.send((ticket, request))),
                Effect::Announce => self.announce(screen)?,
                Effect::Suspend => screen.suspend()?,
                Effect::Leave => self.leaving = true,
            }
        }
        Ok(())
    }

    /// Tells an operator who looks elsewhere that the batch has ended.
    fn announce(&mut self, screen: &mut Screen) -> io::Result<()> {
        let OnFinish { bell, command } = &self.model.options.on_finish;
        if *bell {
            screen.ring()?;
        }
        if let Some((name, arguments)) = command.split_first() {
            let started = program::launch(name, arguments);
            if let Err(error) = started {
                let text = format!("cannot start {name}: {error}");
                self.model.say(Level::Warning, text);
            }
        }
        Ok(())
    }
}
