//! Reads again what is selected.

use crate::{
    inspect::{ContentStore, Request},
    present::Level,
    tui::browse::{
        cache::config_request,
        layout::Pane,
        model::{Browser, LeftPane},
        tree::Node,
    },
};

pub(super) fn reload(browser: &mut Browser) {
    let mut requests = Vec::new();
    match (browser.focus, &mut browser.left) {
        (
            Pane::Left,
            LeftPane::Repositories {
                registry, listed, ..
            },
        ) => {
            *listed = true;
            requests.push(Request::Repositories(registry.clone()));
        }
        (Pane::Left, LeftPane::Store(_)) => {
            browser.say(Level::Info, "r on its names reads the store again");
        }
        (Pane::Left, LeftPane::Images(_)) => {
            browser.say(Level::Info, "the images are those of the list");
        }
        (Pane::Tags, _) => {
            requests
                .extend((browser.tags.iter()).map(|tags| Request::Images(tags.collection.clone())));
        }
        (Pane::Image | Pane::Detail, _) => requests = requests_of_row(browser),
    }
    if !requests.is_empty() {
        browser.say(Level::Info, "reading again");
    }
    for request in requests {
        browser.cache.forget(&request);
    }
}

/// The requests that the selected line of the image was read with.
fn requests_of_row(browser: &Browser) -> Vec<Request> {
    let Some((viewed, row)) = browser.viewed.as_ref().zip(browser.row()) else {
        return Vec::new();
    };
    let content = ContentStore::of(&viewed.location);
    match row.node {
        Node::Manifest { digest, found, .. } => {
            let mut requests = vec![match digest {
                Some(digest) => Request::Manifest(content.clone(), digest),
                None => Request::manifest_of(&viewed.location),
            }];
            if let Some(manifest) = found.ready() {
                let digest = manifest.digest.clone();
                requests.push(Request::Referrers(content.clone(), digest));
                let config = manifest.blobs().next();
                requests.extend(config.map(|config| config_request(&content, config)));
            }
            requests
        }
        Node::Config { descriptor, .. } => vec![config_request(&content, &descriptor)],
        Node::Referrers { of, .. } => vec![Request::Referrers(content, of)],
        // They come from the manifest and the config above.
        Node::Step { .. } | Node::Blob(_) => Vec::new(),
    }
}
