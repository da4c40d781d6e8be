//! Loads an archive of images into a daemon.
//!
//! Decides whether the daemon's answer means that it has the images. Invariant: an answer that says nothing of loaded
//! images is a failure.

use std::path::Path;

use bollard::{Docker, query_parameters::ImportImageOptionsBuilder};
use futures_util::StreamExt as _;
use tokio_util::io::ReaderStream;

use super::{
    super::LocalErrorCause,
    connection::{cause, shortened},
};

const CHUNK_BYTES: usize = 256 << 10;
/// How Docker and podman say it.
const LOADED: &str = "Loaded image";

pub(super) async fn load(daemon: &Docker, archive: &Path) -> Result<(), LocalErrorCause> {
    let file = tokio::fs::File::open(archive).await?;
    let chunks = ReaderStream::with_capacity(file, CHUNK_BYTES);
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let mut answers = std::pin::pin!(daemon.import_image_stream(options, chunks, None));
    let mut last = String::new();
    let mut is_loaded = false;
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|error| cause(&error))?;
        if let Some(text) = answer.stream.or(answer.status) {
            is_loaded |= text.contains(LOADED);
            last = text;
        }
    }
    match is_loaded {
        true => Ok(()),
        false => Err(LocalErrorCause::Refused(format!(
            "the daemon did not say that it loaded the images; it said {:?}",
            shortened(&last)
        ))),
    }
}
