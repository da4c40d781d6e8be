//! Answers to requests that were made so far.
//!
//! Invariant: an answer has the kind of its request.

use std::{collections::HashMap, sync::Arc};

use super::{
    Answer, Collection, Config, ContentStore, Error, ListedImage, Listing, Referrers, Request,
};
use crate::oci::{Digest, Location, Manifest, MediaType, Registry, Repository};

#[derive(Clone, Debug, Default)]
pub struct AnswerCache(HashMap<Request, Result<Answer, Error>>);

/// `None` if the request was not made.
type CachedAnswer<'a, T> = Option<Result<&'a Arc<T>, &'a Error>>;

impl AnswerCache {
    pub fn insert(&mut self, request: Request, answer: Result<Answer, Error>) {
        self.0.insert(request, answer);
    }

    pub fn forget(&mut self, request: &Request) {
        self.0.remove(request);
    }

    #[must_use]
    pub fn get(&self, request: &Request) -> Option<&Result<Answer, Error>> {
        self.0.get(request)
    }

    #[must_use]
    pub fn repositories(&self, registry: &Registry) -> CachedAnswer<'_, Listing<Repository>> {
        self.find(
            &Request::Repositories(registry.clone()),
            |answer| match answer {
                Answer::Repositories(found) => Some(found),
                _ => None,
            },
        )
    }

    #[must_use]
    pub fn images(&self, collection: &Collection) -> CachedAnswer<'_, Listing<ListedImage>> {
        self.find(
            &Request::Images(collection.clone()),
            |answer| match answer {
                Answer::Images(found) => Some(found),
                _ => None,
            },
        )
    }

    /// The manifest that a location names.
    #[must_use]
    pub fn root(&self, image: &Location) -> CachedAnswer<'_, Manifest> {
        self.find_manifest(&Request::manifest_of(image))
    }

    #[must_use]
    pub fn manifest(&self, content: &ContentStore, digest: &Digest) -> CachedAnswer<'_, Manifest> {
        self.find_manifest(&Request::Manifest(content.clone(), digest.clone()))
    }

    #[must_use]
    pub fn config(
        &self,
        content: &ContentStore,
        digest: &Digest,
        media_type: &MediaType,
    ) -> CachedAnswer<'_, Config> {
        let request = Request::Config(content.clone(), digest.clone(), media_type.clone());
        self.find(&request, |answer| match answer {
            Answer::Config(found) => Some(found),
            _ => None,
        })
    }

    #[must_use]
    pub fn referrers(
        &self,
        content: &ContentStore,
        digest: &Digest,
    ) -> CachedAnswer<'_, Referrers> {
        let request = Request::Referrers(content.clone(), digest.clone());
        self.find(&request, |answer| match answer {
            Answer::Referrers(found) => Some(found),
            _ => None,
        })
    }

    fn find_manifest(&self, request: &Request) -> CachedAnswer<'_, Manifest> {
        self.find(request, |answer| match answer {
            Answer::Manifest(found) => Some(found),
            _ => None,
        })
    }

    fn find<T>(
        &self,
        request: &Request,
        kind: impl Fn(&Answer) -> Option<&Arc<T>>,
    ) -> CachedAnswer<'_, T> {
        match self.0.get(request)? {
            Ok(answer) => kind(answer).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}
