//! The limiter in paused time.

use super::*;
use crate::batch::Millis;

const HEAD: Operation = Operation::HeadManifest;

fn status(limiter: &RegistryLimiter) -> RegistryStatus {
    limiter.status("registry.example".parse().unwrap(), UploadMode::Whole)
}

async fn admit(limiter: &RegistryLimiter, operation: Operation) -> Result<Pass, Unavailable> {
    limiter.admit(limiter.breaker(), operation).await
}

fn limits(streams: u16) -> Limits {
    Limits {
        streams,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_lowered_limit_takes_effect_as_streams_end() {
    let limiter = RegistryLimiter::new(limits(3));
    let held = [
        limiter.stream().await,
        limiter.stream().await,
        limiter.stream().await,
    ];
    limiter.set(RegistryLimit::Streams(1));
    assert_eq!(
        (status(&limiter).streams, status(&limiter).stream_limit),
        (3, 1)
    );
    let [a, b, c] = held;
    drop((a, b));
    assert_eq!(limiter.streams.free(), 0);
    drop(c);
    assert_eq!(limiter.streams.free(), 1);
}

#[tokio::test]
async fn raising_a_limit_first_keeps_what_was_to_be_withdrawn() {
    let limiter = RegistryLimiter::new(limits(2));
    let held = [limiter.stream().await, limiter.stream().await];
    limiter.set(RegistryLimit::Streams(1));
    limiter.set(RegistryLimit::Streams(3));
    drop(held);
    assert_eq!(limiter.streams.free(), 3);
}

fn refusal(seconds: u64) -> Throttling {
    Throttling::Rate {
        pause: Some(Duration::from_secs(seconds)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limited_registry_gets_no_request_until_the_pause_ends() {
    let limiter = RegistryLimiter::new(limits(1));
    limiter.answered(HEAD, None, refusal(7), None);
    limiter.answered(HEAD, None, refusal(2), None);
    let before = Instant::now();
    admit(&limiter, HEAD).await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(7));
    assert_eq!(status(&limiter).throttled_ms, None);
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_a_long_pause() {
    let limiter = RegistryLimiter::new(limits(1));
    limiter.answered(HEAD, None, refusal(216), None);
    let before = Instant::now();
    let closed = Unavailable::Throttled(Duration::from_secs(216));
    assert_eq!(admit(&limiter, HEAD).await.unwrap_err(), closed);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(status(&limiter).requests, 0);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_gone_is_asked_again_after_a_while_and_by_one() {
    let limiter = RegistryLimiter::new(limits(8));
    admit(&limiter, HEAD).await.unwrap().answered();
    let mut probe = admit(&limiter, HEAD).await.unwrap();
    for seconds in [1, 2, 4] {
        let pause = Duration::from_secs(seconds);
        assert_eq!(probe.unreachable("connection refused"), Some(pause));
        let sample = status(&limiter);
        let expected = (Some(pause.into()), true);
        assert_eq!((sample.throttled_ms, sample.unreachable), expected);
        let before = Instant::now();
        probe = admit(&limiter, HEAD).await.unwrap();
        assert_eq!(before.elapsed(), pause);
        // Still down: the probe has no answer yet.
        assert!(status(&limiter).unreachable);
        let other = tokio::time::timeout(Duration::from_secs(7), admit(&limiter, HEAD)).await;
        assert!(other.is_err(), "two probes at once");
    }
    assert_eq!(status(&limiter).stream_limit, 8);
    probe.unreachable("connection refused");
    let probe = admit(&limiter, HEAD).await.unwrap();
    let left = probe.unreachable("no route to host");
    assert!(left > Some(SHORT_PAUSE));
    let why = "no route to host".into();
    let closed = admit(&limiter, HEAD).await.unwrap_err();
    assert_eq!(closed, Unavailable::Down(Down { why, left }));
    tokio::time::sleep(left.unwrap()).await;
    assert!(limiter.wants_probe());
    admit(&limiter, HEAD).await.unwrap().answered();
    let sample = status(&limiter);
    assert_eq!((sample.throttled_ms, sample.unreachable), (None, false));
}

#[tokio::test(start_paused = true)]
async fn requests_are_spaced_by_a_limit_that_can_be_lifted() {
    let limiter = RegistryLimiter::new(Limits {
        requests_per_second: Some(10),
        ..limits(1)
    });
    let before = Instant::now();
    for _ in 0..11 {
        admit(&limiter, HEAD).await.unwrap();
    }
    assert_eq!(before.elapsed().as_millis(), 1000);
    limiter.set(RegistryLimit::RequestsPerSecond(None));
    for _ in 0..11 {
        admit(&limiter, HEAD).await.unwrap();
    }
    assert_eq!(before.elapsed().as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_gives_up_streams_and_the_sample_says_so() {
    let limiter = RegistryLimiter::new(limits(8));
    let budget = Budget {
        limit: 100,
        remaining: 7,
        window_ms: None,
    };
    let elapsed = Some(Duration::from_millis(30));
    limiter.answered(HEAD, elapsed, refusal(1), Some(budget));
    let sample = status(&limiter);
    assert_eq!((sample.stream_limit, sample.stream_ceiling), (4, 8));
    assert_eq!(sample.throttled_ms, Some(Millis(1000)));
    assert_eq!(sample.budget, Some(budget));
    assert!(sample.answer_p95_ms.is_some());
    assert_eq!(limiter.streams.free(), 4);
}

#[tokio::test(start_paused = true)]
async fn quirk_2_an_operation_that_is_refused_slows_no_other() {
    let limiter = RegistryLimiter::new(limits(8));
    let write = Operation::PutManifest;
    for _ in 0..50 {
        admit(&limiter, write).await.unwrap();
        admit(&limiter, HEAD).await.unwrap();
    }
    let pause = limiter.answered(write, None, Throttling::Operation, None);
    assert_eq!(pause, Some(Duration::from_secs(1)));
    let rationed = Rationed {
        operation: write.to_string(),
        request_limit: 25,
        pause_ms: pause.map(Into::into),
    };
    assert_eq!(status(&limiter).rationed, Some(rationed));
    let before = Instant::now();
    for _ in 0..100 {
        admit(&limiter, HEAD).await.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    // Half as often as when it was refused: 25 a second, after a second of rest.
    for _ in 0..26 {
        admit(&limiter, write).await.unwrap();
    }
    assert_eq!(before.elapsed().as_secs(), 2);
    let sample = status(&limiter);
    assert_eq!((sample.stream_limit, sample.throttled_ms), (8, None));
    assert_eq!(sample.request_limit, None);
    assert_eq!(sample.rationed.and_then(|rationed| rationed.pause_ms), None);
}

#[tokio::test(start_paused = true)]
async fn an_operation_finds_the_rate_that_is_borne() {
    let limiter = RegistryLimiter::new(limits(8));
    let write = Operation::PutManifest;
    // Ten a second, and one more is refused.
    let (mut second, mut taken, mut refused) = (Instant::now(), 0, 0);
    let begun = Instant::now();
    let mut written = 0;
    while written < 600 {
        admit(&limiter, write).await.unwrap();
        if second.elapsed() >= Duration::from_secs(1) {
            (second, taken) = (Instant::now(), 0);
        }
        taken += 1;
        let throttling = match taken {
            0..=10 => Throttling::None,
            _ => Throttling::Operation,
        };
        written += usize::from(throttling == Throttling::None);
        refused += usize::from(throttling == Throttling::Operation);
        limiter.answered(write, None, throttling, None);
    }
    assert!(refused < written / 20, "{refused} of {written} refused");
    let seconds = begun.elapsed().as_secs();
    assert!(seconds < 120, "{seconds} s where 60 were needed");
}
