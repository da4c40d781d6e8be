//! The columns of the table: which of the configured ones fit, and their widths.
//!
//! Depends only on the terminal's width and the longest names of the list, so columns do not change while the batch runs.
//! Invariant: the columns, with one free cell after each, fit the width.

use serde::Deserialize;

use super::{names::Widest, sort::Sort, status_filter::StatusFilter};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    State,
    Image,
    Destination,
    Progress,
    Size,
    Speed,
    Attempt,
    Cause,
}

/// Cells before the first column: the cursor and the mark.
pub const GUTTER: u16 = 2;
/// The bar alone, which the percentage follows.
pub const BAR: u16 = 10;
pub const PERCENT: u16 = 4;
const WITH_BAR: u16 = BAR + 1 + PERCENT;
/// A wider column would not make names easier to read.
const MAX_NAME_WIDTH: u16 = 60;

impl Column {
    pub const ALL: [Self; 8] = [
        Self::State,
        Self::Image,
        Self::Destination,
        Self::Progress,
        Self::Size,
        Self::Speed,
        Self::Attempt,
        Self::Cause,
    ];
    /// The order in which columns are dropped when they do not fit.
    const DROP_ORDER: [Self; 7] = [
        Self::Destination,
        Self::Speed,
        Self::Attempt,
        Self::Cause,
        Self::Size,
        Self::Progress,
        Self::State,
    ];

    #[must_use]
    pub fn sort(self) -> Sort {
        match self {
            Self::State => Sort::State,
            Self::Image => Sort::Image,
            Self::Destination => Sort::Destination,
            Self::Progress => Sort::Progress,
            Self::Size => Sort::Size,
            Self::Speed => Sort::Speed,
            Self::Attempt => Sort::Attempt,
            Self::Cause => Sort::Cause,
        }
    }

    /// The smallest useful width.
    fn min_width(self) -> u16 {
        match self {
            Self::State => 12,
            Self::Image | Self::Destination => 26,
            Self::Progress => WITH_BAR,
            Self::Size => 10,
            Self::Speed => 11,
            Self::Attempt => 3,
            Self::Cause => 28,
        }
    }

    /// Its share of the cells that remain.
    fn share(self) -> u16 {
        match self {
            Self::Image | Self::Destination => 2,
            Self::Cause => 3,
            Self::State | Self::Progress | Self::Size | Self::Speed | Self::Attempt => 0,
        }
    }
}

/// The columns of a table `width` cells wide with their widths, from left to right.
#[must_use]
pub fn columns(
    width: u16,
    configured: &[Column],
    show: &StatusFilter,
    names: Widest,
) -> Vec<(Column, u16)> {
    let is_irrelevant = |column: &Column| match column {
        Column::Progress | Column::Size | Column::Speed => show.is_about_failures(),
        _ => false,
    };
    let mut columns: Vec<(Column, u16)> = (configured.iter())
        .filter(|column| !is_irrelevant(column))
        .map(|column| (*column, column.min_width()))
        .collect();
    let room = width.saturating_sub(GUTTER);
    let needed =
        |columns: &[(Column, u16)]| columns.iter().map(|(_, cells)| cells + 1).sum::<u16>();
    for dropped in Column::DROP_ORDER {
        if needed(&columns) <= room + 1 {
            break;
        }
        // A percentage without its bar shows as much.
        let narrow = columns
            .iter_mut()
            .find(|(column, _)| dropped == Column::Size && *column == Column::Progress);
        if let Some((_, cells)) = narrow {
            *cells = PERCENT;
            if needed(&columns) <= room + 1 {
                break;
            }
        }
        // A list of failures always shows their causes.
        if columns.len() > 1 && !(dropped == Column::Cause && show.is_about_failures()) {
            columns.retain(|(column, _)| *column != dropped);
        }
    }
    let mut left = (room + 1).saturating_sub(needed(&columns));
    let mut shares: u16 = columns.iter().map(|(column, _)| column.share()).sum();
    let has_cause = columns.iter().any(|(column, _)| *column == Column::Cause);
    for (column, cells) in &mut columns {
        let share = column.share();
        if let Some(own) = (left * share).checked_div(shares).filter(|own| *own > 0) {
            let max = match column {
                Column::Image => names.source,
                Column::Destination => names.destination,
                _ => u16::MAX,
            };
            let max = match column {
                Column::Image | Column::Destination if has_cause => max.min(MAX_NAME_WIDTH),
                _ => max,
            };
            let own = own.min(max.saturating_sub(*cells));
            *cells += own;
            left -= own;
        }
        shares -= share;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Widest = Widest {
        source: 70,
        destination: 90,
    };

    #[test]
    fn short_names_leave_their_room_to_the_cause() {
        let short = Widest {
            source: 12,
            destination: 12,
        };
        let cause = |names| {
            let columns = columns(120, &Column::ALL, &StatusFilter::Failures, names);
            columns.last().copied().unwrap()
        };
        assert_eq!(cause(LONG).0, Column::Cause);
        assert!(cause(short).1 > cause(LONG).1);
    }

    fn at(width: u16) -> Vec<Column> {
        let columns = columns(width, &Column::ALL, &StatusFilter::All, LONG);
        columns.into_iter().map(|(column, _)| column).collect()
    }

    #[test]
    fn the_wider_the_more_columns() {
        use Column::{Attempt, Cause, Image, Progress, Size, Speed, State};
        assert_eq!(at(160), Column::ALL);
        assert_eq!(
            at(120),
            [State, Image, Progress, Size, Speed, Attempt, Cause]
        );
        assert_eq!(at(80), [State, Image, Progress, Size]);
        assert_eq!(at(50), [State, Image, Progress]);
    }

    #[test]
    fn failures_show_their_cause_at_every_width() {
        for width in 20..300 {
            let columns = columns(width, &Column::ALL, &StatusFilter::Failures, LONG);
            let shown = columns.iter().any(|(column, _)| *column == Column::Cause);
            assert!(shown, "{width}");
        }
    }

    #[test]
    fn columns_fit_and_stay_in_the_configured_order() {
        let configured = [Column::Cause, Column::Image, Column::State];
        for width in 50..320 {
            for configured in [&configured[..], &Column::ALL] {
                let columns = columns(width, configured, &StatusFilter::All, LONG);
                let taken: u16 = columns.iter().map(|(_, cells)| cells + 1).sum();
                assert!(GUTTER + taken <= width + 1, "{width}: {columns:?}");
                let mut order = configured.iter();
                assert!(
                    columns
                        .iter()
                        .all(|(column, _)| order.any(|own| own == column))
                );
            }
        }
    }
}
