use super::*;
use crate::{
    batch::{Attempt, FailureClass, QueueReason, Side, SkipReason},
    metrics::sample_batch::{FIRST, SampleBatch, copied, digest, failure, transient},
};

fn mounted() -> Settled {
    Settled::Mounted {
        from: "base/debian".parse().unwrap(),
    }
}

#[test]
fn blobs_count_by_registry_direction_and_how() {
    let mut sample = SampleBatch::of_one();
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 100), ("b", 20), ("c", 3), ("d", 9)]);
    sample.start_blob(FIRST, "a");
    sample.settle(FIRST, "a", 100, Settled::Copied);
    sample.settle(FIRST, "b", 20, mounted());
    sample.settle(FIRST, "c", 3, Settled::Present);
    let bytes = |registry, direction, how| {
        format!(
            "transship_bytes_total{{registry=\"{registry}\",direction=\"{direction}\",how=\"{how}\"}}"
        )
    };
    sample.has(&[
        (&bytes("a.example", "read", "copied"), 100.0),
        (&bytes("b.example", "written", "copied"), 100.0),
        (&bytes("b.example", "written", "mounted"), 20.0),
        (&bytes("b.example", "written", "present"), 3.0),
        ("transship_blob_size_bytes_sum", 123.0),
        ("transship_blob_size_bytes_count", 3.0),
        ("transship_blob_duration_seconds_count", 1.0),
        ("transship_blob_duration_seconds_sum", 1.0),
        ("transship_planned_bytes", 132.0),
        ("transship_settled_bytes", 123.0),
        (
            "skopeo_blobs_processed_total{operation=\"copy\",status=\"success\"}",
            3.0,
        ),
        ("skopeo_blob_size_bytes_sum{operation=\"copy\"}", 123.0),
    ]);
    let read = bytes("a.example", "read", "mounted");
    assert_eq!(sample.value(&read), None);
}

#[test]
fn progress_and_the_attempts_of_an_image_count_a_blob_once() {
    let mut sample = SampleBatch::of_one();
    let written =
        "transship_bytes_total{registry=\"b.example\",direction=\"written\",how=\"copied\"}";
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 100), ("b", 20)]);
    sample.start_blob(FIRST, "a");
    sample.progress(FIRST, "a", 60);
    assert_eq!(sample.value(written), None);
    sample.settle(FIRST, "a", 100, Settled::Copied);
    sample.start_blob(FIRST, "b");
    sample.progress(FIRST, "b", 19);
    sample.retry(FIRST, failure(Side::Source, transient()));
    sample.start(FIRST, 2);
    sample.plan(FIRST, &[("a", 100), ("b", 20)]);
    sample.settle(FIRST, "a", 100, Settled::Present);
    sample.start_blob(FIRST, "b");
    sample.settle(FIRST, "b", 20, Settled::Copied);
    sample.finish(FIRST, copied());
    sample.has(&[
        (written, 120.0),
        ("transship_blob_size_bytes_count", 2.0),
        (
            "transship_retries_total{side=\"source\",class=\"transient\"}",
            1.0,
        ),
        (
            "transship_failures_total{side=\"source\",class=\"transient\"}",
            0.0,
        ),
        (
            "skopeo_blobs_processed_total{operation=\"copy\",status=\"error\"}",
            1.0,
        ),
        (
            "skopeo_operations_total{operation=\"copy\",status=\"success\"}",
            1.0,
        ),
        // From the first start, at second 3, to the end, at second 14.
        (
            "transship_image_duration_seconds_sum{outcome=\"copied\"}",
            13.0,
        ),
        ("transship_blob_duration_seconds_sum", 3.0),
    ]);
    let present =
        "transship_bytes_total{registry=\"b.example\",direction=\"written\",how=\"present\"}";
    assert_eq!(sample.value(present), None);
}

