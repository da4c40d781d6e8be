//! The interface without a terminal, for pictures, recordings and benchmarks.

use std::{sync::Arc, time::Duration};

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use super::{
    Options, bindings,
    model::{Effect, Model, Msg},
    update::ModelStore,
    view,
};
use crate::batch::{Command, TimedEvent};

pub struct OffscreenTui {
    model: ModelStore,
}

impl OffscreenTui {
    /// A screen of `width` x `height` cells.
    #[must_use]
    pub fn new((width, height): (u16, u16), options: Options) -> Self {
        let mut model = ModelStore::new(Model::new(options));
        model.update(Msg::Resized(Size { width, height }));
        Self { model }
    }

    pub fn event(&mut self, event: Arc<TimedEvent>) {
        self.model.update(Msg::Event(event));
    }

    /// Sets the time since the batch started.
    pub fn tick(&mut self, now: Duration) {
        self.model.update(Msg::Tick(now));
    }

    /// Presses keys, named as in the key table and separated by spaces; returns the commands for the batch.
    pub fn press(&mut self, keys: &str) -> Vec<Command> {
        let events = keys.split(' ').filter_map(bindings::event);
        let effects: Vec<Effect> = events
            .flat_map(|key| self.model.update(Msg::Key(key)))
            .collect();
        (effects.into_iter())
            .filter_map(|effect| match effect {
                Effect::Send(command) => Some(command),
                Effect::Copy(_)
                | Effect::Load(..)
                | Effect::WriteList(_)
                | Effect::WriteMarks(_)
                | Effect::Announce
                | Effect::Suspend
                | Effect::Leave => None,
            })
            .collect()
    }

    /// Whether every image has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.model.stats.has_ended()
    }

    /// Draws a whole frame.
    #[must_use]
    pub fn draw(&self) -> Buffer {
        let Size { width, height } = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(&self.model, &mut buffer);
        buffer
    }
}
