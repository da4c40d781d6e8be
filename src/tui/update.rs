//! How the model changes: `update(model, message)` gives the effects wanted.
//!
//! Decides what events, time and keys do; keys that are actions go to `actions.rs`. Pure: no clock, no
//! channel, no terminal.

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyEvent};
use tui_input::backend::crossterm::EventHandler as _;

use super::{
    actions::act,
    detail, help, keys,
    layout::Pane,
    model::{Clocks, Effect, Model, Msg, Overlay},
    names::Names,
};
use crate::{
    batch::{Event, JobView, StopMode, StopReason},
    present::{Level, sentence},
};

pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        // Thousands of events may come between two frames, so nothing is measured out for each.
        Msg::Event(event) => return happened(model, &event),
        Msg::Key(key) => pressed(model, &key),
        Msg::Tick(now) => {
            model.now = now;
            model.meter.tick(now, &model.board);
            model.images.tick(now, &model.board);
            Vec::new()
        }
        Msg::Resized(size) => {
            model.size = size;
            Vec::new()
        }
        Msg::EngineGone => {
            model.engine_gone = true;
            if model.stop_asked.is_some() {
                return vec![Effect::Leave];
            }
            if !model.board.finished {
                model.say(Level::Error, "the engine ended without a word; q leaves");
            }
            Vec::new()
        }
    };
    keep_in_sight(model);
    effects
}

fn happened(model: &mut Model, event: &Event) -> Vec<Effect> {
    let selected = model.images.selected();
    model.meter.apply(&mut model.board, event);
    model.images.note(event, &model.board);
    keep_time(model, event);
    if let Some(sentence) = sentence(event, &model.board, model.options.attempts) {
        if let Event::CommandRefused { .. } = event {
            model.say(Level::Warning, sentence.text.clone());
        }
        model.log.push(model.now, sentence);
        if model.log_offset > 0 {
            model.log_offset += 1;
        }
    }
    match event {
        Event::BatchStarted { .. } => model.names = Names::default(),
        Event::JobListed { job } => model.names.note(job),
        Event::ParallelChanged { .. } => model.parallel_asked = None,
        Event::StopRequested { mode } => {
            model.stop_asked = Some(*mode).filter(|mode| *mode != StopMode::Cancel);
        }
        Event::BatchFinished { stopped_by } => {
            model.overlays.clear();
            let asked = match stopped_by {
                Some(StopReason::User | StopReason::Signal) => true,
                Some(StopReason::JournalLost) | None => false,
            };
            if asked || model.stop_asked.is_some() {
                return vec![Effect::Leave];
            }
        }
        _ => {}
    }
    if selected != model.images.selected() {
        model.detail_offset = 0;
    }
    Vec::new()
}

/// Notes when things happened, which events do not say.
fn keep_time(model: &mut Model, event: &Event) {
    let (now, clocks, board) = (model.now, &mut model.clocks, &model.board);
    let done = |job| board.job(job).map_or(0, |view: &JobView| view.bytes_done);
    match event {
        Event::BatchStarted { jobs, .. } => {
            *clocks = Clocks::default();
            model.announced = *jobs as usize;
        }
        Event::JobStarted { job, .. } => {
            clocks.retry_due.remove(job);
            clocks.moved.insert(*job, (now, done(*job)));
        }
        Event::JobPlanned { job, .. }
        | Event::BlobWaited { job, .. }
        | Event::BlobStarted { job, .. }
        | Event::BlobSettled { job, .. } => {
            clocks.moved.insert(*job, (now, done(*job)));
        }
        Event::Progress { blobs } => {
            for blob in blobs {
                // A sample may repeat the count of the one before: then nothing moved.
                if let Some(moved) = clocks.moved.get_mut(&blob.job)
                    && moved.1 != done(blob.job)
                {
                    *moved = (now, done(blob.job));
                }
            }
        }
        Event::JobRetryScheduled { job, delay_ms, .. } => {
            clocks.moved.remove(job);
            clocks
                .retry_due
                .insert(*job, now + Duration::from(*delay_ms));
        }
        Event::JobQueued { job, .. } | Event::JobFinished { job, .. } => {
            clocks.moved.remove(job);
            clocks.retry_due.remove(job);
        }
        _ => {}
    }
    let board = &model.board;
    let listed = board.batch.is_some() && board.jobs().len() >= model.announced;
    let ended = board.finished || (listed && board.all_done());
    model.ended = model.ended.or(Some(now)).filter(|_| ended);
}

fn pressed(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    model.notice = None;
    model.images.catch_up(&model.board);
    let selected = model.images.selected();
    let effects = match keys::action(model.mode(), key) {
        Some(action) => act(model, action),
        None => {
            typed(model, key);
            Vec::new()
        }
    };
    if selected != model.images.selected() {
        model.detail_offset = 0;
    }
    effects
}

/// A key that is no action edits the filter.
fn typed(model: &mut Model, key: &KeyEvent) {
    if let Some(Overlay::Filter(input)) = model.overlays.last_mut() {
        input.handle_event(&TerminalEvent::Key(*key));
        let text = input.value().to_owned();
        if text != model.images.filter() {
            model.images.set_filter(&text, &model.board);
        }
    }
}

/// Scrolls every pane to where it has something to show.
fn keep_in_sight(model: &mut Model) {
    let screen = model.screen();
    model.images.keep_in_sight(screen.lines(Pane::Images));
    let lines = detail::lines(model).len();
    let most = lines.saturating_sub(screen.lines(Pane::Detail));
    model.detail_offset = model.detail_offset.min(most);
    let most = model.log.len().saturating_sub(screen.lines(Pane::Log));
    model.log_offset = model.log_offset.min(most);
    let most = help::lines().len().saturating_sub(help::height(model.size));
    if let Some(Overlay::Help { offset }) = model.overlays.last_mut() {
        *offset = (*offset).min(most);
    }
}
