//! Summarizes a plan for observers: every manifest, its parent, and its blobs.
//!
//! Invariant: a parent comes before its children, so positions refer backwards.

use std::collections::{HashMap, HashSet};

use super::copy_plan::CopyPlan;
use crate::{
    batch::PlannedManifest,
    oci::{Digest, Manifest, Platform},
};

struct PlanSummary<'a> {
    blobs: HashMap<&'a Digest, u32>,
    /// By child: the position of the index it is in, and its platform there.
    parents: HashMap<Digest, (u32, Option<Platform>)>,
    /// Positions in `manifests`.
    positions: HashMap<Digest, u32>,
    manifests: Vec<PlannedManifest>,
}

/// The manifests of the image level by level, then those that are attached.
pub(super) fn summarize(plan: &CopyPlan) -> Vec<PlannedManifest> {
    let blobs = (0..).zip(plan.blobs.iter());
    let mut summary = PlanSummary {
        blobs: blobs.map(|(at, blob)| (&blob.digest, at)).collect(),
        parents: HashMap::new(),
        positions: HashMap::new(),
        manifests: Vec::new(),
    };
    // A tag may name a manifest that is in the plan already.
    let mut seen = HashSet::new();
    for manifest in plan.manifests() {
        if seen.insert(&manifest.digest) {
            summary.add(manifest);
        }
    }
    summary.manifests
}

impl PlanSummary<'_> {
    fn add(&mut self, manifest: &Manifest) {
        // More than four billion manifests were not read.
        let at = u32::try_from(self.manifests.len()).unwrap_or(u32::MAX);
        let own = self.parents.get(&manifest.digest).cloned();
        let subject = manifest.subject.as_ref();
        let subject = subject.and_then(|subject| self.positions.get(&subject.digest).copied());
        self.positions.entry(manifest.digest.clone()).or_insert(at);
        let (parent, platform) = match own {
            Some((parent, platform)) => (Some(parent), platform),
            None => (subject, None),
        };
        for child in manifest.children() {
            let parent = (at, child.platform.clone());
            self.parents.entry(child.digest.clone()).or_insert(parent);
        }
        let blobs = manifest.blobs();
        self.manifests.push(PlannedManifest {
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
