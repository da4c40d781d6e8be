//! Upload sessions: what is committed was hashed in the same session, and unused sessions are cancelled.

use reqwest::Method;
use transship::{
    batch::Side,
    oci::Digest,
    registry::{FailureClass, UploadMode},
    serve::{Action, Fault, ImageBuilder},
};

use super::{MIB, Pair, count, fault_upload, repository};

/// Layers go in chunks of 16 MiB, and `action` applies to `times` chunks after the first.
fn in_chunks(pair: &Pair, times: u64, action: Action) {
    let cap = Action::BodyCap {
        bytes: 30 * MIB,
        status: 413,
    };
    fault_upload(pair, Method::PUT, u64::MAX, cap);
    let later = Fault::on(Method::PATCH, "/blobs/uploads/", action).unwrap();
    pair.destination.faults().add(later.after(1).times(times));
}

const CHUNKS: UploadMode = UploadMode::Chunks { bytes: 16 * MIB };

async fn is_corrupt_source(pair: &Pair, why: &str) {
    let error = pair.copy().await.unwrap_err();
    assert_eq!(
        (error.side(), error.class()),
        (Side::Source, FailureClass::Corrupt),
        "{error}"
    );
    assert!(error.to_string().contains(why), "{error}");
}

#[tokio::test]
async fn acknowledged_bytes_that_are_lost_are_sent_in_another_session() {
    let pair = Pair::new().await;
    let layers = pair.image(&[40 * MIB]);
    in_chunks(&pair, 1, Action::RollBack { to: Some(4 * MIB) });
    pair.copies(&layers).await;
    assert_eq!(pair.upload_mode(), CHUNKS);
    // The config's, the layer's, and the one after it.
    assert_eq!(count(&pair.destination, &Method::POST, "/uploads/"), 3);
    pair.engine.cancel_uploads().await;
    assert_eq!(count(&pair.destination, &Method::DELETE, "/uploads/"), 1);
}

#[tokio::test]
async fn a_registry_that_always_loses_bytes_is_given_up_and_teaches_nothing() {
    let pair = Pair::new().await;
    pair.image(&[40 * MIB]);
    in_chunks(&pair, u64::MAX, Action::RollBack { to: Some(4 * MIB) });
    let error = pair.copy().await.unwrap_err();
    assert_eq!(error.side(), Side::Destination, "{error}");
    assert_eq!(pair.upload_mode(), CHUNKS);
    assert!(count(&pair.destination, &Method::POST, "/uploads/") <= 6);
}

#[tokio::test]
async fn other_bytes_in_another_session_are_not_committed() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let target = format!("/blobs/uploads/.*{}", layers[0].digest);
    let commit = Fault::on(Method::PUT, &target, Action::CutRequest { after: 2 * MIB });
    pair.destination.faults().add(commit.unwrap().times(1));
    fault_upload(&pair, Method::GET, 1, Action::LoseSession);
    let other = format!("/blobs/{}", layers[0].digest);
    let other = Fault::on(Method::GET, &other, Action::OtherByte { at: MIB }).unwrap();
    pair.source.faults().add(other.after(1));
    is_corrupt_source(&pair, "they are sha256:").await;
    // The first was cut; nothing committed the second.
    let store = pair.destination.store();
    assert!(!store.has_blob(&repository(), &layers[0].digest));
}

#[tokio::test]
async fn other_bytes_in_what_is_sent_again_are_noticed() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let target = format!("/blobs/uploads/.*{}", layers[0].digest);
    // Nearly all of it has arrived before the request is cut; half of that is lost again.
    let after = 3 * MIB - 1;
    let cut = Fault::on(Method::PUT, &target, Action::CutRequest { after }).unwrap();
    pair.destination.faults().add(cut.times(1));
    let half = Action::RollBack {
        to: Some(3 * MIB / 2),
    };
    fault_upload(&pair, Method::GET, 1, half);
    let again = Action::OtherByte { at: MIB };
    let path = format!("/blobs/{}", layers[0].digest);
    let again = Fault::on(Method::GET, &path, again).unwrap();
    pair.source.faults().add(again.after(1));
    is_corrupt_source(&pair, "not the same each time").await;
}

#[tokio::test]
async fn a_blob_without_bytes_is_hashed_too() {
    let pair = Pair::new().await;
    let mut nothing = pair.image(&[1]).remove(0);
    nothing.size = 0;
    nothing.digest = Digest::of(b"not nothing");
    let (tag, platform) = ("1".parse().unwrap(), "linux/amd64".parse().unwrap());
    let estate = ImageBuilder::new(pair.source.store());
    let image = estate.image(&repository(), Some(&tag), &platform, &[nothing]);
    image.unwrap();
    is_corrupt_source(&pair, "they are sha256:e3b0c44").await;
}

#[tokio::test]
async fn an_upload_that_no_attempt_goes_on_with_is_cancelled_and_others_cost_nothing() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let target = format!("/blobs/uploads/.*{}", layers[0].digest);
    let cut = Fault::on(Method::PUT, &target, Action::CutRequest { after: MIB }).unwrap();
    pair.destination.faults().add(cut.times(1));
    fault_upload(&pair, Method::GET, 4, Action::answer(500));
    pair.copy().await.unwrap_err();
    pair.engine.cancel_uploads().await;
    assert_eq!(count(&pair.destination, &Method::DELETE, "/uploads/"), 1);
    pair.destination.faults().clear();
    // No session is left.
    pair.copies(&layers).await;
    pair.engine.cancel_uploads().await;
    assert_eq!(count(&pair.destination, &Method::DELETE, "/uploads/"), 1);
}
