//! The YAML of `skopeo sync --src yaml`.
//!
//! Decides what its keys mean for each registry. Its regular expressions match anywhere in a tag.

use std::rc::Rc;

use super::{
    draft::Draft,
    names::Name,
    tag_rules::{ALL_TAGS, anywhere, ranges},
    yaml::{Entry, Node},
};
use crate::list::ImageTable;

/// The keys of a registry that name images.
pub(super) const IMAGE_KEYS: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    draft.comment(
        0,
        "skopeo sync puts images below the last component of their names, unless it has --scoped; this list keeps the \
         whole repository",
    );
    let registries = documents.iter().flat_map(|document| document.entries());
    for registry in registries {
        for entry in registry.value.entries() {
            settings_or_images(registry, entry, draft);
        }
    }
}

fn settings_or_images(registry: &Entry, entry: &Entry, draft: &mut Draft) {
    let host = &registry.key;
    match entry.key.as_str() {
        "images" => each(host, entry, draft, tags),
        "images-by-tag-regex" => each(host, entry, draft, |draft, line, name, value| {
            for (_, pattern) in value.texts() {
                let tag_pattern = Some(anywhere(pattern));
                let name = Some(name.of_repository());
                draft.image(
                    line,
                    ImageTable {
                        name,
                        tag_pattern,
                        ..ImageTable::default()
                    },
                );
            }
        }),
        "images-by-semver" => each(host, entry, draft, |draft, line, name, value| {
            for (_, text) in value.texts() {
                by_ranges(draft, line, name, text);
            }
        }),
        "credentials" => draft.credentials(entry.line, host),
        "tls-verify" => {
            if entry.value.text() == Some("false")
                && let Some(settings) = draft.settings(entry.line, host)
            {
                settings.verify = Some(false);
            }
        }
        // A list that trusts every certificate has no authorities.
        "cert-dir" if registry.value.text_of("tls-verify") == Some("false") => {
            draft.comment(
                entry.line,
                "cert-dir is not used together with tls-verify: false",
            );
        }
        "cert-dir" => {
            if let Some(directory) = entry.value.text().filter(|text| !text.is_empty())
                && let Some(settings) = draft.settings(entry.line, host)
            {
                settings.ca_directory = Some(directory.to_owned());
            }
        }
        key => draft.no_counterpart(entry.line, key, ""),
    }
}

/// Reads the repositories below a key.
fn each(
    host: &str,
    images: &Entry,
    draft: &mut Draft,
    read: impl Fn(&mut Draft, usize, &Name, &Node),
) {
    for image in images.value.entries() {
        let text = format!("{host}/{}", image.key);
        match Name::parse(&text) {
            Ok(name) => read(draft, image.line, &name, &image.value),
            Err(error) => draft.no_reference(image.line, &text, &error),
        }
    }
}

fn tags(draft: &mut Draft, line: usize, name: &Name, value: &Node) {
    let repository = || Some(name.of_repository());
    let written = value.texts();
    let (digests, tags): (Vec<&str>, Vec<&str>) = (written.iter())
        .map(|(_, text)| *text)
        .partition(|text| text.contains(':'));
    let table = ImageTable {
        name: repository(),
        ..ImageTable::default()
    };
    if written.is_empty() {
        let tag_pattern = Some(ALL_TAGS.into());
        draft.image(
            line,
            ImageTable {
                tag_pattern,
                ..table
            },
        );
    } else if !tags.is_empty() {
        let tags = Some(tags.into_iter().map(ToOwned::to_owned).collect());
        draft.image(line, ImageTable { tags, ..table });
    }
    for digest in digests {
        let name = Some(format!("{}@{digest}", name.of_repository()));
        draft.image(
            line,
            ImageTable {
                name,
                ..ImageTable::default()
            },
        );
    }
}

fn by_ranges(draft: &mut Draft, line: usize, name: &Name, text: &str) {
    let Some(ranges) = ranges(text) else {
        let text = "this range has too many alternatives: write them as several tables";
        return draft.comment(line, text);
    };
    for range in ranges {
        draft.image(
            line,
            ImageTable {
                name: Some(name.of_repository()),
                semver: Some(range),
                ..ImageTable::default()
            },
        );
    }
}
