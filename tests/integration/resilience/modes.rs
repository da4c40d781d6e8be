//! Upload modes that registries refuse, and the modes that are used instead.

use reqwest::{Method, StatusCode};
use transship::{
    registry::UploadMode,
    serve::{Action, Fault, OddLocation},
};

use super::{MIB, Pair, count, fault_layer, fault_upload, taken};

#[tokio::test]
async fn a_normal_blob_costs_two_requests() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB, MIB]);
    pair.copies(&layers).await;
    // The manifest, two layers and the config.
    assert_eq!(count(&pair.destination, &Method::PUT, ""), 4);
    assert_eq!(count(&pair.destination, &Method::POST, ""), 3);
    assert_eq!(count(&pair.destination, &Method::GET, "/uploads/"), 0);
}

#[tokio::test]
async fn quirk_43_a_proxy_with_a_body_cap_gets_chunks_below_it_from_then_on() {
    for status in [413, 416] {
        let pair = Pair::new().await;
        let layers = pair.image(&[40 * MIB, 24 * MIB]);
        let cap = Action::BodyCap {
            bytes: 5 * MIB,
            status,
        };
        fault_upload(
            &pair,
            Method::PUT,
            u64::MAX,
            Action::BodyCap {
                bytes: 5 * MIB,
                status: 413,
            },
        );
        fault_upload(&pair, Method::PATCH, u64::MAX, cap);
        pair.copies(&layers).await;
        let learned = UploadMode::Chunks { bytes: 4 * MIB };
        assert_eq!(pair.upload_mode(), learned);
        let note = pair.notes.lock().unwrap().last().cloned();
        assert!(note.unwrap().contains("in chunks of 4 MiB"));
        let entries = pair.destination.access_log().entries();
        let patches = entries.iter().filter(|entry| entry.method == Method::PATCH);
        let stored = patches.filter(|entry| entry.status == Some(StatusCode::ACCEPTED));
        let bytes: u64 = stored.map(|entry| entry.request_bytes).sum();
        assert_eq!(bytes / MIB, 64);
    }
}

