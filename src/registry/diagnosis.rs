//! What a diagnosis asks a registry, and no copy: how its server answers, and which certificates it shows.
//!
//! Decides nothing about what is good. Invariant: these requests take the way of all others, so a proxy, a certificate or
//! a limit has the same effect.

use std::time::{Duration, SystemTime};

use reqwest::{
    Method,
    header::{DATE, HeaderMap, WWW_AUTHENTICATE},
};
use url::Url;

use super::{Client, Error, Operation, auth::Scopes};

/// Headers with the name or the version of the server, besides `Server`.
const SOFTWARE: [&str; 4] = [
    "server",
    "x-jfrog-version",
    "docker-distribution-api-version",
    "x-registry-version",
];

/// An answer to `/v2/` without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingAnswer {
    pub status: u16,
    /// From the request to the headers of the answer.
    pub elapsed: Duration,
    /// The clock of the server, in whole seconds.
    pub date: Option<SystemTime>,
    /// Headers that name the server, by name in lower case.
    pub software: Vec<(&'static str, String)>,
    /// The challenge for credentials.
    pub challenge: Option<String>,
}

impl Client {
    /// Asks `/v2/` once, without credentials.
    ///
    /// # Errors
    /// Only if there is no answer: every status is one.
    pub async fn ping(&self) -> Result<PingAnswer, Error> {
        let answer = self.chain().ping_answer().await?;
        let headers = answer.response.headers();
        let date = text(headers, DATE.as_str());
        Ok(PingAnswer {
            status: answer.response.status().as_u16(),
            elapsed: answer.elapsed.unwrap_or_default(),
            date: date.and_then(|date| httpdate::parse_http_date(&date).ok()),
            software: (SOFTWARE.into_iter())
                .filter_map(|name| Some((name, text(headers, name)?)))
                .collect(),
            challenge: text(headers, WWW_AUTHENTICATE.as_str()),
        })
    }

    /// The certificates of the last handshake, in DER, that of the server first; empty without TLS.
    #[must_use]
    pub fn presented_certificates(&self) -> Vec<Vec<u8>> {
        let presented = self.chain().presented_certificates();
        presented.iter().map(|der| der.to_vec()).collect()
    }

    /// The registry's `/v2/`.
    #[must_use]
    pub fn address(&self) -> &Url {
        self.chain().base()
    }

    /// Whether a proxy connects to the registry, and so resolves its name.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        self.chain().first_answer.proxied
    }

    /// Asks for one name of the catalogue.
    ///
    /// # Errors
    /// The registry has no catalogue, or not for this user.
    pub async fn check_catalogue(&self) -> Result<(), Error> {
        let mut url = self.url("_catalog");
        url.set_query(Some("n=1"));
        let request = self.request(
            Operation::ListRepositories,
            Method::GET,
            url,
            Scopes::catalog(),
        );
        self.send(request).await.map(drop)
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    /// Longer values say nothing.
    const MAX: usize = 300;
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().take(MAX).collect())
}
