//! Compares what is attached to an image with what is attached to it at the source: referrers at every level, and
//! cosign tags.
//!
//! Decides that the destination needs all attachments of the source, and may have more. Invariant: the attachments of a
//! manifest are searched once, since a registry may list manifests that refer to each other in a circle.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    destination_tree::DestinationRepository,
    difference::{Difference, Findings, Part, VerifyError},
    signatures::compare_signatures,
};
use crate::{
    oci::{Attachments, Digest, Repository, Version},
    registry::{Client, Error, Referrers},
};

/// More manifests than this in one image and its attachments are a mistake or an attack.
const MAX_SUBJECTS: usize = 10_000;

pub(super) struct AttachmentComparison<'a> {
    pub attachments: Attachments,
    pub source: &'a Arc<Client>,
    pub source_repository: &'a Repository,
    pub destination: &'a DestinationRepository<'a>,
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
        let budget = self.destination.budget;
        let refused = |error: VerifyError| error.to_difference(format!("referrers of {subject}"));
        let expected = (self.source)
            .referrers(self.source_repository, subject, budget)
            .await;
        let expected = match digests(expected.map_err(VerifyError::Source)?) {
            Ok(expected) => expected,
            Err(error) => {
                findings
                    .differences
                    .push(refused(VerifyError::Source(error)));
                return Ok(Vec::new());
            }
        };
        if expected.is_empty() {
            return Ok(Vec::new());
        }
        let DestinationRepository {
            client, repository, ..
        } = self.destination;
        let listed = client.referrers(repository, subject, budget).await;
        match digests(listed.map_err(VerifyError::Destination)?) {
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
            Err(error) => findings
                .differences
                .push(refused(VerifyError::Destination(error))),
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
            let head = async |client: &Arc<Client>, repository: &Repository| {
                let version = Version::Tag(tag.clone());
                let head = client.manifest_head(repository, &version).await?;
                Ok::<_, Error>(head.map(|head| head.digest))
            };
            let mut refused = |error: VerifyError| {
                findings
                    .differences
                    .push(error.to_difference(format!("tag {tag}")));
            };
            let expected = match head(self.source, self.source_repository).await {
                Ok(Some(expected)) => expected,
                Ok(None) => continue,
                Err(error) if error.status() == Some(403) => {
                    refused(VerifyError::Source(error));
                    continue;
                }
                Err(error) => return Err(VerifyError::Source(error)),
            };
            let got = match head(self.destination.client, self.destination.repository).await {
                Ok(got) => got,
                Err(error) if error.status() == Some(403) => {
                    refused(VerifyError::Destination(error));
                    continue;
                }
                Err(error) => return Err(VerifyError::Destination(error)),
            };
            let Some(got) = got else {
                findings.differences.push(Difference::AttachedTag { tag });
                continue;
            };
            if got == expected {
                found.push(got);
                continue;
            }
            let source = (&**self.source, self.source_repository);
            match compare_signatures(source, self.destination, &tag, &expected, &got).await? {
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

fn digests(referrers: Referrers) -> Result<Vec<Digest>, Error> {
    match referrers {
        Referrers::Listed(referrers) | Referrers::Tagged(referrers) => Ok(referrers
            .into_iter()
            .map(|referrer| referrer.digest)
            .collect()),
        Referrers::Refused(error) => Err(error),
    }
}
