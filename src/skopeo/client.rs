//! Copies, inspects and deletes images with skopeo.
//!
//! Decides which method serves a request and what its answer is. Invariant: when a future is dropped, skopeo and its
//! child processes end, also inside the container, and no secret is left.

use std::time::Duration;

use serde_json::Value;

use super::{
    archive::UnfinishedArchive,
    arguments::{self, Role},
    copy_output::CopyOutput,
    error::{NoMethod, SkopeoError, Unusable},
    failure::{Sides, classify},
    method::{Method, Run},
    output::OutputEvent,
    private_files,
    probe::{Probed, probe},
    request::{Copied, CopyRequest, ImageRequest},
    search_path::SearchPath,
    settings::{MethodKind, Settings},
    store_locks::StoreLocks,
};
use crate::{
    batch::{FailureClass, Side},
    oci::{Digest, Location},
    program::{OutputKind, Stream},
};

/// Wide enough for the bytes of every blob.
const TERMINAL: OutputKind = OutputKind::Terminal {
    columns: 200,
    rows: 50,
};
/// Progress of a copy that takes hours is redrawn several times a second.
const MAX_COPY_OUTPUT_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Manifests have a few MiB at most; the list of a repository's tags may have more.
const MAX_ANSWER_BYTES: u64 = 32 * 1024 * 1024;
/// How much of the end of an answer's standard error is kept.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Deadline of a question about one image.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// A skopeo that works, in the service container or on this machine.
pub struct Skopeo {
    settings: Settings,
    /// Those that work, in order of preference; at least one.
    methods: Vec<Method>,
    unusable: Vec<Unusable>,
    stores: StoreLocks,
}

/// Whether one method works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodCheck {
    /// As in "skopeo 1.9.3 in container skopeo-service (podman)".
    Works {
        kind: MethodKind,
        description: String,
    },
    Fails(Unusable),
}

impl Skopeo {
    /// Finds the methods that work.
    ///
    /// # Errors
    ///
    /// If none works, or the extra arguments would carry secrets: why, for each method, with the command that mends it.
    pub async fn open(settings: Settings) -> Result<Self, NoMethod> {
        Self::search(settings, &SearchPath::of_environment()).await
    }

    async fn search(settings: Settings, search: &SearchPath) -> Result<Self, NoMethod> {
        if let Some(secret) = settings.secret_args().next() {
            let option = secret.split('=').next().unwrap_or_default();
            let refused = settings.methods.iter().map(|&kind| Unusable {
                kind,
                reason: format!(
                    "the extra argument {option} would show a secret to every user of this machine; credentials \
                     belong to the registries"
                ),
                remedy: None,
            });
            let methods = refused.collect();
            return Err(NoMethod { methods });
        }
        let Probed { usable, unusable } = probe(&settings, search).await;
        match usable.is_empty() {
            true => Err(NoMethod { methods: unusable }),
            false => Ok(Self {
                settings,
                methods: usable,
                unusable,
                stores: StoreLocks::default(),
            }),
        }
    }

    /// Tries every method of the settings, in order of preference.
    pub async fn check(settings: &Settings) -> Vec<MethodCheck> {
        let Probed { usable, unusable } = probe(settings, &SearchPath::of_environment()).await;
        let works = usable.iter().map(|method| MethodCheck::Works {
            kind: method.kind(),
            description: method.description().to_owned(),
        });
        let fails = unusable.into_iter().map(MethodCheck::Fails);
        let mut checks: Vec<MethodCheck> = works.chain(fails).collect();
        let rank = |check: &MethodCheck| {
            let methods = &settings.methods;
            methods.iter().position(|kind| *kind == check.kind())
        };
        checks.sort_by_key(rank);
        checks
    }

    /// The preferred method, as in "skopeo 1.9.3 in container skopeo-service (podman)".
    #[must_use]
    pub fn description(&self) -> &str {
        self.methods.first().map_or("skopeo", Method::description)
    }

    /// The method that copies this image: the first one that reaches both sides.
    ///
    /// # Errors
    ///
    /// If no method does.
    pub fn description_for(&self, request: &CopyRequest) -> Result<&str, NoMethod> {
        self.method_of_copy(request).map(Method::description)
    }

