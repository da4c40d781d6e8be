//! Parses the strings of a list: references, patterns, ranges, platforms, sizes, addresses.
//!
//! Decides the message and the bytes to mark when a string is wrong. Invariant: every error says what to write
//! instead.

use std::{ops::Range, time::Duration};

use bytesize::ByteSize;
use regex::{Regex, bytes};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, Look},
};
use semver::VersionReq;
use toml::de::DeInteger;
use url::Url;

use crate::oci::{
    Compression, CopyEngine, GroupName, GroupNameError, ManifestFormat, OnExisting,
    PartialReference, Platform, ReferenceError, ReferenceProblem, Registry, Repository, Tag,
};

/// Why a string is no such value.
#[derive(Debug)]
pub(super) struct ValueError {
    pub(super) message: String,
    /// The bytes of the string to mark; all of it if not known.
    pub(super) at: Option<Range<usize>>,
    pub(super) help: String,
}

impl ValueError {
    /// The error in a text that has `by` bytes in front.
    pub(super) fn shifted(self, by: usize) -> Self {
        Self {
            at: self.at.map(|at| at.start + by..at.end + by),
            ..self
        }
    }
}

/// How requests reach a registry.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// Directly, whatever the environment says.
    None,
    Address(Url),
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::None => f.write_str("None"),
            Self::Address(url) => f.write_str(url.as_str()),
        }
    }
}

pub(super) fn reference(text: &str) -> Result<PartialReference, ValueError> {
    text.parse().map_err(|error| reference_error(text, error))
}

pub(super) fn registry(text: &str) -> Result<Registry, ValueError> {
    text.parse().map_err(|error| reference_error(text, error))
}

pub(super) fn repository(text: &str) -> Result<Repository, ValueError> {
    text.parse().map_err(|error| reference_error(text, error))
}

pub(super) fn tag(text: &str) -> Result<Tag, ValueError> {
    text.parse().map_err(|error| reference_error(text, error))
}

pub(super) fn platform(text: &str) -> Result<Platform, ValueError> {
    text.parse::<Platform>().map_err(|error| ValueError {
        message: error.to_string(),
        at: None,
        help: match text {
            "amd64" | "x86_64" => "write linux/amd64".into(),
            "arm64" | "aarch64" => "write linux/arm64".into(),
            "arm" | "armv7" => "write linux/arm/v7".into(),
            _ => "write for example linux/amd64, linux/arm64 or linux/arm/v7".into(),
        },
    })
}

/// A pattern that must match all of a tag. Tags are ASCII, so its classes are: a Unicode `\w` takes
/// twenty times as long to compile.
pub(super) fn whole_tag(text: &str) -> Result<bytes::Regex, ValueError> {
    let mut ascii = ParserBuilder::new();
    let pattern = syntax(text, ascii.unicode(false).utf8(false))?;
    let whole = Hir::concat(vec![Hir::look(Look::Start), pattern, Hir::look(Look::End)]);
    bytes::RegexBuilder::new(&whole.to_string())
        .unicode(false)
        .build()
        .map_err(too_big)
}

/// A pattern that may match anywhere in a text.
pub(super) fn anywhere(text: &str) -> Result<Regex, ValueError> {
    syntax(text, &ParserBuilder::new())?;
    Regex::new(text).map_err(too_big)
}

/// The only error left once the syntax is right.
fn too_big(_: regex::Error) -> ValueError {
    ValueError {
        message: "this pattern is too big".into(),
        at: None,
        help: "write smaller repetitions, or several patterns".into(),
    }
}

fn syntax(text: &str, rules: &ParserBuilder) -> Result<Hir, ValueError> {
    rules.build().parse(text).map_err(|error| {
        let (span, problem) = match &error {
            regex_syntax::Error::Parse(error) => (Some(error.span()), error.kind().to_string()),
            regex_syntax::Error::Translate(error) => (Some(error.span()), error.kind().to_string()),
            _ => (None, "it cannot be read".into()),
        };
        ValueError {
            message: format!("this is not a regular expression: {problem}"),
            at: span.map(|span| span.start.offset..span.end.offset),
            help: if text.starts_with('*') {
                "where a shell pattern has *, a regular expression has .*".into()
            } else {
                "a pattern is written like v1\\.[0-9]+; put a \\ before a sign that means itself"
                    .into()
            },
        }
    })
}

pub(super) fn range(text: &str) -> Result<VersionReq, ValueError> {
    VersionReq::parse(text).map_err(|error| ValueError {
        message: format!("this is not a version range: {error}"),
        at: None,
        help: if text.contains("||") {
            "a range has no ||; write two [[images]] tables".into()
        } else {
            "write for example \">=1.20, <2\", \"~1.27\" (1.27.x) or \"^3\" (3.x.y)".into()
        },
    })
}

