//! What a plan looks like to somebody who watches: every manifest, what it is below, and which blobs it names.
//!
//! Invariant: a parent comes before its children, so positions refer backwards.

use std::collections::{HashMap, HashSet};

use super::copy_plan::Plan;
use crate::{
    batch::PlannedManifest,
    oci::{Digest, Manifest, Platform},
};

struct PlanSummary<'a> {
    blobs: HashMap<&'a Digest, u32>,
    /// Where a manifest is below another one, and for which platform.
    below: HashMap<Digest, (u32, Option<Platform>)>,
    /// Where each manifest is in `found`.
    places: HashMap<Digest, u32>,
    found: Vec<PlannedManifest>,
}

/// The manifests of `plan`: the image's level by level, then what is attached to them.
pub(super) fn plan_summary(plan: &Plan) -> Vec<PlannedManifest> {
    let blobs = (0..).zip(plan.blobs.iter());
    let mut outline = PlanSummary {
        blobs: blobs.map(|(at, blob)| (&blob.digest, at)).collect(),
        below: HashMap::new(),
        places: HashMap::new(),
        found: Vec::new(),
    };
    let attached = plan.attached.iter().flatten();
    // A tag may name what is in the plan already.
    let mut told = HashSet::new();
    for graph in [&plan.image]
        .into_iter()
        .chain(attached.map(|one| &one.graph))
    {
        for manifest in [&graph.root]
            .into_iter()
            .chain(graph.levels.iter().flatten())
        {
            if told.insert(&manifest.digest) {
                outline.add(manifest);
            }
        }
    }
    outline.found
}

impl PlanSummary<'_> {
    fn add(&mut self, manifest: &Manifest) {
        // More than four billion manifests were not read.
        let at = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        let own = self.below.get(&manifest.digest).cloned();
        let subject = manifest.subject.as_ref();
        let subject = subject.and_then(|subject| self.places.get(&subject.digest).copied());
        self.places.entry(manifest.digest.clone()).or_insert(at);
        let (parent, platform) = match own {
            Some((parent, platform)) => (Some(parent), platform),
            None => (subject, None),
        };
        for child in manifest.children() {
            let place = (at, child.platform.clone());
            self.below.entry(child.digest.clone()).or_insert(place);
        }
        let blobs = manifest.blobs();
        self.found.push(PlannedManifest {
            digest: manifest.digest.clone(),
            media_type: manifest.media_type.clone(),
            size: manifest.raw.len() as u64,
            platform,
            parent,
            blobs: blobs
                .filter_map(|blob| self.blobs.get(&blob.digest).copied())
                .collect(),
        });
    }
}
