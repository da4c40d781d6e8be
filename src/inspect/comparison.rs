//! Compares two images side by side: digests, platforms, layers, configs, referrers.
//!
//! Invariant: equal digests are equal content, so nothing below them is compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Image, ImageConfig, Inspection};
use crate::oci::{Descriptor, Digest};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether the digests are equal.
    pub identical: bool,
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub lines: Vec<Line>,
}

/// One property of both images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub what: String,
    pub source: Option<Value>,
    pub destination: Option<Value>,
}

/// From a store, so untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Digest(Digest),
    Blob { digest: Digest, size: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonResult {
    Same,
    Differs,
    OnlySource,
    OnlyDestination,
}

impl Line {
    #[must_use]
    pub fn verdict(&self) -> ComparisonResult {
        match (&self.source, &self.destination) {
            (source, destination) if source == destination => ComparisonResult::Same,
            (Some(_), None) => ComparisonResult::OnlySource,
            (None, Some(_)) => ComparisonResult::OnlyDestination,
            _ => ComparisonResult::Differs,
        }
    }
}

impl Comparison {
    #[must_use]
    pub fn of(source: &Inspection, destination: &Inspection) -> Self {
        let identical = source.digest == destination.digest;
        let mut sections = vec![manifest(source, destination)];
        if !identical {
            sections.extend(images(source, destination));
        }
        // The digest does not cover referrers.
        let digests = |side: &Inspection| blobs(&side.referrers);
        sections.push(Section {
            title: "Referrers".into(),
            lines: in_both("referrer", &digests(source), &digests(destination)),
        });
        sections.retain(|section| !section.lines.is_empty());
        Self {
            identical,
            sections,
        }
    }

    /// The number of lines that differ.
    #[must_use]
    pub fn differences(&self) -> usize {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        lines
            .filter(|line| line.verdict() != ComparisonResult::Same)
            .count()
    }
}

fn manifest(source: &Inspection, destination: &Inspection) -> Section {
    let mut lines = vec![
        line("digest", source, destination, |side| {
            Some(Value::Digest(side.digest.clone()))
        }),
        line("media type", source, destination, |side| {
            Some(Value::Text(side.media_type.to_string()))
        }),
    ];
    lines.extend(maps(&source.annotations, &destination.annotations));
    Section {
        title: "Manifest".into(),
        lines,
    }
}

/// Pairs the images of both sides by platform, and compares those that differ.
fn images(source: &Inspection, destination: &Inspection) -> Vec<Section> {
    let (source, destination) = (by_platform(source), by_platform(destination));
    let names: BTreeSet<&String> = source.keys().chain(destination.keys()).collect();
    let mut platforms = Section {
        title: "Platforms".into(),
        lines: Vec::new(),
    };
    let mut sections = Vec::new();
    for name in names {
        let pair = (source.get(name), destination.get(name));
        let value = |side: Option<&&Image>| {
            side.map(|image| match image.size {
                Some(size) => Value::Blob {
                    digest: image.digest.clone(),
                    size,
                },
                None => Value::Digest(image.digest.clone()),
            })
        };
        platforms.lines.push(Line {
            what: name.clone(),
            source: value(pair.0),
            destination: value(pair.1),
        });
        if let (Some(source), Some(destination)) = pair
            && source.digest != destination.digest
        {
            sections.push(Section {
                title: format!("Layers of {name}"),
                lines: in_both("layer", &blobs(&source.layers), &blobs(&destination.layers)),
            });
            sections.push(Section {
                title: format!("Config of {name}"),
                lines: configs(source.config.as_ref(), destination.config.as_ref()),
            });
        }
    }
    sections.insert(0, platforms);
    sections
}

/// Images by platform; several of one platform are numbered.
fn by_platform(side: &Inspection) -> BTreeMap<String, &Image> {
    let mut named = BTreeMap::new();
    for image in &side.images {
        let name = match (&image.platform, image.attestation) {
            (_, true) => "attestation".to_owned(),
            (Some(platform), false) => platform.to_string(),
            (None, false) => "image".to_owned(),
        };
        let mut unique = name.clone();
        let mut count = 1;
        while named.contains_key(&unique) {
            count += 1;
            unique = format!("{name} ({count})");
        }
        named.insert(unique, image);
    }
    named
}

fn blobs(descriptors: &[Descriptor]) -> Vec<Value> {
    let blob = |descriptor: &Descriptor| Value::Blob {
        digest: descriptor.digest.clone(),
        size: descriptor.size,
    };
    descriptors.iter().map(blob).collect()
}

/// One line for each value on both sides or one, in the source's order and then the destination's.
fn in_both(what: &str, source: &[Value], destination: &[Value]) -> Vec<Line> {
    let mut left: Vec<&Value> = destination.iter().collect();
    let mut lines = Vec::new();
    let mut push = |source: Option<&Value>, destination: Option<&Value>| {
        lines.push(Line {
            what: format!("{what} {}", lines.len() + 1),
            source: source.cloned(),
            destination: destination.cloned(),
        });
    };
    for value in source {
        let same = left.iter().position(|other| *other == value);
        push(Some(value), same.map(|at| left.remove(at)));
    }
    for value in left {
        push(None, Some(value));
    }
    lines
}

fn configs(source: Option<&ImageConfig>, destination: Option<&ImageConfig>) -> Vec<Line> {
    let (Some(source), Some(destination)) = (source, destination) else {
        return Vec::new();
    };
    let text = |what: &str, of: fn(&ImageConfig) -> Option<String>| {
        line(what, source, destination, |side| of(side).map(Value::Text))
    };
    let list = |what: &str, of: fn(&ImageConfig) -> &[String]| {
        line(what, source, destination, |side| {
            Some(of(side).join(" "))
                .filter(|text| !text.is_empty())
                .map(Value::Text)
        })
    };
    let mut lines = vec![
        text("created", |config| config.created.clone()),
        text("author", |config| config.author.clone()),
        text("os", |config| config.os.clone()),
        text("architecture", |config| config.architecture.clone()),
        text("user", |config| config.user.clone()),
        text("directory", |config| config.working_directory.clone()),
        list("entrypoint", |config| &config.entrypoint),
        list("command", |config| &config.command),
        list("ports", |config| &config.exposed_ports),
        list("volumes", |config| &config.volumes),
        text("stop signal", |config| config.stop_signal.clone()),
        list("health check", |config| &config.health_check),
    ];
    lines.extend(maps(&variables(source), &variables(destination)));
    lines.extend(maps(&source.labels, &destination.labels));
    lines.retain(|line| line.source.is_some() || line.destination.is_some());
    lines
}

fn variables(config: &ImageConfig) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (format!("${name}"), value.to_owned())
    };
    config.environment.iter().map(pair).collect()
}

