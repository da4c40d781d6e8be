//! Limits how often a password is tried that may be wrong.
//!
//! Decides that one request at a time tries a password that no server has accepted yet, and that a refused one is
//! not tried again for 30 s: with one attempt per image a batch would lock the account where directories count
//! failures. Invariant: a password counts as refused only if the server refused it without any scope.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Credential;
use crate::registry::{SingleFlight, error::ErrorCause};

/// How long a refused password is not tried again.
const REFUSED_FOR: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct LoginGuard(Mutex<Vec<(Credential, Arc<Check>)>>);

type Check = SingleFlight<LoginResult, ErrorCause>;

pub(super) enum LoginResult {
    Accepted,
    Refused { refusal: String, until: Instant },
}

impl LoginResult {
    pub(super) fn refused(refusal: String) -> Self {
        let until = Instant::now() + REFUSED_FOR;
        Self::Refused { refusal, until }
    }
}

impl LoginGuard {
    /// Returns once the server is known to accept the credential: runs `check`, or waits for whoever runs it.
    pub(super) async fn check(
        &self,
        credential: &Credential,
        check: impl Future<Output = Result<LoginResult, ErrorCause>>,
    ) -> Result<(), ErrorCause> {
        match self.cell(credential).get_or_try_init(|| check).await? {
            LoginResult::Accepted => Ok(()),
            LoginResult::Refused { refusal, .. } => Err(ErrorCause::Auth(refusal.clone())),
        }
    }

    /// A server has refused a credential that it accepted before: check it again before its next use.
    pub(super) fn reopen(&self, credential: &Credential) {
        self.checks().retain(|(known, cell)| {
            known != credential || !matches!(cell.get(), Some(LoginResult::Accepted))
        });
    }

    fn cell(&self, credential: &Credential) -> Arc<Check> {
        let now = Instant::now();
        let mut checks = self.checks();
        checks.retain(|(_, cell)| match cell.get() {
            Some(LoginResult::Refused { until, .. }) => *until > now,
            Some(LoginResult::Accepted) | None => true,
        });
        if let Some((_, cell)) = checks.iter().find(|(known, _)| known == credential) {
            return Arc::clone(cell);
        }
        let cell = Arc::<Check>::default();
        checks.push((credential.clone(), Arc::clone(&cell)));
        cell
    }

    fn checks(&self) -> MutexGuard<'_, Vec<(Credential, Arc<Check>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password() -> Credential {
        Credential::Basic {
            username: "robot".into(),
            password: "hunter2".into(),
        }
    }

    async fn check(guard: &LoginGuard, result: LoginResult) -> Result<(), ErrorCause> {
        guard
            .check(&password(), async { Ok::<_, ErrorCause>(result) })
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_password_is_not_tried_again_for_half_a_minute() {
        let guard = LoginGuard::default();
        let refused = || LoginResult::refused("wrong".into());
        assert!(check(&guard, refused()).await.is_err());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(check(&guard, LoginResult::Accepted).await.is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(check(&guard, LoginResult::Accepted).await.is_ok());
    }

    #[tokio::test]
    async fn an_accepted_password_is_checked_again_only_when_reopened() {
        let guard = LoginGuard::default();
        let refused = || LoginResult::refused("revoked".into());
        assert!(check(&guard, LoginResult::Accepted).await.is_ok());
        assert!(check(&guard, refused()).await.is_ok());
        guard.reopen(&password());
        assert!(check(&guard, refused()).await.is_err());
        guard.reopen(&password());
        assert!(check(&guard, LoginResult::Accepted).await.is_err());
    }

    #[tokio::test]
    async fn a_check_without_a_result_is_repeated() {
        let guard = LoginGuard::default();
        let cut = async { Err(ErrorCause::Network("reset".into())) };
        assert!(guard.check(&password(), cut).await.is_err());
        assert!(check(&guard, LoginResult::Accepted).await.is_ok());
    }
}
