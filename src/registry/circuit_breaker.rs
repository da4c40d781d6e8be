//! Circuit breaker for one host.
//!
//! Opens after a failed connection, and after a request without an answer if the host answered nothing else since it
//! was sent. While it is open, one request at a time goes out as a probe; any answer closes it. For a registry that
//! was reached before, probes follow after 1, 2, 4 ... 30 s, and other requests fail with the time until the next
//! probe. After 5 min, and for a host that was never reached, whose address is probably wrong, other requests fail at
//! once and probes follow every second. Invariant: a slow request never opens it while the host answers others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::error::ErrorCause;

/// The pause before the first probe. Each further pause is twice as long while the host is waited for.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Requests stop waiting for a host that has been down for this long.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Debug)]
pub(super) struct CircuitBreaker {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Whether requests wait for a host that was reached before.
    waits: bool,
    /// The last answer, or the last bytes of a body.
    last_response: Option<Instant>,
    open: Option<Open>,
    probes: u64,
}

/// The state of an open breaker.
#[derive(Debug)]
struct Open {
    since: Instant,
    pauses: u32,
    until: Instant,
    why: String,
    probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    number: u64,
    begun: Instant,
}

/// Permission to send one request. Its holder reports how the request ended. Dropping it without a report allows
/// another probe.
#[derive(Debug)]
pub(super) struct Pass {
    state: Arc<Mutex<State>>,
    probe: Option<u64>,
}

/// Why no request may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Down {
    pub why: String,
    /// The time until the next probe; absent if requests do not wait for the host.
    pub left: Option<Duration>,
}

impl CircuitBreaker {
    /// For a host that requests wait for once it was reached.
    pub(super) fn waiting() -> Self {
        Self::new(true)
    }

    /// For a host that requests never wait for.
    pub(super) fn failing_fast() -> Self {
        Self::new(false)
    }

