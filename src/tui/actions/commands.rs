//! Commands for the running batch.
//!
//! Decides which command an action sends, and which commands need a confirmation because they discard work. The batch
//! decides whether a command applies. Invariant: nothing is sent once the batch has ended.

use std::collections::BTreeSet;

use super::targets::targets;
use crate::{
    batch::{Command, JobId, Preflight, RegistryLimit, Selection, State, StopMode},
    present::{Level, count, rate, width},
    tui::{
        browser_overlay,
        layout::Pane,
        model::{Effect, Model, Overlay},
    },
};

/// Images listed in a question; the rest is counted.
const MAX_NAMED: usize = 6;

/// Sends a command, unless the batch has ended.
pub(super) fn send(model: &mut Model, command: Command) -> Vec<Effect> {
    if model.board.finished || model.engine_gone {
        let command = (model.board.batch.as_ref())
            .and_then(|id| model.options.commands.retry_failed(id))
            .map(|command| format!("the batch is finished: q leaves, `{command}` retries"))
            // A truncated command cannot be pasted.
            .filter(|notice| width(notice) + 4 <= usize::from(model.size.width));
        let notice = command
            .unwrap_or_else(|| "the batch is finished: q leaves and prints the next step".into());
        model.say(Level::Warning, notice);
        return Vec::new();
    }
    vec![Effect::Send(command)]
}

/// Sends a command about the targets, and clears the marks.
pub(super) fn on_targets(
    model: &mut Model,
    command: impl FnOnce(Selection) -> Command,
) -> Vec<Effect> {
    let targets = targets(model);
    if targets.is_empty() {
        model.say(Level::Warning, "no image is selected");
        return Vec::new();
    }
    model.images.clear_marks();
    send(model, command(Selection::Jobs(targets)))
}

pub(super) fn skip(model: &mut Model) -> Vec<Effect> {
    let targets = targets(model);
    let running: BTreeSet<JobId> = (targets.iter().copied())
        .filter(|job| {
            let view = model.board.job(*job);
            // A preflight has no work to discard.
            view.is_some_and(|view| {
                view.state == State::Running && view.preflight != Preflight::Running
            })
        })
        .collect();
    if running.is_empty() {
        return on_targets(model, |jobs| Command::Skip { jobs });
    }
    let question = match targets.len() == running.len() {
        true => format!(
            "Skip {}? Its work so far is discarded.",
            count(running.len(), "image")
        ),
        false => format!(
            "Skip {}? The work so far on {} of them is discarded.",
            count(targets.len(), "image"),
            running.len()
        ),
    };
    let about = named(model, &running);
    model.images.clear_marks();
    model.overlays.push(Overlay::Question {
        question,
        about,
        then: Command::Skip {
            jobs: Selection::Jobs(targets),
        },
    });
    Vec::new()
}

/// Ends the review and starts copying; asks first while the plan is incomplete.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let board = &model.board;
    if !board.is_reviewing() || model.stats.has_ended() {
        model.say(Level::Info, "no review is in progress");
        return Vec::new();
    }
    let open = board.without_preflight();
    if open == 0 {
        return send(model, Command::Begin);
    }
    let are = if open == 1 { "is" } else { "are" };
    model.overlays.push(Overlay::Question {
        question: format!("Begin now? {} {are} not planned yet.", count(open, "image")),
        about: Vec::new(),
        then: Command::Begin,
    });
    Vec::new()
}

pub(super) fn retry_all_failed(model: &mut Model) {
    let failed: BTreeSet<JobId> = model.board.failed().collect();
    if failed.is_empty() {
        return model.say(Level::Info, "no image failed");
    }
    let about = named(model, &failed);
    model.overlays.push(Overlay::Question {
        question: format!("Retry {}?", count(failed.len(), "failed image")),
        about,
        then: Command::Retry {
            jobs: Selection::AllFailed,
        },
    });
}

