//! Reads one blob from the source and hashes it.
//!
//! Decides how to resume a download that breaks off. Knows nothing of the destination and keeps nothing on disk.
//! Invariant: the last byte of the blob is returned only if all bytes have the blob's digest; see `session_hash`.

use bytes::Bytes;
use tokio::time::sleep;

use super::{BlobStream, Error, PutBlobError, Source, blame, session_hash::SessionHash};
use crate::{batch::Side, oci::Digest, registry::FailureClass};

/// Downloads that break off in a row without progress before the attempt fails.
const MAX_RESUMES_WITHOUT_PROGRESS: u32 = 3;

pub struct SourceReader<'a> {
    source: &'a dyn Source,
    digest: &'a Digest,
    size: u64,
    /// Of the bytes read for the current upload session. Its position is that of the next byte to return.
    hash: SessionHash,
    download: Option<BlobStream>,
    /// Received, but not returned.
    buffered: Bytes,
    /// Failures in a row without progress, and the position of the last one.
    failures: u32,
    failed_at: u64,
}

impl<'a> SourceReader<'a> {
    pub(crate) fn new(source: &'a dyn Source, digest: &'a Digest, size: u64) -> Self {
        Self {
            source,
            digest,
            size,
            hash: SessionHash::new(digest),
            download: None,
            buffered: Bytes::new(),
            failures: 0,
            failed_at: 0,
        }
    }

    /// Position of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.hash.position()
    }

    /// Starts the download if necessary, and waits for its next bytes.
    pub(crate) async fn open(&mut self) -> Result<(), PutBlobError> {
        if self.buffered.is_empty() && self.position() < self.size {
            self.buffered = self.receive().await?;
        }
        Ok(())
    }

    /// Returns at least one byte and at most `max`, unless the blob is at its end.
    pub(crate) async fn read(&mut self, max: u64) -> Result<Bytes, PutBlobError> {
        self.open().await?;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let chunk = self.buffered.split_to(self.buffered.len().min(max));
        if self.hash.update(&chunk).is_err() {
            return Err(self.changed());
        }
        if self.position() == self.size {
            self.verify()?;
        }
        let limiter = self.source.limiter();
        limiter.throttle_bytes(chunk.len() as u64).await;
        Ok(chunk)
    }

    /// Reads and hashes the bytes before `position`, for a destination that has them already.
    pub(crate) async fn skip_to(&mut self, position: u64) -> Result<(), PutBlobError> {
        while self.position() < position {
            self.read(position - self.position()).await?;
        }
        Ok(())
    }

    /// Reads the rest, and verifies the digest.
    pub(crate) async fn finish(&mut self) -> Result<(), PutBlobError> {
        self.skip_to(self.size).await?;
        self.verify()
    }

    /// Drops the connection. A later read opens another one.
    pub(crate) fn close(&mut self) {
        self.download = None;
        self.buffered = Bytes::new();
        self.failures = 0;
        self.failed_at = self.position();
    }

    /// Starts over, for a new upload session.
    pub(crate) fn restart(&mut self) {
        self.resume(SessionHash::new(self.digest));
    }

    /// Continues where `hash` ends.
    pub(super) fn resume(&mut self, hash: SessionHash) {
        self.hash = hash;
        self.close();
    }

    /// Goes back to `offset`, or a little before. Returns whether that is possible: more bytes than were ever read
    /// cannot be a part of this blob.
    pub(crate) fn go_back(&mut self, offset: u64) -> bool {
        let before = self.position();
        let is_possible = self.hash.go_back(offset);
        if self.position() != before {
            self.close();
        }
        is_possible
    }

    /// The highest position read for this session.
    pub(crate) fn max_position(&self) -> u64 {
        self.hash.max_position()
    }

    /// For a later attempt that continues this session.
    pub(super) fn into_hash(self) -> SessionHash {
        self.hash
    }

    /// The next bytes. A download that breaks off is resumed; only failures in a row without progress count.
    async fn receive(&mut self) -> Result<Bytes, PutBlobError> {
        loop {
            let position = self.position();
            let size = self.size;
            let error = match self.try_receive(position).await {
                Ok(Some(chunk)) if position + chunk.len() as u64 > size => {
                    let problem = format!("more than the {size} bytes its descriptor says");
                    return Err(self.corrupt(problem));
                }
                Ok(Some(chunk)) => return Ok(chunk),
                Ok(None) => self.corrupt(format!("they end after {position} of {size}")),
                Err(error) => error,
            };
            self.download = None;
            let timeouts = self.source.timeouts();
            let progress = match &error.error {
                Error::Registry(error) => timeouts.progress_after(&error.cause),
                _ => 1,
            };
            if position >= self.failed_at.saturating_add(progress) {
                self.failures = 0;
            }
            self.failed_at = position;
            self.failures += 1;
            let may_pass = match error.error.class() {
                FailureClass::Transient { .. } | FailureClass::Corrupt => true,
                FailureClass::Auth
                | FailureClass::NotFound
                | FailureClass::Rejected
                | FailureClass::Internal => false,
            };
            if self.failures >= MAX_RESUMES_WITHOUT_PROGRESS || !may_pass {
                return Err(error);
            }
            sleep(timeouts.resume_delay * (self.failures - 1)).await;
        }
    }

    async fn try_receive(&mut self, position: u64) -> Result<Option<Bytes>, PutBlobError> {
        let download = match self.download.take() {
            Some(download) => download,
            None => {
                let opened = self.source.read_blob(self.digest, position);
                opened.await.map_err(blame(Side::Source))?
            }
        };
        let received = self.download.insert(download).next().await;
        received.map_err(blame(Side::Source))
    }

    fn verify(&self) -> Result<(), PutBlobError> {
        match self.hash.digest() {
            Some(got) if got == *self.digest => Ok(()),
            Some(got) => Err(self.corrupt(format!("they are {got}"))),
            None => Err(self.changed()),
        }
    }

    fn changed(&self) -> PutBlobError {
        self.corrupt("they are not the same each time they are read".into())
    }

    fn corrupt(&self, problem: String) -> PutBlobError {
        blame(Side::Source)(Error::Corrupt {
            digest: self.digest.clone(),
            problem,
        })
    }
}

