//! How the model changes: `update(model, message)` gives the effects wanted.
//!
//! Decides what events, time and keys do; keys that are actions go to `actions.rs`. Pure: no clock, no
//! channel, no terminal.

use std::{ops::Deref, time::Duration};

use crossterm::event::KeyEvent;
use tui_input::Input;

use super::{
    actions::act,
    browser_overlay, detail,
    dispatch::{self, KeyTarget},
    help,
    keymap::{self, Action, Keymap, Mode},
    layout::Pane,
    model::{Clocks, Effect, Model, Msg, Overlay},
    names::Names,
    palette,
};
use crate::{
    batch::{Event, JobView, StopMode, StopReason, TimedEvent},
    present::{Level, count, sentence},
};

/// The model as the loop holds it: anybody may read it, and only a message changes it.
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
        // Thousands of events may come between two frames, so nothing is measured out for each.
        Msg::Event(event) => return happened(model, &event),
        Msg::Key(key) if model.browser.open.is_some() => browser_overlay::pressed(model, &key),
        Msg::Key(key) => pressed(model, &key),
        Msg::Loaded(ticket, answer) => browser_overlay::loaded(model, ticket, *answer),
        Msg::Tick(now) => {
            model.now = now;
            model.stats.advance(now);
            model.images.tick(now, &model.board, &model.stats.speed);
            model.failures.tick(now, &model.board);
            Vec::new()
        }
        Msg::Resized(size) => {
            model.size = size;
            browser_overlay::resized(model)
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
        Msg::ListWritten(Ok((images, file))) => {
            let images = count(images, "image");
            model.say(Level::Good, format!("wrote {images} to {file}"));
            Vec::new()
        }
        Msg::ListWritten(Err(error)) => {
            model.say(Level::Error, format!("cannot write the list: {error}"));
            Vec::new()
        }
        Msg::NotAnnounced(why) => {
            model.say(Level::Warning, why);
            Vec::new()
        }
    };
    keep_in_sight(model);
    effects
}

fn happened(model: &mut Model, timed: &TimedEvent) -> Vec<Effect> {
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
    if let Some(sentence) = sentence(event, &model.board, model.options.attempts) {
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
                Some(StopReason::JournalLost | StopReason::Reviewed) | None => false,
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
    // A stop is no news to who asked for it.
    match model.stats.has_ended() && !had_ended && model.stop_asked.is_none() {
        true => vec![Effect::Announce],
        false => Vec::new(),
    }
}

/// Keeps the times that the screen counts from.
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
                // A sample may repeat the count of the one before: then nothing moved.
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

fn pressed(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    model.images.catch_up(&model.board, &model.stats.speed);
    model.failures.catch_up(&model.board);
    let selected = model.images.selected();
    let effects = dispatch::press(model, key);
    if selected != model.images.selected() {
        model.detail_offset = 0;
    }
    effects
}

impl KeyTarget for Model {
    type Keys = keymap::Group;

    fn keymap(&self) -> &Keymap {
        &self.options.keys
    }

    fn mode(&self) -> Mode {
        match self.overlays.last() {
            None => Mode::Panes,
            Some(Overlay::Filter(_)) => Mode::Filter,
            Some(Overlay::Question { .. }) => Mode::Question,
            Some(Overlay::Leave) => Mode::Leave,
            Some(Overlay::Help { typing: false, .. }) => Mode::Help,
            Some(Overlay::Help { typing: true, .. }) => Mode::Search,
            Some(Overlay::Palette { .. }) => Mode::Palette,
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        act(self, action)
    }

    fn input(&mut self) -> Option<&mut Input> {
        match self.overlays.last_mut()? {
            Overlay::Filter(input) | Overlay::Palette { input, .. } => Some(input),
            Overlay::Help {
                search,
                typing: true,
                ..
            } => Some(search),
            Overlay::Help { .. } | Overlay::Question { .. } | Overlay::Leave => None,
        }
    }

    fn typed(&mut self) {
        match self.overlays.last_mut() {
            Some(Overlay::Filter(input)) => {
                let text = input.value().to_owned();
                if text != self.images.filter().text() {
                    self.images
                        .set_filter(&text, &self.board, &self.stats.speed);
                }
            }
            Some(Overlay::Help { offset, .. }) => *offset = 0,
            Some(Overlay::Palette { at, .. }) => *at = 0,
            Some(Overlay::Question { .. } | Overlay::Leave) | None => {}
        }
    }

    fn forget_notice(&mut self) {
        self.notice = None;
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
    model.failures.keep_in_sight(screen.lines(Pane::Failures));
    let lines = screen.lines(Pane::Registries);
    model.registries.keep_in_sight(lines, &model.board);
    match model.overlays.last_mut() {
        Some(Overlay::Help { offset, search, .. }) => {
            let lines = {
                let cells = help::cells(model.size);
                help::lines(&model.options.keys, search.value(), cells).len()
            };
            *offset = (*offset).min(lines.saturating_sub(help::height(model.size, lines)));
        }
        Some(Overlay::Palette { input, at }) => {
            let entries = palette::entries(&model.options.keys, input.value());
            *at = (*at).min(entries.len().saturating_sub(1));
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
        assert_eq!(model.log.len(), 2);
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
    fn nothing_ticks_while_nothing_can_change_by_itself() {
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
    fn an_engine_that_vanishes_is_reported_and_left_with_q() {
        let mut model = model(listed(2));
        assert_eq!(update(&mut model, Msg::EngineGone), []);
        assert!(model.notice.is_some());
        assert_eq!(press(&mut model, "q"), [Effect::Leave]);
    }
}
