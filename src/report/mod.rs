//! The report of a batch: what was copied from where to where, how long it took, what failed and what to do about it.
//!
//! Decides what a report says and how each format writes it; reads nothing but its input. Invariants: a figure that is
//! not known is left out or said to be unknown, never shown as 0; text from lists and registries is escaped for the
//! format.

mod batch_report;
mod byte_totals;
mod csv_rows;
mod format;
mod headline;
mod html;
mod image_report;
mod json_document;
mod markdown;
mod render;
mod store_totals;
mod timeline;

pub use batch_report::{BatchReport, FailureGroup, Progress};
pub use byte_totals::ByteTotals;
pub use format::Format;
pub use image_report::{ImageReport, Status};
pub use render::{RenderError, render};
pub use store_totals::{Role, StoreTotals};
pub use timeline::Timeline;
