//! One reference a line.
//!
//! Invariant: an image that is named twice is written once.

use super::{draft::Draft, text_lines::lines};

pub(super) fn read(text: &str, draft: &mut Draft) {
    for (number, line) in lines(text) {
        let name = line.strip_prefix("- ").unwrap_or(line);
        draft.name_once(number, name.trim().trim_matches(['"', '\'']));
    }
}
