//! The requests of a registry, from its access log; the same for the embedded and the real one.

use transship::serve::AccessEntry;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub method: String,
    /// Path and query, colons unescaped.
    pub target: String,
    /// Absent when nothing was answered.
    pub status: Option<u16>,
}

impl Request {
    pub fn new(method: &str, target: &str, status: Option<u16>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.replace("%3A", ":").replace("%2F", "/"),
            status,
        }
    }

    fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&self.target, |(path, _)| path)
    }

    /// What it does to what, and the answer: `PUT manifest 201`.
    pub fn kind(&self) -> String {
        let kinds = [
            ("/manifests/", "manifest"),
            ("/blobs/uploads/", "upload"),
            ("/blobs/", "blob"),
            ("/tags/list", "tags"),
        ];
        let found = kinds.iter().find(|(part, _)| self.path().contains(part));
        let what = match self.parameter("mount") {
            Some(_) => "mount",
            None => found.map_or(self.path(), |(_, what)| what),
        };
        let status = self
            .status
            .map_or("cut".into(), |status| status.to_string());
        format!("{} {what} {status}", self.method)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Puts a blob's last bytes: the repository and the digest.
    pub fn upload(&self) -> Option<(String, String)> {
        if self.method != "PUT" {
            return None;
        }
        let (repository, _) = self
            .path()
            .strip_prefix("/v2/")?
            .split_once("/blobs/uploads/")?;
        Some((repository.to_owned(), self.parameter("digest")?.to_owned()))
    }

    /// As [`Request::upload`], when the registry has the blob from then on.
    pub fn accepted_upload(&self) -> Option<(String, String)> {
        self.upload().filter(|_| self.status == Some(201))
    }

    /// A mount that was granted: the digest.
    pub fn mounted(&self) -> Option<&str> {
        self.parameter("mount")
            .filter(|_| self.method == "POST" && self.status == Some(201))
    }
}

impl From<&AccessEntry> for Request {
    fn from(entry: &AccessEntry) -> Self {
        let status = entry.status.map(|status| status.as_u16());
        Self::new(entry.method.as_str(), &entry.target, status)
    }
}
