//! Lists of web APIs beside the distribution API, whose pages have numbers.
//!
//! Decides how many pages are read. Invariant: the next page is requested by its number, so no answer leads anywhere else.

use serde::de::DeserializeOwned;
use url::Url;

use super::{Client, Error, Operation, auth::Scopes, pages::Pages};

/// Entries per page; both Harbor and Docker Hub allow no more.
pub(super) const PAGE_SIZE: usize = 100;
const MAX_PAGES: usize = 2_500;

/// When a tag was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTime {
    pub tag: String,
    /// As the registry writes it; RFC 3339.
    pub pushed: String,
}

impl Client {
    /// Calls `take` with each page below `url`, until it returns false: there are no more pages.
    pub(super) async fn for_each_page<T: DeserializeOwned>(
        &self,
        operation: Operation,
        url: &Url,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), Error> {
        for number in 1..=MAX_PAGES {
            let mut page = url.clone();
            page.query_pairs_mut()
                .append_pair("page", &number.to_string())
                .append_pair("page_size", &PAGE_SIZE.to_string());
            let mut pages = Pages::new(self, operation, page, Scopes::direct());
            let Some(page) = pages.next().await? else {
                return Ok(());
            };
            if !take(pages.parse(&page, |body| serde_json::from_slice(body))?) {
                return Ok(());
            }
        }
        let text = format!("its list has more than {MAX_PAGES} pages");
        Err(self.protocol(operation, url, text))
    }
}
