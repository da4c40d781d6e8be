//! Marks repositories and tags, and writes them as a list.
//!
//! Invariant: a file is replaced only after its name was entered a second time.

use tui_input::Input;

use super::super::{
    chooser::Chooser,
    layout::Pane,
    marks::{Mark, MarkedList, WriteMarksError},
    model::{Browser, LeftPane, Naming, Overlay},
};
use crate::{
    inspect::{Collection, RepositoryId},
    present::{Level, count},
    tui::model::Effect,
};

/// The name that is offered.
const FILE: &str = "list.toml";

/// Marks the selection of the focused list, or unmarks it.
pub(super) fn mark(browser: &mut Browser) {
    let Some(selected) = selected(browser) else {
        return browser.say(
            Level::Info,
            "nothing to mark: repositories and tags can be marked",
        );
    };
    if browser.marks.is_within(&selected) {
        let text = "its repository is marked, and so all its tags";
        return browser.say(Level::Info, text);
    }
    browser.marks.toggle(&selected);
}

/// Marks all that the focused list shows, or unmarks it.
pub(super) fn mark_all(browser: &mut Browser) {
    let all = shown(browser);
    if all.is_empty() {
        return browser.say(
            Level::Info,
            "nothing to mark: repositories and tags can be marked",
        );
    }
    browser.marks.toggle_all(&all);
}

/// Asks for the name of the list.
pub(super) fn name_list(browser: &mut Browser) {
    if browser.marks.is_empty() {
        let text = "nothing is marked: space marks a repository or tag, a all that are shown";
        return browser.say(Level::Info, text);
    }
    browser.overlays.push(Overlay::Naming(Naming {
        input: Input::new(FILE.into()),
        exists: None,
    }));
}

/// The effect that writes the list, after its name was entered.
pub(super) fn write_list(browser: &Browser, naming: &Naming) -> Vec<Effect> {
    let file = naming.input.value().trim().to_owned();
    if file.is_empty() {
        return Vec::new();
    }
    vec![Effect::WriteMarks(MarkedList {
        replaces: naming.exists.as_deref() == Some(&*file),
        marks: browser.marks.iter().cloned().collect(),
        file,
    })]
}

/// Takes in what came of [`Effect::WriteMarks`]: the command that runs the list, or why it was not written.
pub fn written(browser: &mut Browser, list: &MarkedList, result: Result<String, WriteMarksError>) {
    match result {
        Ok(command) => {
            let marks = count(list.marks.len(), "mark");
            let file = &list.file;
            let text = format!("wrote {marks} to {file}; add [destination], then: {command}");
            browser.marks.clear();
            browser.say(Level::Good, text);
        }
        Err(WriteMarksError::Exists) => browser.overlays.push(Overlay::Naming(Naming {
            input: Input::new(list.file.clone()),
            exists: Some(list.file.clone()),
        })),
        Err(WriteMarksError::Failed(why)) => {
            browser.say(Level::Error, format!("cannot write the list: {why}"));
        }
    }
}

fn selected(browser: &Browser) -> Option<Mark> {
    match (browser.focus, &browser.left, &browser.tags) {
        (
            Pane::Left,
            LeftPane::Repositories {
                registry, chooser, ..
            },
            _,
        ) => {
            let repository = chooser.selected()?.clone();
            Some(Mark::Repository(registry.clone(), repository))
        }
        (Pane::Left, LeftPane::Store(chooser), _) => Some(Mark::Store(chooser.selected()?.clone())),
        (Pane::Left, LeftPane::Images(chooser), _) => {
            Some(Mark::Image(chooser.selected()?.source.clone()))
        }
        (Pane::Tags, _, Some(tags)) => Some(Mark::Image(tags.chooser.selected()?.0.clone())),
        (Pane::Tags, _, None) | (Pane::Image | Pane::Detail, _, _) => None,
    }
}

fn shown(browser: &Browser) -> Vec<Mark> {
    fn all<T: Clone + PartialEq + std::fmt::Display>(
        chooser: &Chooser<T>,
        mark: impl Fn(&T) -> Mark,
    ) -> Vec<Mark> {
        chooser.rows().map(mark).collect()
    }
    match (browser.focus, &browser.left, &browser.tags) {
        (
            Pane::Left,
            LeftPane::Repositories {
                registry, chooser, ..
            },
            _,
        ) => all(chooser, |repository| {
            Mark::of(&Collection::Repository(RepositoryId {
                registry: registry.clone(),
                repository: repository.clone(),
            }))
        }),
        (Pane::Left, LeftPane::Store(chooser), _) => {
            all(chooser, |store| Mark::Store(store.clone()))
        }
        (Pane::Left, LeftPane::Images(chooser), _) => {
            all(chooser, |pair| Mark::Image(pair.source.clone()))
        }
        (Pane::Tags, _, Some(tags)) => all(&tags.chooser, |image| Mark::Image(image.0.clone())),
        (Pane::Tags, _, None) | (Pane::Image | Pane::Detail, _, _) => Vec::new(),
    }
}
