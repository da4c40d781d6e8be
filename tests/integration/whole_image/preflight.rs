//! The preflight of an image: nothing is written, and the copy repeats no request.

use std::sync::Mutex;

use transship::batch::{Job, Settled};
use transship::copy::PreflightOutcome;

use super::*;

/// The blobs that a preflight reported: those of the plan, and those that the destination has.
#[derive(Default)]
struct Found {
    blobs: Vec<Digest>,
    present: Vec<Digest>,
}

impl Pair {
    async fn preflight(&self, image: &str) -> (PreflightOutcome, Found) {
        self.look_at(&self.order(image)).await
    }

    async fn look_at(&self, order: &Job) -> (PreflightOutcome, Found) {
        let found = Mutex::new(Found::default());
        let report = |report| {
            let mut found = found.lock().unwrap();
            match report {
                Report::Planned { blobs, .. } => {
                    let digests = blobs.iter().map(|blob| blob.digest.clone());
                    found.blobs.extend(digests);
                }
                Report::Settled { digest, how, .. } => {
                    assert_eq!(how, Settled::Present);
                    found.present.push(digest);
                }
                Report::Noted(_) | Report::Method(_) => {}
                Report::Waiting { .. } | Report::Started { .. } => panic!("nothing is brought"),
            }
        };
        let outcome = self.engine.preflight(order, &report).await;
        (outcome.unwrap(), found.into_inner().unwrap())
    }

    /// The requests to both registries since the logs were cleared, by kind: `HEAD blob 404`.
    fn asked(&self) -> [Vec<String>; 2] {
        [&self.source, &self.destination].map(|side| {
            let mut kinds: Vec<_> = side.requests().iter().map(Request::kind).collect();
            kinds.sort();
            kinds
        })
    }
}

#[tokio::test]
async fn a_preflight_writes_nothing_and_the_copy_reads_no_manifest_again() {
    let pair = Pair::new().await;
    put_index(
        pair.source.server.store(),
        "team/app",
        "1",
        &["linux/amd64", "linux/arm64"],
    );
    let (outcome, found) = pair.preflight("team/app:1").await;
    assert_eq!(outcome, PreflightOutcome::Missing);
    assert_eq!((found.blobs.len(), found.present.len()), (4, 0));
    let reads = |requests: &[Request]| {
        requests
            .iter()
            .all(|one| ["GET", "HEAD"].contains(&one.method.as_str()))
    };
    assert!(reads(&pair.destination.requests()));
    assert_eq!(count(&pair.source.requests(), "GET", "/blobs/"), 0);

    pair.clear_logs();
    pair.copy("team/app:1").await.unwrap();
    let requests = pair.source.requests();
    assert_eq!(count(&requests, "GET", "/manifests/"), 0, "{requests:?}");
    assert_eq!(count(&requests, "HEAD", "/manifests/1"), 1);
    assert_eq!(count(&pair.destination.requests(), "HEAD", "/blobs/"), 0);
    assert_eq!(
        stored(pair.destination.server.store(), "team/app", "1"),
        stored(pair.source.server.store(), "team/app", "1")
    );
}

#[tokio::test]
async fn what_a_preflight_found_or_missed_is_not_asked_for_again() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "team/app", "1", 1);
    let destination = pair.destination.server.store();
    // Another blob, so that the repository is not new.
    put_image(destination, "team/app", "0", 7);
    let there = ImageBuilder::new(destination).layer(&repository("team/app"), 1, 1000);

    let (outcome, found) = pair.preflight("team/app:1").await;
    assert_eq!(outcome, PreflightOutcome::Missing);
    assert_eq!(found.present, [there.unwrap().digest]);
    pair.clear_logs();
    pair.copy("team/app:1").await.unwrap();
    let [_, asked] = pair.asked();
    let expected = [
        "HEAD manifest 404",
        "POST upload 202",
        "PUT manifest 201",
        "PUT upload 201",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_image_that_is_there_costs_a_preflight_one_request_a_side() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "team/app", "1", 1);
    pair.copy("team/app:1").await.unwrap();
    pair.clear_logs();
    let (outcome, found) = pair.preflight("team/app:1").await;
    assert!(matches!(outcome, PreflightOutcome::UpToDate { .. }));
    assert!(found.blobs.is_empty());
    assert_eq!(pair.asked(), [["HEAD manifest 200"], ["HEAD manifest 200"]]);
}

#[tokio::test]
async fn a_tag_that_moved_since_its_preflight_is_copied_as_it_is_now() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    put_image(store, "team/app", "1", 1);
    pair.preflight("team/app:1").await;
    let moved = put_image(store, "team/app", "1", 2);
    pair.copy("team/app:1").await.unwrap();
    let copied = stored(pair.destination.server.store(), "team/app", "1");
    assert_eq!(copied, moved.digest);
}

#[tokio::test]
async fn two_tags_of_one_image_are_planned_apart_and_written_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    for version in ["1", "latest"] {
        put_image(store, "team/app", version, 1);
    }
    pair.preflight("team/app:1").await;
    let mut second = pair.order("team/app:latest");
    second.id = JobId(1);
    pair.engine.preflight(&second, &|_| {}).await.unwrap();
    pair.copy("team/app:1").await.unwrap();
    pair.clear_logs();
    pair.carry_out(&second).await.unwrap();
    let [_, asked] = pair.asked();
    assert_eq!(asked, ["HEAD manifest 404", "PUT manifest 201"]);
}

#[tokio::test]
async fn an_image_that_is_rechecked_is_up_to_date_when_nothing_attached_to_it_is_missing() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let subject = put_image(store, "team/app", "1", 1);
    put_attached(store, "team/app", Some(&subject), "a/signature", None);
    pair.copy("team/app:1").await.unwrap();
    let attachments = Attachments {
        recheck: true,
        ..Attachments::ALL
    };
    let mut order = pair.order("team/app:1");
    order.spec.attachments = attachments;
    let fresh = Engine::new(Default::default());
    let outcome = fresh.preflight(&order, &|_| {}).await.unwrap();
    assert!(matches!(outcome, PreflightOutcome::UpToDate { .. }));

    put_attached(store, "team/app", Some(&subject), "a/bill", None);
    let (outcome, found) = Pair {
        engine: Engine::new(Default::default()),
        ..pair
    }
    .look_at(&order)
    .await;
    assert_eq!(outcome, PreflightOutcome::Missing);
    assert_ne!(found.blobs, found.present);
}

#[tokio::test]
async fn a_layer_of_many_tags_that_is_missing_is_looked_for_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    for version in ["1", "2", "3"] {
        put_image(store, "team/app", version, 1);
    }
    put_image(pair.destination.server.store(), "team/app", "0", 7);
    for (number, version) in [(1, "1"), (2, "2"), (3, "3")] {
        let order = Job {
            id: JobId(number),
            ..pair.order(&format!("team/app:{version}"))
        };
        pair.look_at(&order).await;
    }
    let [_, asked] = pair.asked();
    let looked_for = asked.iter().filter(|kind| *kind == "HEAD blob 404");
    assert_eq!(looked_for.count(), 2, "config and layer: {asked:?}");
}
