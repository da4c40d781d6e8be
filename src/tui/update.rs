//! Changes the model: `update(model, message)` returns the effects to carry out.
//!
//! Decides what events and time do; `key_press` decides what keys do. Pure: it has no clock, channel or terminal.

use std::{ops::Deref, time::Duration};

use super::{
    browser_overlay, detail, help, key_press,
    layout::Pane,
    model::{Clocks, Effect, Model, Msg, Overlay},
    names::Names,
    palette,
};
use crate::{
    batch::{Event, JobView, StopMode, StopReason, TimedEvent},
    present::{Level, count, sentence},
};

/// The model as the event loop holds it: only messages change it.
pub struct ModelStore(Model);

impl ModelStore {
    pub fn new(model: Model) -> Self {
        Self(model)
    }

    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.0, msg)
    }

    pub fn into_model(self) -> Model {
        self.0
    }
}

impl Deref for ModelStore {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.0
    }
}

pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        // Thousands of events may come between two frames: scroll positions are checked with the next tick.
        Msg::Event(event) => return apply(model, &event),
        Msg::Key(key) => key_press::press(model, &key),
        Msg::Loaded(ticket, answer) => browser_overlay::apply(model, ticket, *answer),
        Msg::Tick(now) => {
            model.now = now;
            model.stats.advance(now);
            model.images.tick(now, &model.board, &model.stats.speed);
            model.failures.tick(now, &model.board);
            Vec::new()
        }
        Msg::Resized(size) => {
            model.size = size;
            browser_overlay::resize(model)
        }
        Msg::EngineGone => {
            model.engine_gone = true;
            if model.stop_asked.is_some() {
                return vec![Effect::Leave];
            }
            if !model.board.finished {
                model.say(Level::Error, "the engine ended unexpectedly; q leaves");
            }
            Vec::new()
        }
        Msg::MarksWritten(list, result) => {
            browser_overlay::apply_written(model, &list, result);
            Vec::new()
        }
        Msg::ListWritten(Ok((images, file))) => {
            let images = count(images, "image");
            model.say(Level::Good, format!("wrote {images} to {file}"));
            Vec::new()
        }
        Msg::ListWritten(Err(error)) => {
            model.say(Level::Error, format!("cannot write the list: {error}"));
            Vec::new()
        }
        Msg::NotAnnounced(reason) => {
            model.say(Level::Warning, reason);
            Vec::new()
        }
    };
    scroll_into_view(model);
    effects
}

