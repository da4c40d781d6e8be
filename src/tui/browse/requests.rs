//! What the browser has to read: everything that its open panes and overlays show.

use super::{
    cache::config_request,
    model::{Browser, LeftPane, Overlay},
    tree::Node,
};
use crate::inspect::{RepositoryId, Request};

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
        requests.push(Request::Tags(tags.repository.clone()));
    }
    if let Some(viewed) = &browser.viewed {
        let repository = RepositoryId::of(&viewed.reference);
        for row in browser.rows() {
            match row.node {
                Node::Manifest { version, .. } if row.open == Some(true) => {
                    requests.push(Request::Manifest(repository.clone(), version));
                }
                Node::Config { descriptor, .. } => {
                    requests.push(config_request(&repository, &descriptor));
                }
                Node::Referrers { of, .. } if row.open == Some(true) => {
                    requests.push(Request::Referrers(repository.clone(), of));
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
