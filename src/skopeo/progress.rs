//! How far the copy of one image is, in percent.
//!
//! Decides the weights: bytes of blobs count for most, the steps around them for little. Where no amounts are printed, a
//! blob counts when the next step says that it is copied; a blob of unknown size counts for nothing. Invariants: the
//! percentage never goes back; it is 100 only after [`ProgressTracker::finish`].

use std::{collections::BTreeMap, fmt::Write as _};

use super::output::{BlobState, OutputEvent, Step};
use crate::batch::PlannedBlob;

/// What precedes the blobs, and where the steps after them are, in percent.
const BEFORE_BLOBS: u8 = 1;
const AFTER_BLOBS: u8 = 95;
const MANIFEST: u8 = 97;
const INDEX: u8 = 98;
const SIGNATURES: u8 = 99;
/// The parser tells no more blobs apart.
const MAX_BLOBS: usize = 10_000;

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// From 0 to 100; 100 when the copy has ended.
    pub percent: u8,
    /// One line for a person, such as `Copying blob 2 of 5, 3.4 of 26.7 MiB`.
    pub message: String,
}

/// Follows the events of one copy.
#[derive(Debug)]
pub struct ProgressTracker {
    /// By hex digits: all blobs of the copy if they were planned, else those of the current image.
    blobs: BTreeMap<String, Blob>,
    is_planned: bool,
    /// Which image of an index is copied, from 1, and how many there are.
    image: (u32, u32),
    /// How many images of an index are copied.
    copied: u32,
    last: Progress,
}

#[derive(Clone, Copy, Debug, Default)]
struct Blob {
    /// In bytes; 0 if it is not known.
    size: u64,
    done: u64,
    /// In the current image.
    has_started: bool,
    is_settled: bool,
}

impl ProgressTracker {
    /// Follows the copy of these blobs; without them, of those that skopeo names.
    #[must_use]
    pub fn new(planned: Option<&[PlannedBlob]>) -> Self {
        let to_blob = |blob: &PlannedBlob| {
            let size = blob.size;
            (
                blob.digest.hex(),
                Blob {
                    size,
                    ..Blob::default()
                },
            )
        };
        Self {
            blobs: planned.into_iter().flatten().map(to_blob).collect(),
            is_planned: planned.is_some(),
            image: (1, 1),
            copied: 0,
            last: Progress {
                percent: 0,
                message: String::new(),
            },
        }
    }

    /// The progress after an event, if it has changed.
    pub fn apply(&mut self, event: &OutputEvent) -> Option<Progress> {
        match event {
            OutputEvent::Step(step) => self.enter(step),
            OutputEvent::Blob { name, state, .. } => {
                let is_new = self.update(&name.hex(), *state);
                // Others follow it, so the sum of the sizes that are known is too small.
                let percent = match is_new && !self.is_planned {
                    true => self.last.percent,
                    false => self.percent_of_blobs(),
                };
                let message = self.copying();
                self.report(percent, message)
            }
            OutputEvent::Digest(_) | OutputEvent::Line(_) => None,
        }
    }

    /// The progress of a copy that has ended well.
    #[must_use]
    pub fn finish(self) -> Progress {
        Progress {
            percent: 100,
            message: "Copied".into(),
        }
    }

    fn enter(&mut self, step: &Step) -> Option<Progress> {
        match step {
            Step::ReadingSignatures => {
                self.begin_image();
                let message = format!("Reading the image{}", self.position());
                self.report(self.percent_of_blobs(), message)
            }
            Step::ReadingIndexSignatures => self.report(BEFORE_BLOBS, "Reading the index".into()),
            Step::Index { images } => {
                self.image = (1, (*images).max(1));
                self.report(BEFORE_BLOBS, format!("Copying {images} images"))
            }
            Step::Image { number, images, .. } => {
                self.begin_image();
                let images = (*images).max(1);
                self.image = ((*number).clamp(1, images), images);
                let message = format!("Copying image {} of {images}", self.image.0);
                self.report(self.percent_of_blobs(), message)
            }
            Step::WritingManifest => {
                self.settle_started();
                self.copied = self.image.0;
                let percent = self.after_image(MANIFEST);
                self.report(percent, format!("Writing the manifest{}", self.position()))
            }
            Step::WritingIndex => self.report(INDEX, "Writing the index".into()),
            Step::Signing => {
                let percent = self.after_image(MANIFEST);
                self.report(percent, format!("Signing{}", self.position()))
            }
            Step::StoringSignatures => {
                let percent = self.after_image(SIGNATURES);
                self.report(percent, format!("Storing signatures{}", self.position()))
            }
        }
    }