fn apply(model: &mut Model, timed: &TimedEvent) -> Vec<Effect> {
    let had_ended = model.stats.has_ended();
    let event = &timed.event;
    let selected = model.images.selected();
    model.board.apply(event);
    model.stats.apply(timed, &model.board);
    let at = model.stats.since_start(timed.at);
    model.images.apply(event, &model.board);
    model.failures.apply(event);
    model.registries.apply(event, at);
    model.plan.apply(event, &model.board);
    keep_time(model, event, at);
    if let Some(sentence) = sentence(event, &model.board, model.options.attempts, None) {
        if let Event::CommandRefused { .. } = event {
            model.say(Level::Warning, sentence.text.clone());
        }
        if model.log.push(at, sentence) && model.log_offset > 0 {
            model.log_offset += 1;
        }
    }
    match event {
        Event::BatchStarted { .. } => model.names = Names::default(),
        Event::JobListed { job } => model.names.observe(job),
        Event::ParallelChanged { .. } => model.parallel_asked = None,
        Event::StopRequested { mode } => {
            model.stop_asked = Some(*mode).filter(|mode| *mode != StopMode::Cancel);
        }
        Event::BatchFinished { stopped_by } => {
            model.overlays.clear();
            let asked = match stopped_by {
                Some(StopReason::User | StopReason::Signal) => true,
                Some(StopReason::JournalLost | StopReason::Reviewed | StopReason::Unfinished)
                | None => false,
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
    // An operator who asked for the stop needs no announcement.
    match model.stats.has_ended() && !had_ended && model.stop_asked.is_none() {
        true => vec![Effect::Announce],
        false => Vec::new(),
    }
}

/// Records when things happened.
fn keep_time(model: &mut Model, event: &Event, at: Duration) {
    let (clocks, board) = (&mut model.clocks, &model.board);
    let done = |job| board.job(job).map_or(0, |view: &JobView| view.bytes_done);
    match event {
        Event::BatchStarted { .. } => *clocks = Clocks::default(),
        Event::JobStarted { job, .. } => {
            clocks.retry_due.remove(job);
            clocks.moved.insert(*job, (at, done(*job)));
        }
        Event::JobPlanned { job, .. }
        | Event::BlobWaited { job, .. }
        | Event::BlobStarted { job, .. }
        | Event::BlobSettled { job, .. } => {
            clocks.moved.insert(*job, (at, done(*job)));
        }
        Event::Progress { blobs } => {
            for blob in blobs {
                // A sample with an unchanged count is no movement.
                if let Some(moved) = clocks.moved.get_mut(&blob.job)
                    && moved.1 != done(blob.job)
                {
                    *moved = (at, done(blob.job));
                }
            }
        }
        Event::JobRetryScheduled { job, delay_ms, .. } => {
            clocks.moved.remove(job);
            clocks
                .retry_due
                .insert(*job, at + Duration::from(*delay_ms));
        }
        Event::JobQueued { job, .. } | Event::JobFinished { job, .. } => {
            clocks.moved.remove(job);
            clocks.retry_due.remove(job);
        }
        _ => {}
    }
}

/// Scrolls every pane and overlay to where it has lines.
fn scroll_into_view(model: &mut Model) {
    let screen = model.screen();
    model.images.scroll_into_view(screen.lines(Pane::Images));
    let lines = detail::lines(model).len();
    let last = lines.saturating_sub(screen.lines(Pane::Detail));
    model.detail_offset = model.detail_offset.min(last);
    let last = model
        .log
        .shown_len()
        .saturating_sub(screen.lines(Pane::Log));
    model.log_offset = model.log_offset.min(last);
    model
        .failures
        .scroll_into_view(screen.lines(Pane::Failures));
    let lines = screen.lines(Pane::Registries);
    model.registries.scroll_into_view(lines, &model.board);
    let help_lines = match model.overlays.last() {
        Some(Overlay::Help(help)) => model.help_lines(help.search.value()).len(),
        _ => 0,
    };
    let help_height = help::height(model.size, help_lines);
    match model.overlays.last_mut() {
        Some(Overlay::Palette { input, at }) => {
            let entries = palette::entries(&model.options.keys, input.value());
            *at = (*at).min(entries.len().saturating_sub(1));
        }
        Some(Overlay::Help(help)) => {
            help.offset = help.offset.min(help_lines.saturating_sub(help_height));
        }
        Some(Overlay::Filter(_) | Overlay::Question { .. } | Overlay::Leave) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Command, CommandRefusal, JobId, Selection},
        tui::fixtures::{
            MIB, blob_started, copied, failed, listed, model, planned, press, progress,
            retry_scheduled, started, tell, tick,
        },
    };

    fn refused() -> Event {
        let jobs = Selection::Jobs([JobId(0)].into());
        Event::CommandRefused {
            command: Command::Retry { jobs },
            why: CommandRefusal::NothingToDo,
        }
    }

    #[test]
    fn a_refused_command_is_answered_and_the_next_key_takes_the_answer_away() {
        let mut model = model(listed(2));
        tell(&mut model, [refused()]);
        let text = model.notice.as_ref().map(|notice| notice.text.as_str());
        assert_eq!(
            text,
            Some("nothing to retry: a.example/team/app-0:1 is queued")
        );
        press(&mut model, "j");
        assert_eq!(model.notice, None);
        assert_eq!(model.log.shown_len(), 2);
    }

    #[test]
    fn a_batch_that_was_stopped_from_outside_leaves_at_once() {
        let mut model = model(listed(2));
        let stopped_by = Some(StopReason::Signal);
        assert_eq!(
            tell(&mut model, [Event::BatchFinished { stopped_by }]),
            [Effect::Leave]
        );
    }

    #[test]
    fn time_stands_still_when_all_images_ended_and_runs_again_after_a_retry() {
        let mut model = model(listed(2).into_iter().chain([copied(0)]));
        tick(&mut model, 5);
        tell(&mut model, [failed(1, "said 401")]);
        tick(&mut model, 60);
        assert_eq!(model.elapsed().as_secs(), 5);
        assert!(!model.is_lively());
        tell(&mut model, [started(1, 2)]);
        tick(&mut model, 70);
        assert_eq!(model.elapsed().as_secs(), 70);
    }

    #[test]
    fn nothing_ticks_while_only_keys_and_events_change_the_screen() {
        let mut model = model(listed(2));
        assert!(model.is_lively());
        tell(&mut model, [Event::BatchPaused]);
        assert!(!model.is_lively());
        tell(&mut model, [retry_scheduled(0, 1, "said 503")]);
        assert!(model.is_lively());
    }

    #[test]
    fn a_repeated_byte_count_is_no_movement() {
        let sizes = [100 * MIB];
        let mut model = model(listed(1));
        tell(
            &mut model,
            [started(0, 1), planned(0, &sizes), blob_started(0, 0, 0)],
        );
        for (at, done) in [(1, 5), (2, 6), (40, 6)] {
            tick(&mut model, at);
            tell(&mut model, [progress(0, 1, 0, done * MIB)]);
        }
        let (moved, _) = model.clocks.moved[&JobId(0)];
        assert_eq!(moved.as_secs(), 2);
    }

    #[test]
    fn a_log_that_was_scrolled_back_stays_where_it_was() {
        let mut model = model(listed(200));
        tell(&mut model, (0..50).map(|job| started(job, 1)));
        press(&mut model, "5 k k k");
        tell(&mut model, (50..60).map(|job| started(job, 1)));
        assert_eq!(model.log_offset, 13);
        press(&mut model, "G");
        assert_eq!(model.log_offset, 0);
    }

    #[test]
    fn an_engine_that_ends_unexpectedly_is_reported_and_left_with_q() {
        let mut model = model(listed(2));
        assert_eq!(update(&mut model, Msg::EngineGone), []);
        assert!(model.notice.is_some());
        assert_eq!(press(&mut model, "q"), [Effect::Leave]);
    }
}
