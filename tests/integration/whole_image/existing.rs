//! Destination tags that name another image: replaced and reported, kept, or a failure, without an extra request.

use transship::{
    batch::{Failure, FailureClass, Job, Side},
    copy::PreflightOutcome,
    oci::OnExisting,
};

use super::*;

impl Pair {
    /// Both sides have `team/app:1`, but different images; returns the destination's.
    fn with_other_image(&self) -> Digest {
        put_image(self.source.server.store(), "team/app", "1", 1);
        put_image(self.destination.server.store(), "team/app", "1", 9).digest
    }

    fn order_with(&self, on_existing: OnExisting) -> Job {
        let mut order = self.order("team/app:1");
        order.spec.on_existing = on_existing;
        order
    }

    /// What each reported plan replaces, while `order` is carried out.
    async fn replaced(&self, order: &Job, task: Task) -> Vec<Option<Digest>> {
        let replaced_digests = Mutex::new(Vec::new());
        let report = |report| {
            if let Report::Planned { replaces, .. } = report {
                replaced_digests.lock().unwrap().push(replaces);
            }
        };
        match task {
            Task::Preflight => {
                let outcome = self.engine.preflight(order, &report).await.unwrap();
                assert_eq!(outcome, PreflightOutcome::Missing);
            }
            Task::Copy => {
                let done = self.engine.copy(order, &report).await.unwrap();
                assert!(matches!(done, CopyOutcome::Copied { .. }), "{done:?}");
            }
        }
        replaced_digests.into_inner().unwrap()
    }

    fn at_destination(&self) -> Digest {
        stored(self.destination.server.store(), "team/app", "1")
    }

    fn kinds(&self) -> [Vec<String>; 2] {
        [&self.source, &self.destination].map(|side| {
            let mut kinds: Vec<_> = side.requests().iter().map(Request::kind).collect();
            kinds.sort();
            kinds
        })
    }
}

/// The requests for an image that is up to date; the first finds out how to log in.
const ONE_LOOK: [&str; 2] = ["GET /v2/ 200", "HEAD manifest 200"];

#[derive(Clone, Copy)]
enum Task {
    Preflight,
    Copy,
}

#[tokio::test]
async fn a_tag_that_is_written_over_is_reported_and_costs_no_request() {
    let pair = Pair::new().await;
    let before = pair.with_other_image();
    let order = pair.order_with(OnExisting::Replace);
    let replaced_digests = pair.replaced(&order, Task::Preflight).await;
    assert_eq!(replaced_digests, [Some(before.clone())]);
    // The copy reads no manifest again, so only the preflight reports a plan.
    assert_eq!(pair.replaced(&order, Task::Copy).await, []);
    assert_ne!(pair.at_destination(), before);

    let pair = Pair::new().await;
    let before = pair.with_other_image();
    let replaced_digests = pair.replaced(&order_of(&pair), Task::Copy).await;
    assert_eq!(replaced_digests, [Some(before)]);
    let [source, destination] = pair.kinds();
    assert_eq!(
        source
            .iter()
            .filter(|kind| kind.contains("manifest"))
            .count(),
        2
    );
    let heads = destination
        .iter()
        .filter(|kind| kind.starts_with("HEAD manifest"));
    assert_eq!(heads.count(), 1, "{destination:?}");
}

fn order_of(pair: &Pair) -> Job {
    let mut order = pair.order("team/app:1");
    // Attachments are compared nevertheless.
    order.spec.attachments = Attachments::NONE;
    order
}

