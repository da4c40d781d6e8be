//! What copies the images of a batch: this program, or skopeo.
//!
//! Decides which of them gets an image, that an image waits for a registry which skopeo could not reach, and that skopeo
//! never tries a refused password. Invariant: a registry that is down for a while costs no image its attempts, whatever
//! copies it.

use std::sync::Arc;

use super::skopeo_engine::SkopeoEngine;
use crate::{
    batch::{Failure, FailureClass, Job, Side},
    copy::{CopyOutcome, Engine, PreflightOutcome, Report},
    oci::{CopyEngine, Digest, Registry},
};

#[derive(Clone)]
pub(super) struct Engines {
    pub native: Arc<Engine>,
    /// `None` if no image needs it.
    pub skopeo: Option<Arc<SkopeoEngine>>,
}

impl Engines {
    pub(super) async fn copy(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, Failure> {
        match job.spec.engine {
            CopyEngine::Native => {
                let copied = self.native.copy(job, report).await;
                copied.map_err(|error| (&error).into())
            }
            CopyEngine::Skopeo => {
                let skopeo = self.skopeo_for(job).await?;
                self.deferred(job, skopeo.copy(job, report).await).await
            }
        }
    }

    /// Writes the tag of a staged image. Only this program stages images.
    pub(super) async fn tag(
        &self,
        job: &Job,
        root: &Digest,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, Failure> {
        let tagged = self.native.tag(job, root, report).await;
        tagged.map_err(|error| (&error).into())
    }

    pub(super) async fn preflight(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<PreflightOutcome, Failure> {
        match job.spec.engine {
            CopyEngine::Native => {
                let planned = self.native.preflight(job, report).await;
                planned.map_err(|error| (&error).into())
            }
            CopyEngine::Skopeo => {
                let skopeo = self.skopeo_for(job).await?;
                let planned = skopeo.preflight(job, report).await;
                self.deferred(job, planned).await
            }
        }
    }

    /// The engine for an image that skopeo copies, if the registries take the credentials. Only a registry that this
    /// machine reached before is waited for later.
    async fn skopeo_for(&self, job: &Job) -> Result<&SkopeoEngine, Failure> {
        let Some(skopeo) = &self.skopeo else {
            return Err(Failure {
                side: Side::Local,
                class: FailureClass::Internal,
                summary: "this run was started without the settings of skopeo".into(),
                chain: Vec::new(),
            });
        };
        for side in [Side::Source, Side::Destination] {
            if let Some(registry) = registry(job, side) {
                let checked = self.native.check_login(side, registry).await;
                checked.map_err(|error| Failure::from(&error))?;
            }
        }
        Ok(skopeo)
    }

    /// After a failure that may pass: if the registry is down, the image waits until it is asked again, as images do
    /// that this program copies.
    async fn deferred<T>(&self, job: &Job, result: Result<T, Failure>) -> Result<T, Failure> {
        let mut failure = match result {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        if let FailureClass::Transient {
            retry_after_ms: None,
        } = failure.class
            && let Some(registry) = registry(job, failure.side)
            && let Some(wait) = self.native.probe(registry).await
        {
            failure.class = FailureClass::Transient {
                retry_after_ms: Some(wait.into()),
            };
        }
        Err(failure)
    }
}

fn registry(job: &Job, side: Side) -> Option<&Registry> {
    match side {
        Side::Source => job.spec.source.registry(),
        Side::Destination => job.spec.destination.registry(),
        Side::Local => None,
    }
}