fn maps(source: &BTreeMap<String, String>, destination: &BTreeMap<String, String>) -> Vec<Line> {
    let keys: BTreeSet<&String> = source.keys().chain(destination.keys()).collect();
    let value = |side: &BTreeMap<String, String>, key| side.get(key).cloned().map(Value::Text);
    (keys.into_iter())
        .map(|key| Line {
            what: key.clone(),
            source: value(source, key),
            destination: value(destination, key),
        })
        .collect()
}

fn line<T>(what: &str, source: &T, destination: &T, value: impl Fn(&T) -> Option<Value>) -> Line {
    Line {
        what: what.into(),
        source: value(source),
        destination: value(destination),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{MediaType, Platform};

    fn blob(content: &str) -> Descriptor {
        Descriptor {
            media_type: MediaType::new(MediaType::OCI_LAYER_GZIP),
            digest: Digest::of(content.as_bytes()),
            size: 7,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }

    fn image(platform: &str, layers: &[&str], user: &str) -> Image {
        let platform: Platform = platform.parse().unwrap();
        Image {
            digest: Digest::of(format!("{platform}{layers:?}{user}").as_bytes()),
            media_type: MediaType::new(MediaType::OCI_MANIFEST),
            artifact_type: None,
            attestation: false,
            size: Some(7),
            annotations: BTreeMap::new(),
            config: Some(ImageConfig {
                user: Some(user.into()),
                environment: vec!["A=1".into(), format!("OWNER={user}")],
                ..ImageConfig::default()
            }),
            layers: layers.iter().map(|layer| blob(layer)).collect(),
            history: Vec::new(),
            errors: Vec::new(),
            platform: Some(platform),
        }
    }

    fn inspection(images: Vec<Image>) -> Inspection {
        Inspection {
            location: "a.example/team/api:1".parse().unwrap(),
            digest: Digest::of(format!("{images:?}").as_bytes()),
            media_type: MediaType::new(MediaType::OCI_INDEX),
            annotations: BTreeMap::new(),
            images,
            referrers: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Lines that differ, as `section: line verdict`.
    fn differences(source: Vec<Image>, destination: Vec<Image>) -> Vec<String> {
        let comparison = Comparison::of(&inspection(source), &inspection(destination));
        let mut found = Vec::new();
        for section in &comparison.sections {
            for line in &section.lines {
                if line.verdict() != ComparisonResult::Same {
                    found.push(format!(
                        "{}: {} {:?}",
                        section.title,
                        line.what,
                        line.verdict()
                    ));
                }
            }
        }
        assert_eq!(found.len(), comparison.differences());
        found
    }

    #[test]
    fn equal_images_differ_in_nothing_and_are_not_taken_apart() {
        let images = || vec![image("linux/amd64", &["a"], "root")];
        let comparison = Comparison::of(&inspection(images()), &inspection(images()));
        assert!(comparison.identical);
        assert_eq!(comparison.sections.len(), 1);
        assert_eq!(comparison.differences(), 0);
    }

    #[test]
    fn a_platform_that_was_left_behind_is_named() {
        let amd64 = || image("linux/amd64", &["a"], "root");
        let arm64 = image("linux/arm64", &["b"], "root");
        assert_eq!(
            differences(vec![amd64(), arm64], vec![amd64()]),
            [
                "Manifest: digest Differs",
                "Platforms: linux/arm64 OnlySource"
            ]
        );
    }

    #[test]
    fn layers_and_config_of_a_changed_platform_are_compared() {
        let source = image("linux/amd64", &["base", "old"], "root");
        let destination = image("linux/amd64", &["base", "new"], "app");
        assert_eq!(
            differences(vec![source], vec![destination]),
            [
                "Manifest: digest Differs",
                "Platforms: linux/amd64 Differs",
                "Layers of linux/amd64: layer 2 OnlySource",
                "Layers of linux/amd64: layer 3 OnlyDestination",
                "Config of linux/amd64: user Differs",
                "Config of linux/amd64: $OWNER Differs",
            ]
        );
    }

    #[test]
    fn a_layer_that_is_there_twice_needs_two_on_the_other_side() {
        let source = image("linux/amd64", &["a", "a"], "root");
        let destination = image("linux/amd64", &["a"], "root");
        assert!(
            differences(vec![source], vec![destination])
                .contains(&"Layers of linux/amd64: layer 2 OnlySource".to_owned())
        );
    }
}
