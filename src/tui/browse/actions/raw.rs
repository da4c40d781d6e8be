//! Shows the JSON of the selected line, and what actions do in it.

use super::{images::copied, navigation::moved};
use crate::{
    inspect::ListedImage,
    present::Level,
    tui::{
        browse::{
            keymap::Action,
            model::{Browser, Overlay},
            raw::{Direction, Raw},
            tree::Node,
        },
        model::Effect,
    },
};

/// Cells that one key press scrolls sideways.
const SHIFT: isize = 16;

pub(super) fn show_raw(browser: &mut Browser) {
    let shown = browser.row().and_then(|row| match row.node {
        Node::Manifest { digest, found, .. } => {
            let manifest = found.ready()?;
            let name = match digest {
                Some(digest) => digest.short(),
                None => ListedImage(browser.viewed.as_ref()?.location.clone()).to_string(),
            };
            Some((format!("manifest {name}"), manifest.raw.clone()))
        }
        Node::Config { descriptor, found } => Some((
            format!("config {}", descriptor.digest.short()),
            found.ready()?.raw.clone(),
        )),
        Node::Step { layer, .. } => {
            let layer = layer?;
            let raw = serde_json::to_vec(&layer).ok()?;
            Some((
                format!("descriptor of {}", layer.digest.short()),
                raw.into(),
            ))
        }
        Node::Blob(descriptor) => {
            let raw = serde_json::to_vec(&descriptor).ok()?;
            Some((
                format!("descriptor of {}", descriptor.digest.short()),
                raw.into(),
            ))
        }
        Node::Referrers { of, found } => {
            let raw = serde_json::to_vec(&found.ready()?.entries).ok()?;
            Some((format!("referrers of {}", of.short()), raw.into()))
        }
    });
    match shown {
        Some((title, raw)) => browser.overlays.push(Overlay::Raw(Raw::new(title, raw))),
        None => browser.say(Level::Info, "this is not read yet"),
    }
}

/// Returns whether the JSON stays open.
pub(super) fn act_on_raw(
    browser: &mut Browser,
    raw: &mut Raw,
    action: Action,
) -> (bool, Vec<Effect>) {
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
                    true => "/ starts a search".to_owned(),
                    false => format!("{:?} is not found", raw.search),
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
