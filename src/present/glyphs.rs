//! The two glyph sets, Unicode and ASCII.
//!
//! Invariant: every glyph of a set is one cell wide, and the ASCII set is ASCII.

use super::Phase;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    pub ellipsis: &'static str,
    pub arrow: &'static str,
    pub separator: &'static str,
    pub mark: &'static str,
    pub cursor: &'static str,
    /// Before the cause of a failure.
    pub corner: &'static str,
    /// Full, half full and empty cell of a progress bar.
    pub bar: [&'static str; 3],
    /// In the title of the focused pane, and of the others.
    pub rule: [&'static str; 2],
    /// Lowest to highest.
    pub spark: [&'static str; 8],
    /// Queued, planned, reading, copying, waiting, staged, copied, up to date, failed, skipped, kept.
    pub(super) phases: [&'static str; 11],
}

impl Glyphs {
    pub const UNICODE: Self = Self {
        ellipsis: "…",
        arrow: "→",
        separator: "·",
        mark: "◆",
        cursor: "▌",
        corner: "└",
        bar: ["━", "╸", "─"],
        rule: ["━", "─"],
        spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        phases: ["·", "◦", "▹", "▸", "↻", "◐", "✓", "=", "✗", "–", "≠"],
    };
    pub const ASCII: Self = Self {
        ellipsis: "~",
        arrow: ">",
        separator: "|",
        mark: "*",
        cursor: ">",
        corner: "`",
        bar: ["#", "#", "."],
        rule: ["=", "-"],
        spark: ["_", "_", ".", "-", "=", "+", "*", "#"],
        phases: [".", "o", "?", ">", "~", "%", "+", "=", "x", "-", "!"],
    };

    #[must_use]
    pub fn phase(&self, phase: Phase) -> &'static str {
        self.phases[phase as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::width;

    #[test]
    fn every_glyph_is_one_cell_wide() {
        for set in [Glyphs::UNICODE, Glyphs::ASCII] {
            let single = [set.ellipsis, set.arrow, set.separator, set.mark, set.cursor];
            for glyph in single
                .iter()
                .chain(&set.bar)
                .chain(&set.rule)
                .chain(&set.spark)
                .chain(&set.phases)
            {
                assert_eq!(width(glyph), 1, "{glyph}");
                assert!(set != Glyphs::ASCII || glyph.is_ascii(), "{glyph}");
            }
        }
    }
}