#[tokio::test]
async fn a_tag_that_names_nothing_or_the_same_image_replaces_nothing() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "team/app", "1", 1);
    for on_existing in OnExisting::ALL {
        let order = pair.order_with(on_existing);
        match on_existing {
            OnExisting::Replace => {
                assert_eq!(pair.replaced(&order, Task::Copy).await, [None]);
            }
            OnExisting::Keep | OnExisting::Fail => {
                let done = pair.carry_out(&order).await.unwrap().done;
                assert!(matches!(done, CopyOutcome::UpToDate { .. }), "{done:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_tag_that_is_kept_costs_one_request_a_side() {
    let pair = Pair::new().await;
    let there = pair.with_other_image();
    let order = pair.order_with(OnExisting::Keep);
    let done = pair.carry_out(&order).await.unwrap().done;
    let expected = there.clone();
    assert_eq!(done, CopyOutcome::Kept { there: expected });
    assert_eq!(pair.kinds(), [ONE_LOOK, ONE_LOOK]);
    assert_eq!(pair.at_destination(), there);
    let outcome = pair.engine.preflight(&order, &|_| {}).await.unwrap();
    assert_eq!(outcome, PreflightOutcome::Kept { there });
}

#[tokio::test]
async fn a_tag_that_must_be_free_fails_the_image_and_says_what_can_be_done() {
    let pair = Pair::new().await;
    let there = pair.with_other_image();
    let order = pair.order_with(OnExisting::Fail);
    let failure = Failure::from(&pair.carry_out(&order).await.unwrap_err());
    assert_eq!(
        (failure.side, failure.class),
        (Side::Destination, FailureClass::Rejected)
    );
    assert!(
        failure.summary.contains(&there.to_string()),
        "{}",
        failure.summary
    );
    assert!(
        failure.hint().unwrap().contains("on-existing"),
        "{failure:?}"
    );
    assert_eq!(pair.kinds(), [ONE_LOOK, ONE_LOOK]);
    assert_eq!(pair.at_destination(), there);
}

#[tokio::test]
async fn an_index_made_of_some_platforms_is_distinguished_from_another_image() {
    let pair = Pair::new().await;
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let whole = put_index(pair.source.server.store(), "team/app", "1", &platforms);
    put_index(pair.destination.server.store(), "team/app", "1", &platforms);
    let chosen = |on_existing| {
        let mut order = pair.order_with(on_existing);
        let platforms = platforms[..2].iter();
        order.spec.platforms = platforms.map(|one| one.parse().unwrap()).collect();
        order.spec.attachments = Attachments::NONE;
        order
    };
    let there = whole[0].digest.clone();
    let done = pair
        .carry_out(&chosen(OnExisting::Keep))
        .await
        .unwrap()
        .done;
    assert_eq!(
        done,
        CopyOutcome::Kept {
            there: there.clone()
        }
    );
    pair.carry_out(&chosen(OnExisting::Fail)).await.unwrap_err();
    let replaced_digests = pair
        .replaced(&chosen(OnExisting::Replace), Task::Copy)
        .await;
    assert_eq!(replaced_digests, [Some(there)]);
    for on_existing in OnExisting::ALL {
        let done = pair.carry_out(&chosen(on_existing)).await.unwrap().done;
        assert!(matches!(done, CopyOutcome::UpToDate { .. }), "{done:?}");
    }
}

#[tokio::test]
async fn a_destination_written_by_its_digest_replaces_nothing() {
    let pair = Pair::new().await;
    pair.with_other_image();
    let digest = put_image(pair.source.server.store(), "team/app", "2", 2).digest;
    let mut order = pair.order(&format!("team/app@{digest}"));
    order.spec.on_existing = OnExisting::Fail;
    // The existing image need not be known.
    fault(
        &pair.destination,
        "HEAD",
        "/manifests/",
        Action::answer(403),
    );
    assert_eq!(pair.replaced(&order, Task::Copy).await, [None]);
}

#[tokio::test]
async fn a_destination_that_will_not_say_what_it_has_is_written_to_only_if_anything_may_be_replaced()
 {
    let pair = Pair::new().await;
    let there = pair.with_other_image();
    fault(
        &pair.destination,
        "HEAD",
        "/manifests/",
        Action::answer(403),
    );
    for on_existing in [OnExisting::Keep, OnExisting::Fail] {
        let error = pair
            .carry_out(&pair.order_with(on_existing))
            .await
            .unwrap_err();
        let failure = Failure::from(&error);
        assert_eq!(
            (failure.side, failure.class),
            (Side::Destination, FailureClass::Auth)
        );
        assert!(failure.summary.contains("403"), "{}", failure.summary);
        assert!(
            failure.hint().unwrap().contains("right to read"),
            "{failure:?}"
        );
        assert_eq!(pair.at_destination(), there);
    }
    let replace = pair.order_with(OnExisting::Replace);
    assert_eq!(pair.replaced(&replace, Task::Copy).await, [None]);
}

#[tokio::test]
async fn a_tag_written_between_review_and_copy_is_judged_anew() {
    for on_existing in OnExisting::ALL {
        let pair = Pair::new().await;
        put_image(pair.source.server.store(), "team/app", "1", 1);
        let order = pair.order_with(on_existing);
        assert_eq!(pair.replaced(&order, Task::Preflight).await, [None]);
        let there = put_image(pair.destination.server.store(), "team/app", "1", 9).digest;
        match on_existing {
            OnExisting::Replace => {
                assert_eq!(pair.replaced(&order, Task::Copy).await, [Some(there)]);
            }
            OnExisting::Keep => {
                let done = pair.carry_out(&order).await.unwrap().done;
                assert_eq!(done, CopyOutcome::Kept { there });
            }
            OnExisting::Fail => {
                pair.carry_out(&order).await.unwrap_err();
                assert_eq!(pair.at_destination(), there);
            }
        }
    }
}
