//! Reads from registries what is asked for.
//!
//! Decides how much is read at most. Invariant: content read by digest has that digest.

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
const LARGEST_CONFIG: usize = 4 << 20;
/// Requests in flight for one image.
const READERS: usize = 6;

/// Looks into registries.
pub struct Inspector {
    clients: Arc<Clients>,
}

impl Inspector {
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// Which registry failed at what, what it said, and what can be done.
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
            Request::Tags(place) => Answer::Tags(Arc::new(Listing::of(
                &client.tags(&place.repository).await?,
            ))),
            Request::Manifest(place, version) => {
                let read = client.manifest_within(&place.repository, version, budget);
                Answer::Manifest(Arc::new(read.await?))
            }
            Request::Config(place, digest, media_type) => {
                let raw = read_config(&client, place, digest, budget).await?;
                Answer::Config(Arc::new(Config::read(raw, media_type.clone())))
            }
            Request::Referrers(place, digest) => {
                Answer::Referrers(Arc::new(referrers(&client, place, digest, budget).await?))
            }
        })
    }

    /// Reads everything in `scope` of an image. What fails below its root is part of the inspection.
    ///
    /// # Errors
    /// If the root manifest cannot be read.
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
                .buffer_unordered(READERS);
            while let Some((request, answer)) = answers.next().await {
                known.insert(request, answer);
            }
        }
    }
}

async fn read_config(
    client: &Arc<Client>,
    place: &RepositoryId,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Bytes, Error> {
    let fail = |said: String, kind| Error {
        registry: place.registry.clone(),
        doing: "read the config".into(),
        said,
        kind,
    };
    let mut blob = client.read_blob(&place.repository, digest, 0).await?;
    let mut raw = Vec::new();
    let mut hasher = digest.hasher();
    while let Some(chunk) = blob.next().await? {
        if raw.len() + chunk.len() > LARGEST_CONFIG {
            let said = format!("sent more than {LARGEST_CONFIG} bytes");
            return Err(fail(said, ErrorKind::TooLarge));
        }
        budget
            .add_config_bytes(chunk.len() as u64)
            .map_err(|over| fail(format!("holds {over}"), ErrorKind::TooLarge))?;
        hasher.update(&chunk);
        raw.extend_from_slice(&chunk);
    }
    let got = hasher.finish();
    if got != *digest {
        let said = format!("sent {got} where {digest} was asked for");
        return Err(fail(said, ErrorKind::Corrupt));
    }
    Ok(raw.into())
}

async fn referrers(
    client: &Client,
    place: &RepositoryId,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Referrers, Error> {
    let (entries, source) = match client.referrers(&place.repository, digest, budget).await? {
        registry::Referrers::Listed(entries) => (entries, ReferrersSource::Api),
        registry::Referrers::Tagged(entries) => (entries, ReferrersSource::FallbackTag),
        registry::Referrers::Refused(error) => return Err(error.into()),
    };
    Ok(Referrers { entries, source })
}
