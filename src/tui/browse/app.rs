//! The browser with the terminal for itself: keys and answers in, frames and requests out.
//!
//! Draws when something changed, at most 20 times a second, and not at all otherwise.

use std::{io, time::Duration};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use ratatui::layout::Size;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep_until},
};

use super::{
    cache::Ticket,
    model::{Browser, Effect, Msg, Start},
    update::update,
    view::view,
};
use crate::{
    inspect::{Answer, Error, Request},
    tui::{Options, screen::Screen},
};

/// 20 frames a second.
const FRAME: Duration = Duration::from_millis(50);

/// Who reads what the browser asks for. Unbounded both ways: a screen asks for little at a time, and must
/// not wait for registries.
#[derive(Debug)]
pub struct Loader {
    pub requests: UnboundedSender<(Ticket, Request)>,
    pub answers: UnboundedReceiver<(Ticket, Result<Answer, Error>)>,
}

/// Shows the browser until the operator closes it.
///
/// # Errors
/// When the terminal cannot be taken, drawn on or read from; it is given back first.
pub async fn run(start: Start, mut loader: Loader, options: Options) -> io::Result<()> {
    let mut screen = Screen::take()?;
    let mut browser = Browser::new(options, start);
    let mut keys = EventStream::new();
    let mut drawn = Instant::now() - FRAME;
    let mut changed = true;
    let mut messages = vec![Msg::Resized(screen.size()?)];
    loop {
        for message in messages.drain(..) {
            changed = true;
            for effect in update(&mut browser, message) {
                match effect {
                    // Without a reader no answer comes either, which is told once below.
                    Effect::Load(ticket, request) => drop(loader.requests.send((ticket, request))),
                    Effect::Copy(text) => screen.copy(&text)?,
                    Effect::Suspend => screen.suspend()?,
                    Effect::Leave | Effect::Interrupt => return Ok(()),
                }
            }
        }
        tokio::select! {
            Some((ticket, answer)) = loader.answers.recv() => {
                messages.push(Msg::Loaded(ticket, Box::new(answer)));
            }
            key = keys.next() => match key {
                Some(Ok(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => {
                    messages.push(Msg::Key(key));
                }
                Some(Ok(TerminalEvent::Resize(width, height))) => {
                    messages.push(Msg::Resized(Size { width, height }));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            },
            () = sleep_until(drawn + FRAME), if changed => {
                screen.draw(|frame| view(&browser, frame))?;
                changed = false;
                drawn = Instant::now();
            }
        }
    }
}
