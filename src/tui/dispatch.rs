//! How a key press reaches what has the keys: the batch's panes or the browser.
//!
//! Decides the order: first the table of keys, then the line that is typed into. Invariant: both have the same
//! rules; they differ in their tables and in what an action does.

use crossterm::event::{Event as TerminalEvent, KeyEvent};
use tui_input::{Input, backend::crossterm::EventHandler as _};

use super::{
    bindings::{Heading, Keymap},
    model::Effect,
};

/// A screen that has a table of keys.
pub trait KeyTarget {
    type Keys: Heading;

    /// The table as this operator has it.
    fn keymap(&self) -> &Keymap<Self::Keys>;
    /// What the keys speak to: the panes, or what lies over them.
    fn mode(&self) -> <Self::Keys as Heading>::Mode;
    fn act(&mut self, action: <Self::Keys as Heading>::Action) -> Vec<Effect>;
    /// The line that is typed into, if there is one.
    fn input(&mut self) -> Option<&mut Input>;
    /// The line has changed.
    fn typed(&mut self);
    /// The answer to the key before has served.
    fn forget_notice(&mut self);
}

/// What a key means now.
pub fn action<T: KeyTarget>(target: &T, key: &KeyEvent) -> Option<<T::Keys as Heading>::Action> {
    target.keymap().action(target.mode(), key)
}

pub fn press<T: KeyTarget>(target: &mut T, key: &KeyEvent) -> Vec<Effect> {
    target.forget_notice();
    if let Some(action) = action(target, key) {
        return target.act(action);
    }
    let changed = (target.input()).and_then(|input| input.handle_event(&TerminalEvent::Key(*key)));
    if changed.is_some() {
        target.typed();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect};

    use crate::tui::{
        browse::Start,
        fixtures::{listed, model, options, press},
        model::{Model, Msg},
        update::update,
        view,
    };

    fn browser() -> Model {
        let start = Start::Registry("a.example".parse().unwrap());
        let mut model = Model::browsing(options(), start);
        update(&mut model, Msg::Resized((120, 40).into()));
        model
    }

    fn last_line(model: &Model) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        view::draw(model, &mut buffer);
        (0..120).map(|x| buffer[(x, 39)].symbol()).collect()
    }

    #[test]
    fn an_answer_goes_with_the_next_key_on_every_screen() {
        for (mut model, key) in [(model(listed(1)), "b"), (browser(), "c")] {
            let keys = last_line(&model);
            press(&mut model, key);
            let answer = last_line(&model);
            assert_ne!(answer, keys);
            press(&mut model, "k");
            assert_eq!(last_line(&model), keys);
        }
    }

    #[test]
    fn what_is_typed_stands_at_the_same_place_on_every_screen() {
        for mut model in [model(listed(1)), browser()] {
            press(&mut model, "/ a backspace b");
            let line = last_line(&model);
            assert!(line.starts_with(" /b ") && line.ends_with("  "), "{line}");
            assert!(line.contains("  enter keep"), "{line}");
        }
    }

    #[test]
    fn a_key_without_a_meaning_moves_nothing() {
        let mut model = model(listed(1));
        press(&mut model, ": down down");
        let before = last_line(&model);
        let chosen = |model: &Model| format!("{:?}", model.overlays);
        let overlays = chosen(&model);
        press(&mut model, "shift-tab");
        assert_eq!(chosen(&model), overlays);
        assert_eq!(last_line(&model), before);
    }
}
