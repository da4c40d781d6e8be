//! The image configuration (image-spec config.md; Docker image spec v1.2).
//!
//! Decides which fields are shown. Invariant: a field of the wrong type is left out, and the others are still read.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::oci::MediaType;

/// A config blob as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub raw: Bytes,
    pub media_type: MediaType,
    /// Its content, if it is the configuration of an image.
    pub image: Option<ImageConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageConfig {
    pub created: Option<String>,
    pub author: Option<String>,
    pub os: Option<String>,
    pub architecture: Option<String>,
    pub variant: Option<String>,
    pub os_version: Option<String>,
    /// The version of Docker that built it, in older images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_version: Option<String>,
    pub user: Option<String>,
    pub working_directory: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub environment: Vec<String>,
    pub exposed_ports: Vec<String>,
    pub volumes: Vec<String>,
    pub stop_signal: Option<String>,
    pub health_check: Vec<String>,
    pub labels: BTreeMap<String, String>,
    #[serde(skip)]
    pub history: Vec<HistoryEntry>,
}

/// A named property of an image config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    /// One value a line.
    pub values: Vec<String>,
}

/// A build step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    pub created: Option<String>,
    pub created_by: Option<String>,
    pub author: Option<String>,
    pub comment: Option<String>,
    /// The step has no layer.
    pub empty_layer: bool,
}

impl Config {
    /// Reads `raw` as what `media_type` says it is.
    #[must_use]
    pub fn read(raw: Bytes, media_type: MediaType) -> Self {
        let image = is_image(&media_type)
            .then(|| ImageConfig::read(&raw))
            .flatten();
        Self {
            raw,
            media_type,
            image,
        }
    }
}

/// Whether a config of this type describes an image.
pub(super) fn is_image(media_type: &MediaType) -> bool {
    matches!(
        media_type.as_str(),
        MediaType::OCI_CONFIG | MediaType::DOCKER_CONFIG
    )
}

impl ImageConfig {
    fn read(raw: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(raw).ok()?;
        document.as_object()?;
        let config = &document["config"];
        let history = document["history"].as_array();
        Some(Self {
            created: text(&document["created"]),
            author: text(&document["author"]),
            os: text(&document["os"]),
            architecture: text(&document["architecture"]),
            variant: text(&document["variant"]),
            os_version: text(&document["os.version"]),
            docker_version: text(&document["docker_version"]),
            user: text(&config["User"]),
            working_directory: text(&config["WorkingDir"]),
            entrypoint: texts(&config["Entrypoint"]),
            command: texts(&config["Cmd"]),
            environment: texts(&config["Env"]),
            exposed_ports: names(&config["ExposedPorts"]),
            volumes: names(&config["Volumes"]),
            stop_signal: text(&config["StopSignal"]),
            health_check: texts(&config["Healthcheck"]["Test"]),
            labels: pairs(&config["Labels"]),
            history: history.into_iter().flatten().map(entry).collect(),
        })
    }
}

impl ImageConfig {
    /// The properties that are set.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let one = |text: &Option<String>| text.iter().cloned().collect();
        let platform = [&self.os, &self.architecture, &self.variant];
        let platform: Vec<&str> = platform.into_iter().flatten().map(String::as_str).collect();
        let facts: [(&'static str, Vec<String>); 13] = [
            ("created", one(&self.created)),
            ("author", one(&self.author)),
            (
                "platform",
                one(&Some(platform.join("/")).filter(|text| !text.is_empty())),
            ),
            ("user", one(&self.user)),
            ("directory", one(&self.working_directory)),
            ("entrypoint", command_line(&self.entrypoint)),
            ("command", command_line(&self.command)),
            ("environment", self.environment.clone()),
            ("ports", self.exposed_ports.clone()),
            ("volumes", self.volumes.clone()),
            ("stop signal", one(&self.stop_signal)),
            ("health check", command_line(&self.health_check)),
            (
                "labels",
                (self.labels.iter())
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect(),
            ),
        ];
        (facts.into_iter())
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| Fact { name, values })
            .collect()
    }
}