#[cfg(test)]
impl SourceReader<'_> {
    /// A reader that has received `content` already.
    pub(super) fn buffer(&mut self, content: Bytes) {
        self.buffered = content;
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use reqwest::Method;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        oci::{Descriptor, Repository},
        registry::{Client, Settings, Timeouts},
        serve::{Action, ActiveFault, Fault, Options, Server},
        transport::RegistryImage,
    };

    const SIZE: usize = 3 << 20;

    /// A registry with one blob.
    struct Source {
        server: Server,
        image: RegistryImage,
        content: Vec<u8>,
        blob: Descriptor,
        _directory: TempDir,
    }

    impl Source {
        async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let any_port = (Ipv4Addr::LOCALHOST, 0).into();
            let server = Server::bind(any_port, Options::new(directory.path())).await;
            let server = server.unwrap();
            let repository: Repository = "team/app".parse().unwrap();
            let content: Vec<u8> = (0..SIZE).map(|byte| (byte % 251) as u8).collect();
            let blob = server
                .store()
                .put_blob(&repository, "application/octet-stream", &*content);
            let settings = Settings {
                timeouts: Timeouts {
                    resume_delay: Duration::ZERO,
                    ..Timeouts::default()
                },
                ..Settings::default()
            };
            let registry = server.address().to_string().parse().unwrap();
            Self {
                image: RegistryImage::of(Client::new(registry, settings).unwrap(), &repository),
                blob: blob.unwrap(),
                server,
                content,
                _directory: directory,
            }
        }

        fn reader(&self) -> SourceReader<'_> {
            SourceReader::new(&self.image, &self.blob.digest, self.blob.size)
        }

        /// Cuts the next `times` downloads `after` as many bytes.
        fn cut(&self, times: u64, after: u64) -> ActiveFault {
            let cut = Action::CutResponse { after };
            let fault = Fault::on(Method::GET, "/blobs/", cut).unwrap();
            self.server.faults().add(fault.times(times))
        }
    }

    /// Reads to the end, in pieces that do not fit those received.
    async fn read_all(reader: &mut SourceReader<'_>) -> Result<Vec<u8>, PutBlobError> {
        let mut content = Vec::new();
        while reader.position() < reader.size {
            content.extend_from_slice(&reader.read(10_007).await?);
        }
        Ok(content)
    }

    #[tokio::test]
    async fn a_download_that_breaks_off_is_resumed_where_it_ended() {
        let source = Source::new().await;
        let cuts = source.cut(5, 500_000);
        let content = read_all(&mut source.reader()).await.unwrap();
        assert!(content == source.content);
        assert_eq!(cuts.hits(), 5);
    }

    #[tokio::test]
    async fn a_source_that_breaks_off_three_times_without_a_byte_has_failed() {
        let source = Source::new().await;
        let cuts = source.cut(9, 0);
        let error = source.reader().open().await.unwrap_err();
        assert_eq!(error.side, Side::Source);
        assert!(matches!(
            error.error.class(),
            FailureClass::Transient { .. }
        ));
        assert_eq!(cuts.hits(), 3);
    }

    #[tokio::test]
    async fn a_reader_that_goes_back_returns_the_same_bytes_again() {
        let source = Source::new().await;
        let mut reader = source.reader();
        reader.skip_to(2_000_000).await.unwrap();
        assert!(reader.go_back(1_500_000));
        assert!(reader.position() <= 1_500_000);
        assert_eq!(reader.max_position(), 2_000_000);
        reader.skip_to(1_500_000).await.unwrap();
        let rest = read_all(&mut reader).await.unwrap();
        assert!(rest == source.content[1_500_000..]);
    }

    #[tokio::test]
    async fn a_later_attempt_continues_the_hash_and_reads_only_the_rest() {
        let source = Source::new().await;
        let mut first = source.reader();
        first.skip_to(2_500_000).await.unwrap();
        let hash = first.into_hash();
        let mut second = source.reader();
        second.resume(hash);
        let rest = read_all(&mut second).await.unwrap();
        assert!(rest == source.content[2_500_000..]);
    }

    #[tokio::test]
    async fn the_last_byte_of_other_content_is_never_returned() {
        let source = Source::new().await;
        let other = Digest::of(b"other content");
        let mut reader = SourceReader::new(&source.image, &other, source.blob.size);
        reader.buffer(source.content.clone().into());
        reader.skip_to(source.blob.size - 1).await.unwrap();
        let error = reader.read(1).await.unwrap_err();
        assert!(matches!(error.error, Error::Corrupt { .. }), "{error}");
    }
}
