//! What the credentials are good for without writing: login and catalogue; and the referrers API.
//!
//! Decides what a registry that lacks one of them means for a migration. Invariant: nothing is written.

use std::time::Duration;

use super::{
    Check, Finding,
    finding::Findings,
    trouble::{Trouble, within},
};
use crate::{
    oci::{Digest, Repository},
    registry::{Client, ImageBudget, ReferrersApi},
};

/// Whether the registry takes the credentials.
pub(super) async fn credentials(client: &Client, limit: Duration, findings: &Findings) -> bool {
    let checked = within(limit, client.check_credentials()).await;
    let accepted = checked.is_ok();
    findings.add(match checked {
        Ok(()) => Finding::good(Check::Credentials, "accepted, or none are needed"),
        Err(trouble) => Finding::bad(
            Check::Credentials,
            trouble.text(),
            trouble.advice(client.registry()),
        ),
    });
    accepted
}

pub(super) async fn catalogue(client: &Client, limit: Duration) -> Finding {
    match within(limit, client.check_catalogue()).await {
        Ok(()) => Finding::good(Check::Catalogue, "it lists its repositories to this user"),
        Err(trouble) if trouble.is_denied() || trouble.is_unsupported() => Finding::note(
            Check::Catalogue,
            format!("not listed: it {}", trouble.text()),
            "name repositories in lists, instead of patterns of repositories such as \"team/*\"",
        ),
        Err(trouble) => Finding::warning(
            Check::Catalogue,
            trouble.text(),
            trouble.advice(client.registry()),
        ),
    }
}

/// Whether the registry lists what refers to an image.
pub(super) async fn referrers(
    client: &Client,
    repository: &Repository,
    digest: &Digest,
    limit: Duration,
) -> Finding {
    let budget = ImageBudget::new(|| ());
    let asked = client.referrers_api(repository, digest, &budget);
    let trouble = match within(limit, asked).await {
        Ok(ReferrersApi::Listed(_)) => {
            return Finding::good(Check::Referrers, "the referrers API answers");
        }
        Ok(ReferrersApi::Missing) => {
            return Finding::note(
                Check::Referrers,
                "no referrers API: signatures are listed under a tag like sha256-...",
                "nothing: that tag is read and written by itself",
            );
        }
        Ok(ReferrersApi::Refused(error)) => Trouble::Failed(error),
        Err(trouble) => trouble,
    };
    Finding::warning(
        Check::Referrers,
        trouble.text(),
        "`referrers = false` copies images without them; or give this user the right to list them",
    )
}
