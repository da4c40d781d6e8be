//! The browser over the panes of a batch, or alone.
//!
//! Decides what closing the browser and Ctrl-C mean: over a batch the panes are back, and Ctrl-C is for the
//! batch; alone the program ends. Invariant: what was read stays read as long as the batch is shown, and an
//! answer finds its request even when the browser was closed since.

use crossterm::event::KeyEvent;

use super::{
    actions::act,
    browse::{self, Browser, Cache, Pair, Start, Ticket},
    dispatch,
    keymap::Action,
    model::{Effect, Model},
};
use crate::{
    batch::JobView,
    inspect::{Answer, Error},
};

#[derive(Clone, Debug, Default)]
pub struct BrowserOverlay {
    /// The browser, while it is open.
    pub open: Option<Box<Browser>>,
    /// What was read, while no browser is open.
    known: Cache,
}

/// Opens the browser on these images.
pub fn open(model: &mut Model, images: &[JobView]) -> Vec<Effect> {
    let pairs = images.iter().map(|view| Pair {
        source: view.job.source.clone(),
        destination: view.job.destination.clone(),
    });
    let start = Start::Images(pairs.collect());
    let known = std::mem::take(&mut model.browser.known);
    let browser = Browser::new(model.options.clone(), start).knowing(known);
    model.browser.open = Some(Box::new(browser));
    resized(model)
}

/// Passes a key on to the browser, which is open.
pub fn pressed(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(browser) = &mut model.browser.open else {
        return Vec::new();
    };
    let interrupts = dispatch::action(&**browser, key) == Some(browse::keys::Action::Interrupt);
    let effects = match interrupts {
        true => vec![Effect::Leave],
        false => browse::pressed(browser, key),
    };
    if !model.has_batch || !effects.contains(&Effect::Leave) {
        return effects;
    }
    model.browser.close();
    match interrupts {
        // It is meant for the batch, which answers where it can be seen.
        true => act(model, Action::Interrupt),
        false => Vec::new(),
    }
}

pub fn resized(model: &mut Model) -> Vec<Effect> {
    match &mut model.browser.open {
        Some(browser) => browse::resized(browser, model.size),
        None => Vec::new(),
    }
}

/// Takes an answer in, for the browser or for the next one.
pub fn loaded(model: &mut Model, ticket: Ticket, answer: Result<Answer, Error>) -> Vec<Effect> {
    match &mut model.browser.open {
        Some(browser) => browse::loaded(browser, ticket, answer),
        None => {
            model.browser.known.answer(ticket, answer);
            Vec::new()
        }
    }
}

impl BrowserOverlay {
    fn close(&mut self) {
        if let Some(browser) = self.open.take() {
            self.known = browser.into_known();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Command,
        inspect::ErrorKind,
        tui::{
            fixtures::{listed, model, options, press},
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
            operation: "read the manifest".into(),
            message: "said 503".into(),
            kind: ErrorKind::Transient,
        }))
    }

    #[test]
    fn i_looks_into_the_selected_image_and_q_goes_back_to_the_batch() {
        let mut model = model(listed(3));
        let effects = press(&mut model, "j i");
        assert_eq!(loads(&effects).len(), 2, "its manifest and its tags");
        let browser = model.browser.open.as_ref().unwrap();
        let viewed = &browser.viewed.as_ref().unwrap().reference;
        assert_eq!(viewed.to_string(), "a.example/team/app-1:1");
        assert_eq!(press(&mut model, "q"), []);
        assert!(model.browser.open.is_none());
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
    fn without_a_batch_the_program_ends_with_the_browser() {
        let start = Start::Registry("a.example".parse().unwrap());
        for keys in ["q", "ctrl-c", "? ctrl-c"] {
            let mut model = Model::browsing(options(), start.clone());
            update(&mut model, Msg::Resized((120, 40).into()));
            assert_eq!(press(&mut model, keys), [Effect::Leave], "{keys}");
        }
    }

    #[test]
    fn ctrl_c_is_for_the_batch() {
        let mut model = model(listed(1));
        let effects = press(&mut model, "i ctrl-c");
        assert!(model.browser.open.is_none());
        let stop = |effect: &Effect| matches!(effect, Effect::Send(Command::Stop { .. }));
        assert!(effects.iter().any(stop), "{effects:?}");
    }
}