#[tokio::test]
async fn quirk_10_a_length_is_always_announced() {
    let pair = Pair::new().await;
    let layers = pair.image(&[3 * MIB]);
    fault_upload(&pair, Method::PUT, u64::MAX, Action::RequireLength);
    pair.copies(&layers).await;
    assert_eq!(pair.upload_mode(), UploadMode::Whole);
    let chunked = Pair::new().await;
    let layers = chunked.image(&[40 * MIB]);
    let cap = Action::BodyCap {
        bytes: 30 * MIB,
        status: 413,
    };
    for (method, action) in [
        (Method::PUT, Action::RequireLength),
        (Method::PUT, cap),
        (Method::PATCH, Action::RequireLength),
    ] {
        fault_upload(&chunked, method, u64::MAX, action);
    }
    chunked.copies(&layers).await;
    let entries = chunked.destination.access_log().entries();
    let refused = |status| entries.iter().any(|entry| entry.status == Some(status));
    assert!(refused(StatusCode::PAYLOAD_TOO_LARGE) && !refused(StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn quirk_44_a_chunk_minimum_is_kept() {
    let pair = Pair::new().await;
    let layers = pair.image(&[40 * MIB]);
    let cap = Action::BodyCap {
        bytes: 30 * MIB,
        status: 413,
    };
    fault_upload(&pair, Method::PUT, u64::MAX, cap);
    let minimum = Action::ChunkMinimum { bytes: 20 * MIB };
    fault_upload(&pair, Method::POST, u64::MAX, minimum.clone());
    fault_upload(&pair, Method::PATCH, u64::MAX, minimum);
    pair.copies(&layers).await;
    assert_eq!(count(&pair.destination, &Method::PATCH, ""), 2);
}

#[tokio::test]
async fn quirk_44_a_chunk_out_of_order_goes_on_where_the_registry_is() {
    let pair = Pair::new().await;
    let layers = pair.image(&[40 * MIB]);
    let cap = Action::BodyCap {
        bytes: 30 * MIB,
        status: 413,
    };
    fault_upload(&pair, Method::PUT, u64::MAX, cap);
    let second = Action::LoseAnswer;
    let fault = Fault::on(Method::PATCH, "", second).unwrap();
    pair.destination.faults().add(fault.after(1).times(1));
    pair.copies(&layers).await;
    assert_eq!(taken(&pair.destination, &Method::PATCH) / MIB, 40);
}

#[tokio::test]
async fn quirk_24_a_registry_that_takes_content_only_by_patch_gets_it_so() {
    let pair = Pair::new().await;
    let layers = pair.image(&[100_000]);
    // A PUT with content finds no blob; an empty one commits.
    let cap = Action::BodyCap {
        bytes: 0,
        status: 404,
    };
    fault_upload(&pair, Method::PUT, u64::MAX, cap);
    pair.copies(&layers).await;
    assert_eq!(pair.upload_mode(), UploadMode::Streamed);
    // The config and the layer.
    assert_eq!(count(&pair.destination, &Method::PATCH, ""), 2);
}

#[tokio::test]
async fn quirk_3_a_patch_may_be_answered_201() {
    // The usual 202 is what every other test gets.
    for status in [200, 201, 204] {
        let pair = Pair::new().await;
        let layers = pair.image(&[40 * MIB]);
        let cap = Action::BodyCap {
            bytes: 30 * MIB,
            status: 413,
        };
        fault_upload(&pair, Method::PUT, u64::MAX, cap);
        let replace = Action::ReplaceStatus { status };
        let replaced = fault_upload(&pair, Method::PATCH, u64::MAX, replace);
        pair.copies(&layers).await;
        assert!(replaced.hits() > 1, "{status}");
        assert_eq!(taken(&pair.destination, &Method::PATCH) / MIB, 40);
    }
}

#[tokio::test]
async fn quirk_4_a_stale_range_after_a_chunk_never_rewinds() {
    let pair = Pair::new().await;
    let layers = pair.image(&[40 * MIB]);
    let cap = Action::BodyCap {
        bytes: 30 * MIB,
        status: 413,
    };
    fault_upload(&pair, Method::PUT, u64::MAX, cap);
    let stale = Action::SetHeader {
        name: "range".into(),
        value: "0-1048575".into(),
    };
    fault_upload(&pair, Method::PATCH, u64::MAX, stale);
    pair.copies(&layers).await;
    assert_eq!(taken(&pair.destination, &Method::PATCH) / MIB, 40);
}

#[tokio::test]
async fn quirk_30_odd_locations_lead_to_the_session() {
    for odd in [
        OddLocation::Absolute,
        OddLocation::Schemeless,
        OddLocation::Relative,
    ] {
        let pair = Pair::new().await;
        let layers = pair.image(&[40 * MIB]);
        let cap = Action::BodyCap {
            bytes: 30 * MIB,
            status: 413,
        };
        fault_upload(&pair, Method::PUT, u64::MAX, cap);
        // Only the layer is sent by PATCH.
        let cut = fault_upload(&pair, Method::PATCH, 1, Action::CutRequest { after: MIB });
        let relocated = [Method::POST, Method::PATCH, Method::GET]
            .map(|method| fault_upload(&pair, method, u64::MAX, Action::Location(odd)));
        pair.copies(&layers).await;
        assert_eq!(cut.hits(), 1);
        assert!(relocated.iter().all(|fault| fault.hits() > 0), "{odd:?}");
    }
}

#[tokio::test]
async fn quirk_31_the_state_in_a_location_comes_back_byte_for_byte() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    let state = Action::Location(OddLocation::OpaqueState);
    let fault = Fault::on_any("/blobs/uploads/", state).unwrap();
    pair.destination.faults().add(fault);
    let cut = fault_layer(&pair, &layers[0], 1, Action::CutRequest { after: 1000 });
    pair.copies(&layers).await;
    assert_eq!(cut.hits(), 1);
    // The config once, the layer twice, and what was asked for between.
    assert_eq!(count(&pair.destination, &Method::PUT, "?_state="), 3);
    assert_eq!(count(&pair.destination, &Method::GET, "?_state="), 1);
}
