//! Connections that break or stall in the middle of a blob.

use std::{net::Ipv4Addr, time::Duration};

use reqwest::Method;
use transship::{
    registry::{FailureClass, Timeouts, UploadMode},
    serve::{Action, Estate, Fault, Options, Server},
};

use super::{MIB, Pair, count, fault_download, fault_upload, repository, taken, timeouts};

/// Short timeouts, but longer than a transfer that flows ever pauses, even on a slow machine.
fn impatient() -> Timeouts {
    Timeouts {
        byte: Duration::from_secs(2),
        commit: Duration::from_secs(2),
        ..timeouts()
    }
}

#[tokio::test]
async fn a_gibibyte_cut_five_times_down_and_three_times_up_arrives_right() {
    let pair = Pair::new().await;
    let size = 1024 * MIB;
    let layers = pair.image(&[size]);
    let down = fault_download(
        &pair,
        &layers[0],
        5,
        Action::CutResponse { after: 130 * MIB },
    );
    // The first request with a body is the config's.
    let up = pair.destination.faults().add(
        Fault::on(
            Method::PUT,
            &format!("/blobs/uploads/.*{}", layers[0].digest),
            Action::CutRequest { after: 210 * MIB },
        )
        .unwrap()
        .times(3),
    );
    pair.copies(&layers).await;
    assert_eq!((down.hits(), up.hits()), (5, 3));
    let sent = taken(&pair.destination, &Method::PUT);
    assert!(sent < size + size / 20, "{} MiB sent", sent / MIB);
    let entries = pair.source.access_log().entries();
    let read: u64 = entries.iter().map(|entry| entry.response_bytes).sum();
    assert!(read < size + size / 20, "{} MiB read", read / MIB);
}

#[tokio::test]
async fn quirk_42_a_server_that_ignores_ranges_is_read_up_to_where_it_was_cut() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_download(&pair, &layers[0], 1, Action::CutResponse { after: MIB });
    fault_download(&pair, &layers[0], 2, Action::IgnoreRange);
    pair.copies(&layers).await;
    assert_eq!(count(&pair.source, &Method::GET, "/blobs/sha256:"), 3);
    let path = format!("/blobs/{}", layers[0].digest);
    assert_eq!(count(&pair.source, &Method::GET, &path), 2);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn quirk_42_a_wrong_content_range_is_never_spliced_in() {
    for odd in ["bytes 2097152-3145727/3145728", "bytes", "lines 1-2"] {
        let pair = Pair::new().await;
        let layers = pair.image(&[3 * MIB]);
        fault_download(&pair, &layers[0], 1, Action::CutResponse { after: MIB });
        let header = Action::SetHeader {
            name: "content-range".into(),
            value: odd.into(),
        };
        fault_download(&pair, &layers[0], 2, header);
        pair.copies(&layers).await;
        let path = format!("/blobs/{}", layers[0].digest);
        assert_eq!(count(&pair.source, &Method::GET, &path), 3, "{odd}");
    }
}

#[tokio::test]
async fn quirk_42_a_range_that_is_refused_is_read_without_one() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_download(&pair, &layers[0], 1, Action::CutResponse { after: MIB });
    // The first hit is the cut request itself, which is answered 200 all the same.
    let fault = Fault::on(
        Method::GET,
        &format!("/blobs/{}", layers[0].digest),
        Action::answer(416),
    );
    pair.source.faults().add(fault.unwrap().after(1).times(1));
    pair.copies(&layers).await;
}

#[tokio::test]
async fn quirk_33_a_download_that_goes_on_is_redirected_anew() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let directory = tempfile::tempdir().unwrap();
    let any_port = (Ipv4Addr::LOCALHOST, 0).into();
    let storage = Server::bind(any_port, Options::new(directory.path())).await;
    let storage = storage.unwrap();
    let stored = Estate::new(storage.store()).layer(&repository(), 1, 3 * MIB);
    assert_eq!(stored.unwrap().digest, layers[0].digest);
    let cut = Fault::on(Method::GET, "/blobs/", Action::CutResponse { after: MIB }).unwrap();
    let cut = storage.faults().add(cut.times(1));
    // The redirect target is signed for a short time, and may have expired after the cut.
    let away = Action::Redirect {
        status: 307,
        base: format!("http://{}", storage.address()),
    };
    fault_download(&pair, &layers[0], 2, away);
    pair.copies(&layers).await;
    assert_eq!(cut.hits(), 1);
    let path = format!("/blobs/{}", layers[0].digest);
    assert_eq!(count(&pair.source, &Method::GET, &path), 2);
}

