//! The option for the file that keeps what tags named before.
//!
//! Decides which batches cannot have one. Invariant: a batch with a rollback file writes no tag of a registry that is not in
//! it.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::output::shown;
use crate::{
    batch::{BatchId, Job, JobId},
    copy::Engine,
    present::count,
    rollback_file::TagLog,
};

#[derive(Args, Clone, Debug, Default)]
pub(super) struct RollbackFileArguments {
    /// Keep in this file what each tag named before it is written, for `transship rollback`.
    #[arg(long, value_name = "FILE")]
    rollback_file: Option<PathBuf>,
}

/// Where a batch keeps what tags named, if it does.
#[derive(Clone, Debug, Default)]
pub(super) struct RollbackOption(Option<PathBuf>);

impl RollbackFileArguments {
    /// The file of a new batch.
    ///
    /// # Errors
    /// If there is such a file already.
    pub(super) fn of_new_batch(self) -> anyhow::Result<RollbackOption> {
        let option = RollbackOption(absolute(self.rollback_file)?);
        if let Some(path) = option.path().filter(|path| path.exists()) {
            return Err(crate::rollback_file::Error::Exists(path.to_owned()).into());
        }
        Ok(option)
    }

    /// The file of a batch that is resumed: the one that it was started with.
    ///
    /// # Errors
    /// If another one is named: a part of the tags would be in each.
    pub(super) fn of_resumed(self, stored: Option<PathBuf>) -> anyhow::Result<RollbackOption> {
        let named = absolute(self.rollback_file)?;
        match (&named, &stored) {
            (Some(named), Some(stored)) if named != stored => bail!(
                "this batch keeps what tags named in {}; leave --rollback-file out",
                shown(stored)
            ),
            _ => Ok(RollbackOption(named.or(stored))),
        }
    }
}

impl RollbackOption {
    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// Whether the images can be copied with the option. Adds a note about those whose names are not kept.
    ///
    /// # Errors
    /// If skopeo copies some: it writes their tags itself.
    pub(super) fn check(
        &self,
        jobs: &[Job],
        notes: &mut Vec<(Option<JobId>, String)>,
    ) -> anyhow::Result<()> {
        if self.0.is_none() {
            return Ok(());
        }
        let by_skopeo = jobs.iter().filter(|job| !job.spec.engine.is_native());
        let by_skopeo = by_skopeo.count();
        if by_skopeo > 0 {
            let images = count(by_skopeo, "image");
            bail!(
                "skopeo copies {images}, and writes their tags itself, so --rollback-file cannot keep what they named; \
                 write engine = \"native\", or leave the option out"
            );
        }
        let is_local = |job: &&Job| job.spec.destination.local().is_some();
        let local = jobs.iter().filter(is_local).count();
        if local > 0 {
            let images = count(local, "image");
            notes.push((
                None,
                format!("the rollback file has tags of registries only: {images} go to stores of this machine"),
            ));
        }
        Ok(())
    }

    /// Makes the file of a new batch, or opens that of a resumed one, and lets the engine use it.
    pub(super) fn start(
        &self,
        engine: &Engine,
        batch: &BatchId,
        is_resumed: bool,
    ) -> anyhow::Result<()> {
        let Some(path) = self.path() else {
            return Ok(());
        };
        engine.keep_tags(match is_resumed {
            true => TagLog::resume(path, batch)?,
            false => TagLog::create(path, batch)?,
        });
        Ok(())
    }
}

fn absolute(path: Option<PathBuf>) -> std::io::Result<Option<PathBuf>> {
    path.map(std::path::absolute).transpose()
}
