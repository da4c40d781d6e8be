//! Why credentials cannot be read or stored.
//!
//! Invariant: an error has the place and the kind of the problem, never the content of a credentials file or the output
//! of a helper that may be secret.

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
    #[error("{program} failed: {message}")]
    Failed { program: String, message: String },
    #[error("{program} answered with {problem}")]
    Answer {
        program: String,
        problem: &'static str,
    },
    #[error("{0:?} is not the name of a credential helper")]
    HelperName(String),
    #[error("no file to store credentials in: neither HOME nor DOCKER_CONFIG is set")]
    NoFile,
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
            | CredentialsError::NoFile
            | CredentialsError::Prompt(_)
            | CredentialsError::NoPassword => Self::Unusable(text),
        }
    }
}
