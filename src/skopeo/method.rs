//! Where skopeo runs: in the service container, or on this machine.
//!
//! Decides what differs between the two, for one call: the paths that skopeo sees, its private files, its command line.
//! Invariant: a call that is dropped leaves no process and no private file.

use std::time::Duration;

use tempfile::TempDir;

use super::{
    arguments::{Role, at_path},
    container::{ContainerCall, ContainerMethod, Reach},
    error::{SkopeoError, Unusable},
    local::LocalMethod,
    private_files::PrivateFile,
    settings::MethodKind,
    shared::HandedOver,
};
use crate::{
    oci::Location,
    program::{OutputKind, ProgramError, Stream, StreamedProgram},
};

pub(super) enum Method {
    Local(LocalMethod),
    Container(ContainerMethod),
}

/// An image as skopeo sees it.
pub(super) struct Reached {
    pub(super) location: Location,
    _handed_over: Option<HandedOver>,
}

/// A call whose private files are where skopeo reads them.
pub(super) enum Call<'a> {
    Local(&'a LocalMethod, TempDir),
    Container(&'a ContainerMethod, Box<ContainerCall>),
}

/// One run of skopeo.
pub(super) struct Run<'a> {
    pub(super) arguments: &'a [String],
    pub(super) output: OutputKind,
    pub(super) max_bytes: u64,
    pub(super) deadline: Duration,
}

impl Method {
    pub(super) fn kind(&self) -> MethodKind {
        match self {
            Self::Local(_) => MethodKind::Local,
            Self::Container(_) => MethodKind::Container,
        }
    }

    pub(super) fn description(&self) -> &str {
        match self {
            Self::Local(local) => &local.description,
            Self::Container(container) => &container.description,
        }
    }

    /// Whether skopeo can reach these images.
    pub(super) fn check(&self, images: &[(Role, &Location)]) -> Result<(), Unusable> {
        let Self::Container(container) = self else {
            return Ok(());
        };
        for (role, location) in images {
            if let Err(reason) = container.reach(location, *role) {
                return Err(Unusable {
                    kind: self.kind(),
                    reason,
                    remedy: None,
                });
            }
        }
        Ok(())
    }

    /// The image as skopeo sees it; its archive is handed to the container if need be.
    pub(super) async fn reach(
        &self,
        location: &Location,
        role: Role,
    ) -> Result<Reached, SkopeoError> {
        let unchanged = Reached {
            location: location.clone(),
            _handed_over: None,
        };
        let (Self::Container(container), Location::Local(image)) = (self, location) else {
            return Ok(unchanged);
        };
        let reach = container.reach(location, role);
        match reach.map_err(|reason| SkopeoError::Prepare(std::io::Error::other(reason)))? {
            Reach::Registry => Ok(unchanged),
            Reach::Path(path) => Ok(Reached {
                location: at_path(image, &path),
                _handed_over: None,
            }),
            Reach::HandOver => {
                let handed_over = container.hand_over(image).await;
                let handed_over = handed_over.map_err(SkopeoError::Prepare)?;
                Ok(Reached {
                    location: at_path(image, &handed_over.inside),
                    _handed_over: Some(handed_over),
                })
            }
        }
    }

    /// Puts the private files where skopeo reads them.
    pub(super) async fn prepare(&self, files: Vec<PrivateFile>) -> Result<Call<'_>, SkopeoError> {
        match self {
            Self::Local(local) => {
                let directory = local.prepare(files).await.map_err(SkopeoError::Prepare)?;
                Ok(Call::Local(local, directory))
            }
            Self::Container(container) => match container.prepare(files).await {
                Ok(call) => Ok(Call::Container(container, Box::new(call))),
                Err(_) if !container.is_running().await => Err(gone(container)),
                Err(error) => Err(SkopeoError::Prepare(std::io::Error::other(error))),
            },
        }
    }
}

impl Call<'_> {
    /// The directory of the private files as skopeo sees it.
    pub(super) fn directory(&self) -> String {
        match self {
            Self::Local(_, directory) => directory.path().display().to_string(),
            Self::Container(_, call) => call.directory.clone(),
        }
    }

    /// Runs skopeo until it ends; whether it succeeded.
    pub(super) async fn run(
        &self,
        run: Run<'_>,
        on_output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<bool, SkopeoError> {
        let inside;
        let (name, arguments) = match self {
            Self::Local(local, _) => (&local.program, run.arguments),
            Self::Container(container, call) => {
                inside = container.command(call, run.arguments, run.output);
                (&container.program, &inside[..])
            }
        };
        let program = StreamedProgram {
            name,
            arguments,
            output: run.output,
            max_bytes: run.max_bytes,
            deadline: run.deadline,
        };
        let ended = program.run(on_output).await;
        let status = ended.map_err(|error| match error {
            ProgramError::Deadline(deadline) => SkopeoError::Deadline(deadline),
            error @ (ProgramError::Start(_) | ProgramError::TooMuch(_)) => SkopeoError::Program {
                program: name.clone(),
                problem: error.to_string(),
            },
        })?;
        if !status.success()
            && let Self::Container(container, _) = self
            && !container.is_running().await
        {
            return Err(gone(container));
        }
        Ok(status.success())
    }

    /// Removes the private files.
    pub(super) async fn end(self) {
        match self {
            Self::Local(_, directory) => drop(directory),
            Self::Container(_, call) => call.end().await,
        }
    }
}

fn gone(container: &ContainerMethod) -> SkopeoError {
    SkopeoError::MethodGone {
        method: container.description.clone(),
    }
}
