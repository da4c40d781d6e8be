//! Reads an image out of a daemon, as the archive that `docker save` writes.
//!
//! Decides how images are named in requests. Invariant: the archive has no name on the disk, so it is gone when it is
//! closed.

use std::{fs::File, io::Seek as _, time::Duration};

use bollard::Docker;
use futures_util::StreamExt as _;
use tokio::{
    io::{AsyncWriteExt as _, BufWriter},
    time::timeout,
};

use super::{super::LocalErrorCause, connection::cause};
use crate::oci::{PartialReference, StoredName};

/// Between two chunks.
const CHUNK_DEADLINE: Duration = Duration::from_secs(5 * 60);
const BUFFER_BYTES: usize = 256 << 10;
/// Fewer hex digits are taken for a repository.
const MIN_ID_DIGITS: usize = 12;

/// What the daemon is asked for.
///
/// # Errors
/// If `name` is neither a reference nor an image id.
pub(super) fn request_name(name: Option<&StoredName>) -> Result<String, LocalErrorCause> {
    let name = match name {
        Some(StoredName::Name(name)) => name,
        Some(StoredName::Position(_)) | None => {
            let problem = "images of a daemon have names, not positions";
            return Err(LocalErrorCause::NotFound(problem.into()));
        }
    };
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    if id.len() >= MIN_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(name.clone());
    }
    let reference: PartialReference = name
        .parse()
        .map_err(|error| LocalErrorCause::NotFound(format!("{name:?} names no image: {error}")))?;
    Ok(match (&reference.tag, &reference.digest) {
        // Without a tag, Docker exports all tags of the repository.
        (None, None) => format!("{name}:latest"),
        _ => name.clone(),
    })
}

/// Writes the archive of the image `name` into `file`.
pub(super) async fn export(
    daemon: &Docker,
    name: &str,
    file: File,
) -> Result<File, LocalErrorCause> {
    let mut archive = std::pin::pin!(daemon.export_image(name));
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, tokio::fs::File::from_std(file));
    let mut is_first = true;
    loop {
        // The first answer has a deadline of its own: the daemon may pack the image before.
        let chunk = match is_first {
            true => Ok(archive.next().await),
            false => timeout(CHUNK_DEADLINE, archive.next()).await,
        };
        is_first = false;
        match chunk {
            Ok(Some(Ok(chunk))) => writer.write_all(&chunk).await?,
            Ok(Some(Err(error))) => return Err(cause(&error)),
            Ok(None) => break,
            Err(_) => {
                let problem = "the daemon stopped sending the image";
                return Err(LocalErrorCause::Unreachable(problem.into()));
            }
        }
    }
    writer.flush().await?;
    let mut file = writer.into_inner().into_std().await;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_means_its_latest_tag_and_ids_are_ids() {
        let requested = |name: &str| {
            let name = StoredName::Name(name.into());
            request_name(Some(&name)).map_err(|error| error.to_string())
        };
        assert_eq!(requested("team/app").unwrap(), "team/app:latest");
        for name in [
            "localhost:5000/app:1",
            "sha256:0123456789ab",
            "0123456789abcdef",
        ] {
            assert_eq!(requested(name).unwrap(), name);
        }
        for name in ["../../containers/json", "app?all=1", "app%2f..", ""] {
            requested(name).unwrap_err();
        }
        request_name(None).unwrap_err();
        request_name(Some(&StoredName::Position(0))).unwrap_err();
    }
}
