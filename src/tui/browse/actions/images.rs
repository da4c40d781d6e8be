//! Which image an action applies to, its source or destination, its comparison, and copying to the clipboard.
//!
//! Invariant: an action applies to the selection of the focused pane.

use super::super::{
    comparison::Comparing,
    layout::Pane,
    model::{Browser, LeftPane, Overlay, Pair},
    tree::{Node, NodeId},
};
use crate::{
    inspect::RepositoryId,
    oci::{Reference, Version},
    present::Level,
    tui::model::Effect,
};

pub(super) fn other_side(browser: &mut Browser) {
    let viewed = browser.viewed.as_ref();
    let pair = viewed.and_then(|viewed| Some((viewed.pair.clone()?, viewed.reference.clone())));
    match pair {
        Some((pair, side)) => {
            let other = pair.other(&side).clone();
            browser.show_tags(RepositoryId::of(&other));
            browser.show(other, Some(pair));
        }
        None => browser.say(
            Level::Info,
            "the source or destination of this image is not known",
        ),
    }
}

pub(super) fn compare(browser: &mut Browser) {
    let target = target(browser);
    let marked = browser
        .marked
        .clone()
        .filter(|marked| Some(marked) != target.as_ref());
    let sides = match (marked, &target) {
        (Some(marked), Some(target)) => Some((marked, target.clone())),
        _ => target
            .and_then(|target| pair_of(browser, &target))
            .map(|pair| (pair.source, pair.destination)),
    };
    match sides {
        Some((source, destination)) => {
            let comparing = Comparing::new(source, destination);
            browser.overlays.push(Overlay::Comparing(comparing));
        }
        None => browser.say(
            Level::Info,
            "m marks an image; c on another one compares the two",
        ),
    }
}

pub(super) fn mark(browser: &mut Browser) {
    match target(browser) {
        Some(target) if browser.marked.as_ref() == Some(&target) => {
            browser.marked = None;
            browser.say(Level::Info, "the mark is removed");
        }
        Some(target) => {
            let text = format!("c on another image compares it with {target}");
            browser.say(Level::Good, text);
            browser.marked = Some(target);
        }
        None => browser.say(Level::Info, "no image is selected"),
    }
}

/// The selected image of the focused pane.
pub(super) fn target(browser: &Browser) -> Option<Reference> {
    match (browser.focus, &browser.left) {
        (Pane::Tags, _) => selected_tag(browser),
        (Pane::Left, LeftPane::Images(chooser)) => Some(chooser.selected()?.source.clone()),
        _ => Some(browser.viewed.as_ref()?.reference.clone()),
    }
}

pub(super) fn selected_tag(browser: &Browser) -> Option<Reference> {
    let tags = browser.tags.as_ref()?;
    let tag = tags.chooser.selected()?.clone();
    Some(tags.repository.at(&Version::Tag(tag)))
}

/// The source and destination of an image, if they are known.
pub(super) fn pair_of(browser: &Browser, side: &Reference) -> Option<Pair> {
    let viewed = browser
        .viewed
        .as_ref()
        .and_then(|viewed| viewed.pair.as_ref());
    let listed = match &browser.left {
        LeftPane::Images(chooser) => chooser.items(),
        LeftPane::Repositories { .. } => &[],
    };
    (viewed.into_iter().chain(listed))
        .find(|pair| pair.source == *side || pair.destination == *side)
        .cloned()
}

pub(super) fn copy(browser: &mut Browser) -> Vec<Effect> {
    let text = match (browser.focus, &browser.left) {
        (
            Pane::Left,
            LeftPane::Repositories {
                registry, chooser, ..
            },
        ) => {
            let repository = chooser.selected();
            repository.map(|repository| format!("{registry}/{repository}"))
        }
        (Pane::Left | Pane::Tags, _) => target(browser).map(|target| target.to_string()),
        (Pane::Image | Pane::Detail, _) => browser.row().and_then(|row| {
            let viewed = browser.viewed.as_ref()?;
            Some(match row.node {
                Node::Manifest { version, found, .. } => {
                    let mut reference = match row.id == NodeId::root() {
                        true => viewed.reference.clone(),
                        false => RepositoryId::of(&viewed.reference).at(&version),
                    };
                    reference.digest = found.ready().map(|manifest| manifest.digest.clone());
                    reference.to_string()
                }
                Node::Config { descriptor, .. } | Node::Blob(descriptor) => {
                    descriptor.digest.to_string()
                }
                Node::Step { layer, .. } => layer?.digest.to_string(),
                Node::Referrers { of, .. } => of.to_string(),
            })
        }),
    };
    match text {
        Some(text) => copied(browser, text),
        None => {
            browser.say(Level::Info, "nothing is selected");
            Vec::new()
        }
    }
}

pub(super) fn copied(browser: &mut Browser, text: String) -> Vec<Effect> {
    let lines = text.lines().count();
    let notice = match lines {
        0 | 1 => format!("copied {text}"),
        _ => format!("copied {lines} lines"),
    };
    browser.say(Level::Good, notice);
    vec![Effect::Copy(text)]
}