    /// Copies one image. Copies into one local store run one after another.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn copy(
        &self,
        request: &CopyRequest,
        on_event: &mut (dyn FnMut(OutputEvent) + Send),
    ) -> Result<Copied, SkopeoError> {
        let method = self.method_of_copy(request)?;
        let _only_writer = self.stores.lock(&request.destination).await;
        let (archive, written) = match UnfinishedArchive::of(&request.destination) {
            Some((archive, written)) => (Some(archive), written),
            None => (None, request.destination.clone()),
        };
        let source = method.reach(&request.source, Role::Source).await?;
        let destination = method.reach(&written, Role::Destination).await?;
        let sides = [
            ("source", &request.source),
            ("destination", &request.destination),
        ];
        let files = private_files::of_call(&request.access, &sides);
        let call = method.prepare(files).await?;
        let arguments = arguments::copy(
            request,
            &source.location,
            &destination.location,
            &call.directory(),
            &self.settings.extra_args,
        );
        let arguments = arguments.map_err(|unsupported| SkopeoError::Unsupported(unsupported.0))?;
        let run = Run {
            arguments: &arguments,
            output: match request.terminal {
                true => TERMINAL,
                false => OutputKind::Pipe,
            },
            max_bytes: MAX_COPY_OUTPUT_BYTES,
            deadline: request.timeout.unwrap_or(self.settings.timeout),
        };
        let mut output = CopyOutput::new(on_event);
        let ended = call
            .run(run, &mut |stream, bytes| output.push(stream, bytes))
            .await;
        call.end().await;
        let summary = output.finish();
        if !ended? {
            let sides = Sides {
                source: &request.source,
                destination: Some(&request.destination),
            };
            return Err(SkopeoError::Failed(classify(&summary.text, &sides)));
        }
        if let Some(archive) = archive {
            archive.finish().map_err(SkopeoError::Prepare)?;
        }
        Ok(Copied {
            digest: summary.digest,
        })
    }

    /// The manifest as it is stored; `None` if the image does not exist.
    ///
    /// # Errors
    ///
    /// If skopeo fails for another reason, takes too long or cannot be run.
    pub async fn raw_manifest(
        &self,
        request: &ImageRequest,
    ) -> Result<Option<Vec<u8>>, SkopeoError> {
        match self.answer(&["inspect", "--raw"], request).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(SkopeoError::Failed(failure)) if failure.class == FailureClass::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What `skopeo inspect` prints.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn inspect(&self, request: &ImageRequest) -> Result<Value, SkopeoError> {
        let answer = self.answer(&["inspect"], request).await?;
        serde_json::from_slice(&answer).map_err(|_| SkopeoError::Answer { expected: "JSON" })
    }

    /// Deletes an image from its registry.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn delete(&self, request: &ImageRequest) -> Result<(), SkopeoError> {
        self.answer(&["delete"], request).await.map(drop)
    }

    /// The digest of the image's manifest.
    ///
    /// # Errors
    ///
    /// If the image does not exist, or skopeo fails, takes too long or cannot be run.
    pub async fn manifest_digest(&self, request: &ImageRequest) -> Result<Digest, SkopeoError> {
        let manifest = self.answer(&["inspect", "--raw"], request).await?;
        Ok(Digest::of(&manifest))
    }

    /// What a command about one image prints.
    async fn answer(
        &self,
        command: &[&str],
        request: &ImageRequest,
    ) -> Result<Vec<u8>, SkopeoError> {
        let method = self.method_for(&[(Role::Source, &request.image)])?;
        let image = method.reach(&request.image, Role::Source).await?;
        let files = private_files::of_call(&request.access, &[("source", &request.image)]);
        let call = method.prepare(files).await?;
        let arguments = arguments::about_image(
            command,
            request,
            &image.location,
            &call.directory(),
            &self.settings.extra_args,
        );
        let run = Run {
            arguments: &arguments,
            output: OutputKind::Pipe,
            max_bytes: MAX_ANSWER_BYTES,
            deadline: request.timeout.unwrap_or(ANSWER_DEADLINE),
        };
        let (mut answer, mut errors) = (Vec::new(), Vec::new());
        let mut on_output = |stream, bytes: &[u8]| match stream {
            Stream::Stdout => answer.extend_from_slice(bytes),
            Stream::Stderr => {
                errors.extend_from_slice(bytes);
                let surplus = errors.len().saturating_sub(MAX_ERROR_BYTES);
                errors.drain(..surplus);
            }
        };
        let ended = call.run(run, &mut on_output).await;
        call.end().await;
        if ended? {
            return Ok(answer);
        }
        let sides = Sides {
            source: &request.image,
            destination: None,
        };
        let mut failure = classify(&String::from_utf8_lossy(&errors), &sides);
        if failure.side == Side::Source {
            failure.side = request.side;
        }
        Err(SkopeoError::Failed(failure))
    }

    fn method_of_copy(&self, request: &CopyRequest) -> Result<&Method, NoMethod> {
        self.method_for(&[
            (Role::Source, &request.source),
            (Role::Destination, &request.destination),
        ])
    }

    /// The first method that reaches these images.
    fn method_for(&self, images: &[(Role, &Location)]) -> Result<&Method, NoMethod> {
        let mut unable = Vec::new();
        for method in &self.methods {
            match method.check(images) {
                Ok(()) => return Ok(method),
                Err(reason) => unable.push(reason),
            }
        }
        unable.extend(self.unusable.iter().cloned());
        Err(NoMethod { methods: unable })
    }
}

impl MethodCheck {
    #[must_use]
    pub fn kind(&self) -> MethodKind {
        match self {
            Self::Works { kind, .. } => *kind,
            Self::Fails(unusable) => unusable.kind,
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
