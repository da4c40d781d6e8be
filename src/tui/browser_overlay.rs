//! Opens the browser over the panes of a batch, and closes it.
//!
//! Decides that closing returns to the batch, and ends the program without one. Invariant: answers stay in the cache
//! while the batch is shown, also those that arrive while the browser is closed.

use super::{
    browse::{self, Browser, MarkedList, Pair, Start, Ticket, WriteMarksError},
    model::{Effect, Model},
};
use crate::{
    batch::JobView,
    inspect::{Answer, Error},
};

/// Opens the browser on these images.
pub fn open(model: &mut Model, images: &[JobView]) -> Vec<Effect> {
    let pairs = images.iter().map(|view| Pair {
        source: view.job.spec.source.clone(),
        destination: view.job.spec.destination.clone(),
    });
    let cache = std::mem::take(&mut model.browser_cache);
    let browser = Browser::new(Start::Images(pairs.collect())).with_cache(cache);
    model.browser = Some(Box::new(browser));
    resize(model)
}

/// Returns to the batch; without one, leaves the program.
pub fn close(model: &mut Model) -> Vec<Effect> {
    if !model.has_batch {
        return vec![Effect::Leave];
    }
    if let Some(browser) = model.browser.take() {
        model.browser_cache = browser.into_cache();
    }
    Vec::new()
}

pub fn resize(model: &mut Model) -> Vec<Effect> {
    match &mut model.browser {
        Some(browser) => browse::resize(browser, model.size),
        None => Vec::new(),
    }
}

/// Takes in what came of [`Effect::Load`].
pub fn apply(model: &mut Model, ticket: Ticket, answer: Result<Answer, Error>) -> Vec<Effect> {
    match &mut model.browser {
        Some(browser) => browse::apply(browser, ticket, answer),
        None => {
            model.browser_cache.apply(ticket, answer);
            Vec::new()
        }
    }
}

/// Takes in what came of [`Effect::WriteMarks`].
pub fn apply_written(
    model: &mut Model,
    list: &MarkedList,
    result: Result<String, WriteMarksError>,
) {
    if let Some(browser) = &mut model.browser {
        browse::apply_written(browser, list, result);
        model.notice = browser.notice.take();
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
            store: "a.example".parse().unwrap(),
            operation: "read the manifest".into(),
            message: "said 503".into(),
            kind: ErrorKind::Transient,
            hint: None,
        }))
    }

    #[test]
    fn i_opens_the_browser_on_the_selected_image_and_q_goes_back_to_the_batch() {
        let mut model = model(listed(3));
        let effects = press(&mut model, "j i");
        assert_eq!(loads(&effects).len(), 2, "its manifest and its tags");
        let browser = model.browser.as_ref().unwrap();
        let viewed = &browser.viewed.as_ref().unwrap().location;
        assert_eq!(viewed.to_string(), "a.example/team/app-1:1");
        assert_eq!(press(&mut model, "q"), []);
        assert!(model.browser.is_none());
    }

    #[test]
    fn what_was_read_is_not_read_again_even_if_the_browser_was_closed_meanwhile() {
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
        assert!(model.browser.is_none());
        let stop = |effect: &Effect| matches!(effect, Effect::Send(Command::Stop { .. }));
        assert!(effects.iter().any(stop), "{effects:?}");
    }
}
