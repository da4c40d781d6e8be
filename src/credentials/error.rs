//! Why credentials cannot be had or kept.
//!
//! Invariant: no content of a credentials file and no answer of a helper is in an error, only where it
//! is and what kind of thing is wrong with it.

use std::{io, path::PathBuf, time::Duration};

use crate::registry::ProviderError;

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: not JSON, line {line}, column {column}", .path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    #[error("{}: {problem}", .path.display())]
    Content {
        path: PathBuf,
        problem: &'static str,
    },
    #[error("the environment variable {0} is not set")]
    Variable(String),
    #[error("{} is empty", .0.display())]
    EmptyFile(PathBuf),
    #[error("{program} cannot be started: {error}")]
    Start { program: String, error: io::Error },
    #[error("{program} did not answer within {} s", .waited.as_secs())]
    Slow { program: String, waited: Duration },
    #[error("{program} failed: {said}")]
    Failed { program: String, said: String },
    #[error("{program} answered with {problem}")]
    Answer {
        program: String,
        problem: &'static str,
    },
    #[error("{0:?} is not the name of a credential helper")]
    HelperName(String),
    #[error("no place to keep credentials: neither HOME nor DOCKER_CONFIG is set")]
    NoPlace,
    #[error("the password cannot be read: {0}")]
    Prompt(io::Error),
    #[error("the password is empty")]
    NoPassword,
}

impl From<CredentialsError> for ProviderError {
    fn from(error: CredentialsError) -> Self {
        let text = error.to_string();
        match error {
            CredentialsError::Slow { .. } => Self::Unavailable(text),
            CredentialsError::File { .. }
            | CredentialsError::Syntax { .. }
            | CredentialsError::Content { .. }
            | CredentialsError::Variable(_)
            | CredentialsError::EmptyFile(_)
            | CredentialsError::Start { .. }
            | CredentialsError::Failed { .. }
            | CredentialsError::Answer { .. }
            | CredentialsError::HelperName(_)
            | CredentialsError::NoPlace
            | CredentialsError::Prompt(_)
            | CredentialsError::NoPassword => Self::Unusable(text),
        }
    }
}
