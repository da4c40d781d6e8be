//! Passwords on trial: whether one may be sent again.
//!
//! Decides that a password nobody knows to be good is tried by one request at a time, and that one that was
//! refused is left alone for a while: a batch that tries it with every image locks the account where
//! directories count failures. Invariant: only who was refused without asking for anything in particular is
//! refused for everything.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{Credential, locked};
use crate::registry::{SingleFlight, error::ErrorCause};

/// How long a refused password is not tried again.
const REST: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct LoginGuard(Mutex<Vec<(Credential, Arc<Trial>)>>);

type Trial = SingleFlight<LoginResult, ErrorCause>;

pub(super) enum LoginResult {
    Taken,
    Refused { said: String, until: Instant },
}

impl LoginResult {
    pub(super) fn refused(said: String) -> Self {
        let until = Instant::now() + REST;
        Self::Refused { said, until }
    }
}

impl LoginGuard {
    /// Returns once the credential is known to be taken; tries it, or waits for who does.
    pub(super) async fn settle(
        &self,
        credential: &Credential,
        trial: impl Future<Output = Result<LoginResult, ErrorCause>>,
    ) -> Result<(), ErrorCause> {
        match self.cell(credential).get_or_try_init(|| trial).await? {
            LoginResult::Taken => Ok(()),
            LoginResult::Refused { said, .. } => Err(ErrorCause::Auth(said.clone())),
        }
    }

    /// A credential that was taken has been refused since: the next use is a trial.
    pub(super) fn reopen(&self, credential: &Credential) {
        locked(&self.0).retain(|(known, cell)| {
            known != credential || !matches!(cell.get(), Some(LoginResult::Taken))
        });
    }

    fn cell(&self, credential: &Credential) -> Arc<Trial> {
        let now = Instant::now();
        let mut trials = locked(&self.0);
        trials.retain(|(_, cell)| match cell.get() {
            Some(LoginResult::Refused { until, .. }) => *until > now,
            Some(LoginResult::Taken) | None => true,
        });
        if let Some((_, cell)) = trials.iter().find(|(known, _)| known == credential) {
            return Arc::clone(cell);
        }
        let cell = Arc::<Trial>::default();
        trials.push((credential.clone(), Arc::clone(&cell)));
        cell
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

    async fn settle(trials: &LoginGuard, verdict: LoginResult) -> Result<(), ErrorCause> {
        trials
            .settle(&password(), async { Ok::<_, ErrorCause>(verdict) })
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_password_is_left_alone_for_half_a_minute() {
        let trials = LoginGuard::default();
        let refused = || LoginResult::refused("wrong".into());
        assert!(settle(&trials, refused()).await.is_err());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(settle(&trials, LoginResult::Taken).await.is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(settle(&trials, LoginResult::Taken).await.is_ok());
    }

    #[tokio::test]
    async fn a_password_that_was_taken_is_tried_again_only_when_reopened() {
        let trials = LoginGuard::default();
        let refused = || LoginResult::refused("revoked".into());
        assert!(settle(&trials, LoginResult::Taken).await.is_ok());
        assert!(settle(&trials, refused()).await.is_ok());
        trials.reopen(&password());
        assert!(settle(&trials, refused()).await.is_err());
        trials.reopen(&password());
        assert!(settle(&trials, LoginResult::Taken).await.is_err());
    }

    #[tokio::test]
    async fn a_trial_that_nobody_judged_is_held_again() {
        let trials = LoginGuard::default();
        let cut = async { Err(ErrorCause::Network("reset".into())) };
        assert!(trials.settle(&password(), cut).await.is_err());
        assert!(settle(&trials, LoginResult::Taken).await.is_ok());
    }
}
