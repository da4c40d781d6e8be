//! Looking into images while the batch goes on: the browser over the panes.
//!
//! Decides what of the browser's wishes the batch's screen carries out. Invariant: what was read stays read
//! as long as the batch is shown, and an answer finds its request even when the browser was closed since.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::{
    actions::act,
    browse::{self, Browser, Cache, Pair, Start, Ticket},
    keys::Action,
    model::{Effect, Model},
};
use crate::{
    batch::JobView,
    inspect::{Answer, Error},
};

#[derive(Clone, Debug, Default)]
pub struct Looking {
    pub browser: Option<Box<Browser>>,
    /// What was read, while no browser is open.
    known: Cache,
}

/// Opens the browser on these images.
pub fn open<'a>(
    looking: &mut Looking,
    images: impl IntoIterator<Item = &'a JobView>,
    options: &super::Options,
    size: Size,
) -> Vec<Effect> {
    let pairs = images.into_iter().map(|view| Pair {
        source: view.job.source.clone(),
        destination: view.job.destination.clone(),
    });
    let start = Start::Images(pairs.collect());
    let known = std::mem::take(&mut looking.known);
    let browser = Browser::new(options.clone(), start).knowing(known);
    looking.browser = Some(Box::new(browser));
    resized(looking, size)
}

/// Passes a key on to the browser.
pub fn pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let wishes = tell(&mut model.looking, browse::Msg::Key(key));
    let mut effects = Vec::new();
    for wish in wishes {
        match wish {
            browse::Effect::Leave => close(&mut model.looking),
            // It is meant for the batch, which answers where it can be seen.
            browse::Effect::Interrupt => {
                close(&mut model.looking);
                effects.extend(act(model, Action::Interrupt));
            }
            other => effects.extend(carried_out(other)),
        }
    }
    effects
}

pub fn resized(looking: &mut Looking, size: Size) -> Vec<Effect> {
    let wishes = tell(looking, browse::Msg::Resized(size));
    wishes.into_iter().filter_map(carried_out).collect()
}

/// Takes an answer in, for the browser or for the next one.
pub fn loaded(
    looking: &mut Looking,
    ticket: Ticket,
    answer: Box<Result<Answer, Error>>,
) -> Vec<Effect> {
    if looking.browser.is_none() {
        looking.known.answer(ticket, *answer);
        return Vec::new();
    }
    let wishes = tell(looking, browse::Msg::Loaded(ticket, answer));
    wishes.into_iter().filter_map(carried_out).collect()
}

fn tell(looking: &mut Looking, message: browse::Msg) -> Vec<browse::Effect> {
    match &mut looking.browser {
        Some(browser) => browse::update(browser, message),
        None => Vec::new(),
    }
}

fn close(looking: &mut Looking) {
    if let Some(browser) = looking.browser.take() {
        looking.known = browser.into_known();
    }
}

/// What the batch's screen does the same way for itself.
fn carried_out(wish: browse::Effect) -> Option<Effect> {
    match wish {
        browse::Effect::Load(ticket, request) => Some(Effect::Load(ticket, request)),
        browse::Effect::Copy(text) => Some(Effect::Copy(text)),
        browse::Effect::Suspend => Some(Effect::Suspend),
        browse::Effect::Leave | browse::Effect::Interrupt => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Command,
        inspect::ErrorKind,
        tui::{
            fixtures::{listed, model, press},
            model::Msg,
            update::update,
        },
    };

    fn loads(effects: &[Effect]) -> Vec<Ticket> {
        let ticket = |effect: &Effect| match effect {
            Effect::Load(ticket, _) => Some(*ticket),
            _ => None,
        };
        effects.iter().filter_map(ticket).collect()
    }

    fn failure() -> Box<Result<Answer, Error>> {
        Box::new(Err(Error {
            registry: "a.example".parse().unwrap(),
            doing: "read the manifest".into(),
            said: "said 503".into(),
            kind: ErrorKind::Transient,
        }))
    }

    #[test]
    fn i_looks_into_the_selected_image_and_q_goes_back_to_the_batch() {
        let mut model = model(listed(3));
        let effects = press(&mut model, "j i");
        assert_eq!(loads(&effects).len(), 2, "its manifest and its tags");
        let browser = model.looking.browser.as_ref().unwrap();
        let viewed = &browser.viewed.as_ref().unwrap().reference;
        assert_eq!(viewed.to_string(), "a.example/team/app-1:1");
        assert_eq!(press(&mut model, "q"), []);
        assert!(model.looking.browser.is_none());
    }

    #[test]
    fn what_was_read_is_not_read_again_even_if_it_came_while_nobody_looked() {
        let mut model = model(listed(1));
        let effects = press(&mut model, "i");
        press(&mut model, "q");
        for ticket in loads(&effects) {
            update(&mut model, Msg::Loaded(ticket, failure()));
        }
        assert_eq!(loads(&press(&mut model, "i")), []);
    }

    #[test]
    fn ctrl_c_is_for_the_batch() {
        let mut model = model(listed(1));
        let effects = press(&mut model, "i ctrl-c");
        assert!(model.looking.browser.is_none());
        let stop = |effect: &Effect| matches!(effect, Effect::Send(Command::Stop { .. }));
        assert!(effects.iter().any(stop), "{effects:?}");
    }
}
