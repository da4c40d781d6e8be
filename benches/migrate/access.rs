//! What a registry was asked, by kind, and the bytes of blobs it gave.
//!
//! Read from the combined log that `docker-registry` writes, one line a request.

use std::{collections::BTreeMap, fmt};

#[derive(Clone, Debug, Default)]
pub struct Access {
    pub requests: BTreeMap<&'static str, u64>,
    /// Bytes of blobs that left the registry.
    pub blob_bytes: u64,
}

impl Access {
    pub fn add_line(&mut self, line: &str) {
        let mut quoted = line.split('"');
        let (Some(request), Some(answer)) = (quoted.nth(1), quoted.next()) else {
            return;
        };
        let Some((method, target)) = request.split_once(' ') else {
            return;
        };
        let target = target.split(' ').next().unwrap_or_default();
        let mut answer = answer.split_whitespace();
        let bytes = answer
            .nth(1)
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(0);
        self.add(method, target, bytes);
    }

    pub fn add(&mut self, method: &str, target: &str, bytes: u64) {
        let kind = kind(method, target);
        *self.requests.entry(kind).or_default() += 1;
        if kind == "GET blob" {
            self.blob_bytes += bytes;
        }
    }

    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    pub fn since(&self, before: &Self) -> Self {
        let requests = self.requests.iter().map(|(kind, count)| {
            (
                *kind,
                count - before.requests.get(kind).copied().unwrap_or(0),
            )
        });
        Self {
            requests: requests.filter(|(_, count)| *count > 0).collect(),
            blob_bytes: self.blob_bytes - before.blob_bytes,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self
            .requests
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        write!(f, "{}", kinds.join(", "))
    }
}

fn kind(method: &str, target: &str) -> &'static str {
    let path = target.split('?').next().unwrap_or_default();
    match method {
        "POST" if target.contains("mount=") => "POST mount",
        "POST" => "POST upload",
        "PATCH" => "PATCH upload",
        "PUT" if path.contains("/manifests/") => "PUT manifest",
        "PUT" => "PUT upload",
        "HEAD" if path.contains("/manifests/") => "HEAD manifest",
        "HEAD" => "HEAD blob",
        "GET" if path.contains("/manifests/") => "GET manifest",
        "GET" if path.ends_with("/v2/") => "GET ping",
        "GET" if path.ends_with("/tags/list") => "GET tags",
        "GET" if path.contains("/blobs/uploads/") => "GET upload",
        "GET" if path.contains("/blobs/") => "GET blob",
        _ => "other",
    }
}
