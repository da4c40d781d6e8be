//! The skopeo of a batch.
//!
//! Decides when it is searched for: before the first image that needs it, and again after it went away. Invariant: one
//! search at a time, whatever number of images needs it.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};

use super::skopeo_copy::SkopeoImage;
use crate::{
    batch::{Failure, Job, Side},
    copy::{CopyOutcome, PreflightOutcome, Report},
    oci::Reference,
    skopeo::{NoMethod, RegistryAccess, Settings, Skopeo},
};

/// After a search without success, further images fail without another one for this long.
const SEARCH_AGAIN: Duration = Duration::from_secs(5);

/// Says how the registry of an image is reached: the login and the certificates that skopeo gets for it.
pub type AccessSource =
    Box<dyn Fn(&Reference) -> BoxFuture<'static, Result<RegistryAccess, Failure>> + Send + Sync>;

/// Copies images with skopeo.
pub struct SkopeoEngine {
    settings: Settings,
    access: AccessSource,
    found: Mutex<Option<Found>>,
}

enum Found {
    Usable(Arc<Skopeo>),
    Nothing(NoMethod, Instant),
}

impl SkopeoEngine {
    #[must_use]
    pub fn new(settings: Settings, access: AccessSource) -> Self {
        Self {
            settings,
            access,
            found: Mutex::default(),
        }
    }

    /// Copies one image, and reports its progress to `report`, in order. Dropping the future ends skopeo.
    ///
    /// # Errors
    /// The side that failed and why.
    pub(super) async fn copy(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, Failure> {
        let skopeo = self.skopeo().await?;
        let copied = match self.image(&skopeo, job, report).await {
            Ok(image) => image.copy().await,
            Err(failure) => Err(failure),
        };
        self.checked(&skopeo, copied).await
    }

    /// Finds out what copying one image takes, and writes nothing.
    ///
    /// # Errors
    /// As [`SkopeoEngine::copy`].
    pub(super) async fn preflight(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<PreflightOutcome, Failure> {
        let skopeo = self.skopeo().await?;
        let planned = match self.image(&skopeo, job, report).await {
            Ok(image) => image.preflight().await,
            Err(failure) => Err(failure),
        };
        self.checked(&skopeo, planned).await
    }

    async fn image<'a>(
        &self,
        skopeo: &'a Skopeo,
        job: &'a Job,
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> Result<SkopeoImage<'a>, Failure> {
        let mut access: Vec<RegistryAccess> = Vec::with_capacity(2);
        for location in [&job.spec.source, &job.spec.destination] {
            if let Some(reference) = location.reference()
                && access
                    .iter()
                    .all(|known| known.registry != reference.registry)
            {
                access.push((self.access)(reference).await?);
            }
        }
        Ok(SkopeoImage {
            skopeo,
            spec: &job.spec,
            access,
            report,
        })
    }

    /// The skopeo that was found, or a new search.
    async fn skopeo(&self) -> Result<Arc<Skopeo>, Failure> {
        let mut found = self.found.lock().await;
        match &*found {
            Some(Found::Usable(skopeo)) => return Ok(Arc::clone(skopeo)),
            Some(Found::Nothing(reasons, at)) if at.elapsed() < SEARCH_AGAIN => {
                return Err(reasons.failure());
            }
            Some(Found::Nothing(..)) | None => {}
        }
        match Skopeo::open(self.settings.clone()).await {
            Ok(skopeo) => {
                let skopeo = Arc::new(skopeo);
                *found = Some(Found::Usable(Arc::clone(&skopeo)));
                Ok(skopeo)
            }
            Err(reasons) => {
                let failure = reasons.failure();
                *found = Some(Found::Nothing(reasons, Instant::now()));
                Err(failure)
            }
        }
    }

    /// The result of an image. After a failure of this machine, skopeo may be gone: the next attempt searches again.
    async fn checked<T>(
        &self,
        used: &Arc<Skopeo>,
        result: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Err(failure) = &result
            && failure.side == Side::Local
        {
            let mut found = self.found.lock().await;
            if let Some(Found::Usable(skopeo)) = &*found
                && Arc::ptr_eq(skopeo, used)
            {
                *found = None;
            }
        }
        result
    }
}
