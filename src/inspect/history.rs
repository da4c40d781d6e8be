//! The build history of an image, each step with its layer (image-spec config.md, "history").
//!
//! Invariant: every layer of the manifest is in exactly one step, whatever the history says.

use serde::Serialize;

use super::HistoryEntry;

/// A step of the history and its layer, or a layer that the history does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Position among the manifest's layers; none for a step that only changed the config.
    pub layer: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Joins the history with `layers` layers, in order. Layers without a step come last.
#[must_use]
pub fn steps(layers: usize, history: &[HistoryEntry]) -> Vec<Step> {
    let mut unclaimed = 0..layers;
    let mut steps: Vec<Step> = (history.iter())
        .map(|entry| Step {
            layer: match entry.empty_layer {
                true => None,
                false => unclaimed.next(),
            },
            created: entry.created.clone(),
            created_by: entry.created_by.clone(),
            comment: entry.comment.clone(),
        })
        .collect();
    steps.extend(unclaimed.map(|layer| Step {
        layer: Some(layer),
        ..Step::default()
    }));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(empty_layer: bool) -> HistoryEntry {
        HistoryEntry {
            empty_layer,
            ..HistoryEntry::default()
        }
    }

    fn layers(layers: usize, history: &[HistoryEntry]) -> Vec<Option<usize>> {
        let steps = steps(layers, history);
        steps.iter().map(|step| step.layer).collect()
    }

    #[test]
    fn steps_that_made_no_layer_have_none() {
        let history = [entry(false), entry(true), entry(false), entry(true)];
        assert_eq!(layers(2, &history), [Some(0), None, Some(1), None]);
    }

    #[test]
    fn layers_without_history_are_not_lost() {
        assert_eq!(layers(2, &[]), [Some(0), Some(1)]);
        assert_eq!(layers(2, &[entry(false)]), [Some(0), Some(1)]);
    }

    #[test]
    fn a_history_of_more_layers_than_there_are_claims_none() {
        assert_eq!(layers(1, &[entry(false), entry(false)]), [Some(0), None]);
    }
}
