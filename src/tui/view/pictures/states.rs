//! The batches that the snapshots show.

use crate::{
    batch::{
        Attempt, Budget, Event, FailureClass, JobId, Millis, Outcome, Rationed, RegistryStatus,
        Settled, Side, StopMode, UploadMode,
    },
    tui::{
        fixtures::{
            self, MIB, blob_started, blob_waited, by_skopeo, copied, failed, failure, finished,
            listed, method_selected, mounted, planned, preflighted, press, progress,
            retry_scheduled, settled, skipped, started, tell, tick,
        },
        model::Model,
    },
};

/// The list is being read.
pub fn empty() -> Model {
    fixtures::model([])
}

/// Twelve images in every state, half a minute into the batch.
pub fn busy() -> Model {
    let mut model = fixtures::model(listed(12));
    tick(&mut model, 0);
    let sizes = [3_000, 40 * MIB, 25 * MIB, 700_000];
    tell(
        &mut model,
        [started(0, 1), planned(0, &sizes), mounted(0, 1)],
    );
    tell(
        &mut model,
        [0, 2, 3].map(|blob| settled(0, blob, Settled::Copied)),
    );
    tell(
        &mut model,
        [
            copied(0),
            finished(
                1,
                Outcome::UpToDate {
                    root: fixtures::digest(1, 0),
                },
            ),
            started(2, 1),
            planned(2, &sizes),
            settled(2, 0, Settled::Present),
            mounted(2, 1),
            blob_started(2, 2, 0),
            started(3, 1),
            planned(3, &[3_000, 90 * MIB]),
            settled(3, 0, Settled::Copied),
            blob_waited(3, 1, 2),
            started(4, 1),
            retry_scheduled(5, 1, "said 429"),
            failed(6, "said 401: denied"),
            skipped(7),
        ],
    );
    for second in 1..=12 {
        tell(&mut model, [progress(2, 1, 2, second * second * MIB / 8)]);
        tick(&mut model, 7 + second);
    }
    tell(&mut model, [sampled_registries(1)]);
    tick(&mut model, 20);
    tell(&mut model, [sampled_registries(2)]);
    tick(&mut model, 21);
    model
}

pub fn sampled_registries(times: u64) -> Event {
    Event::RegistriesSampled {
        registries: sampled(times).into(),
    }
}

/// Sample number `times` of three registries: two have a rate limit for an operation, the last one has a rate limit.
fn sampled(times: u64) -> [RegistryStatus; 3] {
    let status = |registry: &str, streams, stream_limit, requests, bytes| RegistryStatus {
        registry: registry.parse().unwrap(),
        streams,
        stream_limit,
        stream_ceiling: 16,
        requests,
        request_rate: u32::from(streams) * 9,
        request_limit: None,
        bytes,
        byte_limit: None,
        answer_p50_ms: Some(Millis(12)),
        answer_p95_ms: Some(Millis(340)),
        throttled_ms: None,
        unreachable: false,
        rationed: None,
        budget: None,
        upload_mode: UploadMode::Whole,
    };
    let source = RegistryStatus {
        rationed: Some(Rationed {
            operation: "look up the manifest".into(),
            request_limit: 20,
            pause_ms: None,
        }),
        ..status("a.example", 8, 8, 200 * times, 50 * MIB * times)
    };
    let destination = RegistryStatus {
        upload_mode: UploadMode::Chunks { bytes: 64 * MIB },
        rationed: Some(Rationed {
            operation: "write the manifest".into(),
            request_limit: 2,
            pause_ms: Some(Millis(8_000)),
        }),
        ..status("b.example", 3, 16, 31 * times, 45 * MIB * times)
    };
    let long = "a-rather-long-name.registry.internal.example:5000";
    let throttling = RegistryStatus {
        throttled_ms: Some(Millis(31_000)),
        budget: Some(Budget {
            limit: 100,
            remaining: 4,
            window_ms: Some(Millis(21_600_000)),
        }),
        ..status(long, 0, 4, 7, 0)
    };
    [source, destination, throttling]
}

/// Two failed attempts, the second one final, with a chain of causes.
pub fn failing() -> Model {
    let mut model = fixtures::model(listed(6));
    let class = FailureClass::Transient {
        retry_after_ms: None,
    };
    let mut first = failure(Side::Source, class, "said 503");
    first.chain = vec![
        "reading layer 4f2a".into(),
        "503 Service Unavailable".into(),
    ];
    let mut last = failure(
        Side::Destination,
        FailureClass::Rejected,
        "said 403: quota of project team exceeded",
    );
    last.chain = vec![
        "writing manifest".into(),
        "PUT https://b.example/v2/team/app-1/manifests/1".into(),
        "403 Forbidden: quota of project team exceeded".into(),
        "hint: make room or raise the limit there; then retry".into(),
    ];
    tell(
        &mut model,
        [
            started(0, 1),
            copied(0),
            started(1, 1),
            Event::JobRetryScheduled {
                job: JobId(1),
                attempt: Attempt(1),
                delay_ms: Millis(5_000),
                cause: first,
            },
            started(1, 2),
            planned(1, &[3_000, 40 * MIB]),
            settled(1, 0, Settled::Copied),
            settled(1, 1, Settled::Copied),
            finished(1, Outcome::Failed { cause: last }),
            failed(2, "said 401: authentication required"),
            copied(3),
            copied(4),
            copied(5),
        ],
    );
    tick(&mut model, 9);
    press(&mut model, "j");
    model
}

