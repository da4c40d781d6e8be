//! Connections that break or stall in the middle of a blob.

use std::{net::Ipv4Addr, time::Duration};

use reqwest::Method;
use tokio::time::Instant;
use transship::{
    oci::Descriptor,
    registry::{FailureClass, Timeouts, UploadMode},
    serve::{AccessEntry, Action, Fault, ImageBuilder, Options, Server},
};

use super::{
    MIB, Pair, count, fault_download, fault_layer, fault_upload, repository, skip_time, taken,
    timeouts,
};

/// How long a side may be silent. Shorter than the embedded registry waits for a client.
const SILENCE: Duration = Duration::from_secs(6);

fn with_silence() -> Timeouts {
    Timeouts {
        byte: SILENCE,
        commit: SILENCE,
        ..timeouts()
    }
}

/// Waits until `server` has the `number`th request of `method` for the layer, and `bytes` of its body passed.
async fn passed(server: &Server, method: Method, layer: &Descriptor, number: usize, bytes: u64) {
    let digest = layer.digest.to_string();
    let fits = |entry: &&AccessEntry| entry.method == method && entry.target.contains(&digest);
    let log = server.access_log();
    log.until(|entries| {
        let request = entries.iter().filter(fits).nth(number - 1);
        request.is_some_and(|request| request.request_bytes.max(request.response_bytes) >= bytes)
    })
    .await;
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
    let cut = Action::CutRequest { after: 210 * MIB };
    let up = fault_layer(&pair, &layers[0], 3, cut);
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
    let cut = fault_download(&pair, &layers[0], 1, Action::CutResponse { after: MIB });
    let ignored = fault_download(&pair, &layers[0], 2, Action::IgnoreRange);
    pair.copies(&layers).await;
    assert_eq!((cut.hits(), ignored.hits()), (1, 2));
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
        let cut = fault_download(&pair, &layers[0], 1, Action::CutResponse { after: MIB });
        let header = Action::SetHeader {
            name: "content-range".into(),
            value: odd.into(),
        };
        let spoiled = fault_download(&pair, &layers[0], 2, header);
        pair.copies(&layers).await;
        assert_eq!((cut.hits(), spoiled.hits()), (1, 2), "{odd}");
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
    let refused = pair.source.faults().add(fault.unwrap().after(1).times(1));
    pair.copies(&layers).await;
    assert_eq!(refused.hits(), 1);
    let path = format!("/blobs/{}", layers[0].digest);
    assert_eq!(count(&pair.source, &Method::GET, &path), 3);
}

#[tokio::test]
async fn quirk_33_a_download_that_goes_on_is_redirected_anew() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    let directory = tempfile::tempdir().unwrap();
    let any_port = (Ipv4Addr::LOCALHOST, 0).into();
    let storage = Server::bind(any_port, Options::new(directory.path())).await;
    let storage = storage.unwrap();
    let stored = ImageBuilder::new(storage.store()).layer(&repository(), 1, 3 * MIB);
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
    let pair = Pair::with(with_silence()).await;
    let layers = pair.image(&[3 * MIB]);
    let stall = fault_download(&pair, &layers[0], 1, Action::StallResponse { after: MIB });
    let stalled = passed(&pair.destination, Method::PUT, &layers[0], 1, MIB);
    let read_again = passed(&pair.source, Method::GET, &layers[0], 2, 0);
    skip_time(pair.copies(&layers), stalled, read_again).await;
    assert_eq!(stall.hits(), 1);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn quirk_41_a_source_that_drips_is_read_on_another_connection() {
    let timeouts = Timeouts {
        min_throughput: MIB / 4,
        ..with_silence()
    };
    let pair = Pair::with(timeouts).await;
    let layers = pair.image(&[3 * MIB]);
    fault_download(&pair, &layers[0], 1, Action::Drip { rate: MIB / 32 });
    let begun = passed(&pair.destination, Method::PUT, &layers[0], 1, 1);
    let read_again = passed(&pair.source, Method::GET, &layers[0], 2, 0);
    skip_time(pair.copies(&layers), begun, read_again).await;
    let path = format!("/blobs/{}", layers[0].digest);
    assert_eq!(count(&pair.source, &Method::GET, &path), 2);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 3);
}

#[tokio::test]
async fn quirk_41_a_destination_that_stalls_without_closing_goes_on_in_the_same_session() {
    let pair = Pair::with(with_silence()).await;
    let layers = pair.image(&[30 * MIB]);
    let stall = Action::StallRequest { after: 10 * MIB };
    fault_layer(&pair, &layers[0], 1, stall);
    let stalled = passed(&pair.destination, Method::PUT, &layers[0], 1, 10 * MIB);
    let log = pair.destination.access_log();
    let asked = log.until(|entries| {
        let asks = |entry: &AccessEntry| {
            entry.method == Method::GET && entry.target.contains("/blobs/uploads/")
        };
        entries.iter().any(asks)
    });
    skip_time(pair.copies(&layers), stalled, asked).await;
    assert!(taken(&pair.destination, &Method::PUT) / MIB <= 30);
    assert_eq!(pair.upload_mode(), UploadMode::Whole);
}

#[tokio::test]
async fn an_upload_that_flows_slowly_is_never_given_up() {
    let pair = Pair::with(with_silence()).await;
    let layers = pair.image(&[MIB]);
    // Takes four times as long as silence may last.
    let rate = MIB / (4 * SILENCE.as_secs());
    fault_download(&pair, &layers[0], 1, Action::Drip { rate });
    let began = Instant::now();
    let begun = passed(&pair.destination, Method::PUT, &layers[0], 1, 1);
    let sent = passed(&pair.destination, Method::PUT, &layers[0], 1, MIB);
    skip_time(pair.copies(&layers), begun, sent).await;
    assert!(began.elapsed() > 3 * SILENCE);
    assert_eq!(count(&pair.destination, &Method::PUT, "/blobs/uploads/"), 2);
}

#[tokio::test]
async fn quirk_11_a_session_lost_after_a_reset_is_begun_again() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_layer(&pair, &layers[0], 1, Action::CutRequest { after: MIB });
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
    fault_layer(&pair, &layers[0], 1, Action::CutRequest { after: 20 * MIB });
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
    fault_layer(&pair, &layers[0], 1, Action::CutRequest { after: 2 * MIB });
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
    fault_layer(&pair, &layers[0], 1, Action::LoseAnswer);
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
