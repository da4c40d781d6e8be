//! Copies references and failures to the clipboard, and writes images as a list.

use super::targets::{target_views, targets};
use crate::{
    batch::Job,
    present::{Level, count, failure, sanitize},
    tui::{
        layout::Pane,
        model::{Effect, Model},
    },
};

pub(super) fn copy_references(model: &mut Model) -> Vec<Effect> {
    if model.focus == Pane::Registries {
        let status = model.registries.selected(&model.board);
        let names: Vec<String> = status
            .map(|status| status.registry.to_string())
            .into_iter()
            .collect();
        return copy(model, &names, "name", "no registry has been contacted yet");
    }
    let references: Vec<String> = (target_views(model).iter())
        .map(|view| view.job.spec.source.to_string())
        .collect();
    copy(model, &references, "reference", "no image is selected")
}

pub(super) fn copy_failures(model: &mut Model) -> Vec<Effect> {
    let failures: Vec<String> = (target_views(model).iter())
        .filter_map(|view| {
            let cause = view.cause()?;
            let chain = cause
                .chain
                .iter()
                .map(|step| format!("\n  {}", sanitize(step)));
            let name = &view.job.spec.source;
            Some(format!(
                "{name}: {}{}",
                failure(cause),
                chain.collect::<String>()
            ))
        })
        .collect();
    copy(model, &failures, "failure", "nothing failed here")
}

fn copy(model: &mut Model, texts: &[String], noun: &str, none: &str) -> Vec<Effect> {
    if texts.is_empty() {
        model.say(Level::Warning, none);
        return Vec::new();
    }
    model.say(Level::Info, format!("copied {}", count(texts.len(), noun)));
    vec![Effect::Copy(texts.join("\n"))]
}

pub(super) fn write_list(model: &mut Model) -> Vec<Effect> {
    let chosen = match model.images.has_marks() || model.focus == Pane::Failures {
        true => targets(model),
        false => model.board.failed().collect(),
    };
    let jobs: Vec<Job> = (chosen.iter())
        .filter_map(|job| model.board.job(*job))
        .map(|view| view.job.clone())
        .collect();
    if jobs.is_empty() {
        model.say(Level::Warning, "no image failed; mark those to write");
        return Vec::new();
    }
    vec![Effect::WriteList(jobs)]
}