/// The circuit breaker of the destination is open.
pub fn gone() -> Model {
    let mut model = fixtures::model(listed(6));
    let [source, destination, _] = sampled(1);
    let destination = RegistryStatus {
        streams: 0,
        request_rate: 0,
        throttled_ms: Some(Millis(8_000)),
        unreachable: true,
        rationed: None,
        ..destination
    };
    let class = FailureClass::Transient {
        retry_after_ms: Some(Millis(8_000)),
    };
    let cause = failure(
        Side::Destination,
        class,
        "cannot be reached: connection refused",
    );
    tell(
        &mut model,
        [
            started(0, 1),
            copied(0),
            started(1, 1),
            planned(1, &[3_000, 40 * MIB]),
            blob_started(1, 1, 0),
            started(2, 1),
            Event::JobRetryScheduled {
                job: JobId(2),
                attempt: Attempt(1),
                delay_ms: Millis(8_000),
                cause,
            },
            Event::RegistriesSampled {
                registries: vec![source, destination],
            },
        ],
    );
    tick(&mut model, 1);
    model
}

/// 700 of 2,000 images have ended; 25 of them failed, for twelve causes.
pub fn thousands() -> Model {
    let mut model = fixtures::model(listed(2000));
    tell(
        &mut model,
        (0..675).flat_map(|job| [started(job, 1), copied(job)]),
    );
    tell(
        &mut model,
        (675..700).map(|job| failed(job, &format!("said 4{:02}: refused", job % 12))),
    );
    tell(&mut model, (700..708).map(|job| started(job, 1)));
    tick(&mut model, 100);
    model
}

/// A complete review: most images replace what their destination tag names, the last one is skipped because of it.
pub fn replacing() -> Model {
    let mut model = fixtures::model(listed(12));
    tell(&mut model, [Event::ReviewStarted]);
    for job in 0..11 {
        let sizes = [3_000, u64::from(job + 1) * 10 * MIB];
        tell(&mut model, fixtures::replacing(job, &sizes));
    }
    tell(&mut model, [started(11, 1), fixtures::kept(11)]);
    tick(&mut model, 3);
    model
}

/// A review of twelve images that is nearly complete: one is up to date, one failed, one is skipped.
pub fn reviewing() -> Model {
    let mut model = fixtures::model(listed(12).into_iter().chain([Event::ReviewStarted]));
    tick(&mut model, 0);
    let root = fixtures::digest(1, 0);
    for job in [0, 2, 5, 6, 7, 8, 9] {
        let size = u64::from(job) * 7 * MIB + 300_000;
        let present: &[usize] = if job == 2 { &[1] } else { &[] };
        tell(
            &mut model,
            preflighted(job, &[3_000, size, 2 * size, MIB], present),
        );
    }
    tell(
        &mut model,
        [
            finished(1, Outcome::UpToDate { root }),
            failed(3, "said 404: manifest unknown"),
            skipped(5),
            started(4, 1),
            planned(4, &[3_000, 9 * MIB]),
            started(10, 1),
        ],
    );
    tick(&mut model, 3);
    press(&mut model, "g j j");
    model
}

/// A review that just began.
pub fn preflight() -> Model {
    fixtures::model(listed(12).into_iter().chain([Event::ReviewStarted]))
}

/// The plan of 2,000 images to nine registries.
pub fn reviewed() -> Model {
    let mut events = vec![fixtures::batch_started("prod.toml", 2000)];
    events.extend((0..2000).map(|id| {
        let source = format!("a.example/team/app-{id}:1");
        let to = format!("mirror-{}.example:5000/team/app-{id}:1", id % 9);
        fixtures::job(id, &source, &to)
    }));
    events.push(Event::ReviewStarted);
    events.extend((0..2000).flat_map(|job| preflighted(job, &[3_000, u64::from(job) * MIB], &[])));
    let mut model = fixtures::model(events);
    tick(&mut model, 9);
    model
}

/// Images that skopeo copies, beside one that this program copies.
pub fn engines() -> Model {
    let mut events = listed(5);
    for listed in &mut events[1..5] {
        *listed = by_skopeo(listed.clone());
    }
    let sizes = [3_000, 40 * MIB];
    events.extend([
        started(0, 1),
        method_selected(0),
        planned(0, &sizes),
        settled(0, 0, Settled::Present),
        settled(0, 1, Settled::Copied),
        copied(0),
        started(1, 1),
        method_selected(1),
        planned(1, &sizes),
        blob_started(1, 1, 0),
        progress(1, 1, 1, 10 * MIB),
        started(2, 1),
        failed(2, "has no way to run skopeo for this image"),
        started(4, 1),
        planned(4, &sizes),
    ]);
    let mut model = fixtures::model(events);
    tick(&mut model, 2);
    model
}

pub fn paused() -> Model {
    let mut model = busy();
    tell(&mut model, [Event::BatchPaused]);
    model
}

pub fn draining() -> Model {
    let mut model = busy();
    let mode = StopMode::Drain;
    tell(&mut model, [Event::StopRequested { mode }]);
    model
}

/// The batch is finished without failures.
pub fn done() -> Model {
    let mut model = fixtures::model(listed(40));
    tell(
        &mut model,
        (0..40).flat_map(|job| {
            [
                started(job, 1),
                planned(job, &[3_000, 40 * MIB]),
                mounted(job, 0),
                settled(job, 1, Settled::Copied),
                copied(job),
            ]
        }),
    );
    tell(&mut model, [Event::BatchFinished { stopped_by: None }]);
    tick(&mut model, 3_700);
    model
}

/// The batch is finished; two images failed.
pub fn ended() -> Model {
    let mut model = failing();
    tell(&mut model, [Event::BatchFinished { stopped_by: None }]);
    tick(&mut model, 12);
    model
}
