//! What was read so far.
//!
//! Invariant: an answer is found only under the request it answers, so its kind is known.

use std::{collections::HashMap, sync::Arc};

use super::{Answer, Config, Error, Listing, Referrers, RepositoryId, Request};
use crate::oci::{Digest, Manifest, MediaType, Registry, Repository, Tag, Version};

#[derive(Clone, Debug, Default)]
pub struct AnswerCache(HashMap<Request, Result<Answer, Error>>);

/// Nothing yet, or how reading it ended.
type Found<'a, T> = Option<Result<&'a Arc<T>, &'a Error>>;

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
    pub fn repositories(&self, registry: &Registry) -> Found<'_, Listing<Repository>> {
        self.find(
            &Request::Repositories(registry.clone()),
            |answer| match answer {
                Answer::Repositories(found) => Some(found),
                _ => None,
            },
        )
    }

    #[must_use]
    pub fn tags(&self, place: &RepositoryId) -> Found<'_, Listing<Tag>> {
        self.find(&Request::Tags(place.clone()), |answer| match answer {
            Answer::Tags(found) => Some(found),
            _ => None,
        })
    }

    #[must_use]
    pub fn manifest(&self, place: &RepositoryId, version: &Version) -> Found<'_, Manifest> {
        let request = Request::Manifest(place.clone(), version.clone());
        self.find(&request, |answer| match answer {
            Answer::Manifest(found) => Some(found),
            _ => None,
        })
    }

    #[must_use]
    pub fn config(
        &self,
        place: &RepositoryId,
        digest: &Digest,
        media_type: &MediaType,
    ) -> Found<'_, Config> {
        let request = Request::Config(place.clone(), digest.clone(), media_type.clone());
        self.find(&request, |answer| match answer {
            Answer::Config(found) => Some(found),
            _ => None,
        })
    }

    #[must_use]
    pub fn referrers(&self, place: &RepositoryId, digest: &Digest) -> Found<'_, Referrers> {
        let request = Request::Referrers(place.clone(), digest.clone());
        self.find(&request, |answer| match answer {
            Answer::Referrers(found) => Some(found),
            _ => None,
        })
    }

    fn find<T>(
        &self,
        request: &Request,
        kind: impl Fn(&Answer) -> Option<&Arc<T>>,
    ) -> Found<'_, T> {
        match self.0.get(request)? {
            Ok(answer) => kind(answer).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}