#[tokio::test]
async fn quirk_41_a_source_that_stalls_without_closing_is_read_on_another_connection() {
    let pair = Pair::with(impatient()).await;
    let layers = pair.image(&[3 * MIB]);
    let stall = fault_download(&pair, &layers[0], 1, Action::StallResponse { after: MIB });
    pair.copies(&layers).await;
    assert_eq!(stall.hits(), 1);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn quirk_41_a_source_that_drips_is_read_on_another_connection() {
    let pair = Pair::with(Timeouts {
        byte: Duration::from_secs(1),
        slowest: MIB / 4,
        ..timeouts()
    })
    .await;
    let layers = pair.image(&[3 * MIB]);
    let dripping = fault_download(&pair, &layers[0], 1, Action::Drip { rate: MIB / 32 });
    pair.copies(&layers).await;
    assert_eq!(dripping.hits(), 1);
    let path = format!("/blobs/{}", layers[0].digest);
    assert_eq!(count(&pair.source, &Method::GET, &path), 2);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn quirk_41_a_destination_that_stalls_without_closing_goes_on_in_the_same_session() {
    let pair = Pair::with(impatient()).await;
    let layers = pair.image(&[30 * MIB]);
    fault_upload(
        &pair,
        Method::PUT,
        1,
        Action::StallRequest { after: 10 * MIB },
    );
    pair.copies(&layers).await;
    assert!(taken(&pair.destination, &Method::PUT) / MIB <= 30);
    assert_eq!(pair.upload_mode(), UploadMode::Whole);
}

#[tokio::test]
async fn an_upload_that_flows_slowly_is_never_given_up() {
    let pair = Pair::with(Timeouts {
        byte: Duration::from_millis(500),
        commit: Duration::from_millis(500),
        ..timeouts()
    })
    .await;
    let layers = pair.image(&[MIB]);
    // Takes four times as long as silence may last.
    fault_download(&pair, &layers[0], 1, Action::Drip { rate: MIB / 2 });
    pair.copies(&layers).await;
    assert_eq!(count(&pair.destination, &Method::PUT, "/blobs/uploads/"), 2);
}

#[tokio::test]
async fn quirk_11_a_session_lost_after_a_reset_is_begun_again() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    // Only the layer's request: the config's is too short to be cut.
    let cut = format!("/blobs/uploads/.*{}", layers[0].digest);
    let cut = Fault::on(Method::PUT, &cut, Action::CutRequest { after: MIB }).unwrap();
    pair.destination.faults().add(cut.times(1));
    let lost = fault_upload(&pair, Method::GET, 1, Action::LoseSession);
    pair.copies(&layers).await;
    assert_eq!(lost.hits(), 1);
    assert_eq!(count(&pair.destination, &Method::POST, "/uploads/"), 3);
}

#[tokio::test]
async fn quirk_32_a_replica_that_does_not_know_the_session_is_not_the_end() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let elsewhere = Action::answer(404)
        .body(r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"not here"}]}"#);
    let hit = fault_upload(&pair, Method::PUT, 1, elsewhere);
    pair.copies(&layers).await;
    assert_eq!(hit.hits(), 1);
    assert_eq!(pair.upload_mode(), UploadMode::Whole);
}

#[tokio::test]
async fn an_upload_goes_on_in_the_next_attempt() {
    let pair = Pair::new().await;
    let layers = pair.image(&[30 * MIB]);
    let cut = format!("/blobs/uploads/.*{}", layers[0].digest);
    let cut = Fault::on(Method::PUT, &cut, Action::CutRequest { after: 20 * MIB }).unwrap();
    pair.destination.faults().add(cut.times(1));
    // Unavailable for longer than an attempt waits.
    let away = Action::answer(503).header("retry-after", "1");
    let away = fault_upload(&pair, Method::GET, 2, away);
    for hits in [1, 2] {
        let error = pair.copy().await.unwrap_err();
        assert!(
            matches!(error.class(), FailureClass::Transient { .. }),
            "{error}"
        );
        assert_eq!(away.hits(), hits);
    }
    pair.copies(&layers).await;
    let sent = taken(&pair.destination, &Method::PUT) / MIB;
    assert!(sent < 32, "{sent} MiB sent");
    let read: u64 = pair
        .source
        .access_log()
        .entries()
        .iter()
        .map(|entry| entry.response_bytes)
        .sum();
    // Only the bytes in flight at the cut are read again.
    assert!(read < 45 * MIB, "{} MiB read", read / MIB);
}

#[tokio::test]
async fn an_upload_the_destination_has_forgotten_meanwhile_begins_again() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let cut = format!("/blobs/uploads/.*{}", layers[0].digest);
    let cut = Fault::on(Method::PUT, &cut, Action::CutRequest { after: 2 * MIB }).unwrap();
    pair.destination.faults().add(cut.times(1));
    fault_upload(&pair, Method::GET, 4, Action::answer(500));
    pair.copy().await.unwrap_err();
    let lost = fault_upload(&pair, Method::GET, 1, Action::LoseSession);
    pair.copies(&layers).await;
    assert_eq!(lost.hits(), 1);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_out() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let target = format!("/blobs/uploads/.*{}", layers[0].digest);
    let fault = Fault::on(Method::PUT, &target, Action::LoseAnswer).unwrap();
    pair.destination.faults().add(fault.times(1));
    pair.copies(&layers).await;
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn a_source_that_keeps_breaking_is_blamed_and_the_upload_cancelled() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_download(&pair, &layers[0], 9, Action::CutResponse { after: 0 });
    let error = pair.copy().await.unwrap_err();
    assert_eq!(error.side(), transship::batch::Side::Source);
    assert!(
        matches!(error.class(), FailureClass::Transient { .. }),
        "{error}"
    );
    assert_eq!(count(&pair.destination, &Method::DELETE, "/uploads/"), 1);
}

#[tokio::test]
async fn quirk_40_a_source_that_fails_at_once_costs_no_request_body() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_download(&pair, &layers[0], 9, Action::answer(404));
    let error = pair.copy().await.unwrap_err();
    assert_eq!(error.side(), transship::batch::Side::Source);
    assert_eq!(error.class(), FailureClass::NotFound);
    let target = layers[0].digest.to_string();
    assert_eq!(count(&pair.destination, &Method::PUT, &target), 0);
}
