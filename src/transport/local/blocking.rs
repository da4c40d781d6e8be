//! Work that blocks on the disk, done beside the async threads.
//!
//! Invariant: work that began is finished, even if nobody waits for it any more.

use std::io;

use super::{LocalError, LocalErrorCause};

/// Runs `work` on a thread that may block.
pub(super) async fn run_blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<LocalError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            let cause = LocalErrorCause::from(io::Error::other(error));
            Err(cause.at("do", "the work on the disk").into())
        }
    }
}
