//! The embedded registry in a temporary directory, and its requests.

use std::num::NonZeroU64;

use transship::serve::{AccessLog, Options, Server};

use crate::requests::Request;

pub struct Embedded {
    pub server: Server,
    _directory: tempfile::TempDir,
}

impl Embedded {
    pub async fn start() -> Self {
        Self::throttled(None).await
    }

    /// Bytes a second for each connection and direction.
    pub async fn throttled(throttle: impl Into<Option<u64>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            access_log: Some(AccessLog::default()),
            throttle: throttle.into().and_then(NonZeroU64::new),
            ..Options::new(directory.path().join("registry"))
        };
        let server = Server::bind(([127, 0, 0, 1], 0).into(), options);
        Self {
            server: server.await.unwrap(),
            _directory: directory,
        }
    }

    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        let entries = self.server.access_log().entries();
        entries.iter().map(Request::from).collect()
    }
}