pub(super) fn proxy(text: &str) -> Result<Proxy, ValueError> {
    if text == "none" {
        return Ok(Proxy::None);
    }
    let wrong = |message: String| ValueError {
        message,
        at: None,
        help: "write \"http://proxy.example.com:3128\", a socks5:// address, or \"none\" to go \
               without one"
            .into(),
    };
    let url = Url::parse(text).map_err(|error| wrong(format!("this is not a proxy: {error}")))?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") || !url.has_host() {
        return Err(wrong("a proxy is an http, https or socks5 address".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ValueError {
            message: "a list holds no secrets, and this proxy has a user in it".into(),
            at: None,
            help: "put the address with its user into HTTPS_PROXY and leave `proxy` out".into(),
        });
    }
    Ok(Proxy::Address(url))
}

/// The address of a container daemon.
pub(super) fn daemon(text: &str) -> Result<String, ValueError> {
    let known = ["unix://", "tcp://", "http://"];
    let address = known.iter().find_map(|scheme| text.strip_prefix(scheme));
    match address {
        Some(address) if !address.is_empty() && !text.contains(['[', ']']) => Ok(text.to_owned()),
        _ => Err(ValueError {
            message: format!("{text:?} is no address of a daemon"),
            at: None,
            help: "write true for the default one, \"unix:///run/podman/podman.sock\" or \"tcp://host:2375\"".into(),
        }),
    }
}

pub(super) fn on_existing(text: &str) -> Result<OnExisting, ValueError> {
    OnExisting::from_word(text).ok_or_else(|| ValueError {
        message: format!("`on-existing` is replace, keep or fail, not {text:?}"),
        at: None,
        help: "write \"replace\", \"keep\" (the image is skipped) or \"fail\"".into(),
    })
}

pub(super) fn format(text: &str) -> Result<ManifestFormat, ValueError> {
    ManifestFormat::from_word(text).ok_or_else(|| ValueError {
        message: format!("`format` is oci or docker, not {text:?}"),
        at: None,
        help: "write \"oci\" or \"docker\", or leave it out for manifests as the source has them"
            .into(),
    })
}

pub(super) fn compression(text: &str) -> Result<Compression, ValueError> {
    Compression::from_word(text).ok_or_else(|| ValueError {
        message: format!("`compression` is gzip, zstd or none, not {text:?}"),
        at: None,
        help: "write \"gzip\", \"zstd\" or \"none\" (layers stay plain tar)".into(),
    })
}

pub(super) fn engine(text: &str) -> Result<CopyEngine, ValueError> {
    CopyEngine::from_word(text).ok_or_else(|| ValueError {
        message: format!("`engine` is native or skopeo, not {text:?}"),
        at: None,
        help: "write \"native\" (this program) or \"skopeo\"".into(),
    })
}

pub(super) fn group(text: &str) -> Result<GroupName, ValueError> {
    text.parse().map_err(|error: GroupNameError| ValueError {
        message: error.to_string(),
        at: None,
        help: "write for example \"release-42\": up to 64 letters, digits, dots, dashes and underscores"
            .into(),
    })
}

/// A length of time, of at least a second.
pub(super) fn duration(text: &str) -> Result<Duration, ValueError> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let parsed = parsed.and_then(|duration| Duration::try_from(duration).ok());
    parsed
        .filter(|duration| *duration >= Duration::from_secs(1))
        .ok_or_else(|| ValueError {
            message: "this is no length of time".into(),
            at: None,
            help: "write for example \"90s\", \"45m\" or \"2h\"".into(),
        })
}

pub(super) fn size(text: &str) -> Result<u64, ValueError> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| ValueError {
            message: "this is not a size".into(),
            at: None,
            help: "write bytes as a number, or for example \"20MB\" or \"1GiB\"".into(),
        })
}

/// The value of a TOML integer; nothing for a negative or an enormous one.
pub(super) fn integer(number: &DeInteger) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn reference_error(text: &str, error: ReferenceError) -> ValueError {
    let blamed = text.get(error.at.clone()).unwrap_or_default();
    let help = match &error.problem {
        ReferenceProblem::Registry if text.contains("://") => {
            "leave out the https://; plain HTTP is asked for with plain-http = true".into()
        }
        ReferenceProblem::BareHost(host) => format!("write {host}:443, or the port it listens on"),
        ReferenceProblem::Registry => "write for example harbor.example.com:8443".into(),
        ReferenceProblem::Uppercase(part) => format!("write {:?}", part.to_lowercase()),
        ReferenceProblem::Empty | ReferenceProblem::TooLong => {
            "write for example library/nginx:1.27".into()
        }
        ReferenceProblem::Component(_) if blamed.is_empty() => {
            "leave out the / that has nothing before or after it".into()
        }
        ReferenceProblem::Component(_) => {
            "write for example team/my-service; a tag comes after a colon".into()
        }
        ReferenceProblem::Tag(_) => "write a tag such as 1.27.3 or v2-alpine".into(),
        ReferenceProblem::Digest(_) => {
            "copy the whole digest, sha256: and 64 hex digits, or use a tag".into()
        }
    };
    ValueError {
        message: error.problem.to_string(),
        at: Some(error.at),
        help,
    }
}
