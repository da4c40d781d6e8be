//! The page: headline, totals, charts, failures, then the tables.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    charts::{Bar, FULL_WIDTH, HALF_WIDTH, bars, over_time},
    tables,
};
use crate::{
    present::{bytes, count, duration, precise_duration},
    report::{
        batch_report::{BatchReport, FailureGroup, Progress},
        headline::{self, text},
        store_totals::Role,
    },
};

const STYLE: &str = include_str!("style.css");
/// The page loads nothing and runs nothing.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Images that are named for a cause; the table of all images has the rest.
const MAX_NAMED: usize = 10;

pub(in crate::report) fn write(report: &BatchReport) -> String {
    let title = headline::title(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Image migration: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kind { "Image migration" }
                    h1 { (title) }
                    p.result.(tone(report)) { (mark(report)) " " (headline::result(report)) }
                    p.route { (headline::route(report)) }
                    p.facts { "Batch " (text(&report.batch)) " of " (text(&report.list)) ", " (headline::period(report)) }
                }
                main {
                    (figures(report))
                    (failures(report))
                    (charts(report))
                    (tables::stores(report))
                    (tables::images(report))
                }
                footer {
                    "Made by transship " (env!("CARGO_PKG_VERSION")) " at " (headline::minute(report.made))
                    ". Sizes are binary: 1 KiB is 1024 bytes. A figure that is not known is shown as "
                    (headline::UNKNOWN) "."
                }
            }
        }
    };
    page.into_string()
}

/// The class of the result.
fn tone(report: &BatchReport) -> &'static str {
    match report.progress {
        Progress::Ended if report.counts.failed == 0 => "good",
        Progress::Ended => "bad",
        Progress::Running | Progress::Stopped => "open",
    }
}

/// Shows the result without colour, too.
fn mark(report: &BatchReport) -> &'static str {
    match report.progress {
        Progress::Ended if report.counts.failed == 0 => "✔",
        Progress::Ended => "✘",
        Progress::Running => "…",
        Progress::Stopped => "■",
    }
}

fn figures(report: &BatchReport) -> Markup {
    html! {
        dl.figures {
            @for figure in headline::figures(report) {
                div.bad[figure.name == "Failed" && report.counts.failed > 0] {
                    dt { (figure.name) }
                    dd { (figure.value) }
                    @if !figure.note.is_empty() {
                        dd.note { (figure.note) }
                    }
                }
            }
        }
    }
}

fn failures(report: &BatchReport) -> Markup {
    html! {
        @if !report.failures.is_empty() {
            section {
                h2 { "Failures, and what to do" }
                @for group in &report.failures {
                    (failure(report, group))
                }
                @if let Some(next) = &report.next {
                    p { "Then retry what failed:" }
                    pre { (next) }
                }
            }
        }
        @if let (true, Some(next)) = (report.failures.is_empty(), &report.next) {
            section {
                h2 { "What is left" }
                pre { (next) }
            }
        }
    }
}

fn failure(report: &BatchReport, group: &FailureGroup) -> Markup {
    let images = || group.images.iter().filter_map(|at| report.images.get(*at));
    html! {
        article.failure {
            h3 { (group.side) " " (group.message) }
            p { (group.origin) ": " (count(group.images.len(), "image")) }
            p { b { "What to do: " } (group.remedy) }
            ul {
                @for image in images().take(MAX_NAMED) {
                    li.name { (text(&image.source)) }
                }
                @if group.images.len() > MAX_NAMED {
                    li { "and " (group.images.len() - MAX_NAMED) " more; the table below has all of them" }
                }
            }
        }
    }
}

fn charts(report: &BatchReport) -> Markup {
    let slowest = report.slowest().into_iter().map(|(image, time)| Bar {
        label: text(&image.source),
        value: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        shown: precise_duration(time),
    });
    let largest = report.largest().into_iter().map(|(image, size)| Bar {
        label: text(&image.source),
        value: size,
        shown: bytes(size),
    });
    let stores = report.stores.iter().filter_map(|total| {
        let copied = total.bytes?.copied;
        let side = match total.role {
            Role::Source => "from",
            Role::Destination => "to",
        };
        Some(Bar {
            label: format!("{side} {}", text(&total.store)),
            value: copied,
            shown: bytes(copied),
        })
    });
    html! {
        @if let Some(timeline) = &report.timeline {
            section {
                h2 { "Bytes over time" }
                (over_time(timeline))
                p.note {
                    "Each bar is " (duration(timeline.step))
                    ". The bytes of an image are spread evenly over the time that it took."
                }
            }
        }
        (bars("Bytes copied by registry", FULL_WIDTH, stores.collect()))
        div.charts {
            (bars("Slowest images", HALF_WIDTH, slowest.collect()))
            (bars("Largest images", HALF_WIDTH, largest.collect()))
        }
    }
}
