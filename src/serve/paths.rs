//! Parses request paths (distribution-spec "Endpoints") and queries.
//!
//! Decides nothing about methods. Invariant: names, tags and digests in a [`Resource`] are valid, so
//! they are safe as file names.

use std::borrow::Cow;

use axum::http::Uri;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::errors::{ErrorCode, ErrorResponse};
use crate::oci::{Digest, Repository, Version};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `/v2/`
    Api,
    Catalog,
    Token,
    Tags(Repository),
    Manifest(Repository, Version),
    Blob(Repository, Digest),
    Uploads(Repository),
    Upload(Repository, String),
    Referrers(Repository, Digest),
}

impl Resource {
    pub(crate) fn parse(path: &str) -> Result<Self, ErrorResponse> {
        let unknown =
            || ErrorResponse::new(ErrorCode::NameUnknown, "there is nothing at this path");
        // Some clients escape the colon of a digest.
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| unknown())?;
        let rest = match &*path {
            "/token" => return Ok(Self::Token),
            "/v2" | "/v2/" => return Ok(Self::Api),
            "/v2/_catalog" => return Ok(Self::Catalog),
            path => path.strip_prefix("/v2/").ok_or_else(unknown)?,
        };
        let segments: Vec<&str> = rest.split('/').collect();
        Ok(match segments.as_slice() {
            [name @ .., "tags", "list"] => Self::Tags(repository(name)?),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Self::Uploads(repository(name)?)
            }
            [name @ .., "blobs", "uploads", id] => {
                Self::Upload(repository(name)?, (*id).to_owned())
            }
            [name @ .., "blobs", hash] => Self::Blob(repository(name)?, digest(hash)?),
            [name @ .., "referrers", hash] => Self::Referrers(repository(name)?, digest(hash)?),
            [name @ .., "manifests", version] => {
                Self::Manifest(repository(name)?, self::version(version)?)
            }
            _ => return Err(unknown()),
        })
    }

    pub(crate) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Api | Self::Catalog | Self::Token => None,
            Self::Tags(repository)
            | Self::Manifest(repository, _)
            | Self::Blob(repository, _)
            | Self::Uploads(repository)
            | Self::Upload(repository, _)
            | Self::Referrers(repository, _) => Some(repository),
        }
    }
}

fn repository(segments: &[&str]) -> Result<Repository, ErrorResponse> {
    segments
        .join("/")
        .parse()
        .map_err(|error| ErrorResponse::new(ErrorCode::NameInvalid, format!("{error}")))
}

pub(crate) fn digest(text: &str) -> Result<Digest, ErrorResponse> {
    text.parse()
        .map_err(|error| ErrorResponse::new(ErrorCode::DigestInvalid, format!("{error}")))
}

fn version(text: &str) -> Result<Version, ErrorResponse> {
    if text.contains(':') {
        return digest(text).map(Version::Digest);
    }
    text.parse()
        .map(Version::Tag)
        .map_err(|error| ErrorResponse::new(ErrorCode::TagInvalid, format!("{error}")))
}

/// The decoded query of a request.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    pub(crate) fn parse(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_may_be_called_like_an_endpoint() {
        let repository = |text: &str| text.parse::<Repository>().unwrap();
        assert_eq!(
            Resource::parse("/v2/team/blobs/tags/list").unwrap(),
            Resource::Tags(repository("team/blobs"))
        );
        assert_eq!(
            Resource::parse("/v2/blobs/manifests/manifests/v1").unwrap(),
            Resource::Manifest(
                repository("blobs/manifests"),
                Version::Tag("v1".parse().unwrap())
            )
        );
    }

    #[test]
    fn an_escaped_digest_is_a_digest() {
        let digest = Digest::of(b"");
        let path = format!("/v2/a/blobs/sha256%3A{}", digest.hex());
        assert_eq!(
            Resource::parse(&path).unwrap(),
            Resource::Blob("a".parse().unwrap(), digest)
        );
    }

    #[test]
    fn a_path_never_leaves_the_directory() {
        for path in [
            "/v2/../../etc/manifests/passwd",
            "/v2/%2e%2e/manifests/v1",
            "/v2/a/manifests/..%2f..%2fetc",
            "/v2/a/blobs/sha256:..",
            "/v2/_uploads/tags/list",
        ] {
            assert!(Resource::parse(path).is_err(), "{path}");
        }
    }
}
