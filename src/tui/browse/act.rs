//! What each action does.
//!
//! Invariant: a key that can do nothing says why.

use tui_input::Input;

use super::{
    cache::config_request,
    chooser::Chooser,
    comparing::Comparing,
    detail,
    keys::Action,
    layout::Pane,
    model::{Browser, Effect, Left, Overlay, Pair},
    raw::{Direction, Raw},
    tree::{NodeId, What},
    update::typed,
};
use crate::{
    inspect::{Place, Request},
    oci::{Reference, Version},
    present::Level,
    tui::help,
};

/// Cells to the side with one key.
const SHIFT: isize = 16;

pub fn act(browser: &mut Browser, action: Action) -> Vec<Effect> {
    match action {
        Action::Interrupt => return vec![Effect::Interrupt],
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

/// Where a move leads from `at` in a list of `len` lines, `page` of them shown.
fn moved(at: usize, action: Action, page: usize, len: usize) -> usize {
    let page = page.max(2) - 1;
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => at + page,
        Action::First => 0,
        Action::Last => len,
        _ => at,
    };
    to.min(len.saturating_sub(1))
}

/// As [`moved`], for text without a cursor: the last page is the end.
fn scrolled(offset: usize, action: Action, page: usize, len: usize) -> usize {
    moved(offset, action, page, len).min(len.saturating_sub(page))
}

fn go(browser: &mut Browser, action: Action) {
    let page = browser.screen().lines(browser.focus);
    match browser.focus {
        Pane::Left => match &mut browser.left {
            Left::Repositories { chooser, .. } => choose(chooser, action, page),
            Left::Images(chooser) => choose(chooser, action, page),
        },
        Pane::Tags => {
            if let Some(tags) = &mut browser.tags {
                choose(&mut tags.chooser, action, page);
            }
        }
        Pane::Image => {
            let rows = browser.rows();
            if let Some(viewed) = &mut browser.viewed {
                let at = rows.iter().position(|row| row.id == viewed.cursor);
                let to = moved(at.unwrap_or(0), action, page, rows.len());
                if let Some(row) = rows.get(to).filter(|_| Some(to) != at) {
                    viewed.cursor = row.id.clone();
                    browser.detail_offset = 0;
                }
            }
        }
        Pane::Detail => {
            let lines = detail::wrapped(browser, browser.screen().cells(Pane::Detail)).len();
            browser.detail_offset = scrolled(browser.detail_offset, action, page, lines);
        }
    }
}

fn choose<T: Clone + PartialEq + std::fmt::Display>(
    chooser: &mut Chooser<T>,
    action: Action,
    page: usize,
) {
    let to = moved(chooser.cursor(), action, page, chooser.rows().len());
    chooser.move_to(to);
}

fn open(browser: &mut Browser) {
    match browser.focus {
        Pane::Left => match &browser.left {
            Left::Repositories {
                registry, chooser, ..
            } => {
                if let Some(repository) = chooser.selected() {
                    let place = Place {
                        registry: registry.clone(),
                        repository: repository.clone(),
                    };
                    browser.show_tags(place);
                    browser.focus = Pane::Tags;
                }
            }
            Left::Images(chooser) => {
                if let Some(pair) = chooser.selected().cloned() {
                    browser.show_tags(Place::of(&pair.source));
                    browser.show(pair.source.clone(), Some(pair));
                    browser.focus = Pane::Image;
                }
            }
        },
        Pane::Tags => {
            if let Some(reference) = selected_tag(browser) {
                let pair = pair_of(browser, &reference);
                browser.show(reference, pair);
                browser.focus = Pane::Image;
            }
        }
        Pane::Image => {
            let row = browser.row();
            if let (Some(row), Some(viewed)) = (row, &mut browser.viewed) {
                match row.open {
                    Some(false) => {
                        viewed.open.insert(row.id);
                    }
                    Some(true) => go(browser, Action::Down),
                    None => browser.focus = Pane::Detail,
                }
            }
        }
        Pane::Detail => {}
    }
}

fn close(browser: &mut Browser) {
    match browser.focus {
        Pane::Left => {}
        Pane::Tags => browser.focus = Pane::Left,
        Pane::Image => {
            let row = browser.row();
            let Some(viewed) = &mut browser.viewed else {
                browser.focus = Pane::Tags;
                return;
            };
            browser.detail_offset = 0;
            let root = viewed.cursor == NodeId::root();
            match row.filter(|row| row.open == Some(true) && !root) {
                Some(row) => {
                    viewed.open.remove(&row.id);
                }
                None => match viewed.cursor.parent() {
                    Some(parent) => viewed.cursor = parent,
                    None => browser.focus = Pane::Tags,
                },
            }
        }
        Pane::Detail => browser.focus = Pane::Image,
    }
}

fn back(browser: &mut Browser) {
    let filter = match (browser.focus, &mut browser.left, &mut browser.tags) {
        (Pane::Left, Left::Repositories { chooser, .. }, _) => clear(chooser),
        (Pane::Left, Left::Images(chooser), _) => clear(chooser),
        (Pane::Tags, _, Some(tags)) => clear(&mut tags.chooser),
        _ => false,
    };
    match browser.focus {
        _ if filter => {}
        _ if browser.zoomed => browser.zoomed = false,
        Pane::Left => browser.say(Level::Info, "q closes the browser"),
        Pane::Tags | Pane::Image | Pane::Detail => browser.focus = browser.focus.next(3),
    }
}

/// Clears the filter; whether there was one.
fn clear<T: Clone + PartialEq + std::fmt::Display>(chooser: &mut Chooser<T>) -> bool {
    let filtered = !chooser.filter().is_empty();
    chooser.set_filter("");
    filtered
}

fn type_filter(browser: &mut Browser) {
    let filter = match (browser.focus, &browser.left, &browser.tags) {
        (Pane::Left, Left::Repositories { chooser, .. }, _) => chooser.filter(),
        (Pane::Left, Left::Images(chooser), _) => chooser.filter(),
        (Pane::Tags, _, Some(tags)) => tags.chooser.filter(),
        _ => {
            let text = "only repositories, images and tags are filtered; v shows JSON to search in";
            return browser.say(Level::Info, text);
        }
    };
    let input = Input::new(filter.to_owned());
    browser.overlays.push(Overlay::Typing(input));
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

fn other_side(browser: &mut Browser) {
    let viewed = browser.viewed.as_ref();
    let pair = viewed.and_then(|viewed| Some((viewed.pair.clone()?, viewed.reference.clone())));
    match pair {
        Some((pair, side)) => {
            let other = pair.other(&side).clone();
            browser.show_tags(Place::of(&other));
            browser.show(other, Some(pair));
        }
        None => browser.say(Level::Info, "this image has no other side"),
    }
}

fn compare(browser: &mut Browser) {
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

fn mark(browser: &mut Browser) {
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
fn target(browser: &Browser) -> Option<Reference> {
    match (browser.focus, &browser.left) {
        (Pane::Tags, _) => selected_tag(browser),
        (Pane::Left, Left::Images(chooser)) => Some(chooser.selected()?.source.clone()),
        _ => Some(browser.viewed.as_ref()?.reference.clone()),
    }
}

fn selected_tag(browser: &Browser) -> Option<Reference> {
    let tags = browser.tags.as_ref()?;
    let tag = tags.chooser.selected()?.clone();
    Some(tags.place.at(&Version::Tag(tag)))
}

/// Where an image comes from or goes to.
fn pair_of(browser: &Browser, side: &Reference) -> Option<Pair> {
    let viewed = browser
        .viewed
        .as_ref()
        .and_then(|viewed| viewed.pair.as_ref());
    let listed = match &browser.left {
        Left::Images(chooser) => chooser.items(),
        Left::Repositories { .. } => &[],
    };
    (viewed.into_iter().chain(listed))
        .find(|pair| pair.source == *side || pair.destination == *side)
        .cloned()
}

fn copy(browser: &mut Browser) -> Vec<Effect> {
    let text = match (browser.focus, &browser.left) {
        (
            Pane::Left,
            Left::Repositories {
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
                        false => Place::of(&viewed.reference).at(&version),
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

fn copied(browser: &mut Browser, text: String) -> Vec<Effect> {
    let lines = text.lines().count();
    let said = match lines {
        0 | 1 => format!("copied {text}"),
        _ => format!("copied {lines} lines"),
    };
    browser.say(Level::Good, said);
    vec![Effect::Copy(text)]
}

fn reload(browser: &mut Browser) {
    let mut old = Vec::new();
    match (browser.focus, &mut browser.left) {
        (
            Pane::Left,
            Left::Repositories {
                registry, listed, ..
            },
        ) => {
            *listed = true;
            old.push(Request::Repositories(registry.clone()));
        }
        (Pane::Left, Left::Images(_)) => {
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
    let place = Place::of(&viewed.reference);
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
