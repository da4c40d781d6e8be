//! The report as Markdown, for a ticket or a merge request.
//!
//! Invariant: text from lists and registries is escaped, so that it can neither leave its cell nor become a link, an
//! image, HTML or a mention.

use std::fmt::Write as _;

use super::{
    batch_report::BatchReport,
    byte_totals::ByteTotals,
    headline::{self, ImageFigures, UNKNOWN, text},
    image_report::ImageReport,
};
use crate::present::{bytes, count, precise_duration};

/// Images that are named for a cause; the table of all images has the rest.
const MAX_NAMED: usize = 20;

pub(super) fn write(report: &BatchReport) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut out, report);
    out
}

fn write_all(out: &mut String, report: &BatchReport) -> std::fmt::Result {
    writeln!(
        out,
        "# Image migration: {}\n",
        escape(&headline::title(report))
    )?;
    writeln!(
        out,
        "**{}** {}.\n",
        escape(&headline::result(report)),
        escape(&headline::route(report))
    )?;
    writeln!(
        out,
        "Batch {} of {}, {}.\n",
        escape(&report.batch.0),
        escape(&text(&report.list)),
        headline::period(report)
    )?;
    writeln!(out, "| Figure | Value | |\n|---|---:|---|")?;
    for figure in headline::figures(report) {
        writeln!(
            out,
            "| {} | {} | {} |",
            figure.name, figure.value, figure.note
        )?;
    }
    failures(out, report)?;
    stores(out, report)?;
    ranking(
        out,
        "Slowest",
        report
            .slowest()
            .iter()
            .map(|(image, time)| (*image, precise_duration(*time))),
    )?;
    ranking(
        out,
        "Largest",
        report
            .largest()
            .iter()
            .map(|(image, size)| (*image, bytes(*size))),
    )?;
    images(out, report)
}

fn failures(out: &mut String, report: &BatchReport) -> std::fmt::Result {
    if report.failures.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Failures\n")?;
    for group in &report.failures {
        writeln!(
            out,
            "- **{} {}** ({}): {}. {}",
            group.side,
            escape(&group.message),
            escape(&group.origin),
            count(group.images.len(), "image"),
            escape(&group.remedy)
        )?;
        let named = group.images.iter().take(MAX_NAMED);
        for image in named.filter_map(|at| report.images.get(*at)) {
            writeln!(out, "  - {}", escape(&text(&image.source)))?;
        }
        if group.images.len() > MAX_NAMED {
            writeln!(out, "  - and {} more", group.images.len() - MAX_NAMED)?;
        }
    }
    match &report.next {
        Some(next) => writeln!(out, "\nNext:\n\n    {next}"),
        None => Ok(()),
    }
}

fn stores(out: &mut String, report: &BatchReport) -> std::fmt::Result {
    writeln!(out, "\n## By registry\n")?;
    writeln!(
        out,
        "| Registry | Role | Images | Arrived | Failed there | Copied | Not copied |"
    )?;
    writeln!(out, "|---|---|---:|---:|---:|---:|---:|")?;
    for total in &report.stores {
        let of = |value: fn(&ByteTotals) -> u64| {
            headline::or_unknown(total.bytes.as_ref().map(value).map(bytes))
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            escape(&text(&total.store)),
            total.role.word(),
            total.images,
            total.arrived,
            total.failed,
            of(|totals| totals.copied),
            of(ByteTotals::saved)
        )?;
    }
    Ok(())
}

fn ranking<'a>(
    out: &mut String,
    title: &str,
    ranked: impl Iterator<Item = (&'a ImageReport, String)>,
) -> std::fmt::Result {
    let mut ranked = ranked.peekable();
    if ranked.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    for (image, value) in ranked {
        writeln!(out, "1. {}: {value}", escape(&text(&image.source)))?;
    }
    Ok(())
}

fn images(out: &mut String, report: &BatchReport) -> std::fmt::Result {
    writeln!(out, "\n## All images\n")?;
    writeln!(
        out,
        "| Source | Destination | State | Digest | Size | Copied | Mounted | Already there | Attempts | Time | Speed | Verified |"
    )?;
    writeln!(
        out,
        "|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|"
    )?;
    for image in &report.images {
        let figures = ImageFigures::of(image);
        let digest = image.digest.as_ref().map(|digest| format!("`{digest}`"));
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            escape(&text(&image.source)),
            escape(&text(&image.destination)),
            image.status.word(),
            digest.as_deref().unwrap_or(UNKNOWN),
            figures.size,
            figures.copied,
            figures.mounted,
            figures.present,
            image.attempts,
            figures.time,
            figures.speed,
            image
                .verified()
                .map_or_else(|| UNKNOWN.into(), |found| escape(&found))
        )?;
    }
    Ok(())
}

/// `text` so that Markdown shows it as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            // Of a mention; a digest has it after a name.
            '@' if !before.is_alphanumeric() => escaped += "&#64;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
        before = c;
    }
    // Some services make links of addresses.
    escaped.replace("://", ":&#47;/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("a|b <img src=x> [l](https://e) @all x@sha256:1 `c` _d_"),
            "a\\|b &lt;img src=x&gt; \\[l\\](https:&#47;/e) &#64;all x@sha256:1 \\`c\\` \\_d\\_"
        );
    }
}
