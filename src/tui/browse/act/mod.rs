//! What each action does.
//!
//! Invariant: a key that can do nothing says why.

mod moving;
mod sides;

use tui_input::Input;

use self::{
    moving::{back, close, go, moved, open, scrolled, type_filter},
    sides::{compare, copied, copy, mark, other_side},
};
use super::{
    cache::config_request,
    comparing::Comparing,
    keys::Action,
    layout::Pane,
    model::{Browser, LeftPane, Overlay},
    raw::{Direction, Raw},
    tree::What,
    update::typed,
};
use crate::{
    inspect::{RepositoryId, Request},
    oci::Version,
    present::Level,
    tui::{help, model::Effect},
};

/// Cells to the side with one key.
const SHIFT: isize = 16;

pub fn act(browser: &mut Browser, action: Action) -> Vec<Effect> {
    match action {
        Action::Suspend => return vec![Effect::Suspend],
        Action::Help => browser.overlays.push(Overlay::Help { offset: 0 }),
        _ => {}
    }
    let Some(mut overlay) = browser.overlays.pop() else {
        return in_panes(browser, action);
    };
    // What stays open is put back before anything else is done.
    let (stays, effects) = match &mut overlay {
        Overlay::Typing(input) => {
            if action == Action::Back {
                let input = std::mem::take(input);
                browser.overlays.push(Overlay::Typing(input));
                typed(browser, "");
                browser.overlays.pop();
            }
            (!matches!(action, Action::Back | Action::Keep), Vec::new())
        }
        Overlay::Raw(raw) => in_raw(browser, raw, action),
        Overlay::Comparing(comparing) => in_comparison(browser, comparing, action),
        Overlay::Help { offset } => {
            let page = browser.screen().overlay_lines();
            let keys = &browser.options.browser_keys;
            let lines = help::lines(keys, "", help::cells(browser.size)).len();
            *offset = scrolled(*offset, action, page, lines);
            (action != Action::Back, Vec::new())
        }
    };
    if stays {
        browser.overlays.push(overlay);
        if action == Action::Filter {
            browser.overlays.push(Overlay::Typing(Input::default()));
        }
    }
    effects
}

fn in_panes(browser: &mut Browser, action: Action) -> Vec<Effect> {
    match action {
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => go(browser, action),
        Action::Open => open(browser),
        Action::Close => close(browser),
        Action::NextPane => browser.focus = browser.focus.next(1),
        Action::PreviousPane => browser.focus = browser.focus.next(3),
        Action::Zoom => browser.zoomed = !browser.zoomed,
        Action::Filter => type_filter(browser),
        Action::Json => show_raw(browser),
        Action::OtherSide => other_side(browser),
        Action::Compare => compare(browser),
        Action::Mark => mark(browser),
        Action::Copy => return copy(browser),
        Action::Reload => reload(browser),
        Action::Back => back(browser),
        Action::Quit => return vec![Effect::Leave],
        Action::Keep
        | Action::Left
        | Action::Right
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::FoldAll
        | Action::OnlyDifferences
        | Action::CopyAll
        | Action::Help
        | Action::Interrupt
        | Action::Suspend => {}
    }
    Vec::new()
}

fn show_raw(browser: &mut Browser) {
    let shown = browser.row().and_then(|row| match row.what {
        What::Manifest { version, found, .. } => {
            let manifest = found.ready()?;
            let name = match version {
                Version::Tag(tag) => tag.to_string(),
                Version::Digest(digest) => digest.short(),
            };
            Some((format!("manifest {name}"), manifest.raw.clone()))
        }
        What::Config { descriptor, found } => Some((
            format!("config {}", descriptor.digest.short()),
            found.ready()?.raw.clone(),
        )),
        What::Step { layer, .. } => {
            let layer = layer?;
            let raw = serde_json::to_vec(&layer).ok()?;
            Some((
                format!("descriptor of {}", layer.digest.short()),
                raw.into(),
            ))
        }
        What::Blob(descriptor) => {
            let raw = serde_json::to_vec(&descriptor).ok()?;
            Some((
                format!("descriptor of {}", descriptor.digest.short()),
                raw.into(),
            ))
        }
        What::Referrers { of, found } => {
            let raw = serde_json::to_vec(&found.ready()?.entries).ok()?;
            Some((format!("referrers of {}", of.short()), raw.into()))
        }
    });
    match shown {
        Some((title, raw)) => browser.overlays.push(Overlay::Raw(Raw::new(title, raw))),
        None => browser.say(Level::Info, "there is no JSON of this yet"),
    }
}

