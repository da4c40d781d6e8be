//! What the browser has to read: everything that its open panes and overlays show.

use super::{
    cache::config_request,
    model::{Browser, LeftPane, Overlay},
    tree::Node,
};
use crate::inspect::{ContentStore, Request};

/// The requests for everything shown, answered or not.
pub(super) fn requests(browser: &Browser) -> Vec<Request> {
    let mut requests = Vec::new();
    if let LeftPane::Repositories {
        registry,
        listed: true,
        ..
    } = &browser.left
    {
        requests.push(Request::Repositories(registry.clone()));
    }
    if let Some(tags) = &browser.tags {
        requests.push(Request::Images(tags.collection.clone()));
    }
    if let Some(viewed) = &browser.viewed {
        let content = ContentStore::of(&viewed.location);
        for row in browser.rows() {
            match row.node {
                Node::Manifest { digest, .. } if row.open == Some(true) => {
                    requests.push(match digest {
                        Some(digest) => Request::Manifest(content.clone(), digest),
                        None => Request::manifest_of(&viewed.location),
                    });
                }
                Node::Config { descriptor, .. } => {
                    requests.push(config_request(&content, &descriptor));
                }
                Node::Referrers { of, .. } if row.open == Some(true) => {
                    requests.push(Request::Referrers(content.clone(), of));
                }
                Node::Manifest { .. }
                | Node::Referrers { .. }
                | Node::Step { .. }
                | Node::Blob(_) => {}
            }
        }
    }
    for overlay in &browser.overlays {
        if let Overlay::Comparing(comparing) = overlay {
            requests.extend(comparing.missing(&browser.cache));
        }
    }
    requests
}
