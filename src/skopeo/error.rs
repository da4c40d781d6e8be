//! Why skopeo could not be run, or failed.
//!
//! Decides side and class of what is no failure of skopeo itself. Invariant: an error names the command that mends it,
//! where there is one.

use std::{fmt, io, time::Duration};

use super::settings::MethodKind;
use crate::batch::{Failure, FailureClass, Side};

/// Skopeo cannot be run by any method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoMethod {
    /// One or more of each method, in order of preference.
    pub methods: Vec<Unusable>,
}

/// Why one method cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    pub kind: MethodKind,
    /// A sentence without its full stop.
    pub reason: String,
    /// The command that mends it, if there is one.
    pub remedy: Option<String>,
}

/// Why a call of skopeo failed.
#[derive(Debug, thiserror::Error)]
pub enum SkopeoError {
    /// No method that works can do this.
    #[error(transparent)]
    NoMethod(#[from] NoMethod),
    /// Skopeo ended with an error.
    #[error("{0}")]
    Failed(Failure),
    #[error("took longer than {} s", .0.as_secs())]
    Deadline(Duration),
    /// The container was stopped or removed; another attempt may find another method.
    #[error("{method} went away")]
    MethodGone { method: String },
    /// Credentials, certificates or a file could not be handed to skopeo.
    #[error("cannot prepare files for skopeo: {0}")]
    Prepare(io::Error),
    /// Skopeo or the container runtime cannot be run, or printed too much.
    #[error("{program} {problem}")]
    Program { program: String, problem: String },
    /// Skopeo cannot do what was asked for.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Skopeo ended well but printed something else than was asked for.
    #[error("skopeo printed no {expected}")]
    Answer { expected: &'static str },
}

impl NoMethod {
    /// The same as the failure of an image.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut chain: Vec<String> = self.methods.iter().map(Unusable::to_string).collect();
        let remedies = self.methods.iter().filter_map(|one| one.remedy.as_deref());
        let remedies: Vec<&str> = remedies.collect();
        if !remedies.is_empty() {
            chain.push(format!("hint: run {}", remedies.join(" or ")));
        }
        Failure {
            side: Side::Local,
            class: FailureClass::Internal,
            summary: "has no way to run skopeo for this image".into(),
            chain,
        }
    }
}

impl SkopeoError {
    /// Side, class, sentence and hint.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let local = |class, summary: String, chain| Failure {
            side: Side::Local,
            class,
            summary,
            chain,
        };
        let transient = FailureClass::Transient {
            retry_after_ms: None,
        };
        match self {
            Self::NoMethod(none) => none.failure(),
            Self::Failed(failure) => failure.clone(),
            Self::Deadline(deadline) => local(
                transient,
                format!(
                    "skopeo took longer than {} s and was ended",
                    deadline.as_secs()
                ),
                vec!["hint: a longer timeout can be set in [skopeo]".into()],
            ),
            Self::MethodGone { method } => {
                local(transient, format!("{method} went away"), Vec::new())
            }
            Self::Prepare(error) => local(
                FailureClass::Internal,
                "could not hand files to skopeo".into(),
                vec![error.to_string()],
            ),
            Self::Program { program, problem } => local(
                FailureClass::Internal,
                format!("could not use {program}"),
                vec![problem.clone()],
            ),
            Self::Unsupported(reason) => local(
                FailureClass::Rejected,
                "asked skopeo for something that it cannot do".into(),
                vec![(*reason).into()],
            ),
            Self::Answer { expected } => local(
                FailureClass::Internal,
                format!("got no {expected} from skopeo"),
                Vec::new(),
            ),
        }
    }
}

impl fmt::Display for NoMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("skopeo cannot be run")?;
        if self.methods.is_empty() {
            return f.write_str("; no method is configured");
        }
        for method in &self.methods {
            write!(f, "; {method}")?;
            if let Some(remedy) = &method.remedy {
                write!(f, " (run {remedy})")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)
    }
}
