//! The report as one HTML page that needs nothing else: no script, font or picture from anywhere.
//!
//! Decides the layout; `style.css` has the colours. Invariant: every text goes through the template, which escapes it.

mod charts;
mod page;
mod tables;

pub(super) use page::write;
