//! Upload sessions that are open at one registry.
//!
//! Keeps abandoned ones for the end of the batch, which cancels them. Invariant: a session that did not end at the
//! registry is kept here when its transfer ends, even by a panic or an aborted task.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use crate::registry::UploadSession;

/// More than can be cancelled at the end of a batch. Registries remove sessions by themselves after some days.
const MAX_ABANDONED: usize = 4096;

/// Open sessions at one registry that no transfer uses.
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

    /// Replaces the session by its next location, from the registry's answer.
    pub(super) fn follow(&mut self, session: UploadSession) {
        self.session = session;
    }

    /// The session no longer exists at the registry.
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
