//! The connection to a daemon, and what its errors mean.
//!
//! Decides deadlines and classes of errors. Invariant: what the daemon says is shown as it says it, but not all of it if
//! it is long.

use std::{error::Error as _, time::Duration};

use bollard::{API_DEFAULT_VERSION, Docker, errors::Error as DaemonError};

use super::super::LocalErrorCause;

/// For the beginning of an answer. A daemon may pack or unpack a whole image before.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60 * 60);
/// For the answer to a question that costs nothing, in seconds.
const GREETING_DEADLINE: u64 = 30;
/// Characters of a daemon's message that are shown.
const MAX_MESSAGE: usize = 400;

/// Connects to the daemon at `url`.
///
/// # Errors
/// If none answers there.
pub(super) async fn connect(url: &str) -> Result<Docker, LocalErrorCause> {
    let opened = match url.starts_with("tcp://") {
        true => Docker::connect_with_http(url, GREETING_DEADLINE, API_DEFAULT_VERSION),
        false => open_socket(url),
    };
    let greeted = match opened {
        Ok(daemon) => daemon.negotiate_version().await,
        Err(error) => Err(error),
    };
    match greeted {
        Ok(daemon) => Ok(daemon.with_timeout(ANSWER_DEADLINE)),
        Err(error) => Err(unreachable(&error)),
    }
}

#[cfg(unix)]
fn open_socket(url: &str) -> Result<Docker, DaemonError> {
    Docker::connect_with_unix(url, GREETING_DEADLINE, API_DEFAULT_VERSION)
}

#[cfg(not(unix))]
fn open_socket(url: &str) -> Result<Docker, DaemonError> {
    Err(DaemonError::UnsupportedURISchemeError { uri: url.into() })
}

/// What an error of a request means.
pub(super) fn cause(error: &DaemonError) -> LocalErrorCause {
    match error {
        DaemonError::DockerResponseServerError {
            status_code,
            message,
        } => {
            let message = shortened(message);
            match status_code {
                404 => LocalErrorCause::NotFound(message),
                500.. => LocalErrorCause::Unreachable(format!("the daemon failed: {message}")),
                _ => LocalErrorCause::Refused(format!("the daemon refused: {message}")),
            }
        }
        DaemonError::DockerStreamError { error } => {
            LocalErrorCause::Refused(format!("the daemon refused: {}", shortened(error)))
        }
        other => unreachable(other),
    }
}

/// The daemon did not answer, or not as a daemon does.
fn unreachable(error: &DaemonError) -> LocalErrorCause {
    // The outermost text alone is often "client error (Connect)".
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        inner = error.source();
    }
    LocalErrorCause::Unreachable(format!("the daemon does not answer: {}", shortened(&text)))
}

pub(super) fn shortened(message: &str) -> String {
    let message = message.trim();
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::FailureClass;

    fn class(error: &DaemonError) -> FailureClass {
        cause(error).at("read", "docker-daemon:").class()
    }

    #[test]
    fn an_answer_is_shown_as_the_daemon_says_it() {
        let answer = |status_code, message: &str| DaemonError::DockerResponseServerError {
            status_code,
            message: message.into(),
        };
        let missing = answer(404, "no such image: app:1\n");
        assert_eq!(cause(&missing).to_string(), "no such image: app:1");
        assert_eq!(class(&missing), FailureClass::NotFound);
        assert_eq!(class(&answer(409, "conflict")), FailureClass::Rejected);
        let failed = class(&answer(500, "storage is busy"));
        assert!(matches!(failed, FailureClass::Transient { .. }));
        let long = cause(&answer(400, &"ä".repeat(10_000))).to_string();
        assert!(long.len() < 1000 && long.ends_with("..."), "{long}");
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_may_be_there_later() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix://{}", directory.path().join("none.sock").display());
        let error = connect(&url).await.unwrap_err();
        assert!(matches!(error, LocalErrorCause::Unreachable(_)), "{error}");
        assert!(error.to_string().contains("none.sock"), "{error}");
    }
}
