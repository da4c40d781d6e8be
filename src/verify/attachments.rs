//! Compares what is attached to an image with what is attached to it at the source: referrers at every level, and
//! cosign tags.
//!
//! Decides that the destination needs all attachments of the source, and may have more. Invariant: the attachments of a
//! manifest are searched once, since a registry may list manifests that refer to each other in a circle.

use std::collections::{BTreeSet, HashSet};

use super::{
    destination_tree::DestinationTree,
    difference::{Difference, Findings, Part, VerifyError},
    side::ComparedSide,
    signatures::compare_signatures,
};
use crate::{
    oci::{Attachments, Digest},
    transport::Selector,
};

/// More manifests than this in one image and its attachments are a mistake or an attack.
const MAX_SUBJECTS: usize = 10_000;

pub(super) struct AttachmentComparison<'a> {
    pub attachments: Attachments,
    pub source: ComparedSide<'a>,
    pub destination: &'a DestinationTree<'a>,
}

impl AttachmentComparison<'_> {
    /// Compares what is attached to `subjects`, what is attached to that, and so on.
    pub(super) async fn run(
        &self,
        subjects: BTreeSet<Digest>,
        findings: &mut Findings,
    ) -> Result<(), VerifyError> {
        let mut searched = subjects.clone();
        let mut waiting: Vec<Digest> = subjects.into_iter().rev().collect();
        while let Some(subject) = waiting.pop() {
            let mut found = BTreeSet::new();
            if self.attachments.referrers {
                found.extend(self.referrers(&subject, findings).await?);
            }
            if self.attachments.cosign_tags {
                found.extend(self.cosign_tags(&subject, findings).await?);
            }
            for root in found {
                if searched.contains(&root) {
                    continue;
                }
                let (below, manifests) = self.destination.check(&root, Part::Referrer).await?;
                findings.differences.extend(below);
                let new = manifests.into_iter();
                waiting.extend(new.filter(|manifest| searched.insert(manifest.clone())));
                searched.insert(root);
            }
            if searched.len() > MAX_SUBJECTS {
                findings.differences.push(Difference::Unknown {
                    what: "the attachments".into(),
                    why: format!("there are more than {MAX_SUBJECTS} manifests"),
                });
                break;
            }
        }
        Ok(())
    }

    /// The manifests that refer to `subject` at the source.
    async fn referrers(
        &self,
        subject: &Digest,
        findings: &mut Findings,
    ) -> Result<Vec<Digest>, VerifyError> {
        let refused = |error: VerifyError| error.to_difference(format!("referrers of {subject}"));
        let expected = match self.source.referrers(subject).await? {
            Ok(expected) => expected,
            Err(error) => {
                findings.differences.push(refused(error));
                return Ok(Vec::new());
            }
        };
        if expected.is_empty() {
            return Ok(Vec::new());
        }
        match self.destination.side.referrers(subject).await? {
            Ok(listed) => {
                let listed: HashSet<Digest> = listed.into_iter().collect();
                let unlisted = expected
                    .iter()
                    .filter(|referrer| !listed.contains(referrer));
                findings
                    .differences
                    .extend(unlisted.map(|referrer| Difference::Unlisted {
                        subject: subject.clone(),
                        referrer: referrer.clone(),
                    }));
            }
            Err(error) => findings.differences.push(refused(error)),
        }
        Ok(expected)
    }

    /// The destination's manifests under those cosign tags of `subject` that the source has.
    async fn cosign_tags(
        &self,
        subject: &Digest,
        findings: &mut Findings,
    ) -> Result<Vec<Digest>, VerifyError> {
        let mut found = Vec::new();
        for tag in Attachments::cosign_tags(subject) {
            let mut refused = |error: VerifyError| {
                findings
                    .differences
                    .push(error.to_difference(format!("tag {tag}")));
            };
            let expected = match self.source.resolve(Selector::Tag(&tag)).await {
                Ok(Some(expected)) => expected,
                Ok(None) => continue,
                Err(error) if error.is_forbidden() => {
                    refused(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let destination = &self.destination.side;
            let got = match destination.resolve(Selector::Tag(&tag)).await {
                Ok(got) => got,
                Err(error) if error.is_forbidden() => {
                    refused(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(got) = got else {
                findings.differences.push(Difference::AttachedTag { tag });
                continue;
            };
            if got == expected {
                found.push(got);
                continue;
            }
            let source = &self.source;
            match compare_signatures(source, destination, &tag, &expected, &got).await? {
                Some(note) => {
                    findings.notes.push(note);
                    found.push(got);
                }
                None => findings.differences.push(Difference::AttachedTag { tag }),
            }
        }
        Ok(found)
    }
}
