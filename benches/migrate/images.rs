//! The images to copy, and the least that copying them costs.

use std::fmt;

use transship::oci::{Digest, Repository, Tag};

/// One image to copy.
#[derive(Clone, Debug)]
pub struct Image {
    pub repository: Repository,
    pub tag: Tag,
    pub digest: Digest,
}

/// The images to copy, and what that costs at least.
#[derive(Clone, Debug, Default)]
pub struct ImageSet {
    pub images: Vec<Image>,
    pub distinct: u64,
    pub referenced: u64,
    /// Requests a destination has to answer: two for a blob, one for a mount, one for a manifest.
    pub floor: u64,
}

impl fmt::Display for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        write!(
            f,
            "{} images, {:.2} GB distinct, {:.2} GB referenced, at least {} requests at the destination",
            self.images.len(),
            gigabytes(self.distinct),
            gigabytes(self.referenced),
            self.floor
        )
    }
}