    fn new(waits: bool) -> Self {
        let state = State {
            waits,
            last_response: None,
            open: None,
            probes: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Admits a request; as a probe if the breaker is open and a probe is due.
    pub(super) fn admit(&self) -> Result<Pass, Down> {
        let now = Instant::now();
        let mut state = locked(&self.state);
        if let Some(down) = state.down(now) {
            return Err(down);
        }
        state.probes += 1;
        let number = state.probes;
        let probe = state.open.as_mut().map(|open| {
            open.probe = Some(Probe { number, begun: now });
            number
        });
        Ok(Pass {
            state: Arc::clone(&self.state),
            probe,
        })
    }

    /// Why no request may be sent now; absent also if a probe is due.
    pub(super) fn down(&self) -> Option<Down> {
        locked(&self.state).down(Instant::now())
    }

    /// Records that bytes of a body came from the host or went to it.
    pub(super) fn moved(&self) {
        locked(&self.state).last_response = Some(Instant::now());
    }

    /// How long to postpone work for the host while requests wait for it.
    pub(super) fn postponed_for(&self) -> Option<Duration> {
        let now = Instant::now();
        let state = locked(&self.state);
        let waited_for = state.is_waited_for(now);
        waited_for.then(|| state.left(now).unwrap_or(FIRST_PAUSE))
    }

    /// Whether requests wait for the host and a probe is due.
    pub(super) fn wants_probe(&self) -> bool {
        let now = Instant::now();
        let state = locked(&self.state);
        state.is_waited_for(now) && state.left(now).is_none()
    }
}

impl Pass {
    /// The host answered, with any status.
    pub(super) fn answered(self) {
        let mut state = locked(&self.state);
        state.last_response = Some(Instant::now());
        state.open = None;
    }

    /// No connection could be made. Returns the time until the next probe if requests wait for the host.
    pub(super) fn unreachable(self, why: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut state = locked(&self.state);
        state.fail(now, why, self.probe);
        state.is_waited_for(now).then(|| state.left(now)).flatten()
    }

    /// Records `cause` if no connection could be made, and adds to it when the next try is allowed.
    pub(super) fn connect_failed(self, cause: ErrorCause) -> ErrorCause {
        match cause {
            ErrorCause::Unreachable { why, .. } => ErrorCause::Unreachable {
                again: self.unreachable(&why),
                why,
            },
            cause => cause,
        }
    }

    /// No answer came within `waited`. Returns the cause of the failed request.
    pub(super) fn unanswered(self, waited: Duration) -> ErrorCause {
        let now = Instant::now();
        let mut state = locked(&self.state);
        // The host answered meanwhile, so only this request is slow.
        if state.last_response.is_some_and(|last| last + waited > now) {
            return ErrorCause::Stalled(waited);
        }
        let why = format!("no answer for {} s", waited.as_secs());
        state.fail(now, &why, self.probe);
        // No `again`, so that it counts as an attempt of the image: if only requests of this kind get no answer, an
        // image that is postponed without an attempt would never fail.
        ErrorCause::Unreachable { why, again: None }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        if let Some(open) = &mut state.open
            && open.is_probed_by(self.probe)
        {
            open.probe = None;
        }
    }
}

impl State {
    /// Whether requests wait for the host: it was reached before and has not been down for too long.
    fn is_waited_for(&self, now: Instant) -> bool {
        let recent = |open: &Open| now.saturating_duration_since(open.since) < GIVEN_UP_AFTER;
        self.waits && self.last_response.is_some() && self.open.as_ref().is_some_and(recent)
    }

    fn down(&self, now: Instant) -> Option<Down> {
        let left = self.left(now)?;
        let open = self.open.as_ref()?;
        Some(Down {
            why: open.why.clone(),
            left: self.is_waited_for(now).then_some(left),
        })
    }

    /// The time until a probe may be sent; absent if one may be sent now.
    fn left(&self, now: Instant) -> Option<Duration> {
        let open = self.open.as_ref()?;
        let left = open.until.saturating_duration_since(now);
        match open.probe {
            _ if !left.is_zero() => Some(left),
            None => None,
            // The time that the probe has taken so far, so that waiting requests check ever more rarely.
            Some(probe) => Some(now.saturating_duration_since(probe.begun).max(FIRST_PAUSE)),
        }
    }

    fn fail(&mut self, now: Instant, why: &str, pass: Option<u64>) {
        let waited_for = self.waits && self.last_response.is_some();
        let open = self.open.get_or_insert_with(|| Open {
            since: now,
            pauses: 0,
            until: now,
            why: String::new(),
            probe: None,
        });
        why.clone_into(&mut open.why);
        // Ignore requests that were sent before it opened, and those that fail beside a probe.
        let counts = match open.probe {
            Some(_) => open.is_probed_by(pass),
            None => open.until <= now,
        };
        if !counts {
            return;
        }
        let given_up = now.saturating_duration_since(open.since) >= GIVEN_UP_AFTER;
        let pause = match waited_for && !given_up {
            true => FIRST_PAUSE * 2u32.pow(open.pauses.min(16)),
            false => FIRST_PAUSE,
        };
        open.until = now + pause.min(MAX_PAUSE);
        open.pauses += 1;
        open.probe = None;
    }
}

impl Open {
    fn is_probed_by(&self, pass: Option<u64>) -> bool {
        let number = self.probe.map(|probe| probe.number);
        number.is_some() && number == pass
    }
}

impl From<Down> for ErrorCause {
    fn from(Down { why, left }: Down) -> Self {
        Self::Unreachable { why, again: left }
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const REFUSED: &str = "connection refused";
    const DEADLINE: Duration = Duration::from_secs(90);

    fn reached() -> CircuitBreaker {
        let breaker = CircuitBreaker::waiting();
        breaker.admit().unwrap().answered();
        breaker
    }

    fn down(why: &str, left: Option<Duration>) -> Option<Down> {
        let why = why.into();
        Some(Down { why, left })
    }

    fn is_silent(cause: &ErrorCause) -> bool {
        matches!(cause, ErrorCause::Unreachable { why, again: None } if why == "no answer for 90 s")
    }

    #[tokio::test(start_paused = true)]
    async fn probes_get_rarer_for_five_minutes_and_then_the_host_is_given_up() {
        let (breaker, begun) = (reached(), Instant::now());
        let [first, second] = [(); 2].map(|()| breaker.admit().unwrap());
        assert_eq!(first.unreachable(REFUSED), Some(FIRST_PAUSE));
        // A request of the same moment.
        assert_eq!(second.unreachable(REFUSED), Some(FIRST_PAUSE));
        let mut pauses = vec![1];
        while let Some(Down {
            left: Some(pause), ..
        }) = breaker.down()
        {
            assert!(breaker.admit().is_err() && !breaker.wants_probe());
            assert_eq!(breaker.postponed_for(), Some(pause));
            advance(pause).await;
            if let Some(pause) = breaker.admit().unwrap().unreachable(REFUSED) {
                pauses.push(pause.as_secs());
            }
        }
        assert_eq!(pauses[..7], [1, 2, 4, 8, 16, 30, 30]);
        let held = begun.elapsed();
        assert!(held >= GIVEN_UP_AFTER && held < GIVEN_UP_AFTER + MAX_PAUSE);
        assert_eq!(breaker.down(), down(REFUSED, None));
        assert_eq!(
            (breaker.postponed_for(), breaker.wants_probe()),
            (None, false)
        );
        advance(FIRST_PAUSE).await;
        // It was only gone for long.
        breaker.admit().unwrap().answered();
        let pause = breaker.admit().unwrap().unreachable("timed out");
        assert_eq!(pause, Some(FIRST_PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_was_never_reached_is_asked_by_one_and_all_others_fail_at_once() {
        let breaker = CircuitBreaker::waiting();
        let [first, second] = [(); 2].map(|()| breaker.admit().unwrap());
        advance(DEADLINE).await;
        assert!(is_silent(&first.unanswered(DEADLINE)));
        assert!(is_silent(&second.unanswered(DEADLINE)));
        assert_eq!(breaker.down(), down("no answer for 90 s", None));
        advance(FIRST_PAUSE).await;
        let probe = breaker.admit().unwrap();
        assert_eq!(
            breaker.admit().err(),
            down("no answer for 90 s", None),
            "a second probe goes out"
        );
        advance(DEADLINE).await;
        assert!(breaker.admit().is_err());
        assert!(is_silent(&probe.unanswered(DEADLINE)));
        advance(FIRST_PAUSE).await;
        breaker.admit().unwrap().answered();
        assert_eq!(breaker.down(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_opens_nothing_while_the_host_answers_others_or_moves_bytes() {
        let breaker = reached();
        let slow = breaker.admit().unwrap();
        advance(DEADLINE / 2).await;
        breaker.admit().unwrap().answered();
        advance(DEADLINE / 2).await;
        assert!(matches!(
            slow.unanswered(DEADLINE),
            ErrorCause::Stalled(DEADLINE)
        ));
        let slow = breaker.admit().unwrap();
        breaker.moved();
        advance(DEADLINE - FIRST_PAUSE).await;
        assert!(matches!(
            slow.unanswered(DEADLINE),
            ErrorCause::Stalled(DEADLINE)
        ));
        assert_eq!(breaker.down(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_falls_silent_is_waited_for_and_probed_by_one() {
        let breaker = reached();
        let request = breaker.admit().unwrap();
        advance(DEADLINE).await;
        assert!(is_silent(&request.unanswered(DEADLINE)));
        assert_eq!(breaker.postponed_for(), Some(FIRST_PAUSE));
        advance(FIRST_PAUSE).await;
        assert!(breaker.wants_probe());
        let probe = breaker.admit().unwrap();
        assert!(!breaker.wants_probe());
        for _ in 0..3 {
            let left = breaker.down().unwrap().left.unwrap();
            assert_eq!(breaker.postponed_for(), Some(left));
            advance(left).await;
        }
        assert!(breaker.down().unwrap().left >= Some(FIRST_PAUSE * 4));
        probe.answered();
        assert_eq!((breaker.down(), breaker.postponed_for()), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_allows_another() {
        let breaker = reached();
        breaker.admit().unwrap().unreachable(REFUSED);
        advance(FIRST_PAUSE).await;
        drop(breaker.admit().unwrap());
        let probe = breaker.admit().unwrap();
        assert_eq!(probe.unreachable(REFUSED), Some(FIRST_PAUSE * 2));
    }
}
