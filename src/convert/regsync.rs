//! The YAML of regsync.
//!
//! Decides what its keys mean. Its regular expressions match whole tags, as those of lists do.

use std::rc::Rc;

use super::{
    draft::Draft,
    names::Name,
    quote::quote,
    tag_rules::{ALL_TAGS, any_of, ranges},
    yaml::Node,
};
use crate::list::ImageTable;

const SCHEDULE: &str = "a list is copied once; start it from cron or a systemd timer";

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    for entry in documents.iter().flat_map(|document| document.entries()) {
        match entry.key.as_str() {
            "version" => {}
            "creds" => {
                for registry in entry.value.elements() {
                    credentials(registry, draft);
                }
            }
            "defaults" => defaults(&entry.value, draft),
            "sync" => {
                for sync in entry.value.elements() {
                    copy(sync, draft);
                }
            }
            // By custom, anchors for the rest of the file.
            key if key.starts_with("x-") => {}
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
}

fn credentials(registry: &Node, draft: &mut Draft) {
    let host = registry
        .text_of("hostname")
        .or(registry.text_of("registry"));
    let host = host.unwrap_or_default().to_owned();
    let secrets = ["user", "pass", "token", "credHelper"];
    if secrets.iter().any(|key| registry.get(key).is_some()) {
        draft.credentials(registry.line, &host);
    }
    for entry in registry.entries() {
        let text = entry.value.text().unwrap_or_default();
        match entry.key.as_str() {
            "registry" | "hostname" | "user" | "pass" | "token" | "credHelper" => {}
            "tls" => {
                let (plain_http, verify) = match text {
                    "disabled" => (Some(true), None),
                    "insecure" => (None, Some(false)),
                    _ => continue,
                };
                if let Some(settings) = draft.settings(entry.line, &host) {
                    settings.plain_http = plain_http;
                    settings.verify = verify;
                }
            }
            "reqPerSec" => {
                // It may be a fraction.
                let count = text.split('.').next().and_then(|text| text.parse().ok());
                let count = count.filter(|count| (1..=u64::from(u32::MAX)).contains(count));
                if let Some(settings) = draft.settings(entry.line, &host) {
                    settings.requests_per_second = count;
                }
            }
            "regcert" => draft.no_counterpart(
                entry.line,
                "regcert",
                "write the certificates into a file and its name as ca-file",
            ),
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
}

fn defaults(defaults: &Node, draft: &mut Draft) {
    for entry in defaults.entries() {
        match entry.key.as_str() {
            "parallel" => {
                let count = entry.value.text().and_then(|text| text.parse().ok());
                draft.parallel = count.filter(|count| (1..=65535).contains(count));
            }
            key => option(key, entry.line, draft),
        }
    }
}

/// A key that has no counterpart, or does what is done in any case.
fn option(key: &str, line: usize, draft: &mut Draft) {
    let instead = match key {
        "fastCopy" | "forceRecursive" | "digestTags" | "referrers" => return,
        "interval" | "schedule" => SCHEDULE,
        "ratelimit" => {
            "registries that limit requests are waited for; requests-per-second sets a limit"
        }
        "backup" => {
            "on-existing = \"keep\" or \"fail\" protects tags; replaced digests are reported"
        }
        "mediaTypes" => "every image is copied, whatever its media type",
        "hooks" => "run other programs before and after transship",
        "skipDockerConfig" => "anonymous = true switches credentials off for a registry",
        _ => "",
    };
    draft.no_counterpart(line, key, instead);
}

fn copy(sync: &Node, draft: &mut Draft) {
    let (Some(source), Some(target)) = (sync.text_of("source"), sync.text_of("target")) else {
        return draft.comment(sync.line, "this entry has no source or no target");
    };
    let line = sync.line;
    let mut locations = [source, target].into_iter();
    if let Some(directory) = locations.find(|text| text.starts_with("ocidir://")) {
        let text = format!(
            "{} is not converted: write a local store, oci:DIR:NAME",
            quote(directory)
        );
        return draft.comment(line, text);
    }
    let kind = sync.text_of("type").unwrap_or("image");
    if kind == "registry" {
        let text = format!(
            "a whole registry is not converted: write name = \"{source}/*\", and [destination] with {}",
            quote(target)
        );
        return draft.comment(line, text);
    }
    let (name, to) = match (Name::parse(source), Name::parse(target)) {
        (Ok(name), Ok(to)) => (name, to),
        (Err(error), _) => return draft.no_reference(line, source, &error),
        (_, Err(error)) => return draft.no_reference(line, target, &error),
    };
    for entry in sync.entries() {
        match entry.key.as_str() {
            "source" | "target" | "type" | "tags" | "platform" | "platforms" => {}
            key => option(key, entry.line, draft),
        }
    }
    let platforms = sync.get("platforms").or(sync.get("platform"));
    let platforms = platforms.map(|node| owned(&node.texts()));
    let table = ImageTable {
        name: Some(name.whole()),
        to: Some(to.whole()),
        platforms: platforms.filter(|platforms| !platforms.is_empty()),
        ..ImageTable::default()
    };
    match kind {
        "image" => draft.image(line, table),
        "repository" => repository(sync, table, draft),
        other => {
            draft.comment(line, format!("the type {} is not known", quote(other)));
        }
    }
}

fn repository(sync: &Node, table: ImageTable, draft: &mut Draft) {
    let line = sync.line;
    let tags = sync.get("tags");
    let texts = |key| tags.and_then(|tags| tags.get(key)).map(Node::texts);
    let (allow, deny, semver) = (texts("allow"), texts("deny"), texts("semverRange"));
    let allow: Vec<&str> = allow.iter().flatten().map(|(_, text)| *text).collect();
    let deny = deny.map(|deny| owned(&deny));
    let table = ImageTable {
        exclude: deny.filter(|deny| !deny.is_empty()),
        ..table
    };
    let versions: Vec<&str> = semver.iter().flatten().map(|(_, text)| *text).collect();
    if !allow.is_empty() || versions.is_empty() {
        let tag_pattern = match allow.is_empty() {
            true => ALL_TAGS.to_owned(),
            false => any_of(&allow),
        };
        let tag_pattern = Some(tag_pattern);
        draft.image(
            line,
            ImageTable {
                tag_pattern,
                ..table.clone()
            },
        );
    }
    for text in versions {
        let Some(ranges) = ranges(text) else {
            draft.comment(line, "this range has too many alternatives");
            continue;
        };
        for range in ranges {
            let semver = Some(range);
            let table = table.clone();
            draft.image(line, ImageTable { semver, ..table });
        }
    }
}

fn owned(texts: &[(usize, &str)]) -> Vec<String> {
    texts.iter().map(|(_, text)| (*text).to_owned()).collect()
}
