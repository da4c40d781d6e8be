//! Answers that come page by page, each naming the next (distribution-spec "Listing Tags").
//!
//! Invariant: the number of pages is bounded, so a registry whose pages lead in circles is an error
//! (quirk 50), and only this registry's own pages are asked for (quirk 35).

use std::collections::HashSet;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LINK},
};
use serde::Deserialize;
use url::Url;

use super::{Client, Error, Operation, auth::Scopes, link, transmission::Call};
use crate::oci::MediaType;

const MOST_PAGES: usize = 10_000;
const LARGEST_PAGE: usize = 32 * 1024 * 1024;

/// A list being read.
pub(super) struct Pages<'a> {
    client: &'a Client,
    operation: Operation,
    scopes: Scopes,
    accept: Option<HeaderValue>,
    next: Option<Url>,
    /// Pages read, so that a circle is seen when it closes.
    read: HashSet<Url>,
}

pub(super) struct Page {
    pub media_type: Option<MediaType>,
    url: Url,
    body: Bytes,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        client: &'a Client,
        operation: Operation,
        first: Url,
        scopes: Scopes,
    ) -> Self {
        Self {
            client,
            operation,
            scopes,
            accept: None,
            next: Some(first),
            read: HashSet::new(),
        }
    }

    pub(super) fn accept(self, media_type: &'static str) -> Self {
        Self {
            accept: Some(HeaderValue::from_static(media_type)),
            ..self
        }
    }

    /// The next page, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(url) = self.next.take() else {
            return Ok(None);
        };
        let protocol = |text| self.client.protocol(self.operation, &url, text);
        if self.read.len() == MOST_PAGES {
            return Err(protocol("its pages do not end"));
        }
        self.read.insert(url.clone());
        let mut call = Call::new(
            self.operation,
            Method::GET,
            url.clone(),
            self.scopes.clone(),
        );
        if let Some(accept) = &self.accept {
            call = call.header(ACCEPT, accept.clone());
        }
        let response = self.client.send(call).await?;
        let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let media_type = text(CONTENT_TYPE).map(|text| MediaType::new(&text));
        if let Some(target) = text(LINK).as_deref().and_then(link::next) {
            let next = url
                .join(target)
                .map_err(|_| protocol("an unreadable Link"))?;
            // A page of another host would get that host asked in this registry's name.
            if !self.client.is_own(&next) || self.read.contains(&next) {
                return Err(protocol("its next page leads astray"));
            }
            self.next = Some(next);
        }
        let body = self
            .client
            .read_body(self.operation, &url, response, LARGEST_PAGE)
            .await?;
        Ok(Some(Page {
            media_type,
            url,
            body,
        }))
    }

    pub(super) fn read<P: for<'de> Deserialize<'de>>(&self, page: &Page) -> Result<P, Error> {
        serde_json::from_slice(&page.body).map_err(|error| {
            let text = format!("not a list: {error}");
            self.client.protocol(self.operation, &page.url, text)
        })
    }
}
