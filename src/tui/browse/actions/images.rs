//! Which image an action applies to, its source or destination, its comparison, and copying to the clipboard.
//!
//! Invariant: an action applies to the selection of the focused pane.

use super::super::{
    comparison::Comparing,
    layout::Pane,
    model::{Browser, LeftPane, Overlay, Pair},
    tree::Node,
};
use crate::{
    inspect::{Collection, ContentStore},
    oci::Location,
    present::Level,
    tui::model::Effect,
};

pub(super) fn other_side(browser: &mut Browser) {
    let viewed = browser.viewed.as_ref();
    let pair = viewed.and_then(|viewed| Some((viewed.pair.clone()?, viewed.location.clone())));
    match pair {
        Some((pair, side)) => {
            let other = pair.other(&side).clone();
            browser.show_tags(Collection::of(&other));
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
        .compared
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

pub(super) fn mark_to_compare(browser: &mut Browser) {
    match target(browser) {
        Some(target) if browser.compared.as_ref() == Some(&target) => {
            browser.compared = None;
            browser.say(Level::Info, "the mark is removed");
        }
        Some(target) => {
            let text = format!("c on another image compares it with {target}");
            browser.say(Level::Good, text);
            browser.compared = Some(target);
        }
        None => browser.say(Level::Info, "no image is selected"),
    }
}

/// The selected image of the focused pane.
pub(super) fn target(browser: &Browser) -> Option<Location> {
    match (browser.focus, &browser.left) {
        (Pane::Tags, _) => selected_tag(browser),
        (Pane::Left, LeftPane::Images(chooser)) => Some(chooser.selected()?.source.clone()),
        _ => Some(browser.viewed.as_ref()?.location.clone()),
    }
}

pub(super) fn selected_tag(browser: &Browser) -> Option<Location> {
    let selected = browser.tags.as_ref()?.chooser.selected()?;
    Some(selected.0.clone())
}

/// The source and destination of an image, if they are known.
pub(super) fn pair_of(browser: &Browser, side: &Location) -> Option<Pair> {
    let viewed = browser
        .viewed
        .as_ref()
        .and_then(|viewed| viewed.pair.as_ref());
    let listed = match &browser.left {
        LeftPane::Images(chooser) => chooser.items(),
        LeftPane::Repositories { .. } | LeftPane::Store(_) => &[],
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
        (Pane::Left, LeftPane::Store(chooser)) => chooser.selected().map(ToString::to_string),
        (Pane::Left | Pane::Tags, _) => target(browser).map(|target| target.to_string()),
        (Pane::Image | Pane::Detail, _) => browser.row().and_then(|row| {
            let viewed = browser.viewed.as_ref()?;
            Some(match row.node {
                Node::Manifest {
                    digest: None,
                    found,
                    ..
                } => {
                    let mut image = viewed.location.clone();
                    if let (Location::Registry(reference), Some(manifest)) =
                        (&mut image, found.ready())
                    {
                        reference.digest = Some(manifest.digest.clone());
                    }
                    image.to_string()
                }
                Node::Manifest {
                    digest: Some(digest),
                    ..
                } => match ContentStore::of(&viewed.location).locate(&digest) {
                    Some(location) => location.to_string(),
                    None => digest.to_string(),
                },
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
