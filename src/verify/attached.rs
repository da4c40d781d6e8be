//! What is attached to an image against what is attached to it at the source: referrers at every level, and cosign's
//! tags.
//!
//! Decides what the destination has to have of it: everything that the source has, and maybe more. Invariant: what is
//! attached to a manifest is looked for once, so that registries may say that manifests refer to each other in a
//! circle.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    difference::{Difference, Findings, Note, Part, VerifyError},
    image::Comparison,
};
use crate::{
    oci::{Attachments, Digest, Manifest, Repository, Signatures, Tag, Version},
    registry::{Client, Error, ErrorCause, Referrers},
};

/// More manifests than this in one image, with what is attached to it, are a mistake or an attack.
const MOST_SUBJECTS: usize = 10_000;

impl Comparison<'_> {
    /// Compares what is attached to `subjects`, what is attached to that, and so on.
    pub(super) async fn attached(
        &self,
        subjects: BTreeSet<Digest>,
        findings: &mut Findings,
    ) -> Result<(), VerifyError> {
        let mut searched = subjects.clone();
        let mut waiting: Vec<Digest> = subjects.into_iter().rev().collect();
        while let Some(subject) = waiting.pop() {
            let mut found = BTreeSet::new();
            if self.image.attachments.referrers {
                found.extend(self.referrers(&subject, findings).await?);
            }
            if self.image.attachments.cosign_tags {
                found.extend(self.cosign_tags(&subject, findings).await?);
            }
            for root in found {
                if searched.contains(&root) {
                    continue;
                }
                let (below, manifests) = self.there.tree(&root, Part::Referrer).await?;
                findings.differences.extend(below);
                let new = manifests.into_iter();
                waiting.extend(new.filter(|manifest| searched.insert(manifest.clone())));
                searched.insert(root);
            }
            if searched.len() > MOST_SUBJECTS {
                findings.differences.push(Difference::Unknown {
                    what: "what is attached to it".into(),
                    why: format!("it has more than {MOST_SUBJECTS} manifests"),
                });
                break;
            }
        }
        Ok(())
    }

    /// Which manifests refer to `subject` at the source.
    async fn referrers(
        &self,
        subject: &Digest,
        findings: &mut Findings,
    ) -> Result<Vec<Digest>, VerifyError> {
        let origin = &self.image.source.repository;
        let refused = |error: VerifyError| error.of(format!("what refers to {subject}"));
        let expected = (self.source)
            .referrers(origin, subject, self.there.budget)
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
        let there = &self.there;
        let listed = (there.client)
            .referrers(there.repository, subject, there.budget)
            .await;
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

    /// What the destination has under the cosign tags of `subject` that the source has as well.
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
                findings.differences.push(error.of(format!("tag {tag}")));
            };
            let expected = match head(self.source, &self.image.source.repository).await {
                Ok(Some(expected)) => expected,
                Ok(None) => continue,
                Err(error) if error.status() == Some(403) => {
                    refused(VerifyError::Source(error));
                    continue;
                }
                Err(error) => return Err(VerifyError::Source(error)),
            };
            let there = match head(self.there.client, self.there.repository).await {
                Ok(there) => there,
                Err(error) if error.status() == Some(403) => {
                    refused(VerifyError::Destination(error));
                    continue;
                }
                Err(error) => return Err(VerifyError::Destination(error)),
            };
            match there {
                Some(there) if there == expected => found.push(there),
                Some(there) => match self.more_signatures(&tag, &expected, &there).await? {
                    Some(note) => {
                        findings.notes.push(note);
                        found.push(there);
                    }
                    None => findings.differences.push(Difference::AttachedTag { tag }),
                },
                None => findings.differences.push(Difference::AttachedTag { tag }),
            }
        }
        Ok(found)
    }

    /// Whether the destination's manifest under a cosign tag has all signatures of the source's and some of its own,
    /// as a copy leaves it that added to those that were there.
    pub(super) async fn more_signatures(
        &self,
        tag: &Tag,
        expected: &Digest,
        got: &Digest,
    ) -> Result<Option<Note>, VerifyError> {
        let budget = self.there.budget;
        let read = async |client: &Client, repository: &Repository, digest: &Digest| {
            let version = Version::Digest(digest.clone());
            match client.manifest_within(repository, &version, budget).await {
                Ok(manifest) => Ok(Some(manifest)),
                Err(error) if matches!(*error.cause, ErrorCause::Manifest(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let expected = read(self.source, &self.image.source.repository, expected).await;
        let expected: Option<Manifest> = expected.map_err(VerifyError::Source)?;
        let there = read(self.there.client, self.there.repository, got).await;
        let there = there.map_err(VerifyError::Destination)?;
        let [expected, there] =
            [&expected, &there].map(|manifest| manifest.as_ref().and_then(Signatures::of));
        let (Some(expected), Some(there)) = (expected, there) else {
            return Ok(None);
        };
        Ok(
            (there.lacking(&expected) == 0).then(|| Note::MoreSignatures {
                tag: tag.clone(),
                more: expected.lacking(&there),
            }),
        )
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
