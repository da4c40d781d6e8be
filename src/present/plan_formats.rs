//! A plan for a person: as text for a terminal, and as Markdown for a ticket.
//!
//! Decides wording and which rows are named. Invariant: both formats name every image that fails and every tag that is
//! replaced or kept, up to [`MAX_NAMED`] each; the rest is counted.

use std::{fmt::Write as _, time::Duration};

use super::{
    bytes, count, duration,
    plan_report::{PlanReport, PlannedImage, PlannedOutcome, PlannedPruning, PullLimit},
    rate, sanitize,
};

/// Rows of a section; `--json` has all of them.
const MAX_NAMED: usize = 50;

/// A section: its title, and a row with cells for each item.
struct Section {
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// Several lines, each ended by a newline.
#[must_use]
pub fn plan_text(report: &PlanReport) -> String {
    let mut text = format!("{}: {}\n", report.list, outcomes(report));
    for line in sentences(report) {
        let _ = writeln!(text, "  {line}");
    }
    for section in sections(report) {
        let _ = writeln!(text, "\n{}", section.title);
        for row in section.rows.iter().take(MAX_NAMED) {
            let _ = writeln!(text, "  {}", row.join("  "));
        }
        if let Some(more) = section.more() {
            let _ = writeln!(text, "  {more}");
        }
    }
    text
}

/// A document whose first line is a heading.
#[must_use]
pub fn plan_markdown(report: &PlanReport) -> String {
    let mut text = format!("## Plan of {}\n\n", cell(&report.list));
    let _ = writeln!(text, "**{}**\n", cell(&outcomes(report)));
    for line in sentences(report) {
        let _ = writeln!(text, "- {}", cell(&line));
    }
    for section in sections(report) {
        let _ = writeln!(text, "\n### {}\n", section.title);
        let _ = writeln!(text, "| {} |", section.columns.join(" | "));
        let _ = writeln!(text, "|{}", " --- |".repeat(section.columns.len()));
        for row in section.rows.iter().take(MAX_NAMED) {
            let cells: Vec<String> = row.iter().map(|text| cell(text.trim())).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        if let Some(more) = section.more() {
            let _ = writeln!(text, "\n{more}");
        }
    }
    text
}

impl Section {
    fn more(&self) -> Option<String> {
        let more = self.rows.len().checked_sub(MAX_NAMED + 1)? + 1;
        Some(format!("and {more} more"))
    }
}

/// Text that Markdown shows as it is, in a cell of a table too.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// `3 images: 1 to copy (replaces a tag), 2 already there`.
fn outcomes(report: &PlanReport) -> String {
    let totals = &report.totals;
    let to_copy = match totals.replacing {
        0 => "to copy".into(),
        1 => "to copy (1 replaces a tag)".into(),
        replacing => format!("to copy ({replacing} replace a tag)"),
    };
    let parts: Vec<String> = [
        (totals.to_copy, &*to_copy),
        (totals.up_to_date, "already there"),
        (totals.kept, "kept"),
        (totals.failed, "failed"),
        (totals.unplanned, "not planned"),
    ]
    .into_iter()
    .filter(|(images, _)| *images > 0)
    .map(|(images, word)| format!("{images} {word}"))
    .collect();
    let images = count(totals.images, "image");
    match parts.is_empty() {
        true => images,
        false => format!("{images}: {}", parts.join(", ")),
    }
}

/// Bytes by destination, time, quotas.
fn sentences(report: &PlanReport) -> Vec<String> {
    let mut lines = Vec::new();
    for own in &report.destinations {
        let mut amounts = vec![format!("{} to copy", bytes(own.bytes_to_copy))];
        for (amount, word) in [
            (own.bytes_to_mount, "to mount"),
            (own.bytes_present, "already there"),
        ] {
            if amount > 0 {
                amounts.push(format!("{} {word}", bytes(amount)));
            }
        }
        lines.push(format!("to {}: {}", own.destination, amounts.join(", ")));
    }
    match &report.time {
        Some(time) => {
            let measured = time.batch.as_ref();
            let measured = measured.map(|batch| format!(", as batch {batch} copied"));
            lines.push(format!(
                "time: about {} at {}{}",
                duration(Duration::from_secs(time.seconds)),
                rate(time.bytes_per_second),
                measured.unwrap_or_default()
            ));
        }
        None if report.totals.bytes_to_copy > 0 => lines.push(
            "time: no speed is known; add --speed, `transship doctor` measures it".to_owned(),
        ),
        None => {}
    }
    lines.extend(report.pull_limits.iter().map(pull_limit));
    lines.extend(report.prune.as_ref().map(pruning));
    lines
}

/// `prune: 3 of 40 tags after the copies`.
fn pruning(pruning: &PlannedPruning) -> String {
    let (tags, present) = (pruning.tags.len(), count(pruning.present, "tag"));
    let limit = match pruning.beyond_limit {
        true => ", more than prune-limit allows without --yes",
        false => "",
    };
    format!("prune: {tags} of {present} after the copies{limit}")
}

/// `docker.io: 54 pulls are needed, 76 of 100 in 6 h 00 min are left`.
fn pull_limit(limit: &PullLimit) -> String {
    let needed = match limit.needed {
        1 => "1 pull is needed".to_owned(),
        needed => format!("{needed} pulls are needed"),
    };
    let left = match (limit.remaining, limit.limit) {
        (Some(remaining), Some(of)) => {
            let window = limit.window_seconds.map(Duration::from_secs);
            let window = window.map(|window| format!(" in {}", duration(window)));
            format!("{remaining} of {of}{} are left", window.unwrap_or_default())
        }
        _ => "it does not say how many are left".to_owned(),
    };
    let wait = match limit.wait() {
        Some(wait) => format!(
            "; the rest waits about {}, or log in as a user with a higher limit",
            duration(wait)
        ),
        None => String::new(),
    };
    format!("{}: {needed}, {left}{wait}", limit.registry)
}

/// The sections that have rows.
fn sections(report: &PlanReport) -> impl Iterator<Item = Section> {
    let rows = |row: fn(&PlannedImage) -> Option<Vec<String>>| -> Vec<Vec<String>> {
        report.images.iter().filter_map(row).collect()
    };
    let layers = report.largest_layers.iter().map(|layer| {
        let images = count(layer.images, "image");
        vec![
            format!("{:>10}", bytes(layer.bytes)),
            layer.digest.short().to_string(),
            match &layer.repository {
                Some(repository) => format!("{images}, {}", sanitize(repository)),
                None => images,
            },
        ]
    });
    [
        Section {
            title: "Images that cannot be planned",
            columns: &["Source", "Problem", "What to do"],
            rows: rows(failed),
        },
        Section {
            title: "Tags that are replaced",
            columns: &["Destination", "Now", "Then"],
            rows: rows(replaced),
        },
        Section {
            title: "Tags that are kept",
            columns: &["Destination", "Now"],
            rows: rows(kept),
        },
        Section {
            title: "Tags that are pruned",
            columns: &["Destination"],
            rows: (report.prune.iter().flat_map(|pruning| &pruning.tags))
                .map(|tag| vec![sanitize(&tag.to_string()).into_owned()])
                .collect(),
        },
        Section {
            title: "Largest layers to copy",
            columns: &["Size", "Digest", "Needed by"],
            rows: layers.collect(),
        },
    ]
    .into_iter()
    .filter(|section| !section.rows.is_empty())
}

fn failed(image: &PlannedImage) -> Option<Vec<String>> {
    match &image.outcome {
        PlannedOutcome::Failed {
            side,
            error,
            remedy,
        } => {
            let location = match side.as_str() {
                "destination" => image.destination.to_string(),
                _ => image.source.to_string(),
            };
            Some(vec![
                sanitize(&location).into_owned(),
                format!("{side} {error};"),
                remedy.clone(),
            ])
        }
        PlannedOutcome::Copy { .. }
        | PlannedOutcome::UpToDate { .. }
        | PlannedOutcome::Kept { .. }
        | PlannedOutcome::Unplanned => None,
    }
}

fn replaced(image: &PlannedImage) -> Option<Vec<String>> {
    match &image.outcome {
        PlannedOutcome::Copy {
            digest,
            replaces: Some(now),
            ..
        } => {
            let then = digest
                .as_ref()
                .map(|digest| format!("-> {}", digest.short()));
            Some(vec![
                sanitize(&image.destination.to_string()).into_owned(),
                now.short().to_string(),
                then.unwrap_or_default(),
            ])
        }
        PlannedOutcome::Copy { .. }
        | PlannedOutcome::UpToDate { .. }
        | PlannedOutcome::Kept { .. }
        | PlannedOutcome::Failed { .. }
        | PlannedOutcome::Unplanned => None,
    }
}

fn kept(image: &PlannedImage) -> Option<Vec<String>> {
    match &image.outcome {
        PlannedOutcome::Kept { there } => Some(vec![
            sanitize(&image.destination.to_string()).into_owned(),
            there.short().to_string(),
        ]),
        PlannedOutcome::Copy { .. }
        | PlannedOutcome::UpToDate { .. }
        | PlannedOutcome::Failed { .. }
        | PlannedOutcome::Unplanned => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        oci::Digest,
        present::plan_report::{DestinationPlan, PlanTotals, TimeEstimate},
    };

    fn image(name: &str, outcome: PlannedOutcome) -> PlannedImage {
        PlannedImage {
            source: format!("a.example/{name}:1").parse().unwrap(),
            destination: format!("b.example/{name}:1").parse().unwrap(),
            outcome,
        }
    }

    fn report() -> PlanReport {
        let replacing = PlannedOutcome::Copy {
            digest: Some(Digest::of(b"new")),
            replaces: Some(Digest::of(b"old")),
            bytes: 10,
            copier: None,
        };
        let failed = PlannedOutcome::Failed {
            side: "source".into(),
            error: "said 404 (a|b)".into(),
            remedy: "check the name".into(),
        };
        PlanReport {
            version: 1,
            list: "prod_list.toml".into(),
            totals: PlanTotals {
                images: 2,
                to_copy: 1,
                replacing: 1,
                failed: 1,
                bytes_to_copy: 5 << 20,
                ..PlanTotals::default()
            },
            destinations: vec![DestinationPlan {
                destination: "b.example".parse().unwrap(),
                bytes_to_copy: 5 << 20,
                bytes_to_mount: 0,
                bytes_present: 1 << 20,
            }],
            prune: None,
            time: Some(TimeEstimate {
                batch: None,
                bytes_per_second: 1 << 20,
                seconds: 5,
            }),
            pull_limits: vec![PullLimit {
                registry: "docker.io".parse().unwrap(),
                needed: 20,
                remaining: Some(10),
                limit: Some(100),
                window_seconds: Some(21_600),
            }],
            largest_layers: Vec::new(),
            images: vec![image("app", replacing), image("gone", failed)],
        }
    }

    #[test]
    fn the_text_names_what_is_replaced_what_fails_and_what_is_needed() {
        let [old, new] = [b"old", b"new"].map(|content| Digest::of(content).short());
        assert_eq!(
            plan_text(&report()),
            format!(
                "prod_list.toml: 2 images: 1 to copy (1 replaces a tag), 1 failed\n  \
                 to b.example: 5.0 MiB to copy, 1.0 MiB already there\n  \
                 time: about 5 s at 1.0 MiB/s\n  \
                 docker.io: 20 pulls are needed, 10 of 100 in 6 h 00 min are left; the rest waits about \
                 36 min 00 s, or log in as a user with a higher limit\n\
                 \nImages that cannot be planned\n  \
                 a.example/gone:1  source said 404 (a|b);  check the name\n\
                 \nTags that are replaced\n  \
                 b.example/app:1  {old}  -> {new}\n"
            )
        );
    }

    #[test]
    fn nothing_in_markdown_is_taken_for_markup() {
        let text = plan_markdown(&report());
        assert!(
            text.starts_with("## Plan of prod\\_list.toml\n\n**2 images: "),
            "{text}"
        );
        assert!(text.contains("| source said 404 (a\\|b); |"), "{text}");
        assert!(
            text.contains(
                "### Tags that are replaced\n\n| Destination | Now | Then |\n| --- | --- | --- |\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_long_section_is_cut_and_says_how_many_rows_are_left_out() {
        let mut long = report();
        let there = Digest::of(b"there");
        let kept = PlannedOutcome::Kept { there };
        long.images = vec![image("app", kept); MAX_NAMED + 3];
        for text in [plan_text(&long), plan_markdown(&long)] {
            assert_eq!(text.matches("b.example/app:1").count(), MAX_NAMED);
            assert!(text.contains("and 3 more\n"), "{text}");
        }
    }
}
