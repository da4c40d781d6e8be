//! Which process runs a batch, or ran it last.
//!
//! Decides nothing: a row names the owner, and only the lock says whether it still runs the batch.

use std::fmt;

use jiff::Timestamp;

/// The process that runs a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub host: String,
    pub pid: u32,
    pub since: Timestamp,
}

impl Owner {
    pub(super) fn this_process() -> Self {
        let host = hostname::get().map(|name| name.to_string_lossy().into_owned());
        Self {
            host: host.unwrap_or_else(|_| "an unnamed host".into()),
            pid: std::process::id(),
            since: Timestamp::now(),
        }
    }

    pub(super) fn is_this_process(&self) -> bool {
        let Self { host, pid, .. } = Self::this_process();
        (self.pid, &self.host) == (pid, &host)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, pid, since } = self;
        let since = since.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "process {pid} on {host}, since {since},")
    }
}