/// Words, quoted where a shell needs it.
fn command_line(words: &[String]) -> Vec<String> {
    let word = |word: &String| match word.is_empty() || word.contains([' ', '"', '\'', '\n', '\t'])
    {
        true => format!("{word:?}"),
        false => word.clone(),
    };
    let line: Vec<String> = words.iter().map(word).collect();
    line.first().map(|_| line.join(" ")).into_iter().collect()
}

fn entry(value: &Value) -> HistoryEntry {
    HistoryEntry {
        created: text(&value["created"]),
        created_by: text(&value["created_by"]),
        author: text(&value["author"]),
        comment: text(&value["comment"]),
        empty_layer: value["empty_layer"] == true,
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(Into::into)
}

/// A list of strings; old builders wrote a single one without brackets.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => (list.iter())
            .filter_map(|item| item.as_str().map(Into::into))
            .collect(),
        _ => Vec::new(),
    }
}

/// A set, which Go writes as an object of empty objects.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Object(set) => set.keys().cloned().collect(),
        other => texts(other),
    }
}

fn pairs(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Option<ImageConfig> {
        let media_type = MediaType::new(MediaType::OCI_CONFIG);
        Config::read(value.to_string().into(), media_type).image
    }

    #[test]
    fn what_people_ask_for_is_read() {
        let config = read(&json!({
            "created": "2026-01-01T00:00:00Z", "os": "linux", "architecture": "arm64", "variant": "v8",
            "config": {
                "User": "1000", "WorkingDir": "/srv", "Entrypoint": ["/app"], "Cmd": ["serve"],
                "Env": ["A=b"], "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}},
                "Labels": {"team": "payments"}, "Healthcheck": {"Test": ["CMD", "true"]}
            },
            "history": [{"created_by": "RUN a", "empty_layer": true}, {}]
        }))
        .unwrap();
        assert_eq!(config.variant.as_deref(), Some("v8"));
        assert_eq!(config.entrypoint, ["/app"]);
        assert_eq!(config.exposed_ports, ["80/tcp"]);
        assert_eq!(config.volumes, ["/data"]);
        assert_eq!(config.labels["team"], "payments");
        assert_eq!(config.health_check, ["CMD", "true"]);
        assert!(config.history[0].empty_layer && !config.history[1].empty_layer);
    }

    #[test]
    fn a_field_of_the_wrong_type_is_not_there() {
        let config = read(&json!({
            "created": 7, "os": "linux", "history": null,
            "config": {"Env": null, "Cmd": "one", "Labels": {"n": 1, "s": "x"}, "Volumes": ["/v"]}
        }))
        .unwrap();
        assert_eq!(config.created, None);
        assert_eq!(config.os.as_deref(), Some("linux"));
        assert_eq!(config.command, ["one"]);
        assert_eq!(config.volumes, ["/v"]);
        assert_eq!(config.labels.len(), 1);
        assert_eq!(read(&json!([1])), None);
        assert!(read(&json!({"config": null})).is_some());
    }

    #[test]
    fn facts_leave_out_what_is_left_open() {
        let config = read(&json!({
            "os": "linux", "architecture": "amd64",
            "config": {"Cmd": ["sh", "-c", "a b"], "Labels": {"k": "v"}}
        }))
        .unwrap();
        let facts: Vec<_> = config
            .facts()
            .into_iter()
            .map(|fact| (fact.name, fact.values.join("; ")))
            .collect();
        assert_eq!(
            facts,
            [
                ("platform", "linux/amd64".into()),
                ("command", "sh -c \"a b\"".into()),
                ("labels", "k=v".to_owned())
            ]
        );
    }

    #[test]
    fn the_config_of_an_artifact_is_not_an_image() {
        let media_type = MediaType::new(MediaType::OCI_EMPTY);
        assert_eq!(Config::read("{}".into(), media_type).image, None);
    }
}
