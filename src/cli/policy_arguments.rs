//! The options for a signature policy.
//!
//! Decides where the policy, its keys and the places of signatures are read from. Invariant: a policy with a mistake ends
//! the command before anything starts; without `--policy` none is read.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    exit::Exit,
    limited_file,
    output::{shown, tell},
    registries_d,
};
use crate::{
    batch::Job,
    copy::ImagePolicy,
    present::{count, sanitize},
    signature::parse_policy,
};

const MAX_POLICY_BYTES: u64 = 4 << 20;
/// The keys of a Linux distribution have 1 MiB.
const MAX_KEY_BYTES: u64 = 16 << 20;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct PolicyArguments {
    /// Copy only the images that this containers-policy.json(5) accepts. Without this option no policy is read, not even
    /// /etc/containers/policy.json.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the storages of signatures are described, see containers-registries.d(5)
    /// [default: ~/.config/containers/registries.d, else /etc/containers/registries.d].
    #[arg(long, alias = "registries.d", value_name = "DIR")]
    registries_dir: Option<PathBuf>,
}

impl PolicyArguments {
    /// The same with absolute paths, which can be stored.
    pub(super) fn absolute(self) -> std::io::Result<Self> {
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        Ok(Self {
            policy: absolute(self.policy)?,
            registries_dir: absolute(self.registries_dir)?,
        })
    }

    /// These arguments, or the stored ones where they name nothing.
    pub(super) fn or_stored(
        self,
        (policy, registries_dir): (Option<PathBuf>, Option<PathBuf>),
    ) -> Self {
        Self {
            policy: self.policy.or(policy),
            registries_dir: self.registries_dir.or(registries_dir),
        }
    }

    pub(super) fn policy_path(&self) -> Option<&Path> {
        self.policy.as_deref()
    }

    pub(super) fn registries_path(&self) -> Option<&Path> {
        self.registries_dir.as_deref()
    }

    /// The policy with its keys, if there is one. Its mistakes are printed.
    pub(super) fn read(&self) -> anyhow::Result<Result<Option<ImagePolicy>, Exit>> {
        let Some(path) = &self.policy else {
            anyhow::ensure!(
                self.registries_dir.is_none(),
                "--registries-dir says where signatures are, which only --policy asks for"
            );
            return Ok(Ok(None));
        };
        let text = limited_file::read(path, MAX_POLICY_BYTES)?;
        let read_key = |key: &Path| {
            limited_file::read(key, MAX_KEY_BYTES).map_err(|error| format!("{error:#}"))
        };
        let policy = match parse_policy(&text, &read_key) {
            Ok(policy) => policy,
            Err(mistakes) => {
                for mistake in mistakes {
                    let text = format!("{}: {mistake}", shown(path));
                    tell(format_args!("{}", sanitize(&text)));
                }
                return Ok(Err(Exit::Usage));
            }
        };
        let lookaside = registries_d::read(self.registries_path())?;
        Ok(Ok(Some(ImagePolicy { policy, lookaside })))
    }

    /// Whether the images can be copied with the policy.
    ///
    /// # Errors
    /// If skopeo copies some: it reads a policy of its own.
    pub(super) fn check(&self, jobs: &[Job]) -> anyhow::Result<()> {
        let by_skopeo = jobs.iter().filter(|job| !job.spec.engine.is_native());
        let by_skopeo = by_skopeo.count();
        anyhow::ensure!(
            self.policy.is_none() || by_skopeo == 0,
            "skopeo copies {}, for which --policy does not hold; write engine = \"native\", or leave the option out and \
             give skopeo its policy in `extra-args` of [skopeo]",
            count(by_skopeo, "image")
        );
        Ok(())
    }
}
