//! The list of registries: its cursor, countdowns, and speeds from two samples.
//!
//! Invariant: the cursor is a registry, so it stays on its registry when another one appears.

use std::{collections::BTreeMap, time::Duration};

use super::scroll::in_view;
use crate::{
    batch::{Board, Event, RegistryStatus},
    oci::Registry,
};

#[derive(Clone, Debug, Default)]
pub struct Registries {
    cursor: Option<Registry>,
    /// The first registry on the screen.
    pub offset: usize,
    rates: BTreeMap<Registry, Rate>,
    sampled_at: Option<Duration>,
    /// Streams requested and not yet confirmed.
    pub requested_streams: BTreeMap<Registry, u16>,
    /// When rate limited or unreachable registries are asked again.
    retry_at: BTreeMap<Registry, Duration>,
    /// When registries are asked again for an operation that has a rate limit of its own.
    operation_retry_at: BTreeMap<Registry, Duration>,
}

/// Bytes moved so far, and bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rate {
    bytes: u64,
    per_second: u64,
}

impl Registries {
    /// The registries in the order of the screen, and the row of the cursor.
    #[must_use]
    pub fn rows<'a>(&self, board: &'a Board) -> (Vec<&'a RegistryStatus>, usize) {
        let rows: Vec<&RegistryStatus> = board.registries.values().collect();
        let at = rows
            .iter()
            .position(|status| Some(&status.registry) == self.cursor.as_ref());
        (rows, at.unwrap_or(0))
    }

    #[must_use]
    pub fn selected<'a>(&self, board: &'a Board) -> Option<&'a RegistryStatus> {
        let (rows, at) = self.rows(board);
        rows.get(at).copied()
    }

    pub fn go(&mut self, row: usize, board: &Board) {
        let last = board.registries.len().saturating_sub(1);
        self.cursor = board.registries.keys().nth(row.min(last)).cloned();
    }

    pub fn scroll_into_view(&mut self, height: usize, board: &Board) {
        let (rows, at) = self.rows(board);
        self.offset = in_view(self.offset, at, height, rows.len());
    }

    /// Bytes per second to and from a registry; 0 before the second sample.
    #[must_use]
    pub fn speed(&self, registry: &Registry) -> u64 {
        self.rates.get(registry).map_or(0, |rate| rate.per_second)
    }

    /// How long until a rate limited or unreachable registry is asked again.
    #[must_use]
    pub fn retry_in(&self, registry: &Registry, now: Duration) -> Option<Duration> {
        time_until(&self.retry_at, registry, now)
    }

    /// How long until it is asked again for the operation that has a rate limit of its own.
    #[must_use]
    pub fn operation_retry_in(&self, registry: &Registry, now: Duration) -> Option<Duration> {
        time_until(&self.operation_retry_at, registry, now)
    }

    pub fn apply(&mut self, event: &Event, now: Duration) {
        match event {
            Event::BatchStarted { .. } => *self = Self::default(),
            Event::RegistriesSampled { registries } => {
                for status in registries {
                    let operation = status.rationed.as_ref();
                    for (retry_at, wait) in [
                        (&mut self.retry_at, status.throttled_ms),
                        (
                            &mut self.operation_retry_at,
                            operation.and_then(|operation| operation.pause_ms),
                        ),
                    ] {
                        match wait.map(Duration::from) {
                            Some(wait) => retry_at.insert(status.registry.clone(), now + wait),
                            None => retry_at.remove(&status.registry),
                        };
                    }
                    if self.requested_streams.get(&status.registry) == Some(&status.stream_ceiling)
                    {
                        self.requested_streams.remove(&status.registry);
                    }
                }
            }
            _ => {}
        }
    }

    pub fn tick(&mut self, now: Duration, board: &Board) {
        let passed = self.sampled_at.map(|at| now.saturating_sub(at));
        if passed.is_some_and(|passed| passed < Duration::from_secs(1)) {
            return;
        }
        self.sampled_at = Some(now);
        let millis = passed.map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(0));
        for (registry, status) in &board.registries {
            let rate = self.rates.entry(registry.clone()).or_default();
            let moved = status.bytes.saturating_sub(rate.bytes);
            *rate = Rate {
                bytes: status.bytes,
                per_second: moved.saturating_mul(1000).checked_div(millis).unwrap_or(0),
            };
        }
    }
}

/// How long until the time of a registry.
fn time_until(
    times: &BTreeMap<Registry, Duration>,
    registry: &Registry,
    now: Duration,
) -> Option<Duration> {
    let wait = times.get(registry)?.checked_sub(now);
    wait.filter(|wait| !wait.is_zero())
}
