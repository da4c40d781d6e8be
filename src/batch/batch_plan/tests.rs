//! The plan as jobs are planned, copied and skipped.

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
                job: Box::new(Job {
                    id,
                    spec: CopySpec::new(source.parse().unwrap(), destination.parse().unwrap()),
                }),
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
        .map(|layer| {
            (
                layer.repository.as_ref().unwrap().to_string(),
                layer.size,
                layer.images,
            )
        })
        .collect();
    let one = || String::from("one");
    assert_eq!(said, [(one(), 10 * MIB, 3), (one(), MIB, 1)]);
}

#[test]
fn nothing_is_planned_once_the_review_has_ended() {
    let mut review = Review::of(&[("a.example/one:1", "b.example/one:1")]);
    review.survey(0, &[("base", 10 * MIB)], &[]);
    review.tell(Event::ReviewEnded);
    assert_eq!(review.plan.amounts(), Amounts::default());
}
