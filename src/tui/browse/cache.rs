//! What the browser has read, and what it is reading.
//!
//! Invariant: a request is in flight at most once; the answer to a forgotten ticket is dropped.

use std::{collections::HashMap, sync::Arc};

use crate::{
    inspect::{Answer, AnswerCache, Config, ContentStore, Error, Referrers, Request},
    oci::{Descriptor, Digest, Location, Manifest},
};

/// Identifies a request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

#[derive(Clone, Debug, Default)]
pub struct Cache {
    pub answers: AnswerCache,
    reading: HashMap<Ticket, Request>,
    tickets: u64,
}

/// One answer, or why there is none yet.
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
    /// Marks the request as being read; none if it is already read or being read.
    pub fn start(&mut self, request: &Request) -> Option<Ticket> {
        if self.answers.get(request).is_some() || self.is_reading(request) {
            return None;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.reading.insert(ticket, request.clone());
        Some(ticket)
    }

    /// Takes in an answer; returns whether its ticket was known.
    pub fn apply(&mut self, ticket: Ticket, answer: Result<Answer, Error>) -> bool {
        let Some(request) = self.reading.remove(&ticket) else {
            return false;
        };
        self.answers.insert(request, answer);
        true
    }

    /// Makes it unread, and drops an answer that is still to come.
    pub fn forget(&mut self, request: &Request) {
        self.answers.forget(request);
        self.reading.retain(|_, reading| reading != request);
    }

    pub fn is_reading(&self, request: &Request) -> bool {
        self.reading.values().any(|reading| reading == request)
    }

    pub fn in_flight(&self) -> usize {
        self.reading.len()
    }

    /// The manifest that a location names.
    pub fn root(&self, image: &Location) -> Slot<Manifest> {
        self.slot(self.answers.root(image), &Request::manifest_of(image))
    }

    pub fn manifest(&self, content: &ContentStore, digest: &Digest) -> Slot<Manifest> {
        let request = Request::Manifest(content.clone(), digest.clone());
        self.slot(self.answers.manifest(content, digest), &request)
    }

    pub fn config(&self, content: &ContentStore, config: &Descriptor) -> Slot<Config> {
        let request = config_request(content, config);
        let found = self
            .answers
            .config(content, &config.digest, &config.media_type);
        self.slot(found, &request)
    }

    pub fn referrers(&self, content: &ContentStore, digest: &Digest) -> Slot<Referrers> {
        let request = Request::Referrers(content.clone(), digest.clone());
        self.slot(self.answers.referrers(content, digest), &request)
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

pub fn config_request(content: &ContentStore, config: &Descriptor) -> Request {
    Request::Config(
        content.clone(),
        config.digest.clone(),
        config.media_type.clone(),
    )
}
