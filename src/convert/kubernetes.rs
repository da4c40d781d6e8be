//! Kubernetes manifests.
//!
//! Decides that an image is a text under the key `image`, wherever it is, or the `reference` below one, as image volumes
//! have it. So resources of every kind are read. The status of a resource repeats its images by other names and is left
//! out. Invariant: an image that is named twice is written once.

use std::rc::Rc;

use super::{draft::Draft, yaml::Node};

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    for document in documents {
        walk(document, draft);
    }
}

/// The tree has a limited depth.
fn walk(node: &Node, draft: &mut Draft) {
    for element in node.elements() {
        walk(element, draft);
    }
    let is_resource = node.get("kind").is_some();
    for entry in node.entries() {
        if is_resource && entry.key == "status" {
            continue;
        }
        let image = match entry.key.as_str() {
            "image" => entry.value.text().or(entry.value.text_of("reference")),
            _ => None,
        };
        match image {
            Some(image) => draft.name_once(entry.line, image),
            None => walk(&entry.value, draft),
        }
    }
}
