//! What copying the planned jobs of a review takes: bytes to copy, to mount and already there, per destination
//! registry, and the largest layers.
//!
//! Decides what a blob counts for: content that a registry lacks crosses the wire once, and every further repository
//! mounts it. Updated job by job, so that a frame never passes over all of them. Invariant: the sums are those of the
//! jobs that are planned now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{BlobKind, BlobState, BlobView, Board, Event, JobId, JobView, Settled};
use crate::oci::{Digest, Repository, Store};

#[derive(Clone, Debug, Default)]
pub struct Plan {
    registries: BTreeMap<Store, Share>,
    jobs: BTreeSet<JobId>,
    /// Those of them whose destination tag names another image.
    replacing: BTreeMap<JobId, Digest>,
}

/// In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Crosses the wire.
    pub copy: u64,
    /// The registry takes it from another of its repositories.
    pub mount: u64,
    /// Found where it should be.
    pub present: u64,
}

/// A layer that has to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeLayer {
    pub registry: Store,
    /// One of those that will have it; `None` in a store of this machine.
    pub repository: Option<Repository>,
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// How many planned images need it.
    pub images: usize,
}

/// One destination's part.
#[derive(Clone, Debug, Default)]
struct Share {
    contents: HashMap<Digest, Content>,
    amounts: Amounts,
    /// Layers to copy, by size.
    layers: BTreeSet<(u64, Digest)>,
}

#[derive(Clone, Debug)]
struct Content {
    size: u64,
    kind: BlobKind,
    places: BTreeMap<Option<Repository>, BlobRow>,
    /// Repositories among them that have it.
    present: u64,
    /// Images whose source is the same registry: it mounts from there.
    near: usize,
}

/// Planned images that need a blob in one repository, and how many of them found it there.
#[derive(Clone, Copy, Debug, Default)]
struct BlobRow {
    images: usize,
    found: usize,
}

impl Plan {
    /// The plan of all planned jobs.
    #[must_use]
    pub fn of(board: &Board) -> Self {
        let mut plan = Self::default();
        for view in board.jobs() {
            plan.update(view);
        }
        plan
    }

    /// Applies an event that `board` has applied.
    pub fn apply(&mut self, event: &Event, board: &Board) {
        match event {
            Event::BatchStarted { .. } | Event::ReviewEnded => *self = Self::default(),
            Event::JobQueued { job, .. }
            | Event::JobStarted { job, .. }
            | Event::JobFinished { job, .. }
                if board.is_reviewing() =>
            {
                if let Some(view) = board.job(*job) {
                    self.update(view);
                }
            }
            _ => {}
        }
    }

    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let shares = self.registries.values().map(|share| share.amounts);
        shares.fold(Amounts::default(), Amounts::plus)
    }

    /// Each destination registry with its part.
    pub fn registries(&self) -> impl Iterator<Item = (&Store, Amounts)> {
        (self.registries.iter()).map(|(registry, share)| (registry, share.amounts))
    }

    /// The images whose destination tag names another one, and which that is, in list order.
    pub fn replacing(&self) -> impl ExactSizeIterator<Item = (JobId, &Digest)> {
        self.replacing.iter().map(|(job, digest)| (*job, digest))
    }

    /// The largest layers to copy, largest first; at most `count`.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<LargeLayer> {
        let mut layers: Vec<LargeLayer> = (self.registries.iter())
            .flat_map(|(registry, share)| share.largest(registry, count))
            .collect();
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.size));
        layers.truncate(count);
        layers
    }

    fn update(&mut self, view: &JobView) {
        let job = view.job.id;
        match view.is_planned() {
            true if self.jobs.insert(job) => {
                self.change(view, Content::add);
                if let Some(digest) = &view.replaces {
                    self.replacing.insert(job, digest.clone());
                }
            }
            false if self.jobs.remove(&job) => {
                self.change(view, Content::remove);
                self.replacing.remove(&job);
            }
            _ => {}
        }
    }

    fn change(&mut self, view: &JobView, change: fn(&mut Content, &JobView, bool)) {
        let store = view.job.spec.destination.store();
        let share = self.registries.entry(store.clone()).or_default();
        for blob in &view.blobs {
            let found = blob.state == BlobState::Settled(Settled::Present);
            share.change(blob, |content| change(content, view, found));
        }
        if share.contents.is_empty() {
            self.registries.remove(&store);
        }
    }
}

impl Share {
    fn change(&mut self, blob: &BlobView, change: impl FnOnce(&mut Content)) {
        let content = self.contents.entry(blob.digest.clone());
        let content = content.or_insert_with(|| Content::new(blob));
        let before = content.amounts();
        change(content);
        let after = content.amounts();
        self.amounts = self.amounts.minus(before).plus(after);
        let layer = (content.size, blob.digest.clone());
        if content.kind == BlobKind::Layer && after.copy > 0 {
            self.layers.insert(layer);
        } else {
            self.layers.remove(&layer);
        }
        if content.places.is_empty() {
            self.contents.remove(&blob.digest);
        }
    }

    fn largest(&self, registry: &Store, count: usize) -> impl Iterator<Item = LargeLayer> {
        (self.layers.iter().rev().take(count)).filter_map(|(size, digest)| {
            let places = &self.contents.get(digest)?.places;
            Some(LargeLayer {
                registry: registry.clone(),
                repository: places.keys().next()?.clone(),
                digest: digest.clone(),
                size: *size,
                images: places.values().map(|place| place.images).sum(),
            })
        })
    }
}

impl Content {
    fn new(blob: &BlobView) -> Self {
        Self {
            size: blob.size,
            kind: blob.kind,
            places: BTreeMap::new(),
            present: 0,
            near: 0,
        }
    }

    fn amounts(&self) -> Amounts {
        let missing = (self.places.len() as u64).saturating_sub(self.present);
        let uploads = u64::from(missing > 0 && self.present == 0 && self.near == 0);
        Amounts {
            copy: self.size.saturating_mul(uploads),
            mount: self.size.saturating_mul(missing - uploads),
            present: self.size.saturating_mul(self.present),
        }
    }

    fn add(&mut self, view: &JobView, found: bool) {
        self.near += usize::from(is_near(view));
        let repository = view.job.spec.destination.repository().cloned();
        let place = self.places.entry(repository).or_default();
        place.images += 1;
        self.present += u64::from(found && place.found == 0);
        place.found += usize::from(found);
    }

    fn remove(&mut self, view: &JobView, found: bool) {
        let repository = view.job.spec.destination.repository().cloned();
        let Some(place) = self.places.get_mut(&repository) else {
            return;
        };
        self.near = self.near.saturating_sub(usize::from(is_near(view)));
        place.images -= 1;
        if found && place.found > 0 {
            place.found -= 1;
            self.present -= u64::from(place.found == 0);
        }
        if place.images == 0 {
            self.places.remove(&repository);
        }
    }
}

fn is_near(view: &JobView) -> bool {
    view.job
        .spec
        .source
        .is_in(&view.job.spec.destination.store())
}

impl Amounts {
    fn plus(self, other: Self) -> Self {
        Self {
            copy: self.copy.saturating_add(other.copy),
            mount: self.mount.saturating_add(other.mount),
            present: self.present.saturating_add(other.present),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            copy: self.copy.saturating_sub(other.copy),
            mount: self.mount.saturating_sub(other.mount),
            present: self.present.saturating_sub(other.present),
        }
    }
}

#[cfg(test)]
mod tests;
