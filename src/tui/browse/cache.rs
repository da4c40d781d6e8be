//! What was read, what is being read, and what is not.
//!
//! Invariant: a request is in flight once at most, and the answer to a ticket nobody holds any more is
//! dropped.

use std::{collections::HashMap, sync::Arc};

use crate::{
    inspect::{Answer, AnswerCache, Config, Error, Referrers, RepositoryId, Request},
    oci::{Descriptor, Digest, Manifest, Version},
};

/// Tells the answers of one browser apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

#[derive(Clone, Debug, Default)]
pub struct Cache {
    pub known: AnswerCache,
    reading: HashMap<Ticket, Request>,
    tickets: u64,
}

/// How far one thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot<T> {
    Unread,
    Reading,
    Ready(Arc<T>),
    Failed(Error),
}

impl<T> Slot<T> {
    pub fn ready(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }
}

impl Cache {
    /// A ticket for what is neither known nor being read.
    pub fn ask(&mut self, request: &Request) -> Option<Ticket> {
        if self.known.get(request).is_some() || self.is_reading(request) {
            return None;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.reading.insert(ticket, request.clone());
        Some(ticket)
    }

    /// Takes an answer in; whether anybody waited for it.
    pub fn answer(&mut self, ticket: Ticket, answer: Result<Answer, Error>) -> bool {
        let Some(request) = self.reading.remove(&ticket) else {
            return false;
        };
        self.known.insert(request, answer);
        true
    }

    /// Makes it unread; an answer on its way is too late.
    pub fn forget(&mut self, request: &Request) {
        self.known.forget(request);
        self.reading.retain(|_, reading| reading != request);
    }

    pub fn is_reading(&self, request: &Request) -> bool {
        self.reading.values().any(|reading| reading == request)
    }

    pub fn in_flight(&self) -> usize {
        self.reading.len()
    }

    pub fn manifest(&self, place: &RepositoryId, version: &Version) -> Slot<Manifest> {
        let request = Request::Manifest(place.clone(), version.clone());
        self.slot(self.known.manifest(place, version), &request)
    }

    pub fn config(&self, place: &RepositoryId, config: &Descriptor) -> Slot<Config> {
        let request = config_request(place, config);
        let found = self.known.config(place, &config.digest, &config.media_type);
        self.slot(found, &request)
    }

    pub fn referrers(&self, place: &RepositoryId, digest: &Digest) -> Slot<Referrers> {
        let request = Request::Referrers(place.clone(), digest.clone());
        self.slot(self.known.referrers(place, digest), &request)
    }

    pub fn slot<T>(&self, found: Option<Result<&Arc<T>, &Error>>, request: &Request) -> Slot<T> {
        match found {
            Some(Ok(value)) => Slot::Ready(Arc::clone(value)),
            Some(Err(error)) => Slot::Failed(error.clone()),
            None if self.is_reading(request) => Slot::Reading,
            None => Slot::Unread,
        }
    }
}

pub fn config_request(place: &RepositoryId, config: &Descriptor) -> Request {
    Request::Config(
        place.clone(),
        config.digest.clone(),
        config.media_type.clone(),
    )
}
