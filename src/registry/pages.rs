//! Answers that come page by page, each naming the next (distribution-spec "Listing Tags").
//!
//! Decides how much of a list is read: so many pages, so many bytes of one and of all, and one large page at a
//! time, because many images may read lists at once. Invariant: a registry whose pages do not end or lead in
//! circles is an error (quirk 50), and only this registry's own pages are asked for (quirk 35).

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
    Client, Error, ErrorCause, ImageBudget, LARGEST_MANIFEST, Operation, auth::Scopes,
    http::Request, link,
};
use crate::oci::MediaType;

const MOST_PAGES: usize = 10_000;
/// Some registries send all they have as one page, whatever is asked for.
const LARGEST_PAGE: usize = 16 << 20;
const MOST_BYTES: usize = 128 << 20;
/// Pages beyond this are read one at a time.
const SMALL_PAGE: usize = 256 << 10;
/// A page that takes longer has failed: others may wait for it.
const PAGE_TIME: Duration = Duration::from_secs(120);
/// Of the process, as its memory is. Nobody waits for anything else while a page is read.
static LARGE_PAGES: Semaphore = Semaphore::const_new(1);

/// A list being read.
pub(super) struct Pages<'a> {
    client: &'a Client,
    operation: Operation,
    scopes: Scopes,
    accept: Option<HeaderValue>,
    budget: Option<&'a ImageBudget<'a>>,
    next: Option<Url>,
    /// Pages read, so that a circle is seen when it closes.
    read: HashSet<Url>,
    bytes: usize,
}

pub(super) struct Page {
    pub media_type: Option<MediaType>,
    body: Bytes,
    url: Url,
    /// Kept until the page is dropped.
    _alone: Option<SemaphorePermit<'static>>,
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
            read: HashSet::new(),
            bytes: 0,
        }
    }

    pub(super) fn accept(self, media_type: &'static str) -> Self {
        Self {
            accept: Some(HeaderValue::from_static(media_type)),
            ..self
        }
    }

    /// Charges what is read to the budget of the image the list belongs to.
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
        if self.read.len() == MOST_PAGES {
            let text = format!("its list has more than {MOST_PAGES} pages");
            return Err(self.client.protocol(self.operation, &url, text));
        }
        self.read.insert(url.clone());
        let mut alone = None;
        loop {
            let response = self.ask(&url).await?;
            let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
            let media_type = text(CONTENT_TYPE).map(|text| MediaType::new(&text));
            let next = text(LINK);
            let next = next.as_deref().and_then(link::next);
            self.next = next.map(|target| self.follow(&url, target)).transpose()?;
            let body = match self.budget {
                Some(budget) => {
                    let limit = LARGEST_MANIFEST;
                    let body = (self.client).read_body_within(
                        self.operation,
                        &url,
                        response,
                        limit,
                        budget,
                    );
                    body.await?
                }
                None => self.read_page(&url, response, &mut alone).await?,
            };
            if let Some(body) = body {
                self.count(&url, &body)?;
                return Ok(Some(Page {
                    media_type,
                    url,
                    body,
                    _alone: alone,
                }));
            }
            match self.budget {
                Some(budget) => budget.enlarge().await,
                // Never closed; with a permit or without, the page is read.
                None => alone = LARGE_PAGES.acquire().await.ok(),
            }
        }
    }

    async fn ask(&self, url: &Url) -> Result<Response, Error> {
        let mut call = Request::new(
            self.operation,
            Method::GET,
            url.clone(),
            self.scopes.clone(),
        );
        if let Some(accept) = &self.accept {
            call = call.header(ACCEPT, accept.clone());
        }
        self.client.send(call).await
    }

    /// Where the page after `url` is.
    fn follow(&self, url: &Url, target: &str) -> Result<Url, Error> {
        let protocol = |text| self.client.protocol(self.operation, url, text);
        let next = url
            .join(target)
            .map_err(|_| protocol("an unreadable Link"))?;
        // A page of another host would get that host asked in this registry's name.
        if !self.client.is_own(&next) || self.read.contains(&next) {
            return Err(protocol("its next page leads astray"));
        }
        Ok(next)
    }

    /// The page, `None` if it is a large one that has to wait for another.
    async fn read_page(
        &self,
        url: &Url,
        response: Response,
        alone: &mut Option<SemaphorePermit<'static>>,
    ) -> Result<Option<Bytes>, Error> {
        let mut crowded = false;
        let keep = |body: usize| {
            if body > LARGEST_PAGE {
                let text = format!("the answer has more than {LARGEST_PAGE} bytes");
                return Err(ErrorCause::Protocol(text));
            }
            if body > SMALL_PAGE && alone.is_none() {
                *alone = LARGE_PAGES.try_acquire().ok();
                crowded = alone.is_none();
            }
            match crowded {
                true => Err(ErrorCause::Protocol("it has to wait".into())),
                false => Ok(()),
            }
        };
        let read = (self.client).read_body_while(self.operation, url, response, keep);
        match timeout(PAGE_TIME, read).await {
            Ok(Ok(body)) => Ok(Some(body)),
            Ok(Err(_)) if crowded => Ok(None),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let (operation, seconds) = (self.operation, PAGE_TIME.as_secs());
                let text = format!("a page of its list took more than {seconds} s");
                let cause = ErrorCause::Network(text);
                Err(self.client.error(operation, Some(url), cause))
            }
        }
    }

    fn count(&mut self, url: &Url, body: &Bytes) -> Result<(), Error> {
        self.bytes += body.len();
        match self.bytes > MOST_BYTES {
            true => {
                let text = format!("its list has more than {MOST_BYTES} bytes");
                Err(self.client.protocol(self.operation, url, text))
            }
            false => Ok(()),
        }
    }

    /// What `read` makes of a page.
    pub(super) fn read<T, E: fmt::Display>(
        &self,
        page: &Page,
        read: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, Error> {
        read(&page.body).map_err(|error| {
            let text = format!("not a list: {error}");
            self.client.protocol(self.operation, &page.url, text)
        })
    }
}