fn in_raw(browser: &mut Browser, raw: &mut Raw, action: Action) -> (bool, Vec<Effect>) {
    let page = browser.screen().overlay_lines();
    let mut effects = Vec::new();
    match action {
        Action::Back => return (false, effects),
        Action::Left => raw.shift(-SHIFT),
        Action::Right => raw.shift(SHIFT),
        Action::Open => raw.toggle(),
        Action::Close => raw.fold(),
        Action::FoldAll => raw.fold_all(),
        Action::NextMatch | Action::PreviousMatch => {
            let direction = match action {
                Action::NextMatch => Direction::Forward,
                _ => Direction::Backward,
            };
            if !raw.find(direction, false) {
                let text = match raw.search.is_empty() {
                    true => "nothing to search for yet; / begins a search".to_owned(),
                    false => format!("{:?} is not in it", raw.search),
                };
                browser.say(Level::Warning, text);
            }
        }
        Action::Filter => raw.search.clear(),
        Action::Copy => effects = copied(browser, raw.selected()),
        Action::CopyAll => {
            effects = copied(browser, String::from_utf8_lossy(&raw.raw).into_owned());
        }
        _ => {
            let (at, rows) = raw.position();
            raw.move_to(moved(at, action, page, rows));
        }
    }
    (true, effects)
}

fn in_comparison(
    browser: &mut Browser,
    comparing: &mut Comparing,
    action: Action,
) -> (bool, Vec<Effect>) {
    match action {
        Action::Back => return (false, Vec::new()),
        Action::OnlyDifferences => {
            comparing.only_differences = !comparing.only_differences;
            comparing.offset = 0;
        }
        Action::Reload => {
            for part in comparing.parts(&browser.cache) {
                browser.cache.forget(&part);
            }
        }
        _ => {
            // The sides have a line of their own.
            let page = browser.screen().overlay_lines().saturating_sub(1);
            let lines = comparing.lines().len();
            comparing.offset = scrolled(comparing.offset, action, page, lines);
        }
    }
    (true, Vec::new())
}

fn reload(browser: &mut Browser) {
    let mut old = Vec::new();
    match (browser.focus, &mut browser.left) {
        (
            Pane::Left,
            LeftPane::Repositories {
                registry, listed, ..
            },
        ) => {
            *listed = true;
            old.push(Request::Repositories(registry.clone()));
        }
        (Pane::Left, LeftPane::Images(_)) => {
            browser.say(Level::Info, "the images are what the list says");
        }
        (Pane::Tags, _) => {
            old.extend((browser.tags.iter()).map(|tags| Request::Tags(tags.place.clone())));
        }
        (Pane::Image | Pane::Detail, _) => old = below(browser),
    }
    if !old.is_empty() {
        browser.say(Level::Info, "reading it again");
    }
    for request in old {
        browser.cache.forget(&request);
    }
}

/// What the selected line of the image was read from.
fn below(browser: &Browser) -> Vec<Request> {
    let Some((viewed, row)) = browser.viewed.as_ref().zip(browser.row()) else {
        return Vec::new();
    };
    let place = RepositoryId::of(&viewed.reference);
    match row.what {
        What::Manifest { version, found, .. } => {
            let mut requests = vec![Request::Manifest(place.clone(), version)];
            if let Some(manifest) = found.ready() {
                let digest = manifest.digest.clone();
                requests.push(Request::Referrers(place.clone(), digest));
                let config = manifest.blobs().next();
                requests.extend(config.map(|config| config_request(&place, config)));
            }
            requests
        }
        What::Config { descriptor, .. } => vec![config_request(&place, &descriptor)],
        What::Referrers { of, .. } => vec![Request::Referrers(place, of)],
        // They are told by the manifest and the config above.
        What::Step { .. } | What::Blob(_) => Vec::new(),
    }
}
