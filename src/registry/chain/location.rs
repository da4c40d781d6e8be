//! `Location` headers: the URL that an answer leads to.
//!
//! Decides nothing about which URLs are allowed; that is `redirect_policy`. Invariant: an absent or unreadable
//! header is an error.

use std::sync::Arc;

use reqwest::header::HeaderValue;
use url::Url;

use crate::registry::{error::ErrorCause, redirect_policy::RedirectPolicy};

#[derive(Clone)]
pub(in crate::registry) struct Locations {
    policy: Arc<RedirectPolicy>,
}

impl Locations {
    pub(in crate::registry) fn new(policy: Arc<RedirectPolicy>) -> Self {
        Self { policy }
    }

    /// `location` of the answer to `requested`, as an absolute URL (quirks 30 and 35, see registry/quirks.md).
    pub(in crate::registry) fn resolve(
        &self,
        requested: &Url,
        location: Option<&HeaderValue>,
    ) -> Result<Url, ErrorCause> {
        let error = |text: &str| ErrorCause::Redirect(text.into());
        let text = location
            .ok_or_else(|| error("there is no Location"))?
            .to_str()
            .map_err(|_| error("the Location is not text"))?;
        self.policy
            .resolve(requested, text)
            .map_err(|cause| error(&format!("the Location {cause}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(location: &str) -> Result<String, ErrorCause> {
        let base: Url = "https://r.example:8443/v2/".parse().unwrap();
        let requested = base.join("a/b/blobs/uploads/").unwrap();
        let location = HeaderValue::from_str(location).unwrap();
        Locations::new(Arc::new(RedirectPolicy::new(base, false)))
            .resolve(&requested, Some(&location))
            .map(String::from)
    }

    #[test]
    fn odd_locations_are_resolved_against_the_request() {
        // Quirk 30.
        for (location, expected) in [
            (
                "/v2/a/b/blobs/uploads/1?_state=a%2Fb==",
                "https://r.example:8443/v2/a/b/blobs/uploads/1?_state=a%2Fb==",
            ),
            ("1", "https://r.example:8443/v2/a/b/blobs/uploads/1"),
            ("//r.example:8443/x", "https://r.example:8443/x"),
            ("http://r.example/x", "https://r.example:8443/x"),
        ] {
            assert_eq!(resolved(location).unwrap(), expected);
        }
        assert!(resolved("http://evil.example/x").is_err());
        assert!(resolved("file:///etc/passwd").is_err());
    }
}
