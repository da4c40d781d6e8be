//! One fault: which requests it is for, how many of them, and what happens to them.
//!
//! Decides by the request alone, not by what was answered before. Invariant: a fault without a limit fits every
//! request that matches.

use axum::http::{HeaderName, Method, request::Parts};
use regex::Regex;

use super::action::Action;
use crate::{oci::Repository, serve::paths::Resource};

/// What goes wrong, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<Method>,
    target: Regex,
    repository: Option<Repository>,
    header: Option<(HeaderName, Regex)>,
    skip: u64,
    times: u64,
    pub(super) action: Action,
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

    /// Whether it acts on a request that fits and that `earlier` others that fitted came before.
    pub(super) fn includes(&self, earlier: u64) -> bool {
        earlier >= self.skip && earlier - self.skip < self.times
    }

    pub(super) fn fits(&self, request: &Parts) -> bool {
        let target = request
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let in_repository = |expected: &Repository| {
            Resource::parse(request.uri.path())
                .is_ok_and(|resource| resource.repository() == Some(expected))
        };
        let has_header = |(name, expected): &(HeaderName, Regex)| {
            let value = request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.is_some_and(|value| expected.is_match(value))
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
