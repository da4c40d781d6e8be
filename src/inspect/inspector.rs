//! Answers requests from registries.
//!
//! Decides how much is read at most. Invariant: content that is read by digest has that digest.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{
    Answer, AnswerCache, Config, Error, ErrorKind, Inspection, Listing, Referrers, ReferrersSource,
    RepositoryId, Request, Scope,
};
use crate::{
    oci::{Digest, Reference},
    registry::{self, Client, Clients, ImageBudget},
};

/// The largest configs in the wild have some 100 KiB.
const MAX_CONFIG_BYTES: usize = 4 << 20;
/// Concurrent requests for one image.
const MAX_READS: usize = 6;

/// Reads through clients that it is given, so that connections and tokens are shared.
pub struct Inspector {
    clients: Arc<Clients>,
}

impl Inspector {
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The registry that failed, and why.
    pub async fn answer(&self, request: &Request) -> Result<Answer, Error> {
        let budget = ImageBudget::new(|| ());
        self.answer_within(request, &budget).await
    }

    async fn answer_within(
        &self,
        request: &Request,
        budget: &ImageBudget<'_>,
    ) -> Result<Answer, Error> {
        let client = self.clients.get(request.registry())?;
        Ok(match request {
            Request::Repositories(_) => {
                Answer::Repositories(Arc::new(Listing::of(&client.repositories().await?)))
            }
            Request::Tags(repository) => Answer::Tags(Arc::new(Listing::of(
                &client.tags(&repository.repository).await?,
            ))),
            Request::Manifest(repository, version) => {
                let read = client.manifest_within(&repository.repository, version, budget);
                Answer::Manifest(Arc::new(read.await?))
            }
            Request::Config(repository, digest, media_type) => {
                let raw = read_config(&client, repository, digest, budget).await?;
                Answer::Config(Arc::new(Config::read(raw, media_type.clone())))
            }
            Request::Referrers(repository, digest) => Answer::Referrers(Arc::new(
                referrers(&client, repository, digest, budget).await?,
            )),
        })
    }

    /// Reads everything in `scope` of an image. Failures below its root are part of the inspection.
    ///
    /// # Errors
    /// The root manifest cannot be read.
    pub async fn inspect(&self, reference: &Reference, scope: &Scope) -> Result<Inspection, Error> {
        let mut known = AnswerCache::default();
        let budget = &ImageBudget::new(|| ());
        loop {
            let missing = Inspection::missing(reference, scope, &known);
            if missing.is_empty() {
                return Inspection::of(reference, scope, &known);
            }
            let mut answers = stream::iter(missing)
                .map(|request| async move {
                    let answer = self.answer_within(&request, budget).await;
                    (request, answer)
                })
                .buffer_unordered(MAX_READS);
            while let Some((request, answer)) = answers.next().await {
                known.insert(request, answer);
            }
        }
    }
}

async fn read_config(
    client: &Arc<Client>,
    repository: &RepositoryId,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Bytes, Error> {
    let fail = |message: String, kind| Error {
        registry: repository.registry.clone(),
        operation: "read the config".into(),
        message,
        kind,
    };
    let mut blob = client.read_blob(&repository.repository, digest, 0).await?;
    let mut raw = Vec::new();
    let mut hasher = digest.hasher();
    while let Some(chunk) = blob.next().await? {
        if raw.len() + chunk.len() > MAX_CONFIG_BYTES {
            let message = format!("sent more than {MAX_CONFIG_BYTES} bytes");
            return Err(fail(message, ErrorKind::TooLarge));
        }
        budget
            .add_config_bytes(chunk.len() as u64)
            .map_err(|over| fail(format!("holds {over}"), ErrorKind::TooLarge))?;
        hasher.update(&chunk);
        raw.extend_from_slice(&chunk);
    }
    let got = hasher.finish();
    if got != *digest {
        let message = format!("sent {got} instead of {digest}");
        return Err(fail(message, ErrorKind::Corrupt));
    }
    Ok(raw.into())
}

async fn referrers(
    client: &Client,
    repository: &RepositoryId,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Referrers, Error> {
    let (entries, source) = match client
        .referrers(&repository.repository, digest, budget)
        .await?
    {
        registry::Referrers::Listed(entries) => (entries, ReferrersSource::Api),
        registry::Referrers::Tagged(entries) => (entries, ReferrersSource::FallbackTag),
        registry::Referrers::Refused(error) => return Err(error.into()),
    };
    Ok(Referrers { entries, source })
}
