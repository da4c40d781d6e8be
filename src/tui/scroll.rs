//! Scroll positions.

use super::keymap::Action;

/// The offset after a scroll action. May be too large: `update` limits it to the number of lines.
pub(super) fn scrolled(offset: usize, action: Action, page: usize) -> usize {
    match action {
        Action::Up => offset.saturating_sub(1),
        Action::Down => offset.saturating_add(1),
        Action::PageUp => offset.saturating_sub(page),
        Action::PageDown => offset.saturating_add(page),
        Action::First => 0,
        Action::Last => usize::MAX / 2,
        _ => offset,
    }
}

/// The offset at which `cursor` is visible and no line is left empty; changes as little as possible.
#[must_use]
pub(super) fn in_view(offset: usize, cursor: usize, height: usize, rows: usize) -> usize {
    let lowest = (cursor + 1).saturating_sub(height.max(1));
    offset
        .clamp(lowest, cursor.max(lowest))
        .min(rows.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_in_view() {
        for (offset, cursor, height, rows, expected) in [
            (0, 0, 5, 10, 0),
            (0, 5, 5, 10, 1),
            (4, 2, 5, 10, 2),
            (9, 9, 5, 10, 5),
            (3, 1, 5, 2, 0),
            (0, 0, 0, 0, 0),
        ] {
            assert_eq!(in_view(offset, cursor, height, rows), expected);
        }
    }
}
