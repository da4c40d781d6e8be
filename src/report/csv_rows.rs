//! The report as CSV: a row an image, in list order. Bytes and seconds are plain numbers, times RFC 3339 in UTC; what
//! is not known is empty.
//!
//! Invariant: no cell is a formula to a spreadsheet.

use std::borrow::Cow;

use super::{batch_report::BatchReport, headline::text, image_report::ImageReport};
use crate::present;

const COLUMNS: [&str; 20] = [
    "source",
    "destination",
    "state",
    "digest",
    "size_bytes",
    "copied_bytes",
    "mounted_bytes",
    "present_bytes",
    "attempts",
    "started",
    "ended",
    "duration_seconds",
    "bytes_per_second",
    "verified",
    "verified_at",
    "failed_side",
    "failure_class",
    "failure",
    "causes",
    "remedy",
];

pub(super) fn write(report: &BatchReport) -> Result<String, csv::Error> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(COLUMNS)?;
    for image in &report.images {
        rows.write_record(row(image).iter().map(|cell| safe(cell).into_owned()))?;
    }
    let written = rows.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

fn row(image: &ImageReport) -> [String; COLUMNS.len()] {
    let or_empty = |value: Option<String>| value.unwrap_or_default();
    let number = |value: Option<u64>| or_empty(value.map(|value| value.to_string()));
    let (figures, failure) = (image.figures, image.failure.as_ref());
    let seconds = |millis: u64| format!("{}.{:03}", millis / 1000, millis % 1000);
    [
        text(&image.source),
        text(&image.destination),
        image.status.word().into(),
        or_empty(image.digest.as_ref().map(ToString::to_string)),
        number(figures.and_then(|figures| figures.size)),
        number(figures.map(|figures| figures.copied)),
        number(figures.map(|figures| figures.mounted)),
        number(figures.map(|figures| figures.present)),
        image.attempts.to_string(),
        or_empty(
            figures
                .and_then(|figures| figures.started)
                .map(|at| at.to_string()),
        ),
        or_empty(
            figures
                .and_then(|figures| figures.ended)
                .map(|at| at.to_string()),
        ),
        or_empty(figures.map(|figures| seconds(figures.busy.0))),
        number(figures.and_then(|figures| figures.speed())),
        or_empty(image.verified()),
        or_empty(
            image
                .verified
                .as_ref()
                .map(|verified| verified.at.to_string()),
        ),
        or_empty(failure.map(|failure| failure.side.to_string())),
        or_empty(failure.map(|failure| failure.class.word().into())),
        or_empty(failure.map(|failure| text(&failure.summary))),
        or_empty(failure.map(|failure| text(&failure.causes().join(": ")))),
        or_empty(failure.map(|failure| present::remedy(failure).into_owned())),
    ]
}

/// A spreadsheet takes text that begins so for a formula.
fn safe(cell: &str) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{cell}")),
        false => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(safe(formula), format!("'{formula}"));
        }
        assert_eq!(safe("a=b"), "a=b");
    }
}
