//! The feed under paused time: which destinations are stalled, and which only slow.

use std::time::Duration;

use super::*;
use crate::{
    copy::registry_state::RegistryState,
    oci::{Descriptor, MediaType},
    registry::{Limit, Settings},
};

/// A feed whose source was read to the end, a body of it, and its reader.
fn read(size: usize) -> (Arc<SourceReader>, Body, Reader) {
    let content = Bytes::from(vec![0; size]);
    let blob = Descriptor {
        media_type: MediaType::new("application/octet-stream"),
        digest: Digest::of(&content),
        size: size as u64,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: Default::default(),
    };
    let client = |name: &str| {
        let client = Client::new(name.parse().unwrap(), Settings::default());
        Arc::new(client.unwrap())
    };
    let source = client("a.example");
    let settings = Settings::default();
    let destination = Client::new("b.example".parse().unwrap(), settings).unwrap();
    let destination = RegistryState::new(destination.into(), None);
    let repository = "team/app".parse().unwrap();
    let transfer = Transfer {
        blob: &blob,
        source: &source,
        from: &repository,
        destination: &destination,
        into: &repository,
        report: &|_| {},
    };
    let feed = Arc::new(SourceReader::new(&transfer));
    let hash = Arc::new(Mutex::new(SessionHash::new(&blob.digest)));
    let _ = Arc::clone(&feed).stream(&hash, 0..blob.size);
    let body = Body {
        number: 1,
        hash,
        read: 1,
        span: 0..blob.size,
    };
    let reader = Reader {
        ready: content,
        ..Reader::at(0)
    };
    (feed, body, reader)
}

/// How the feed of `size` bytes is judged when `bytes` of it are taken in each `step`.
async fn judged(size: usize, limit: Option<u64>, bytes: u64, step: Duration) -> Option<ErrorCause> {
    let (feed, mut body, mut reader) = read(size);
    feed.destination.limiter().set(Limit::BytesPerSecond(limit));
    let taking = async {
        while !feed.is_drained() {
            body.span.end = feed.size.min(reader.position + bytes);
            assert!(feed.next(&mut reader, &body).await.is_ok());
            sleep(step).await;
        }
    };
    tokio::select! {
        cause = feed.stalled() => Some(cause),
        () = taking => None,
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn quirk_41_a_destination_that_takes_hardly_anything_is_stalled() {
    let begun = Instant::now();
    let cause = judged(1_000_000, None, 500, SECOND).await;
    assert!(
        matches!(cause, Some(ErrorCause::TooSlow { .. })),
        "{cause:?}"
    );
    assert!(begun.elapsed() <= 66 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_upload_of_ten_minutes_that_flows_is_never_given_up() {
    let begun = Instant::now();
    let cause = judged(1_200_000, None, 2000, SECOND).await;
    assert!(cause.is_none(), "{cause:?}");
    assert!(begun.elapsed() >= 600 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_ours_is_never_taken_for_slowness() {
    let begun = Instant::now();
    // A hundred bytes a second are allowed, and taken as soon as they are given.
    let cause = judged(60_000, Some(100), 7000, SECOND / 100).await;
    assert!(cause.is_none(), "{cause:?}");
    assert!(begun.elapsed() >= 500 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_takes_nothing_at_all_is_stalled_after_a_minute() {
    let begun = Instant::now();
    let cause = judged(1_000_000, None, 2000, 3600 * SECOND).await;
    assert!(matches!(cause, Some(ErrorCause::Stalled(_))), "{cause:?}");
    assert!(begun.elapsed() <= 66 * SECOND);
}
