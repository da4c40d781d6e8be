//! The examination of one registry: which checks are made, in which order, and when it ends.
//!
//! Decides which failure makes further checks pointless. Invariant: what was written is removed, also after `stop`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Check, Finding, Subject, access, connection, finding::Findings, pushes::Pushes, reading,
    scratch::Scratch,
};
use crate::registry::{Client, Clients};

/// How a registry is examined.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// For each check.
    pub limit: Duration,
    /// Ends the examination before its end.
    pub stop: CancellationToken,
}

/// Examines a registry. A failure is a finding.
pub async fn examine(
    clients: &Clients,
    subject: &Subject,
    conditions: &Conditions,
) -> Vec<Finding> {
    let findings = Findings::default();
    let client = match clients.get(&subject.registry) {
        Ok(client) => client,
        Err(error) => {
            let advice = "correct its settings in the list";
            findings.add(Finding::bad(Check::Connection, error.to_string(), advice));
            return findings.into_inner();
        }
    };
    let reading = read(&client, subject, conditions.limit, &findings);
    let may_write = tokio::select! {
        may_write = reading => may_write,
        () = conditions.stop.cancelled() => false,
    };
    if let (true, Some(repositories)) = (may_write, &subject.scratch) {
        let scratch = Scratch::new(repositories);
        let pushes = Pushes {
            client: &client,
            scratch: &scratch,
            limit: conditions.limit,
            findings: &findings,
        };
        tokio::select! {
            () = pushes.run() => {}
            () = conditions.stop.cancelled() => {}
        }
        if let Some(cleanup) = scratch.remove(&client, conditions.limit).await {
            findings.add(cleanup);
        }
    }
    findings.into_inner()
}

/// The checks that write nothing. Whether it is worth going on.
async fn read(client: &Client, subject: &Subject, limit: Duration, findings: &Findings) -> bool {
    if !connection::check(client, limit, findings).await {
        return false;
    }
    if !access::credentials(client, limit, findings).await {
        return false;
    }
    findings.add(access::catalogue(client, limit).await);
    if let Some(image) = &subject.image {
        let digest = reading::check(client, image, limit, findings).await;
        // A destination answers for its throw-away repository.
        if let (Some(digest), None) = (digest, &subject.scratch) {
            let repository = &image.repository;
            findings.add(access::referrers(client, repository, &digest, limit).await);
        }
    }
    true
}