    fn begin_image(&mut self) {
        if self.is_planned {
            self.blobs
                .values_mut()
                .for_each(|blob| blob.has_started = false);
        } else {
            self.blobs.clear();
        }
    }

    /// `percent` after the last image of the copy; after another one what its blobs are worth.
    fn after_image(&self, percent: u8) -> u8 {
        match self.image.0 == self.image.1 {
            true => percent,
            false => self.percent_of_blobs(),
        }
    }

    /// Whether the blob was not known.
    fn update(&mut self, prefix: &str, state: BlobState) -> bool {
        // A planned copy has no other blobs, except where a layer is compressed on the way.
        let ignores_others = self.is_planned || self.blobs.len() >= MAX_BLOBS;
        let found = self.blobs.range(prefix.to_owned()..).next();
        let found = found.filter(|(hex, _)| hex.starts_with(prefix));
        let hex = match found {
            Some((hex, _)) => hex.clone(),
            None if ignores_others => return false,
            None => prefix.to_owned(),
        };
        let known = self.blobs.len();
        let blob = self.blobs.entry(hex).or_default();
        blob.has_started = true;
        match state {
            BlobState::Started => {}
            BlobState::Moving { done, total } => {
                if blob.size == 0 {
                    blob.size = total.unwrap_or_default();
                }
                blob.done = blob.done.max(done.min(blob.size));
            }
            BlobState::Skipped | BlobState::Done => blob.settle(),
        }
        self.blobs.len() > known
    }

    /// On a pipe only the next step says that blobs are copied.
    fn settle_started(&mut self) {
        let started = self.blobs.values_mut().filter(|blob| blob.has_started);
        started.for_each(Blob::settle);
    }

    /// Between [`BEFORE_BLOBS`] and [`AFTER_BLOBS`].
    fn percent_of_blobs(&self) -> u8 {
        let sum = |of: fn(&Blob) -> u64| self.blobs.values().map(of).map(u128::from).sum::<u128>();
        let (done, size) = (sum(|blob| blob.done), sum(|blob| blob.size).max(1));
        let room = u128::from(AFTER_BLOBS - BEFORE_BLOBS);
        let (number, images) = self.image;
        let share = match () {
            // Sizes of planned blobs are those of all images.
            () if self.is_planned => room * done / size,
            () if self.copied >= number => room * u128::from(number) / u128::from(images),
            () => room * (u128::from(number - 1) * size + done) / (u128::from(images) * size),
        };
        BEFORE_BLOBS + u8::try_from(share.min(room)).unwrap_or_default()
    }

    /// What is said while blobs are copied.
    fn copying(&self) -> String {
        let mut message = String::from("Copying blob ");
        let (mut settled, mut done, mut size) = (0, 0_u64, 0_u64);
        for blob in self.blobs.values() {
            settled += usize::from(blob.is_settled);
            done = done.saturating_add(blob.done);
            size = size.saturating_add(blob.size);
        }
        let count = self.blobs.len();
        let _ = write!(message, "{}", (settled + 1).min(count.max(1)));
        if self.is_planned {
            let _ = write!(message, " of {count}");
        }
        message += &self.position();
        if size > 0 {
            let _ = write!(message, ", {}", amounts(done, size));
        }
        message
    }

    /// Which image of an index this is.
    fn position(&self) -> String {
        match self.image {
            (_, 1) => String::new(),
            (number, images) => format!(" of image {number} of {images}"),
        }
    }

    fn report(&mut self, percent: u8, message: String) -> Option<Progress> {
        let percent = percent.max(self.last.percent);
        let next = Progress { percent, message };
        (self.last != next).then(|| {
            self.last = next.clone();
            next
        })
    }
}

impl Blob {
    fn settle(&mut self) {
        self.is_settled = true;
        self.done = self.size;
    }
}

/// `3.4 of 26.7 MiB`: both amounts in the unit of `size`, rounded down.
fn amounts(done: u64, size: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (0..units.len() - 1)
        .take_while(|power| size >> (10 * power) >= 1024)
        .count();
    let tenths = |amount: u64| (u128::from(amount) * 10) >> (10 * power);
    let shown = |amount: u64| match power {
        0 => amount.to_string(),
        _ => format!("{}.{}", tenths(amount) / 10, tenths(amount) % 10),
    };
    format!("{} of {} {}", shown(done), shown(size), units[power])
}

#[cfg(test)]
mod tests;