#[test]
fn images_are_counted_by_state_and_by_how_they_ended() {
    let copy = ("a.example/app:1", "b.example/app:1");
    let mut sample = SampleBatch::of(&[copy, copy, copy, copy, copy, copy]);
    let jobs: Vec<_> = (0..6).map(JobId).collect();
    sample.apply(Event::JobRestored {
        job: jobs[0],
        outcome: copied(),
    });
    for job in &jobs[1..5] {
        sample.start(*job, 1);
    }
    let root = digest("root");
    sample.finish(jobs[1], Outcome::UpToDate { root });
    let cause = failure(Side::Destination, FailureClass::Rejected);
    sample.finish(jobs[2], Outcome::Failed { cause });
    let why = SkipReason::User;
    sample.finish(jobs[3], Outcome::Skipped { why: why.clone() });
    // This one never started.
    sample.finish(jobs[5], Outcome::Skipped { why });
    sample.has(&[
        ("transship_images{state=\"queued\"}", 0.0),
        ("transship_images{state=\"running\"}", 1.0),
        ("transship_images{state=\"copied\"}", 1.0),
        ("transship_images{state=\"up_to_date\"}", 1.0),
        ("transship_images{state=\"failed\"}", 1.0),
        ("transship_images{state=\"skipped\"}", 2.0),
        ("transship_images_in_flight", 1.0),
        ("transship_images_parallel", 4.0),
        (
            "transship_failures_total{side=\"destination\",class=\"rejected\"}",
            1.0,
        ),
        (
            "transship_image_duration_seconds_count{outcome=\"skipped\"}",
            1.0,
        ),
        (
            "skopeo_operations_total{operation=\"copy\",status=\"success\"}",
            1.0,
        ),
        (
            "skopeo_operations_total{operation=\"copy\",status=\"error\"}",
            1.0,
        ),
        (
            "skopeo_operation_errors_total{operation=\"copy\",error_type=\"rejected\"}",
            1.0,
        ),
        ("skopeo_active_operations{operation=\"copy\"}", 1.0),
        (
            "skopeo_operation_duration_seconds_count{operation=\"copy\"}",
            2.0,
        ),
    ]);
    let copied = "transship_image_duration_seconds_count{outcome=\"copied\"}";
    assert_eq!(sample.value(copied), None, "an earlier run copied it");
}

#[test]
fn a_store_of_this_machine_is_named_by_its_transport_alone() {
    let mut sample = SampleBatch::of(&[("oci-archive:/srv/secret.tar:team/app:1", "dir:/srv/out")]);
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 100)]);
    sample.settle(FIRST, "a", 100, Settled::Copied);
    sample.finish(FIRST, copied());
    sample.has(&[
        (
            "transship_bytes_total{registry=\"oci-archive\",direction=\"read\",how=\"copied\"}",
            100.0,
        ),
        (
            "transship_bytes_total{registry=\"dir\",direction=\"written\",how=\"copied\"}",
            100.0,
        ),
        (
            "skopeo_source_operations_total{source_type=\"oci_archive\",operation=\"copy\"}",
            1.0,
        ),
        (
            "skopeo_destination_operations_total{destination_type=\"dir\",operation=\"copy\"}",
            1.0,
        ),
    ]);
    for series in sample.samples().keys() {
        assert!(
            !series.contains("/srv") && !series.contains("app"),
            "{series}"
        );
    }
}

#[test]
fn a_preflight_counts_nothing_and_the_copy_after_it_does() {
    let mut sample = SampleBatch::of_one();
    let present =
        "transship_bytes_total{registry=\"b.example\",direction=\"written\",how=\"present\"}";
    sample.apply(Event::ReviewStarted);
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 100)]);
    sample.settle(FIRST, "a", 100, Settled::Present);
    let why = QueueReason::Planned;
    sample.apply(Event::JobQueued { job: FIRST, why });
    assert_eq!(sample.value(present), None);
    sample.apply(Event::ReviewEnded);
    sample.second = 1000;
    sample.start(FIRST, 1);
    sample.settle(FIRST, "a", 100, Settled::Present);
    sample.finish(FIRST, copied());
    sample.has(&[
        (present, 100.0),
        (
            "transship_image_duration_seconds_sum{outcome=\"copied\"}",
            2.0,
        ),
    ]);
}

#[test]
fn an_image_that_is_stopped_and_started_again_has_one_duration() {
    let mut sample = SampleBatch::of_one();
    sample.start(FIRST, 1);
    sample.start_blob(FIRST, "a");
    let why = QueueReason::Stopped;
    sample.apply(Event::JobQueued { job: FIRST, why });
    sample.start(FIRST, 2);
    sample.finish(FIRST, copied());
    sample.has(&[
        (
            "transship_image_duration_seconds_sum{outcome=\"copied\"}",
            4.0,
        ),
        // An operator stopped it; it did not fail.
        (
            "skopeo_blobs_processed_total{operation=\"copy\",status=\"error\"}",
            0.0,
        ),
    ]);
}