/// The first of these images, and the number of the others.
fn named(model: &Model, jobs: &BTreeSet<JobId>) -> Vec<String> {
    let mut lines: Vec<String> = (jobs.iter().take(MAX_NAMED))
        .filter_map(|job| model.board.job(*job))
        .map(|view| view.job.spec.source.to_string())
        .collect();
    if let Some(more) = jobs.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}

pub(super) fn change_limit(model: &mut Model, by: i16) -> Vec<Effect> {
    if model.focus == Pane::Registries {
        return change_streams(model, by);
    }
    // Several presses may come before the first is confirmed.
    let now = model.parallel_asked.unwrap_or(model.board.parallel);
    let images = now.saturating_add_signed(by).max(1);
    if images == now {
        model.say(Level::Info, "at least 1 image at once; p pauses");
        return Vec::new();
    }
    set_parallel(model, images)
}

fn change_streams(model: &mut Model, by: i16) -> Vec<Effect> {
    let Some(status) = model.registries.selected(&model.board) else {
        model.say(Level::Warning, "no registry has been contacted yet");
        return Vec::new();
    };
    let requested = model
        .registries
        .requested_streams
        .get(&status.registry)
        .copied();
    let now = requested.unwrap_or(status.stream_ceiling);
    let streams = now.saturating_add_signed(by).max(1);
    if streams == now {
        model.say(Level::Info, "at least 1 stream; p pauses");
        return Vec::new();
    }
    set_limit(model, RegistryLimit::Streams(streams))
}

/// Changes a limit of the selected registry.
pub(super) fn set_limit(model: &mut Model, limit: RegistryLimit) -> Vec<Effect> {
    let Some(status) = model.registries.selected(&model.board) else {
        model.say(Level::Warning, "no registry has been contacted yet");
        return Vec::new();
    };
    let registry = status.registry.clone();
    let text = match limit {
        RegistryLimit::Streams(streams) => count(usize::from(streams), "stream"),
        RegistryLimit::RequestsPerSecond(limit) => limit.map_or("any requests/s".into(), |limit| {
            format!("{limit} requests/s")
        }),
        RegistryLimit::BytesPerSecond(limit) => limit.map_or("any speed".into(), rate),
    };
    let command = Command::SetLimit {
        registry: registry.clone(),
        limit,
    };
    let effects = send(model, command);
    if !effects.is_empty() {
        model.say(Level::Info, format!("{registry}: at most {text}"));
        if let RegistryLimit::Streams(streams) = limit {
            model.registries.requested_streams.insert(registry, streams);
        }
    }
    effects
}

pub(super) fn set_parallel(model: &mut Model, images: u16) -> Vec<Effect> {
    let effects = send(model, Command::SetParallel { images });
    if !effects.is_empty() {
        model.parallel_asked = Some(images);
    }
    effects
}

pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    if model.board.finished || model.engine_gone {
        return vec![Effect::Leave];
    }
    if model.stats.has_ended() {
        return stop(model, StopMode::Drain);
    }
    model.overlays.push(Overlay::Leave);
    Vec::new()
}

/// The first press drains, the second stops, the third leaves even if the engine does not end. Without a running batch
/// the first one leaves.
pub(super) fn interrupt(model: &mut Model) -> Vec<Effect> {
    model.overlays.clear();
    if !model.has_batch || model.board.finished || model.engine_gone {
        return vec![Effect::Leave];
    }
    // The panes show what the batch does then.
    browser_overlay::close(model);
    match model.stop_asked {
        None | Some(StopMode::Cancel) => stop(model, StopMode::Drain),
        Some(StopMode::Drain) => stop(model, StopMode::Now),
        Some(StopMode::Now) => vec![Effect::Leave],
    }
}

pub(super) fn stop(model: &mut Model, mode: StopMode) -> Vec<Effect> {
    let effects = send(model, Command::Stop { mode });
    if !effects.is_empty() {
        model.stop_asked = Some(mode).filter(|mode| *mode != StopMode::Cancel);
    }
    effects
}
