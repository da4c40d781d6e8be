//! Limits of one image, and of how many large images are in memory at once.
//!
//! The source decides how many manifests and blobs an image has, so everything that is read for it, referrers included,
//! is charged here first. The limits are far above any known image: an index of 100 platforms with attestations and
//! signatures has some 800 manifests of 2 MiB together, a model of several thousand layers one manifest of 2 MiB.
//! Invariant: an image holds at most one permit and never waits for another, so images cannot deadlock.

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::oci::{Descriptor, Digest};

/// Manifests of one image, with its children and all referrers.
pub const MAX_MANIFESTS: u64 = 5_000;
/// Bytes of all manifests of one image, and of its lists of referrers.
pub const MAX_TOTAL_MANIFEST_BYTES: u64 = 8 << 20;
/// Bytes of one manifest; registries accept no larger ones (distribution-spec "Pushing Manifests").
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Different blobs of one image.
pub const MAX_BLOBS: u64 = 10_000;
/// Bytes of configs that are read. A copy does not read configs.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// An image with more bytes of manifests than this is large.
const LARGE: u64 = 256 << 10;
/// Large images in memory at once, in the whole process. One at its limits takes some 40 MB.
static LARGE_IMAGES: Semaphore = Semaphore::const_new(1);

/// What was charged for one image so far.
pub struct ImageBudget<'a> {
    usage: Mutex<Usage>,
    /// Of [`LARGE_IMAGES`]; held as long as the image is. The inner `None` is for a closed semaphore, which does not
    /// happen.
    permit: OnceCell<Option<SemaphorePermit<'static>>>,
    /// Called before it waits for a permit.
    on_wait: Box<dyn Fn() + Send + Sync + 'a>,
}

#[derive(Default)]
struct Usage {
    manifests: u64,
    bytes: u64,
    blobs: HashSet<Digest>,
    config_bytes: u64,
}

/// An image exceeds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{held} {what}, more than the {max} that one image may have")]
pub struct OverBudget {
    what: Counted,
    held: u64,
    max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Manifests,
    Bytes,
    Blobs,
    ConfigBytes,
}

/// The outcome of charging bytes that are about to be kept.
pub(super) enum Charge {
    Taken,
    /// They make the image large, and too many large images are in memory: drop what was read and wait.
    Crowded,
}

/// Bytes of one answer. Dropping it refunds them unless they are kept.
pub(super) struct Reading<'b, 'a> {
    budget: &'b ImageBudget<'a>,
    bytes: u64,
}

impl<'a> ImageBudget<'a> {
    /// `on_wait` is called when other large images have to end first.
    pub fn new(on_wait: impl Fn() + Send + Sync + 'a) -> Self {
        Self {
            usage: Mutex::default(),
            permit: OnceCell::new(),
            on_wait: Box::new(on_wait),
        }
    }