#[test]
fn the_batch_is_running_until_it_has_ended_and_progress_has_a_time() {
    let mut sample = SampleBatch::of_one();
    sample.has(&[
        (
            "transship_batch_info{batch=\"20261121-1430-prod-7f3a\"}",
            1.0,
        ),
        ("transship_batch_running", 1.0),
        ("transship_last_progress_timestamp_seconds", 1.0),
    ]);
    sample.apply(Event::BatchPaused);
    sample.has(&[("transship_batch_paused", 1.0)]);
    sample.apply(Event::BatchResumed);
    sample.has(&[("transship_batch_paused", 0.0)]);
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 100)]);
    sample.start_blob(FIRST, "a");
    sample.progress(FIRST, "a", 1);
    let at = sample.second as f64;
    sample.apply(Event::ParallelChanged { images: 9 });
    sample.has(&[
        ("transship_last_progress_timestamp_seconds", at),
        ("transship_images_parallel", 9.0),
    ]);
    sample.finish(FIRST, copied());
    sample.apply(Event::BatchFinished { stopped_by: None });
    sample.has(&[
        ("transship_batch_running", 0.0),
        ("transship_last_progress_timestamp_seconds", at + 2.0),
    ]);
}

#[test]
fn a_batch_that_waited_for_an_operator_is_not_stalled() {
    for (waits, goes_on) in [
        (Event::BatchPaused, Event::BatchResumed),
        (Event::ReviewStarted, Event::ReviewEnded),
    ] {
        let mut sample = SampleBatch::of_one();
        sample.apply(waits);
        sample.has(&[("transship_batch_paused", 1.0)]);
        sample.second = 3600;
        sample.apply(goes_on);
        sample.has(&[
            ("transship_batch_paused", 0.0),
            ("transship_last_progress_timestamp_seconds", 3601.0),
        ]);
    }
}

#[test]
fn the_time_left_is_absent_while_it_is_unknown() {
    let eta = "transship_eta_seconds{}";
    let mut sample = SampleBatch::of_one();
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 1000)]);
    sample.start_blob(FIRST, "a");
    let tick = |sample: &mut SampleBatch| {
        let now = sample.now();
        sample.batch.tick(now, &sample.board);
    };
    tick(&mut sample);
    assert_eq!(sample.value(eta), None);
    for done in 1..=40 {
        sample.progress(FIRST, "a", done * 10);
    }
    tick(&mut sample);
    // 600 bytes are left, at 10 a second.
    let left = sample.value(eta).unwrap();
    assert!((60.0..70.0).contains(&left), "{left}");
    sample.settle(FIRST, "a", 1000, Settled::Copied);
    sample.finish(FIRST, copied());
    assert!(sample.value(eta).is_some());
    sample.apply(Event::BatchFinished { stopped_by: None });
    assert_eq!(sample.value(eta), None);
}

#[test]
fn a_long_list_has_as_many_series_as_a_short_one_and_leaves_nothing_behind() {
    let series = |images: usize| {
        let names: Vec<_> = (0..images)
            .map(|image| {
                let name = format!("team-{image}/app:{image}");
                (format!("a.example/{name}"), format!("b.example/{name}"))
            })
            .collect();
        let copies: Vec<_> = (names.iter())
            .map(|(source, destination)| (source.as_str(), destination.as_str()))
            .collect();
        let mut sample = SampleBatch::of(&copies);
        for job in (0..u32::try_from(images).unwrap()).map(JobId) {
            let blob = format!("blob {}", job.0);
            sample.apply(Event::JobStarted {
                job,
                attempt: Attempt(1),
            });
            sample.plan(job, &[(&blob, 10)]);
            sample.start_blob(job, &blob);
            sample.settle(job, &blob, 10, Settled::Copied);
            sample.finish(job, copied());
        }
        assert_eq!(sample.batch.images.len(), 0);
        sample.samples().into_keys().collect::<Vec<_>>()
    };
    assert_eq!(series(10), series(10_000));
}
