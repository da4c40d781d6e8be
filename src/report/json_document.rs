//! The report as one JSON object, version 1. `assets/reports.md` describes it.
//!
//! Invariant: what is not known is null.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    batch_report::BatchReport, byte_totals::ByteTotals, image_report::ImageReport,
    store_totals::StoreTotals,
};
use crate::present;

/// Raised when a name or the meaning of one changes; new names alone do not.
const VERSION: u8 = 1;

pub(super) fn write(report: &BatchReport) -> Result<String, serde_json::Error> {
    let counts = report.counts;
    let failures = report.failures.iter().map(|group| {
        json!({
            "side": group.side,
            "origin": group.origin,
            "message": group.message,
            "remedy": group.remedy,
            "images": group.images,
        })
    });
    let timeline = report.timeline.as_ref().map(|timeline| {
        json!({
            "start": timeline.start,
            "step_ms": millis(timeline.step),
            "copied": timeline.bytes,
        })
    });
    let document = json!({
        "v": VERSION,
        "batch": report.batch,
        "list": report.list,
        "state": report.progress.word(),
        "created": report.created,
        "ended": report.ended,
        "made": report.made,
        "elapsed_ms": report.elapsed().map(millis),
        "busy_ms": report.timeline.as_ref().map(|timeline| millis(timeline.busy)),
        "bytes_per_second": report.timeline.as_ref().and_then(|timeline| timeline.speed()),
        "images": {
            "copied": counts.copied,
            "up_to_date": counts.up_to_date,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "kept": counts.kept,
            "left": counts.queued,
        },
        "bytes": report.bytes.map(byte_totals),
        "stores": report.stores.iter().map(store).collect::<Vec<_>>(),
        "timeline": timeline,
        "failures": failures.collect::<Vec<_>>(),
        "next": report.next,
        "details": report.images.iter().map(image).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&document)?;
    Ok(format!("{}\n", present::escaped(&text)))
}

fn byte_totals(totals: ByteTotals) -> Value {
    json!({
        "copied": totals.copied,
        "mounted": totals.mounted,
        "present": totals.present,
        "unknown_images": totals.unknown,
    })
}

fn store(totals: &StoreTotals) -> Value {
    json!({
        "role": totals.role.word(),
        "store": totals.store.to_string(),
        "images": totals.images,
        "arrived": totals.arrived,
        "failed": totals.failed,
        "bytes": totals.bytes.map(byte_totals),
    })
}

fn image(image: &ImageReport) -> Value {
    let figures = image.figures;
    json!({
        "source": image.source.to_string(),
        "destination": image.destination.to_string(),
        "state": image.status.word(),
        "digest": image.digest,
        "attempts": image.attempts,
        "started": figures.and_then(|figures| figures.started),
        "ended": figures.and_then(|figures| figures.ended),
        "busy_ms": figures.map(|figures| figures.busy),
        "size": figures.and_then(|figures| figures.size),
        "copied": figures.map(|figures| figures.copied),
        "mounted": figures.map(|figures| figures.mounted),
        "present": figures.map(|figures| figures.present),
        "verified": image.verified,
        "failure": image.failure,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