    /// Whether the image holds a permit for large images.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.permit.initialized()
    }

    /// Refunds everything, for an image that is read again from the beginning.
    pub fn reset(&self) {
        *self.lock() = Usage::default();
    }

    /// Charges manifests by their declared sizes, before any of them is read.
    ///
    /// # Errors
    /// If the image then has too many, or too large ones.
    pub async fn add_manifests<'d>(
        &self,
        described: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), OverBudget> {
        let (mut count, mut bytes) = (0, 0_u64);
        for descriptor in described {
            count += 1;
            bytes = bytes.saturating_add(descriptor.size);
        }
        let is_large = {
            let mut usage = self.lock();
            usage.add_manifests(count)?;
            usage.add_bytes(bytes)?;
            usage.bytes > LARGE
        };
        if is_large {
            self.enlarge().await;
        }
        Ok(())
    }

    /// Charges the blobs that are not charged yet.
    ///
    /// # Errors
    /// If the image then has too many.
    pub fn add_blobs<'d>(
        &self,
        blobs: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), OverBudget> {
        let mut usage = self.lock();
        let mut more = 0;
        for blob in blobs {
            // Beyond the limit they are only counted.
            if (usage.blobs.len() as u64) < MAX_BLOBS {
                usage.blobs.insert(blob.digest.clone());
            } else if !usage.blobs.contains(&blob.digest) {
                more += 1;
            }
        }
        let held = usage.blobs.len() as u64 + more;
        check(Counted::Blobs, held, MAX_BLOBS)
    }

    /// Charges bytes of a config.
    ///
    /// # Errors
    /// If the image then has too many.
    pub fn add_config_bytes(&self, bytes: u64) -> Result<(), OverBudget> {
        let mut usage = self.lock();
        usage.config_bytes = usage.config_bytes.saturating_add(bytes);
        check(Counted::ConfigBytes, usage.config_bytes, MAX_CONFIG_BYTES)
    }

    /// Charges a manifest whose bytes were charged as they were read.
    pub(super) fn add_manifest(&self) -> Result<(), OverBudget> {
        self.lock().add_manifests(1)
    }

    pub(super) fn reading(&self) -> Reading<'_, 'a> {
        Reading {
            budget: self,
            bytes: 0,
        }
    }

    /// Waits until the image may be large.
    pub(super) async fn enlarge(&self) {
        let acquire = || async {
            if let Ok(permit) = LARGE_IMAGES.try_acquire() {
                return Some(permit);
            }
            (self.on_wait)();
            LARGE_IMAGES.acquire().await.ok()
        };
        self.permit.get_or_init(acquire).await;
    }

    fn may_be_large(&self) -> bool {
        self.permit.initialized()
            || LARGE_IMAGES
                .try_acquire()
                .is_ok_and(|permit| self.permit.set(Some(permit)).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    fn add_manifests(&mut self, count: u64) -> Result<(), OverBudget> {
        let held = self.manifests.saturating_add(count);
        check(Counted::Manifests, held, MAX_MANIFESTS)?;
        self.manifests = held;
        Ok(())
    }

    fn add_bytes(&mut self, bytes: u64) -> Result<(), OverBudget> {
        let held = self.bytes.saturating_add(bytes);
        check(Counted::Bytes, held, MAX_TOTAL_MANIFEST_BYTES)?;
        self.bytes = held;
        Ok(())
    }
}

impl Reading<'_, '_> {
    pub(super) fn add(&mut self, bytes: u64) -> Result<Charge, OverBudget> {
        let is_large = {
            let mut usage = self.budget.lock();
            usage.add_bytes(bytes)?;
            usage.bytes > LARGE
        };
        self.bytes += bytes;
        Ok(match is_large && !self.budget.may_be_large() {
            true => Charge::Crowded,
            false => Charge::Taken,
        })
    }

    /// Keeps the bytes charged.
    pub(super) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        let mut usage = self.budget.lock();
        usage.bytes = usage.bytes.saturating_sub(self.bytes);
    }
}

fn check(what: Counted, held: u64, max: u64) -> Result<(), OverBudget> {
    match held > max {
        true => Err(OverBudget { what, held, max }),
        false => Ok(()),
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifests => "manifests",
            Self::Bytes => "bytes of manifests",
            Self::Blobs => "blobs",
            Self::ConfigBytes => "bytes of configs",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MediaType;

    fn described(seed: u64, size: u64) -> Descriptor {
        Descriptor {
            media_type: MediaType::new(MediaType::OCI_MANIFEST),
            digest: Digest::of(&seed.to_be_bytes()),
            size,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: Default::default(),
        }
    }

    #[tokio::test]
    async fn every_count_has_its_limit_and_says_what_it_came_to() {
        let budget = ImageBudget::new(|| ());
        let children: Vec<_> = (0..400).map(|seed| described(seed, 8_283_750)).collect();
        let error = budget.add_manifests(&children).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "3313500000 bytes of manifests, more than the 8388608 that one image may have"
        );
        let many: Vec<_> = (0..=MAX_MANIFESTS).map(|seed| described(seed, 1)).collect();
        let error = ImageBudget::new(|| ()).add_manifests(&many).await;
        assert!(error.unwrap_err().to_string().starts_with("5001 manifests"));
        let blobs: Vec<_> = (0..55_000).map(|seed| described(seed, 1)).collect();
        let error = budget.add_blobs(&blobs).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("55000 blobs, more than the 10000")
        );
    }

    #[test]
    fn a_blob_that_many_manifests_name_is_charged_once() {
        let budget = ImageBudget::new(|| ());
        let blobs: Vec<_> = (0..MAX_BLOBS).map(|seed| described(seed, 1)).collect();
        for _ in 0..3 {
            budget.add_blobs(&blobs).unwrap();
        }
    }

    #[test]
    fn what_was_read_in_vain_is_given_back() {
        let budget = ImageBudget::new(|| ());
        for _ in 0..100 {
            assert!(matches!(budget.reading().add(LARGE), Ok(Charge::Taken)));
        }
        let mut kept = budget.reading();
        kept.add(LARGE).ok();
        kept.keep();
        assert_eq!(budget.lock().bytes, LARGE);
    }
}
