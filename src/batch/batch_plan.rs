//! What copying the planned jobs of a review takes: bytes to copy, to mount and already there, per destination
//! registry, and the largest layers.
//!
//! Decides what a blob counts for: content that a registry has nowhere crosses the wire once, every further
//! repository mounts it. Kept in step job by job, so that a frame never looks at all of them. Invariant: the sums
//! are those of the jobs that are planned now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{BlobKind, BlobState, BlobView, Board, Event, JobId, JobView, Settled};
use crate::oci::{Digest, Registry, Repository};

#[derive(Clone, Debug, Default)]
pub struct Plan {
    registries: BTreeMap<Registry, Share>,
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
    pub registry: Registry,
    /// One of those that will have it.
    pub repository: Repository,
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// How many planned images need it.
    pub images: usize,
}

/// One destination registry's part.
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
    places: BTreeMap<Repository, BlobRow>,
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
            plan.keep_in_step(view);
        }
        plan
    }

    /// Takes in an event that `board` has applied.
    pub fn apply(&mut self, event: &Event, board: &Board) {
        match event {
            Event::BatchStarted { .. } | Event::ReviewEnded => *self = Self::default(),
            Event::JobQueued { job, .. }
            | Event::JobStarted { job, .. }
            | Event::JobFinished { job, .. }
                if board.is_reviewing() =>
            {
                if let Some(view) = board.job(*job) {
                    self.keep_in_step(view);
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
    pub fn registries(&self) -> impl Iterator<Item = (&Registry, Amounts)> {
        (self.registries.iter()).map(|(registry, share)| (registry, share.amounts))
    }

    /// The images whose destination tag names another one, and which that is, in list order.
    pub fn replacing(&self) -> impl ExactSizeIterator<Item = (JobId, &Digest)> {
        self.replacing.iter().map(|(job, digest)| (*job, digest))
    }

    /// The largest layers to copy, largest first; no more than `most`.
    #[must_use]
    pub fn largest(&self, most: usize) -> Vec<LargeLayer> {
        let mut layers: Vec<LargeLayer> = (self.registries.iter())
            .flat_map(|(registry, share)| share.largest(registry, most))
            .collect();
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.size));
        layers.truncate(most);
        layers
    }

    fn keep_in_step(&mut self, view: &JobView) {
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
        let registry = &view.job.spec.destination.registry;
        let share = self.registries.entry(registry.clone()).or_default();
        for blob in &view.blobs {
            let found = blob.state == BlobState::Settled(Settled::Present);
            share.change(blob, |content| change(content, view, found));
        }
        if share.contents.is_empty() {
            self.registries.remove(registry);
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

    fn largest(&self, registry: &Registry, most: usize) -> impl Iterator<Item = LargeLayer> {
        (self.layers.iter().rev().take(most)).filter_map(|(size, digest)| {
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
        let repository = view.job.spec.destination.repository.clone();
        let place = self.places.entry(repository).or_default();
        place.images += 1;
        self.present += u64::from(found && place.found == 0);
        place.found += usize::from(found);
    }

    fn remove(&mut self, view: &JobView, found: bool) {
        let repository = &view.job.spec.destination.repository;
        let Some(place) = self.places.get_mut(repository) else {
            return;
        };
        self.near = self.near.saturating_sub(usize::from(is_near(view)));
        place.images -= 1;
        if found && place.found > 0 {
            place.found -= 1;
            self.present -= u64::from(place.found == 0);
        }
        if place.images == 0 {
            self.places.remove(repository);
        }
    }
}

fn is_near(view: &JobView) -> bool {
    view.job.spec.source.registry == view.job.spec.destination.registry
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
mod tests {
    use super::*;
    use crate::batch::{Attempt, Job, Outcome, PlannedBlob, QueueReason, SkipReason};
    use crate::oci::CopySpec;

    const MIB: u64 = 1 << 20;

    /// A board and its plan, kept in step event by event.
    #[derive(Default)]
    struct Review {
        board: Board,
        plan: Plan,
    }

    impl Review {
        /// A review of images from these sources to these destinations.
        fn of(images: &[(&str, &str)]) -> Self {
            let mut review = Self::default();
            for (id, (source, destination)) in (0..).map(JobId).zip(images) {
                review.tell(Event::JobListed {
                    job: Job {
                        id,
                        spec: CopySpec::new(source.parse().unwrap(), destination.parse().unwrap()),
                    },
                });
            }
            review.tell(Event::ReviewStarted);
            review
        }

        fn tell(&mut self, event: Event) {
            self.board.apply(&event);
            self.plan.apply(&event, &self.board);
        }

        /// Looks at an image of these layers, named and sized; those in `found` are at the destination.
        fn survey(&mut self, job: u32, layers: &[(&str, u64)], found: &[&str]) {
            let job = JobId(job);
            let attempt = Attempt(1);
            self.tell(Event::JobStarted { job, attempt });
            let blobs = layers.iter().map(|(name, size)| PlannedBlob {
                digest: Digest::of(name.as_bytes()),
                size: *size,
                kind: BlobKind::Layer,
                media_type: None,
            });
            self.tell(Event::JobPlanned {
                job,
                root: Digest::of(b"root"),
                manifests: Vec::new(),
                blobs: blobs.collect(),
                replaces: None,
            });
            for name in found {
                self.tell(Event::BlobSettled {
                    job,
                    digest: Digest::of(name.as_bytes()),
                    bytes: 0,
                    how: Settled::Present,
                });
            }
            let why = QueueReason::Planned;
            self.tell(Event::JobQueued { job, why });
        }

        fn skip(&mut self, job: u32) {
            let outcome = Outcome::Skipped {
                why: SkipReason::User,
            };
            let job = JobId(job);
            self.tell(Event::JobFinished { job, outcome });
        }

        /// Mebibytes to copy, to mount and present; the same when the plan is made at once.
        #[track_caller]
        fn comes_to(&self, [copy, mount, present]: [u64; 3]) {
            let expected = Amounts {
                copy: copy * MIB,
                mount: mount * MIB,
                present: present * MIB,
            };
            assert_eq!(self.plan.amounts(), expected);
            assert_eq!(Plan::of(&self.board).amounts(), expected);
        }
    }

    #[test]
    fn content_crosses_the_wire_once_for_each_registry_and_is_mounted_further_on() {
        let mut review = Review::of(&[
            ("a.example/one:1", "b.example/one:1"),
            ("a.example/one:2", "b.example/one:2"),
            ("a.example/two:1", "b.example/two:1"),
            ("a.example/one:1", "c.example/one:1"),
        ]);
        for job in 0..4 {
            review.survey(job, &[("base", 10 * MIB)], &[]);
        }
        review.comes_to([20, 10, 0]);
        let registries: Vec<_> = (review.plan.registries())
            .map(|(registry, amounts)| (registry.to_string(), amounts.copy, amounts.mount))
            .collect();
        let expected = [("b.example", 10, 10), ("c.example", 10, 0)];
        let expected =
            expected.map(|(registry, copy, mount)| (registry.to_owned(), copy * MIB, mount * MIB));
        assert_eq!(registries, expected);
    }

    #[test]
    fn what_a_repository_has_is_mounted_by_the_others() {
        let mut review = Review::of(&[
            ("a.example/one:1", "b.example/one:1"),
            ("a.example/two:1", "b.example/two:1"),
        ]);
        review.survey(0, &[("base", 10 * MIB), ("own", MIB)], &["base"]);
        review.survey(1, &[("base", 10 * MIB)], &[]);
        review.comes_to([1, 10, 10]);
    }

    #[test]
    fn within_one_registry_no_byte_moves() {
        let mut review = Review::of(&[("b.example/one:1", "b.example/two:1")]);
        review.survey(0, &[("base", 10 * MIB)], &[]);
        review.comes_to([0, 10, 0]);
        assert_eq!(review.plan.largest(9), []);
    }

    #[test]
    fn a_skipped_image_takes_its_bytes_along_and_brings_them_back() {
        let mut review = Review::of(&[
            ("a.example/one:1", "b.example/one:1"),
            ("a.example/two:1", "b.example/two:1"),
        ]);
        review.survey(0, &[("base", 10 * MIB), ("own", MIB)], &["own"]);
        review.survey(1, &[("base", 10 * MIB), ("other", 2 * MIB)], &[]);
        review.comes_to([12, 10, 1]);
        review.skip(0);
        review.comes_to([12, 0, 0]);
        review.skip(1);
        review.comes_to([0, 0, 0]);
        assert_eq!(review.plan.registries().count(), 0);
        let (job, why) = (JobId(0), QueueReason::User);
        review.tell(Event::JobQueued { job, why });
        review.comes_to([10, 0, 1]);
    }

    #[test]
    fn the_largest_layers_come_first_with_the_images_that_need_them() {
        let mut review = Review::of(&[
            ("a.example/one:1", "b.example/one:1"),
            ("a.example/one:2", "b.example/one:2"),
            ("a.example/two:1", "b.example/two:1"),
        ]);
        review.survey(0, &[("base", 10 * MIB), ("own", 30 * MIB)], &["own"]);
        review.survey(1, &[("base", 10 * MIB), ("small", MIB)], &[]);
        review.survey(2, &[("base", 10 * MIB), ("tiny", 5)], &[]);
        let largest = review.plan.largest(2);
        let said: Vec<_> = (largest.iter())
            .map(|layer| (layer.repository.as_str(), layer.size, layer.images))
            .collect();
        assert_eq!(said, [("one", 10 * MIB, 3), ("one", MIB, 1)]);
    }

    #[test]
    fn nothing_is_planned_once_the_review_has_ended() {
        let mut review = Review::of(&[("a.example/one:1", "b.example/one:1")]);
        review.survey(0, &[("base", 10 * MIB)], &[]);
        review.tell(Event::ReviewEnded);
        assert_eq!(review.plan.amounts(), Amounts::default());
    }
}
