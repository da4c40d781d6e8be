//! What was measured, for people: one table, and the requests by kind below it.

use std::{fs, time::Duration};

use super::{access::Access, images::ImageSet, measure::Measured};

pub struct Row {
    pub name: String,
    pub measured: Measured,
    /// User and system time of the source and of the destination, if known.
    pub registries: Option<(Duration, Duration)>,
    pub source: Access,
    pub destination: Access,
    /// Images that were right afterwards.
    pub complete: usize,
}

pub fn print(images: &ImageSet, rows: &[Row]) {
    let Some(first) = rows.first() else {
        return;
    };
    println!();
    println!(
        "| | wall s | processor s | s/GB | peak MB | requests source | destination | GB read | complete |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for row in rows {
        let seconds = row.measured.processor.as_secs_f64();
        let read = row.source.blob_bytes as f64 / 1e9;
        println!(
            "| {} | {:.2} | {:.2} | {} | {:.1} | {} | {} | {read:.2} | {}/{} |",
            row.name,
            row.measured.wall.as_secs_f64(),
            seconds,
            if read > 0.0 {
                format!("{:.2}", seconds / read)
            } else {
                "-".into()
            },
            row.measured.peak as f64 / 1e6,
            row.source.total(),
            row.destination.total(),
            row.complete,
            images.images.len(),
        );
    }
    println!();
    for row in rows {
        println!(
            "- {}: source {}; destination {}",
            row.name, row.source, row.destination
        );
        if let Some((source, destination)) = row.registries {
            println!(
                "  - processor time of the registries: {:.2} and {:.2} s",
                source.as_secs_f64(),
                destination.as_secs_f64()
            );
        }
    }
    for row in &rows[1..] {
        println!(
            "- {} against {}: wall x{:.2}, processor x{:.3}",
            first.name,
            row.name,
            first.measured.wall.as_secs_f64() / row.measured.wall.as_secs_f64(),
            first.measured.processor.as_secs_f64() / row.measured.processor.as_secs_f64(),
        );
    }
}

/// The processor's name and how many there are.
pub fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{count} x {}",
        model.map_or("processor", |(_, name)| name.trim())
    )
}
