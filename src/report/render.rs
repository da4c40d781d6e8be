//! Writes a report in a format.

use super::{batch_report::BatchReport, csv_rows, format::Format, html, json_document, markdown};

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("write the report as CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// The whole report as text.
///
/// # Errors
/// When a value cannot be written in the format.
pub fn render(report: &BatchReport, format: Format) -> Result<String, RenderError> {
    Ok(match format {
        Format::Html => html::write(report),
        Format::Markdown => markdown::write(report),
        Format::Csv => csv_rows::write(report)?,
        Format::Json => json_document::write(report)?,
    })
}
