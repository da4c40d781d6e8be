//! The tables: registries, and all images.

use maud::{Markup, html};

use crate::{
    present::bytes,
    report::{
        batch_report::BatchReport,
        byte_totals::ByteTotals,
        headline::{self, ImageFigures, UNKNOWN, text},
        image_report::{ImageReport, Status},
        store_totals::StoreTotals,
    },
};

/// With more images the table is closed at first.
const MAX_OPEN: usize = 200;

pub(super) fn stores(report: &BatchReport) -> Markup {
    html! {
        section {
            h2 { "By registry" }
            table {
                thead {
                    tr {
                        th { "Registry" } th { "Role" }
                        @for name in ["Images", "At destination", "Failed there", "Copied", "Mounted", "Already there"] {
                            th.number { (name) }
                        }
                    }
                }
                tbody {
                    @for total in &report.stores { (store(total)) }
                }
            }
        }
    }
}

fn store(total: &StoreTotals) -> Markup {
    let of = |value: fn(&ByteTotals) -> u64| {
        headline::or_unknown(total.bytes.as_ref().map(value).map(bytes))
    };
    html! {
        tr {
            td.name { (text(&total.store)) }
            td { (total.role.word()) }
            td.number { (total.images) }
            td.number { (total.arrived) }
            td.number { (total.failed) }
            td.number { (of(|totals| totals.copied)) }
            td.number { (of(|totals| totals.mounted)) }
            td.number { (of(|totals| totals.present)) }
        }
    }
}

pub(super) fn images(report: &BatchReport) -> Markup {
    html! {
        section {
            h2 { "All images" }
            details open[report.images.len() <= MAX_OPEN] {
                summary { (report.images.len()) " images, in the order of the list" }
                table.images {
                    thead {
                        tr {
                            th { "Source, destination, digest" } th { "State" }
                            @for name in ["Size", "Copied", "Mounted", "Already there", "Attempts", "Time", "Speed"] {
                                th.number { (name) }
                            }
                            th { "Verified" }
                        }
                    }
                    tbody {
                        @for entry in &report.images { (image(entry)) }
                    }
                }
            }
        }
    }
}

fn image(image: &ImageReport) -> Markup {
    let figures = ImageFigures::of(image);
    let failure = image.failure.as_ref();
    html! {
        tr {
            td.name {
                (text(&image.source))
                div { "→ " (text(&image.destination)) }
                @if let Some(digest) = &image.digest {
                    div.digest { (digest) }
                }
                @if let Some(failure) = failure {
                    div.bad { (text(failure)) }
                }
            }
            td.(tone(image.status)) { (image.status.word()) }
            td.number { (figures.size) }
            td.number { (figures.copied) }
            td.number { (figures.mounted) }
            td.number { (figures.present) }
            td.number { (image.attempts) }
            td.number { (figures.time) }
            td.number { (figures.speed) }
            td { (image.verified().unwrap_or_else(|| UNKNOWN.into())) }
        }
    }
}

/// The class of a state.
fn tone(status: Status) -> &'static str {
    match status {
        Status::Copied | Status::UpToDate => "good",
        Status::Failed => "bad",
        Status::Skipped | Status::Kept | Status::Staged | Status::Left => "open",
    }
}
