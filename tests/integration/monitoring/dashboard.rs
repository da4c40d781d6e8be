//! The dashboard as Grafana reads it: its panels, their queries, and its variables.
//!
//! Decides what a variable is replaced by. Invariant: an unknown shape panics, so that nothing is left unchecked.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

/// The `allValue` of each variable that is a label.
pub(super) const EVERYTHING: &str = ".*";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dashboard {
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) schema_version: u32,
    pub(super) panels: Vec<Panel>,
    templating: Templating,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Panel {
    pub(super) id: u32,
    pub(super) title: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) grid_pos: GridPosition,
    pub(super) datasource: Option<DataSource>,
    #[serde(default)]
    pub(super) targets: Vec<Target>,
    #[serde(default)]
    pub(super) field_config: Value,
}

/// In cells of a grid that is 24 wide.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct GridPosition {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

#[derive(Deserialize, PartialEq, Eq, Debug)]
pub(super) struct DataSource {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) uid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) datasource: DataSource,
    pub(super) expr: String,
    #[serde(default)]
    pub(super) instant: bool,
    pub(super) range: bool,
}

#[derive(Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) all_value: Option<String>,
    query: Value,
}

impl Dashboard {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string("assets/monitoring/grafana-dashboard.json").unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = (&Panel, &Target)> {
        let panels = self.panels.iter();
        panels.flat_map(|panel| panel.targets.iter().map(move |target| (panel, target)))
    }

    pub(super) fn variables(&self) -> &[Variable] {
        &self.templating.list
    }
}

impl Variable {
    /// The selector and the label of `label_values(selector, label)`.
    pub(super) fn label_values(&self) -> Option<(String, &str)> {
        let query = self.query.get("query")?.as_str().unwrap();
        let arguments = query.strip_prefix("label_values(").unwrap();
        let (selector, label) = arguments
            .strip_suffix(')')
            .unwrap()
            .rsplit_once(", ")
            .unwrap();
        Some((every_choice(selector), label))
    }
}

impl Target {
    /// The query with everything chosen.
    pub(super) fn query(&self) -> String {
        every_choice(&self.expr).replace("$__rate_interval", "5s")
    }
}

/// Replaces each variable by what Grafana puts in for "All".
fn every_choice(text: &str) -> String {
    let names = ["$instance", "$batch", "$registry"];
    names
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, EVERYTHING))
}
