//! The bytes of several images.

use super::image_report::ImageReport;

/// Sums over the images whose figures are known, in bytes but for `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteTotals {
    pub copied: u64,
    pub mounted: u64,
    pub present: u64,
    /// Images with attempts whose figures are not known.
    pub unknown: usize,
}

impl ByteTotals {
    pub(super) fn of<'a>(images: impl IntoIterator<Item = &'a ImageReport>) -> Option<Self> {
        let (mut totals, mut is_known) = (Self::default(), false);
        for image in images {
            match image.figures {
                Some(figures) => {
                    is_known = true;
                    totals.copied = totals.copied.saturating_add(figures.copied);
                    totals.mounted = totals.mounted.saturating_add(figures.mounted);
                    totals.present = totals.present.saturating_add(figures.present);
                }
                None => totals.unknown += usize::from(image.attempts > 0),
            }
        }
        is_known.then_some(totals)
    }

    /// Bytes that did not have to be moved.
    #[must_use]
    pub fn saved(&self) -> u64 {
        self.mounted.saturating_add(self.present)
    }
}
