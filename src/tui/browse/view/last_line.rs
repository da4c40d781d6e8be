//! What the browser's last line says.

use crate::tui::{
    Options,
    browse::{
        keys::{Action, Binding},
        model::{Browser, Overlay},
    },
    view::footer::{Footer, Line, Place},
};

impl Footer for Browser {
    fn options(&self) -> &Options {
        &self.options
    }

    fn line(&self) -> Line<'_> {
        match (self.overlays.last(), &self.notice) {
            (Some(Overlay::Typing(input)), _) => Line::Typing {
                prompt: "/",
                input,
                found: "  ".into(),
            },
            (
                Some(Overlay::Raw(_) | Overlay::Comparing(_) | Overlay::Help { .. }) | None,
                notice,
            ) => notice.as_ref().map_or(Line::Keys, Line::Notice),
        }
    }

    fn place(&self, binding: &Binding) -> Place {
        match binding.action {
            Action::Help | Action::Quit | Action::Back => Place::End,
            _ => Place::Middle,
        }
    }
}
