//! The fault script: registries as they really are, acted out for tests and the demo.
//!
//! A [`Fault`] says which requests it is for, how many of them, and what happens to them. Every fault
//! that fits a request acts on it, in the order they were added, until one answers it. Invariant:
//! without a fault the registry keeps to the spec.

mod action;
mod apply;

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderName, Method, request::Parts};
use regex::Regex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use action::{Action, OddLocation};
pub(crate) use apply::Performance;

use super::paths::Resource;
use crate::oci::Repository;

/// What goes wrong, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<Method>,
    target: Regex,
    repository: Option<Repository>,
    header: Option<(HeaderName, Regex)>,
    skip: u64,
    times: u64,
    action: Action,
}

impl Fault {
    /// For requests with `method` whose path and query match the regular expression `target`.
    pub fn on(method: Method, target: &str, action: Action) -> Result<Self, regex::Error> {
        let fault = Self::on_any(target, action)?;
        Ok(Self {
            method: Some(method),
            ..fault
        })
    }

    /// For requests with any method whose path and query match the regular expression `target`.
    pub fn on_any(target: &str, action: Action) -> Result<Self, regex::Error> {
        Ok(Self {
            method: None,
            target: Regex::new(target)?,
            repository: None,
            header: None,
            skip: 0,
            times: u64::MAX,
            action,
        })
    }

    /// Only requests to `repository`.
    #[must_use]
    pub fn in_repository(mut self, repository: &Repository) -> Self {
        self.repository = Some(repository.clone());
        self
    }

    /// Only requests that have this header with a value that matches the regular expression `value`.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Result<Self, regex::Error> {
        self.header = Some((name, Regex::new(value)?));
        Ok(self)
    }

    /// Not the first `count` requests that fit.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// `count` requests and no more; without this, all of them.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    fn fits(&self, request: &Parts) -> bool {
        let target = request
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let in_repository = |wanted: &Repository| {
            Resource::parse(request.uri.path())
                .is_ok_and(|resource| resource.repository() == Some(wanted))
        };
        let has_header = |(name, wanted): &(HeaderName, Regex)| {
            let value = request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.is_some_and(|value| wanted.is_match(value))
        };
        self.header.as_ref().is_none_or(has_header)
            && self
                .method
                .as_ref()
                .is_none_or(|method| request.method == method)
            && self.target.is_match(target)
            && self.repository.as_ref().is_none_or(in_repository)
    }
}

/// The faults of one server, changeable while it runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<ActiveFault>>>);

impl Faults {
    pub fn add(&self, fault: Fault) -> ActiveFault {
        let active = ActiveFault(Arc::new(Active {
            fault,
            fitting: Mutex::new(0),
            hits: watch::Sender::new(0),
            released: CancellationToken::new(),
            memory: Mutex::default(),
        }));
        self.faults().push(active.clone());
        active
    }

    /// Ends all faults; what stalls goes on.
    pub fn clear(&self) {
        for fault in self.faults().drain(..) {
            fault.release();
        }
    }

    /// The faults that hit this request, each counted.
    pub(crate) fn hit(&self, request: &Parts) -> Vec<ActiveFault> {
        let mut hits = Vec::new();
        for fault in self.faults().iter() {
            if fault.hit(request) {
                hits.push(fault.clone());
                if fault.0.fault.action.answers() {
                    break;
                }
            }
        }
        hits
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Vec<ActiveFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fault in a running server. Clones are the same fault.
#[derive(Clone, Debug)]
pub struct ActiveFault(Arc<Active>);

#[derive(Debug)]
struct Active {
    fault: Fault,
    fitting: Mutex<u64>,
    hits: watch::Sender<u64>,
    released: CancellationToken,
    memory: Mutex<action::Memory>,
}

impl ActiveFault {
    /// How many requests it has acted on.
    #[must_use]
    pub fn hits(&self) -> u64 {
        *self.0.hits.borrow()
    }

    /// Waits until it has acted on `count` requests.
    pub async fn hit_times(&self, count: u64) {
        let mut hits = self.0.hits.subscribe();
        // The sender lives as long as `self`.
        let _never_closed = hits.wait_for(|hits| *hits >= count).await;
    }

    /// Lets what it stalls go on, now and later.
    pub fn release(&self) {
        self.0.released.cancel();
    }

    fn hit(&self, request: &Parts) -> bool {
        let Active {
            fault,
            fitting,
            hits,
            ..
        } = &*self.0;
        if !fault.fits(request) {
            return false;
        }
        let mut fitting = fitting.lock().unwrap_or_else(PoisonError::into_inner);
        let position = *fitting;
        *fitting += 1;
        let hit = position >= fault.skip && position - fault.skip < fault.times;
        if hit {
            hits.send_modify(|hits| *hits += 1);
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn request(method: Method, target: &str) -> Parts {
        let request = Request::builder().method(method).uri(target).body(());
        request.unwrap().into_parts().0
    }

    #[test]
    fn a_fault_hits_the_requests_it_is_for_and_counts_them() {
        let faults = Faults::default();
        let fault = Fault::on(Method::GET, r"/blobs/\w+:", Action::LoseAnswer).unwrap();
        let fault = faults.add(
            fault
                .in_repository(&"team/app".parse().unwrap())
                .after(1)
                .times(2),
        );
        let blob = |repository: &str| format!("/v2/{repository}/blobs/sha256:{}", "0".repeat(64));
        for (method, target, hits) in [
            (Method::GET, blob("team/app"), 0),
            (Method::HEAD, blob("team/app"), 0),
            (Method::GET, blob("team/other"), 0),
            (Method::GET, blob("team/app"), 1),
            (Method::GET, blob("team/app"), 2),
            (Method::GET, blob("team/app"), 2),
        ] {
            faults.hit(&request(method, &target));
            assert_eq!(fault.hits(), hits);
        }
    }

    #[test]
    fn the_first_fault_that_answers_is_the_last_to_act() {
        let faults = Faults::default();
        let slow = faults.add(Fault::on_any("", Action::Drip { rate: 1 }).unwrap());
        let refuse = faults.add(Fault::on_any("", Action::answer(503)).unwrap());
        let never = faults.add(Fault::on_any("", Action::answer(500)).unwrap());
        faults.hit(&request(Method::GET, "/v2/"));
        assert_eq!([slow.hits(), refuse.hits(), never.hits()], [1, 1, 0]);
    }
}
