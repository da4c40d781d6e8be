//! The registries as the batch uses them: which one is selected, and when a throttled one is asked again.
//!
//! Invariant: the cursor is a registry, so it stays on it when another one appears.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    batch::{Board, Event, RegistryStatus},
    oci::Registry,
};

#[derive(Clone, Debug, Default)]
pub struct Registries {
    cursor: Option<Registry>,
    /// The first registry on the screen.
    pub offset: usize,
    /// Streams asked for and not yet confirmed.
    pub asked: BTreeMap<Registry, u16>,
    /// When throttled registries are asked again.
    again: BTreeMap<Registry, Duration>,
    /// When they are asked again for the operation they ration.
    operation_again: BTreeMap<Registry, Duration>,
}

impl Registries {
    /// The registries in the order of the screen, with the one the cursor is on.
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

    pub fn keep_in_sight(&mut self, height: usize, board: &Board) {
        let (rows, at) = self.rows(board);
        self.offset = self
            .offset
            .min(rows.len().saturating_sub(height))
            .min(at)
            .max((at + 1).saturating_sub(height));
    }

    /// How long until a throttled registry is asked again.
    #[must_use]
    pub fn throttled(&self, registry: &Registry, now: Duration) -> Option<Duration> {
        left(&self.again, registry, now)
    }

    /// How long until it is asked again for the operation it rations.
    #[must_use]
    pub fn operation_paused(&self, registry: &Registry, now: Duration) -> Option<Duration> {
        left(&self.operation_again, registry, now)
    }

    pub fn apply(&mut self, event: &Event, at: Duration) {
        match event {
            Event::BatchStarted { .. } => *self = Self::default(),
            Event::RegistriesSampled { registries } => {
                for status in registries {
                    let operation = status.rationed.as_ref();
                    for (again, wait) in [
                        (&mut self.again, status.throttled_ms),
                        (
                            &mut self.operation_again,
                            operation.and_then(|operation| operation.pause_ms),
                        ),
                    ] {
                        match wait.map(Duration::from) {
                            Some(wait) => drop(again.insert(status.registry.clone(), at + wait)),
                            None => drop(again.remove(&status.registry)),
                        }
                    }
                    if self.asked.get(&status.registry) == Some(&status.stream_ceiling) {
                        self.asked.remove(&status.registry);
                    }
                }
            }
            _ => {}
        }
    }
}

/// How long until the moment noted for a registry.
fn left(
    moments: &BTreeMap<Registry, Duration>,
    registry: &Registry,
    now: Duration,
) -> Option<Duration> {
    let wait = moments.get(registry)?.checked_sub(now);
    wait.filter(|wait| !wait.is_zero())
}
