//! Upload sessions that are open at one registry, and who ends those that are of no more use.
//!
//! Decides nothing about when they are cancelled. Invariant: a session that did not end at the registry is found
//! here when its transfer is over, however that ended: by an error, by a panic, or because its task was aborted.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use crate::registry::UploadSession;

/// More than can be cancelled when a batch ends. Registries remove what is older than some days by themselves.
const MAX_ABANDONED: usize = 4096;

/// Sessions at one registry that are open although nobody uses them.
#[derive(Default)]
pub(super) struct AbandonedSessions(Mutex<Vec<UploadSession>>);

/// A session in use. Dropping it abandons it, unless it ended.
pub(super) struct OpenSession {
    session: UploadSession,
    ended: bool,
    abandoned: Arc<AbandonedSessions>,
}

impl AbandonedSessions {
    pub(super) fn take(&self) -> Vec<UploadSession> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *sessions)
    }

    fn add(&self, session: UploadSession) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() < MAX_ABANDONED {
            sessions.push(session);
        }
    }
}

impl OpenSession {
    pub(super) fn new(session: UploadSession, abandoned: &Arc<AbandonedSessions>) -> Self {
        Self {
            session,
            ended: false,
            abandoned: Arc::clone(abandoned),
        }
    }

    /// The registry said how the session goes on.
    pub(super) fn follow(&mut self, session: UploadSession) {
        self.session = session;
    }

    /// The registry does not have the session any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }
}

impl Deref for OpenSession {
    type Target = UploadSession;

    fn deref(&self) -> &UploadSession {
        &self.session
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if !self.ended {
            self.abandoned.add(self.session.clone());
        }
    }
}
