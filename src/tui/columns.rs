//! The columns of the image table: which of those wanted there is room for, and how wide they are.
//!
//! Decides from the width and the longest names of the list, so that a column never comes and goes with what
//! happens. Invariant: columns and the free cell after each fit the width.

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
/// No name is easier to read for being wider.
const WIDEST_NAME: u16 = 60;

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
    /// Which go first when there is no room.
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

    /// Cells without which it is of no use.
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

    /// Its share of the cells that are left over.
    fn share(self) -> u16 {
        match self {
            Self::Image | Self::Destination => 2,
            Self::Cause => 3,
            Self::State | Self::Progress | Self::Size | Self::Speed | Self::Attempt => 0,
        }
    }
}

/// The columns for a table `width` cells wide, from left to right with their cells.
#[must_use]
pub fn columns(
    width: u16,
    wanted: &[Column],
    show: &StatusFilter,
    names: Widest,
) -> Vec<(Column, u16)> {
    let beside_the_point = |column: &Column| match column {
        Column::Progress | Column::Size | Column::Speed => show.is_about_failures(),
        _ => false,
    };
    let mut columns: Vec<(Column, u16)> = (wanted.iter())
        .filter(|column| !beside_the_point(column))
        .map(|column| (*column, column.min_width()))
        .collect();
    let room = width.saturating_sub(GUTTER);
    let needed =
        |columns: &[(Column, u16)]| columns.iter().map(|(_, cells)| cells + 1).sum::<u16>();
    for spared in Column::DROP_ORDER {
        if needed(&columns) <= room + 1 {
            break;
        }
        // A percentage without its bar still says it all.
        let narrow = columns
            .iter_mut()
            .find(|(column, _)| spared == Column::Size && *column == Column::Progress);
        if let Some((_, cells)) = narrow {
            *cells = PERCENT;
            if needed(&columns) <= room + 1 {
                break;
            }
        }
        // Failures without their cause are only half the story.
        if columns.len() > 1 && !(spared == Column::Cause && show.is_about_failures()) {
            columns.retain(|(column, _)| *column != spared);
        }
    }
    let mut left = (room + 1).saturating_sub(needed(&columns));
    let mut shares: u16 = columns.iter().map(|(column, _)| column.share()).sum();
    let has_cause = columns.iter().any(|(column, _)| *column == Column::Cause);
    for (column, cells) in &mut columns {
        let share = column.share();
        if let Some(own) = (left * share).checked_div(shares).filter(|own| *own > 0) {
            let most = match column {
                Column::Image => names.source,
                Column::Destination => names.destination,
                _ => u16::MAX,
            };
            let most = match column {
                Column::Image | Column::Destination if has_cause => most.min(WIDEST_NAME),
                _ => most,
            };
            let own = own.min(most.saturating_sub(*cells));
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
    fn short_names_leave_their_room_to_what_happened() {
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
    fn columns_fit_and_stay_in_the_order_wanted() {
        let wanted = [Column::Cause, Column::Image, Column::State];
        for width in 50..320 {
            for wanted in [&wanted[..], &Column::ALL] {
                let columns = columns(width, wanted, &StatusFilter::All, LONG);
                let taken: u16 = columns.iter().map(|(_, cells)| cells + 1).sum();
                assert!(GUTTER + taken <= width + 1, "{width}: {columns:?}");
                let mut order = wanted.iter();
                assert!(
                    columns
                        .iter()
                        .all(|(column, _)| order.any(|own| own == column))
                );
            }
        }
    }
}
