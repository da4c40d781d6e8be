//! The proxy in front of a registry.
//!
//! Decides between the environment's (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and the one configured for a
//! registry, which ignores `NO_PROXY`. Invariant: `Debug` shows no password.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::error::ErrorCause;

#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    #[default]
    Environment,
    None,
    /// `http`, `https`, `socks5` or `socks5h`, optionally with user and password.
    Url(Url),
}

impl Proxy {
    /// Whether requests to `url` go through a proxy.
    pub(super) fn is_used_for(&self, url: &Url) -> bool {
        match self {
            Self::Environment => url
                .as_str()
                .parse()
                .is_ok_and(|uri| Matcher::from_env().intercept(&uri).is_some()),
            Self::None => false,
            Self::Url(_) => true,
        }
    }

    pub(super) fn apply(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, ErrorCause> {
        Ok(match self {
            // The default of reqwest.
            Self::Environment => builder,
            Self::None => builder.no_proxy(),
            Self::Url(url) => {
                let proxy = reqwest::Proxy::all(url.clone()).map_err(|_| {
                    ErrorCause::Configuration(format!(
                        "{self:?} is not a proxy; write http://host:port"
                    ))
                })?;
                builder.proxy(proxy)
            }
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment's proxy"),
            Self::None => f.write_str("no proxy"),
            Self::Url(url) => f.write_str(&super::secrets::redacted(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_proxy_is_not_shown() {
        let proxy = Proxy::Url("http://me:hunter2@proxy.example:3128".parse().unwrap());
        assert_eq!(format!("{proxy:?}"), "http://proxy.example:3128/");
    }

    #[test]
    fn a_configured_proxy_is_used_for_every_registry() {
        let registry = "https://r.example/v2/".parse().unwrap();
        assert!(Proxy::Url("http://proxy.example:3128".parse().unwrap()).is_used_for(&registry));
        assert!(!Proxy::None.is_used_for(&registry));
    }
}
