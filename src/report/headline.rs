//! The sentences of a report that the formats for people share.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;

use super::{
    batch_report::{BatchReport, Comparisons, Progress},
    image_report::ImageReport,
};
use crate::{
    oci::Store,
    present::{self, bytes, count, duration, precise_duration, rate},
};

/// Stores that are named on each side.
const MAX_NAMED: usize = 3;

/// What is shown for a figure that is not known.
pub(super) const UNKNOWN: &str = "–";

/// A figure with its name, and what explains it.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

/// `2026-11-21 14:30 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How the batch went, as one sentence without a full stop.
pub(super) fn result(report: &BatchReport) -> String {
    let counts = report.counts;
    let (all, done) = (report.images.len(), report.images.len() - counts.queued);
    let failed = match counts.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    match report.progress {
        _ if all == 0 => "No image is listed yet".into(),
        Progress::Running => format!("Still running: {done} of {all} done{failed}"),
        Progress::Stopped => format!("Stopped: {done} of {all} done{failed}"),
        Progress::Ended if counts.failed > 0 && all == 1 => "The image failed".into(),
        Progress::Ended if counts.failed > 0 => format!("{} of {all} images failed", counts.failed),
        Progress::Ended => match all - report.arrived() {
            0 if all == 1 => "The image is at its destination".into(),
            0 => format!("All {all} images are at their destinations"),
            out => format!(
                "{} of {all} images are at their destinations, {out} left out",
                all - out
            ),
        },
    }
}

/// The name of the list without its directory.
pub(super) fn title(report: &BatchReport) -> String {
    let name = Path::new(&report.list).file_name();
    let name = name.map_or_else(
        || report.list.as_str().into(),
        |name| name.to_string_lossy(),
    );
    text(&name)
}

/// From where to where.
pub(super) fn route(report: &BatchReport) -> String {
    let sources = named(&report.images, |image| image.source.store());
    let destinations = named(&report.images, |image| image.destination.store());
    format!("from {sources} to {destinations}")
}

/// The most frequent stores, and how many more there are.
fn named(images: &[ImageReport], store: impl Fn(&ImageReport) -> Store) -> String {
    let mut found: BTreeMap<Store, usize> = BTreeMap::new();
    for image in images {
        *found.entry(store(image)).or_default() += 1;
    }
    let mut stores: Vec<_> = found.into_iter().collect();
    stores.sort_by_key(|(_, images)| std::cmp::Reverse(*images));
    let names: Vec<String> = (stores.iter().take(MAX_NAMED))
        .map(|(store, _)| text(store))
        .collect();
    match stores.len().saturating_sub(MAX_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// When the batch ran.
pub(super) fn period(report: &BatchReport) -> String {
    let started = minute(report.created);
    match (report.ended, report.progress) {
        (Some(ended), _) => format!("{started} to {}", minute(ended)),
        (None, Progress::Running) => {
            format!("since {started}; this report is of {}", minute(report.made))
        }
        (None, Progress::Stopped | Progress::Ended) => format!("started {started}"),
    }
}

/// The totals.
pub(super) fn figures(report: &BatchReport) -> Vec<Figure> {
    let counts = report.counts;
    let figure = |name, value: String, note: String| Figure { name, value, note };
    let others: Vec<String> = [
        (counts.skipped, "skipped"),
        (counts.kept, "kept"),
        (counts.staged, "staged, without their tags"),
        (counts.queued, "left"),
    ]
    .into_iter()
    .filter(|(images, _)| *images > 0)
    .map(|(images, word)| format!("{images} {word}"))
    .collect();
    let moved = report.bytes.map(|totals| bytes(totals.copied));
    let unknown = report.bytes.filter(|totals| totals.unknown > 0);
    let unknown = unknown.map_or_else(String::new, |totals| {
        format!("not known of {}", count(totals.unknown, "image"))
    });
    let saved = report.bytes.map(|totals| bytes(totals.saved()));
    let how = report
        .bytes
        .filter(|totals| totals.saved() > 0)
        .map(|totals| {
            format!(
                "{} mounted, {} already there",
                bytes(totals.mounted),
                bytes(totals.present)
            )
        });
    // Said where there was a pause between runs, or a long wait.
    let busy = report.timeline.as_ref().map(|timeline| timeline.busy);
    let is_less = |busy: &Duration| report.elapsed().is_some_and(|all| *busy < all * 9 / 10);
    let worked = busy
        .filter(is_less)
        .map(|busy| format!("images were in work for {}", precise_duration(busy)));
    let speed = report
        .timeline
        .as_ref()
        .and_then(|timeline| timeline.speed());
    let mut figures = vec![
        figure("Images", report.images.len().to_string(), others.join(", ")),
        figure("Copied", counts.copied.to_string(), String::new()),
        figure("Up to date", counts.up_to_date.to_string(), String::new()),
        figure("Failed", counts.failed.to_string(), String::new()),
        figure("Bytes copied", or_unknown(moved), unknown),
        figure(
            "Bytes not copied",
            or_unknown(saved),
            how.unwrap_or_default(),
        ),
        figure(
            "Time",
            or_unknown(report.elapsed().map(duration)),
            worked.unwrap_or_default(),
        ),
        figure("Average speed", or_unknown(speed.map(rate)), String::new()),
    ];
    let compared = report.comparisons();
    if compared != Comparisons::default() {
        let others = [
            (compared.different, "different"),
            (compared.unknown, "could not be compared"),
        ];
        let others = others.iter().filter(|(images, _)| *images > 0);
        let others: Vec<String> = others
            .map(|(images, word)| format!("{images} {word}"))
            .collect();
        let equal = format!("{} equal", compared.equal);
        figures.push(figure("Verified", equal, others.join(", ")));
    }
    figures
}

pub(super) fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| UNKNOWN.into())
}

/// A value as one line without control characters.
pub(super) fn text(value: &impl ToString) -> String {
    present::sanitize(&value.to_string()).into_owned()
}

/// The figures of one image, as a table shows them.
pub(super) struct ImageFigures {
    pub(super) size: String,
    pub(super) copied: String,
    pub(super) mounted: String,
    pub(super) present: String,
    pub(super) time: String,
    pub(super) speed: String,
}

impl ImageFigures {
    pub(super) fn of(image: &ImageReport) -> Self {
        let of = |value: Option<u64>| or_unknown(value.map(bytes));
        let figures = image.figures;
        Self {
            size: of(figures.and_then(|figures| figures.size)),
            copied: of(figures.map(|figures| figures.copied)),
            mounted: of(figures.map(|figures| figures.mounted)),
            present: of(figures.map(|figures| figures.present)),
            time: or_unknown(figures.map(|figures| precise_duration(figures.busy()))),
            speed: or_unknown(figures.and_then(|figures| figures.speed()).map(rate)),
        }
    }
}
