//! The list of registries: its cursor and countdowns.
//!
//! Invariant: the cursor is a registry, so it stays on its registry when another one appears.

use std::{collections::BTreeMap, time::Duration};

use super::scroll::in_view;
use crate::{
    batch::{Board, Event, RegistryStatus},
    oci::Store,
};

#[derive(Clone, Debug, Default)]
pub struct Registries {
    cursor: Option<Store>,
    /// The first registry on the screen.
    pub offset: usize,
    /// Streams requested and not yet confirmed.
    pub requested_streams: BTreeMap<Store, u16>,
    /// When rate limited or unreachable registries are asked again.
    retry_at: BTreeMap<Store, Duration>,
    /// When registries are asked again for an operation that has a rate limit of its own.
    operation_retry_at: BTreeMap<Store, Duration>,
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

    /// How long until a rate limited or unreachable registry is asked again.
    #[must_use]
    pub fn retry_in(&self, registry: &Store, now: Duration) -> Option<Duration> {
        time_until(&self.retry_at, registry, now)
    }

    /// How long until it is asked again for the operation that has a rate limit of its own.
    #[must_use]
    pub fn operation_retry_in(&self, registry: &Store, now: Duration) -> Option<Duration> {
        time_until(&self.operation_retry_at, registry, now)
    }

    pub fn apply(&mut self, event: &Event, at: Duration) {
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
                            Some(wait) => retry_at.insert(status.registry.clone(), at + wait),
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
}

/// How long until the time of a registry.
fn time_until(
    times: &BTreeMap<Store, Duration>,
    registry: &Store,
    now: Duration,
) -> Option<Duration> {
    let wait = times.get(registry)?.checked_sub(now);
    wait.filter(|wait| !wait.is_zero())
}
