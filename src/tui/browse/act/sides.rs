//! Which image is meant, what its other side is, and what is taken along of it.
//!
//! Invariant: what the focused pane shows is what is meant.

use super::super::{
    comparing::Comparing,
    layout::Pane,
    model::{Browser, LeftPane, Overlay, Pair},
    tree::{NodeId, What},
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
        None => browser.say(Level::Info, "this image has no other side"),
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
            browser.say(Level::Info, "no image is marked any more");
        }
        Some(target) => {
            let text = format!("c on another image compares it with {target}");
            browser.say(Level::Good, text);
            browser.marked = Some(target);
        }
        None => browser.say(Level::Info, "there is no image to mark here"),
    }
}

/// The image the focused pane speaks of.
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
    Some(tags.place.at(&Version::Tag(tag)))
}

/// Where an image comes from or goes to.
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
            Some(match row.what {
                What::Manifest { version, found, .. } => {
                    let mut reference = match row.id == NodeId::root() {
                        true => viewed.reference.clone(),
                        false => RepositoryId::of(&viewed.reference).at(&version),
                    };
                    reference.digest = found.ready().map(|manifest| manifest.digest.clone());
                    reference.to_string()
                }
                What::Config { descriptor, .. } | What::Blob(descriptor) => {
                    descriptor.digest.to_string()
                }
                What::Step { layer, .. } => layer?.digest.to_string(),
                What::Referrers { of, .. } => of.to_string(),
            })
        }),
    };
    match text {
        Some(text) => copied(browser, text),
        None => {
            browser.say(Level::Info, "there is nothing to copy here");
            Vec::new()
        }
    }
}

pub(super) fn copied(browser: &mut Browser, text: String) -> Vec<Effect> {
    let lines = text.lines().count();
    let said = match lines {
        0 | 1 => format!("copied {text}"),
        _ => format!("copied {lines} lines"),
    };
    browser.say(Level::Good, said);
    vec![Effect::Copy(text)]
}
