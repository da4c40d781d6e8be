//! Answers that come page by page, each naming the next (distribution-spec "Listing Tags").
//!
//! Decides how much of a list is read: limits of pages and bytes, and one large page at a time, because many images may
//! read lists at once. Invariants: pages that do not end or link in circles are an error (quirk 50, see
//! registry/quirks.md). Only pages of this registry are requested (quirk 35).

use std::{collections::HashSet, fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LINK},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use url::Url;

use super::{
    Client, Error, ErrorCause, ImageBudget, MAX_MANIFEST_BYTES, Operation, auth::Scopes,
    body_reader::BodyReader, image_budget::Charge, link,
};
use crate::oci::MediaType;

const MAX_PAGES: usize = 10_000;
/// Some registries ignore the page size and send one page.
const MAX_PAGE_BYTES: usize = 16 << 20;
const MAX_LIST_BYTES: usize = 128 << 20;
/// Larger pages are read one at a time.
const SMALL_PAGE_BYTES: usize = 256 << 10;
/// A page that takes longer is an error, because others may wait for it.
const PAGE_TIME: Duration = Duration::from_secs(120);
/// For the whole process, as its memory is. Whoever holds the permit waits for nothing but its page.
static LARGE_PAGES: Semaphore = Semaphore::const_new(1);

/// A list being read.
pub(super) struct Pages<'a> {
    client: &'a Client,
    operation: Operation,
    scopes: Scopes,
    accept: Option<HeaderValue>,
    budget: Option<&'a ImageBudget<'a>>,
    next: Option<Url>,
    /// Pages read so far, to find circles.
    visited: HashSet<Url>,
    bytes: usize,
}

pub(super) struct Page {
    pub media_type: Option<MediaType>,
    body: Bytes,
    url: Url,
    /// Held until the page is dropped.
    _permit: Option<SemaphorePermit<'static>>,
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
            budget: None,
            next: Some(first),
            visited: HashSet::new(),
            bytes: 0,
        }
    }

    pub(super) fn accept(self, media_type: &'static str) -> Self {
        Self {
            accept: Some(HeaderValue::from_static(media_type)),
            ..self
        }
    }

    /// Charges the pages to the budget of the image that the list belongs to.
    pub(super) fn within(self, budget: &'a ImageBudget<'a>) -> Self {
        Self {
            budget: Some(budget),
            ..self
        }
    }

    /// The next page, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(url) = self.next.take() else {
            return Ok(None);
        };
        if self.visited.len() == MAX_PAGES {
            let text = format!("its list has more than {MAX_PAGES} pages");
            return Err(self.client.protocol(self.operation, &url, text));
        }
        self.visited.insert(url.clone());
        let mut permit = None;
        loop {
            let response = self.get(&url).await?;
            let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
            let media_type = text(CONTENT_TYPE).map(|text| MediaType::new(&text));
            let next = text(LINK);
            let next = next.as_deref().and_then(link::next);
            self.next = next.map(|target| self.resolve(&url, target)).transpose()?;
            let body = match self.budget {
                Some(budget) => {
                    let body = BodyReader::new(response, self.client.timeouts());
                    let body = body.read_within(MAX_MANIFEST_BYTES, budget).await;
                    body.map_err(|cause| self.client.error(self.operation, Some(&url), cause))?
                }
                None => self.read_page(&url, response, &mut permit).await?,
            };
            if let Some(body) = body {
                self.count(&url, &body)?;
                return Ok(Some(Page {
                    media_type,
                    url,
                    body,
                    _permit: permit,
                }));
            }
            match self.budget {
                Some(budget) => budget.enlarge().await,
                // Never closed; with a permit or without, the page is read.
                None => permit = LARGE_PAGES.acquire().await.ok(),
            }
        }
    }

    async fn get(&self, url: &Url) -> Result<Response, Error> {
        let (operation, scopes) = (self.operation, self.scopes.clone());
        let mut request = (self.client).request(operation, Method::GET, url.clone(), scopes);
        if let Some(accept) = &self.accept {
            request = request.header(ACCEPT, accept.clone());
        }
        self.client.send(request).await
    }

    /// The URL of the page after `url`.
    fn resolve(&self, url: &Url, target: &str) -> Result<Url, Error> {
        let protocol = |text| self.client.protocol(self.operation, url, text);
        let next = url
            .join(target)
            .map_err(|_| protocol("an unreadable Link"))?;
        // No request goes to another host on behalf of this registry.
        if !self.client.is_own(&next) {
            return Err(protocol("its next page is on another host"));
        }
        match self.visited.contains(&next) {
            true => Err(protocol("its pages link in a circle")),
            false => Ok(next),
        }
    }

    /// The page; `None` if it is large and has to wait for another large one.
    async fn read_page(
        &self,
        url: &Url,
        response: Response,
        permit: &mut Option<SemaphorePermit<'static>>,
    ) -> Result<Option<Bytes>, Error> {
        let admit = |body: usize| {
            if body > MAX_PAGE_BYTES {
                return Err(ErrorCause::TooLong(MAX_PAGE_BYTES as u64));
            }
            if body > SMALL_PAGE_BYTES && permit.is_none() {
                *permit = LARGE_PAGES.try_acquire().ok();
            }
            Ok(match body > SMALL_PAGE_BYTES && permit.is_none() {
                true => Charge::Crowded,
                false => Charge::Taken,
            })
        };
        let body = BodyReader::new(response, self.client.timeouts());
        let read = timeout(PAGE_TIME, body.read_all(admit)).await;
        let read = read.unwrap_or_else(|_| {
            let seconds = PAGE_TIME.as_secs();
            let text = format!("a page of its list took more than {seconds} s");
            Err(ErrorCause::Network(text))
        });
        read.map_err(|cause| self.client.error(self.operation, Some(url), cause))
    }

    fn count(&mut self, url: &Url, body: &Bytes) -> Result<(), Error> {
        self.bytes += body.len();
        match self.bytes > MAX_LIST_BYTES {
            true => {
                let text = format!("its list has more than {MAX_LIST_BYTES} bytes");
                Err(self.client.protocol(self.operation, url, text))
            }
            false => Ok(()),
        }
    }

    /// Parses a page.
    pub(super) fn parse<T, E: fmt::Display>(
        &self,
        page: &Page,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(&page.body).map_err(|error| {
            let text = format!("not a list: {error}");
            self.client.protocol(self.operation, &page.url, text)
        })
    }
}
