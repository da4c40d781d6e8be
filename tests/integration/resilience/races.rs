//! Two batches that push the same content to one registry at the same time. A registry that mixes them up says that
//! the digest does not match; the bytes were right, so the upload starts over.

use reqwest::Method;
use transship::{
    batch::Failure,
    copy::CopyOutcome,
    registry::FailureClass,
    serve::{Action, Fault},
};

use super::{Pair, count, fault_upload, repository};
use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Operator, list},
    sample_images::SampleImages,
};

/// Bytes that are sent before the answer comes: it would cut a longer body.
const SMALL: u64 = 1000;

fn mixed_up() -> Action {
    let error = r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}"#;
    Action::answer(400).body(error)
}

#[tokio::test]
async fn a_digest_that_is_disputed_costs_a_new_session() {
    let pair = Pair::new().await;
    let layers = pair.image(&[SMALL]);
    // The session keeps all bytes: another commit would fail in the same way.
    fault_upload(&pair, Method::PUT, 1, mixed_up());
    pair.copies(&layers).await;
    // Those of the layer and the config, and one more.
    assert_eq!(
        count(&pair.destination, &Method::POST, "/blobs/uploads/"),
        3
    );
}

#[tokio::test]
async fn a_digest_that_stays_disputed_is_tried_again_later_from_the_beginning() {
    let pair = Pair::new().await;
    let layers = pair.image(&[SMALL]);
    let target = format!("digest={}", layers[0].digest);
    let disputed = Fault::on(Method::PUT, &target, mixed_up()).unwrap();
    pair.destination.faults().add(disputed.times(2));
    let error = pair.copy().await.unwrap_err();
    assert_eq!(
        error.class(),
        FailureClass::Transient {
            retry_after_ms: None
        }
    );
    let failure = Failure::from(&error);
    let hint = failure.hint().unwrap();
    assert!(hint.contains("pushing the same content"), "{hint}");
    pair.copies(&layers).await;
    // Two for the layer at first, one for the config, one for the layer afterwards.
    assert_eq!(
        count(&pair.destination, &Method::POST, "/blobs/uploads/"),
        4
    );
    assert_eq!(count(&pair.destination, &Method::GET, "/blobs/uploads/"), 0);
}

#[tokio::test]
async fn a_manifest_whose_digest_is_disputed_is_tried_again() {
    let pair = Pair::new().await;
    let layers = pair.image(&[SMALL]);
    let target = format!("/v2/{}/manifests/", repository());
    let disputed = Fault::on(Method::PUT, &target, mixed_up()).unwrap();
    let hit = pair.destination.faults().add(disputed.times(3));
    pair.copies(&layers).await;
    assert_eq!(hit.hits(), 3);
}

#[tokio::test]
async fn a_manifest_whose_digest_stays_disputed_is_tried_again_later() {
    let pair = Pair::new().await;
    pair.image(&[SMALL]);
    let target = format!("/v2/{}/manifests/", repository());
    let disputed = Fault::on(Method::PUT, &target, mixed_up()).unwrap();
    pair.destination.faults().add(disputed.times(4));
    let error = pair.copy().await.unwrap_err();
    assert_eq!(
        error.class(),
        FailureClass::Transient {
            retry_after_ms: None
        }
    );
    let done = pair.copy().await;
    assert!(matches!(done, Ok(CopyOutcome::Copied { .. })), "{done:?}");
}

/// Runs one list twice at the same time; each batch ends with all images copied or up to date.
async fn two_operators(list: &str) {
    let (one, other) = (Operator::new(), Operator::new());
    let (one, other) = tokio::join!(
        one.run(list, &["--headless"]),
        other.run(list, &["--headless"])
    );
    for ended in [one, other] {
        ended.expect(0);
        assert!(!ended.stdout.contains("failed"), "{ended:?}");
    }
}

#[tokio::test]
async fn two_operators_with_one_list_end_without_a_failure() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let images = SampleImages::new(source.server.store(), 30).images;
    let faults = destination.server.faults();
    let blobs = Fault::on(Method::PUT, "/blobs/uploads/", mixed_up()).unwrap();
    faults.add(blobs.times(12));
    let manifests = Fault::on(Method::PUT, "/manifests/", mixed_up()).unwrap();
    faults.add(manifests.times(2));
    two_operators(&list(&source.address(), &destination.address(), &images)).await;
}

#[tokio::test]
async fn two_operators_with_one_list_end_without_a_failure_at_a_real_registry() {
    let Some(destination) = DockerRegistry::start().await else {
        return;
    };
    let source = Embedded::start().await;
    let images = SampleImages::new(source.server.store(), 300).images;
    two_operators(&list(&source.address(), destination.address(), &images)).await;
}
