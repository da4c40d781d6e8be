//! The access log: every request with its status and its bytes in each direction.
//!
//! It is in memory, so it is for tests and the demo. Invariant: a request is in the log before it is carried out, and its
//! status before the answer is sent.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use axum::http::{Method, StatusCode, request::Parts};
use tokio::sync::Notify;

/// One request and its progress.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    pub at: SystemTime,
    pub method: Method,
    /// Path and query as they were sent.
    pub target: String,
    /// `None` until the answer, and for good if the connection is cut before.
    pub status: Option<StatusCode>,
    /// Bytes of the request body received so far.
    pub request_bytes: u64,
    /// Bytes of the response body sent so far.
    pub response_bytes: u64,
}

/// The requests of one or more servers in the order they came. Clones share the entries.
#[derive(Clone, Debug, Default)]
pub struct AccessLog {
    records: Arc<Mutex<Vec<Arc<Record>>>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Record {
    at: SystemTime,
    method: Method,
    target: String,
    /// Zero until there is one.
    status: AtomicU16,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

impl AccessLog {
    #[must_use]
    pub fn entries(&self) -> Vec<AccessEntry> {
        self.records().iter().map(|record| record.entry()).collect()
    }

    /// The number of requests that fit.
    pub fn count(&self, fits: impl Fn(&AccessEntry) -> bool) -> usize {
        self.entries().iter().filter(|entry| fits(entry)).count()
    }

    pub fn clear(&self) {
        self.records().clear();
    }

    /// Waits until `condition` holds. Checks it whenever a request comes, is answered, or passes bytes.
    pub async fn until(&self, condition: impl Fn(&[AccessEntry]) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition(&self.entries()) {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn begin(&self, request: &Parts) -> Pending {
        let target = request
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let record = Arc::new(Record {
            at: SystemTime::now(),
            method: request.method.clone(),
            target: target.to_owned(),
            status: AtomicU16::new(0),
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
        });
        self.records().push(Arc::clone(&record));
        self.changed.notify_waiters();
        Pending {
            record,
            changed: Arc::clone(&self.changed),
        }
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Record>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn entry(&self) -> AccessEntry {
        AccessEntry {
            at: self.at,
            method: self.method.clone(),
            target: self.target.clone(),
            status: StatusCode::from_u16(self.status.load(Ordering::Acquire)).ok(),
            request_bytes: self.request_bytes.load(Ordering::Acquire),
            response_bytes: self.response_bytes.load(Ordering::Acquire),
        }
    }
}

/// A request that is being answered.
#[derive(Clone)]
pub(crate) struct Pending {
    record: Arc<Record>,
    changed: Arc<Notify>,
}

impl Pending {
    pub(crate) fn answered(&self, status: StatusCode) {
        self.record.status.store(status.as_u16(), Ordering::Release);
        self.changed.notify_waiters();
    }

    pub(crate) fn took(&self, bytes: u64) {
        self.record.request_bytes.fetch_add(bytes, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    pub(crate) fn gave(&self, bytes: u64) {
        self.record
            .response_bytes
            .fetch_add(bytes, Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}
