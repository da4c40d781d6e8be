//! The detail of the selected line, as names and values.
//!
//! Decides which facts there are. [`wrapped`] sanitizes and wraps their values, which are untrusted and of any length.

use std::collections::BTreeMap;

use super::{
    cache::Slot,
    model::Browser,
    tree::{ManifestRole, Node},
};
use crate::{
    inspect::{ContentStore, Error, ImageConfig, ReferrersSource, annotations, is_attestation},
    oci::{Descriptor, Manifest, ManifestContent},
    present::{bytes, count, sanitize, wrap},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetailEntry {
    Fact(&'static str, String),
    /// A further value of the fact above.
    More(String),
    Failure(Error),
    /// What an operator can do.
    Advice(&'static str),
    Reading,
    Hint(&'static str),
}

use DetailEntry::{Advice, Fact, Failure, Hint, More, Reading};

pub fn lines(browser: &Browser) -> Vec<DetailEntry> {
    let mut lines = Vec::new();
    match browser.row().map(|row| row.node) {
        None => lines.push(Hint("Open a tag to see its image.")),
        Some(Node::Manifest {
            role,
            descriptor,
            found,
            ..
        }) => manifest(browser, &mut lines, role, descriptor.as_ref(), &found),
        Some(Node::Config { descriptor, found }) => {
            blob(&mut lines, &descriptor);
            match found {
                Slot::Ready(config) => {
                    if let Some(image) = &config.image {
                        facts(&mut lines, image);
                    } else {
                        lines.push(Hint("This is not an image config; v shows its JSON."));
                    }
                }
                other => state(&mut lines, &other),
            }
        }
        Some(Node::Step { step, layer }) => {
            if let Some(layer) = &layer {
                blob(&mut lines, layer);
            } else {
                lines.push(Hint("This step changed the config and made no layer."));
            }
            let facts = [
                ("created", &step.created),
                ("made by", &step.created_by),
                ("comment", &step.comment),
            ];
            for (name, text) in facts {
                if let Some(text) = text {
                    lines.push(Fact(name, text.clone()));
                }
            }
        }
        Some(Node::Referrers { found, .. }) => match found {
            Slot::Ready(referrers) => {
                let amount = count(referrers.entries.len(), "manifest");
                lines.push(Fact("referrers", amount));
                lines.push(Fact(
                    "listed by",
                    match referrers.source {
                        ReferrersSource::Api => "the referrers API".into(),
                        ReferrersSource::FallbackTag => {
                            "the fallback tag: this registry has no referrers API".into()
                        }
                        ReferrersSource::Store => "the store".into(),
                    },
                ));
            }
            other => state(&mut lines, &other),
        },
        Some(Node::Blob(descriptor)) => {
            blob(&mut lines, &descriptor);
            lines.push(Hint("The index lists it although it is not a manifest."));
        }
    }
    lines
}

fn manifest(
    browser: &Browser,
    lines: &mut Vec<DetailEntry>,
    role: ManifestRole,
    descriptor: Option<&Descriptor>,
    found: &Slot<Manifest>,
) {
    if let (ManifestRole::Root, Some(viewed)) = (role, &browser.viewed) {
        lines.push(Fact("image", viewed.location.to_string()));
        if let Some(pair) = &viewed.pair {
            let side = match viewed.location == pair.source {
                true => "goes to",
                false => "comes from",
            };
            lines.push(Fact(side, pair.other(&viewed.location).to_string()));
        }
    }
    if let Some(platform) = descriptor.and_then(|descriptor| descriptor.platform.as_ref()) {
        lines.push(Fact("platform", platform.to_string()));
        if let Some(version) = &platform.os_version {
            lines.push(Fact("os version", version.clone()));
        }
    }
    if descriptor.is_some_and(is_attestation) {
        lines.push(Hint(
            "An attestation: it describes how another image was built, and cannot run.",
        ));
    }
    let manifest = match found {
        Slot::Ready(manifest) => manifest,
        other => {
            if let Some(descriptor) = descriptor {
                lines.push(Fact("digest", descriptor.digest.to_string()));
                lines.push(Fact("media type", descriptor.media_type.to_string()));
                if let Some(artifact_type) = &descriptor.artifact_type {
                    lines.push(Fact("artifact type", artifact_type.to_string()));
                }
                pairs(lines, "annotations", &descriptor.annotations);
            }
            return state(lines, other);
        }
    };
    lines.push(Fact("digest", manifest.digest.to_string()));
    lines.push(Fact("media type", manifest.media_type.to_string()));
    match &manifest.content {
        ManifestContent::Index(children) => {
            lines.push(Fact("manifests", children.len().to_string()));
        }
        ManifestContent::Image {
            artifact_type,
            layers,
            ..
        } => {
            if let Some(artifact_type) = artifact_type {
                lines.push(Fact("artifact type", artifact_type.to_string()));
            }
            let size = manifest
                .blobs()
                .fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
            let size = format!("{} in {}", bytes(size), count(layers.len(), "layer"));
            lines.push(Fact("size", size));
        }
    }
    if let Some(subject) = &manifest.subject {
        lines.push(Fact("refers to", subject.digest.to_string()));
    }
    let mut notes = annotations(manifest);
    notes.extend(
        descriptor
            .into_iter()
            .flat_map(|descriptor| descriptor.annotations.clone()),
    );
    pairs(lines, "annotations", &notes);
    if let ManifestContent::Image {
        config: Some(config),
        ..
    } = &manifest.content
        && let Some(viewed) = &browser.viewed
    {
        let content = ContentStore::of(&viewed.location);
        let found = browser.cache.config(&content, config);
        match found.ready().map(|config| &config.image) {
            Some(Some(image)) => facts(lines, image),
            Some(None) => {}
            None => state(lines, &found),
        }
    }
}

fn facts(lines: &mut Vec<DetailEntry>, image: &ImageConfig) {
    for fact in image.facts() {
        // The platform may already come from the index.
        if !lines
            .iter()
            .any(|line| matches!(line, Fact(name, _) if *name == fact.name))
        {
            list(lines, fact.name, fact.values);
        }
    }
}

fn blob(lines: &mut Vec<DetailEntry>, descriptor: &Descriptor) {
    lines.push(Fact("digest", descriptor.digest.to_string()));
    lines.push(Fact("media type", descriptor.media_type.to_string()));
    let size = match descriptor.size {
        size @ ..1024 => bytes(size),
        size => format!("{} ({size} bytes)", bytes(size)),
    };
    lines.push(Fact("size", size));
    pairs(lines, "annotations", &descriptor.annotations);
    list(lines, "found at", descriptor.urls.clone());
}

fn pairs(lines: &mut Vec<DetailEntry>, name: &'static str, pairs: &BTreeMap<String, String>) {
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
    list(lines, name, pairs.collect());
}

fn list(lines: &mut Vec<DetailEntry>, name: &'static str, values: Vec<String>) {
    let mut values = values.into_iter();
    lines.extend(values.next().map(|first| Fact(name, first)));
    lines.extend(values.map(More));
}

/// One line on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    pub tone: Tone,
    pub name: &'static str,
    /// Sanitized, and no wider than the pane.
    pub text: String,
}

/// The kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Fact,
    Failure,
    Advice,
    Reading,
    Hint,
}

/// The width of the column of names.
pub const NAME_CELLS: usize = 14;

/// The lines in a pane `cells` wide; long values continue on the next line.
pub fn wrapped(browser: &Browser, cells: usize) -> Vec<Wrapped> {
    let mut all = Vec::new();
    for line in lines(browser) {
        let (tone, name, text, room) = match line {
            Fact(name, text) => (Tone::Fact, name, text, cells.saturating_sub(NAME_CELLS)),
            More(text) => (Tone::Fact, "", text, cells.saturating_sub(NAME_CELLS)),
            Failure(error) => (Tone::Failure, "", format!("failed to {error}"), cells),
            Advice(text) => (Tone::Advice, "", format!("{text}; r retries"), cells),
            Reading => (Tone::Reading, "", "reading".into(), cells),
            Hint(text) => (Tone::Hint, "", text.into(), cells),
        };
        let mut name = name;
        for text in wrap(&sanitize(&text), room) {
            all.push(Wrapped { tone, name, text });
            name = "";
        }
    }
    all
}

fn state<T>(lines: &mut Vec<DetailEntry>, slot: &Slot<T>) {
    match slot {
        Slot::Ready(_) => {}
        Slot::Unread => lines.push(Hint("enter reads it")),
        Slot::Reading => lines.push(Reading),
        Slot::Failed(error) => {
            lines.push(Failure(error.clone()));
            lines.push(Advice(error.advice()));
        }
    }
}
