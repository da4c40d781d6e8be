//! Registries that limit requests.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use transship::{
    batch::{Millis, RegistryLimit, RegistryStatus},
    registry::FailureClass,
    serve::{Action, Fault},
};

use super::{MIB, Pair, count, registry};

fn too_many(message: &str) -> Action {
    let body = format!(r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{message}"}}]}}"#);
    Action::answer(429).body(&body)
}

fn fault_manifests(pair: &Pair, times: u64, action: Action) {
    let fault = Fault::on(Method::GET, "/manifests/", action).unwrap();
    pair.source.faults().add(fault.times(times));
}

fn source_lane(pair: &Pair) -> RegistryStatus {
    let client = pair.engine.clients().get(&registry(&pair.source)).unwrap();
    client.status()
}

#[tokio::test]
async fn quirk_38_retry_after_closes_the_lane_in_seconds_and_as_a_date() {
    let in_two_minutes = SystemTime::now() + Duration::from_secs(120);
    for (value, status) in [
        ("100".to_owned(), 429),
        ("100".to_owned(), 503),
        (httpdate::fmt_http_date(in_two_minutes), 429),
    ] {
        let pair = Pair::new().await;
        pair.image(&[MIB]);
        let refusal = Action::answer(status).header("retry-after", &value);
        fault_manifests(&pair, 1, refusal);
        let error = pair.copy().await.unwrap_err();
        let FailureClass::Transient {
            retry_after_ms: Some(pause),
        } = error.class()
        else {
            panic!("{error}");
        };
        assert!((90_000..=120_000).contains(&pause.0), "{pause:?}");
        let lane = source_lane(&pair);
        assert!(lane.throttled_ms.unwrap() > Millis(80_000));
        assert_eq!((lane.stream_limit, lane.stream_ceiling), (4, 8));
        // Closed for a long time: the next image fails at once, without a request.
        let sent = lane.requests;
        let error = pair.copy().await.unwrap_err();
        assert!(error.to_string().contains("rate limited"), "{error}");
        assert!(matches!(
            error.class(),
            FailureClass::Transient {
                retry_after_ms: Some(_)
            }
        ));
        assert_eq!(source_lane(&pair).requests, sent);
    }
}

#[tokio::test]
async fn quirk_16_a_used_up_quota_waits_for_its_refill_and_haps_slow_down() {
    let pair = Pair::new().await;
    pair.image(&[MIB]);
    let quota = too_many("You have reached your pull rate limit.")
        .header("ratelimit-limit", "100;w=21600")
        .header("ratelimit-remaining", "0;w=21600");
    fault_manifests(&pair, 1, quota);
    pair.copy().await.unwrap_err();
    let lane = source_lane(&pair);
    // One of a hundred pulls in six hours is free again after 216 s.
    assert!((200_000..=216_000).contains(&lane.throttled_ms.unwrap().0));
    assert_eq!((lane.stream_limit, lane.request_limit), (8, None));
    assert_eq!(lane.budget.unwrap().remaining, 0);

    let pair = Pair::new().await;
    pair.image(&[MIB]);
    fault_manifests(&pair, 1, too_many("Too Many Requests (HAP429)."));
    pair.copy().await.unwrap_err();
    let lane = source_lane(&pair);
    assert_eq!(lane.stream_limit, 4);
    assert!(lane.request_limit.is_some());
}

#[tokio::test]
async fn quirk_2_manifests_refused_as_too_many_do_not_hold_up_blobs() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    let refused = Fault::on(Method::PUT, "/manifests/", too_many("Rate exceeded")).unwrap();
    pair.destination.faults().add(refused.times(1));
    let error = pair.copy().await.unwrap_err();
    // The error says when the image may be tried again.
    let retry_after_ms = Some(Millis(1000));
    assert_eq!(error.class(), FailureClass::Transient { retry_after_ms });
    let client = pair
        .engine
        .clients()
        .get(&registry(&pair.destination))
        .unwrap();
    let lane = client.status();
    assert_eq!((lane.throttled_ms, lane.stream_limit), (None, 8));
    assert_eq!(lane.request_limit, None);
    pair.copies(&layers).await;
}

#[tokio::test]
async fn quirk_17_the_budget_is_known_from_any_answer() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    for (name, value) in [
        ("ratelimit-limit", "100;w=21600"),
        ("ratelimit-remaining", "76;w=21600"),
    ] {
        let header = Action::SetHeader {
            name: name.into(),
            value: value.into(),
        };
        fault_manifests(&pair, u64::MAX, header);
    }
    pair.copies(&layers).await;
    let budget = source_lane(&pair).budget.unwrap();
    assert_eq!((budget.limit, budget.remaining), (100, 76));
}

#[tokio::test]
async fn a_short_pause_is_waited_for_where_it_is_met() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB, MIB]);
    let busy = Action::answer(429).header("retry-after", "1");
    let fault = Fault::on(Method::GET, "/blobs/", busy).unwrap();
    pair.source.faults().add(fault.times(1));
    pair.copies(&layers).await;
    // Three blobs, one of them asked for twice.
    assert_eq!(count(&pair.source, &Method::GET, "/blobs/"), 4);
}

#[tokio::test]
async fn quirk_23_gateway_errors_halve_the_streams_and_close_nothing() {
    let pair = Pair::new().await;
    pair.image(&[MIB]);
    fault_manifests(&pair, 1, Action::answer(502));
    pair.copy().await.unwrap_err();
    let lane = source_lane(&pair);
    assert_eq!((lane.stream_limit, lane.throttled_ms), (4, None));
}

#[tokio::test]
async fn limits_change_while_the_registry_is_in_use() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    let client = pair.engine.clients().get(&registry(&pair.source)).unwrap();
    client.limiter().set(RegistryLimit::Streams(2));
    client
        .limiter()
        .set(RegistryLimit::RequestsPerSecond(Some(500)));
    client
        .limiter()
        .set(RegistryLimit::BytesPerSecond(Some(100 * MIB)));
    pair.copies(&layers).await;
    let lane = source_lane(&pair);
    assert_eq!((lane.stream_limit, lane.stream_ceiling), (2, 2));
    assert_eq!(lane.request_limit, Some(500));
    assert_eq!(lane.byte_limit, Some(100 * MIB));
    assert!(lane.answer_p50_ms <= lane.answer_p95_ms && lane.answer_p50_ms.is_some());
}
