//! One blob from source to destination, resumed after failures on either side.
//!
//! Decides whom to blame when a request fails, and how to continue: from which byte, in which upload mode, in the same
//! session or a new one, or not at all. Invariant: what is committed was hashed in the session it is committed in.

use std::sync::Arc;

use futures_util::future;
use tokio::time::sleep;

use super::{
    open_sessions::{AbandonedSessions, OpenSession},
    resume_budget::ResumeBudget,
    suspended_uploads::{SuspendedUpload, SuspendedUploads},
    upload::Upload,
    upload_sender::{SendFailure, UploadSender},
};
use crate::{
    batch::{PlannedBlob, Side},
    oci::Repository,
    registry::{self, BlobPresence, Client, ErrorCause, FailureClass, UploadMode},
    transport::{BlobReport, Error, PutBlobError, Source, SourceReader},
};

pub(super) struct Transfer<'a> {
    pub blob: &'a PlannedBlob,
    pub source: &'a dyn Source,
    pub destination: &'a Client,
    pub destination_repository: &'a Repository,
    pub suspended: &'a SuspendedUploads,
    pub abandoned: &'a Arc<AbandonedSessions>,
    pub report: &'a (dyn Fn(BlobReport) + Send + Sync),
}

/// What the destination has of an upload.
enum ResumePoint {
    /// The bytes before the upload's `offset`.
    Offset,
    /// The whole blob: the answer to a commit was lost.
    Committed,
    /// Nothing that can be continued.
    Nothing,
}

impl Transfer<'_> {
    /// Uploads the blob. Continues the upload that an earlier attempt suspended, else uses `session` if one is open
    /// already. An upload that fails for now at the destination is suspended for the next attempt.
    pub(super) async fn run(self, session: Option<OpenSession>) -> Result<(), PutBlobError> {
        let (digest, size) = (&self.blob.digest, self.blob.size);
        let reader = SourceReader::new(self.source, digest, size);
        let mut sender = UploadSender::new(reader, self.destination, digest, size);
        let mut budget = ResumeBudget::default();
        let suspended = (self.suspended).take(self.destination_repository, digest);
        let mut upload = match suspended {
            None => {
                // A source that fails at once costs no upload, and one that is slow to start does not keep an open
                // request waiting (quirk 40, see registry/quirks.md).
                let (opened, upload) =
                    future::join(sender.reader.open(), self.begin(session)).await;
                let upload = upload?;
                if let Err(error) = opened {
                    return Err(self.abandon(upload, error).await);
                }
                upload
            }
            Some(SuspendedUpload { mut upload, hash }) => {
                if let Some(mut session) = session {
                    self.cancel(&mut session).await;
                }
                sender.reader.resume(hash);
                let found = self.resume(&mut sender, &mut upload, None, &mut budget);
                let restarted = match found.await {
                    Ok(ResumePoint::Committed) => return Ok(()),
                    Ok(ResumePoint::Offset) => Ok(()),
                    Ok(ResumePoint::Nothing) => self.restart(&mut sender, &mut upload).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = restarted {
                    return Err(self.suspend(upload, sender.reader, error));
                }
                if let Err(error) = sender.reader.open().await {
                    return Err(self.abandon(upload, error).await);
                }
                upload
            }
        };
        match self.send(&mut sender, &mut upload, &mut budget).await {
            Ok(()) => Ok(()),
            Err(error) if error.side == Side::Destination => {
                Err(self.suspend(upload, sender.reader, error))
            }
            Err(error) => Err(self.abandon(upload, error).await),
        }
    }

    /// Sends the upload and commits it, however many requests and sessions that takes.
    async fn send(
        &self,
        sender: &mut UploadSender<'_>,
        upload: &mut Upload,
        budget: &mut ResumeBudget,
    ) -> Result<(), PutBlobError> {
        let timeouts = self.destination.timeouts();
        let mut sent_whole = false;
        loop {
            sender.counter().set(upload.offset);
            (self.report)(BlobReport::Started {
                offset: upload.offset,
                counter: Arc::clone(sender.counter()),
            });
            let before = upload.offset;
            let error = match sender.send(upload).await {
                Ok(()) => {
                    upload.session.end();
                    return Ok(());
                }
                Err(SendFailure::Source(error)) => return Err(error),
                Err(SendFailure::Destination(error)) => error,
            };
            if upload.offset > before {
                budget.add_progress();
            }
            budget.add_failure();
            // The mode is not to blame if it turns out that the registry lost earlier chunks.
            let may_be_loss = upload.is_chunked() && may_mean_loss(&error);
            let is_new_mode = !may_be_loss && self.change_mode(upload, &error, budget);
            match error.class() {
                _ if budget.is_spent() => return Err(error.into()),
                // The bytes in the session may be mixed up with others: start over once.
                _ if error.disputes_digest() && !sent_whole => {
                    sent_whole = true;
                    self.restart(sender, upload).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                _ if error.disputes_digest() => return Err(error.into()),
                _ if is_new_mode || may_be_loss => {}
                // Some registries join chunks wrongly (quirks 4 and 14, see registry/quirks.md): send the blob once
                // in one request. A registry that refuses that refuses the content.
                _ if upload.is_split && !sent_whole && is_refused_for_good(&error) => {
                    sent_whole = true;
                    self.restart(sender, upload).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                FailureClass::Transient { .. } => {}
                _ => return Err(error.into()),
            }
            sleep(budget.delay(timeouts.resume_delay)).await;
            let progress = timeouts.progress_after(&error.cause);
            let enough = upload.offset.saturating_add(progress);
            match self.resume(sender, upload, Some(&error), budget).await? {
                ResumePoint::Offset if upload.offset >= enough => budget.add_progress(),
                ResumePoint::Offset if may_be_loss => {
                    self.change_mode(upload, &error, budget);
                }
                ResumePoint::Offset => {}
                ResumePoint::Committed => return Ok(()),
                ResumePoint::Nothing => {
                    if !budget.add_restart() {
                        return Err(error.into());
                    }
                    self.restart(sender, upload).await?;
                }
            }
        }
    }

    async fn begin(&self, session: Option<OpenSession>) -> Result<Upload, PutBlobError> {
        let session = match session {
            Some(session) => session,
            None => {
                let begun = self.destination.begin_upload(self.destination_repository);
                let session = begun.await?;
                OpenSession::new(session, self.abandoned)
            }
        };
        let mode = self.destination.upload_mode().fit(self.blob.size);
        Ok(Upload::new(session, mode))
    }

    /// Starts over in a new session.
    async fn restart(
        &self,
        sender: &mut UploadSender<'_>,
        upload: &mut Upload,
    ) -> Result<(), PutBlobError> {
        *upload = self.begin(None).await?;
        sender.reader.restart();
        Ok(())
    }

    /// Keeps the upload for the next attempt, if there may be one.
    fn suspend(
        &self,
        upload: Upload,
        reader: SourceReader<'_>,
        error: PutBlobError,
    ) -> PutBlobError {
        let is_spoiled = matches!(&error.error, Error::Registry(error) if error.disputes_digest());
        if let (FailureClass::Transient { .. }, false) = (error.error.class(), is_spoiled) {
            let hash = reader.into_hash();
            let upload = SuspendedUpload { upload, hash };
            (self.suspended).insert(self.destination_repository, &self.blob.digest, upload);
        }
        error
    }

    /// Cancels an upload that nobody will complete.
    async fn abandon(&self, mut upload: Upload, error: PutBlobError) -> PutBlobError {
        self.cancel(&mut upload.session).await;
        error
    }

    async fn cancel(&self, session: &mut OpenSession) {
        // The registry removes the session by itself some day if this fails.
        let _ = self.destination.cancel_upload(session).await;
        session.end();
    }

    /// Changes the upload mode if `error` shows that the destination does not take this one. Other uploads to the
    /// registry use the new mode as well.
    fn change_mode(
        &self,
        upload: &mut Upload,
        error: &registry::Error,
        budget: &mut ResumeBudget,
    ) -> bool {
        let length = upload.max_request_bytes(self.blob.size - upload.offset);
        let next = upload.mode.after(error, length, budget.failures());
        let Some(next) = next.filter(|_| budget.may_change_mode()) else {
            return false;
        };
        let mode = self.destination.learn_upload_mode(upload.mode, next);
        if mode == next {
            (self.report)(BlobReport::Noted(format!(
                "{} refused a layer; layers are sent {mode} from now on",
                self.destination.registry()
            )));
        }
        budget.add_mode();
        upload.mode = mode;
        upload.is_split = true;
        true
    }

    /// Asks the destination what it has of the upload after `error`, and goes back there. The question is repeated as
    /// often as the budget allows failures.
    async fn resume(
        &self,
        sender: &mut UploadSender<'_>,
        upload: &mut Upload,
        error: Option<&registry::Error>,
        budget: &mut ResumeBudget,
    ) -> Result<ResumePoint, PutBlobError> {
        let status = loop {
            match self.destination.ask_upload(&upload.session).await {
                Ok(status) => break status,
                Err(error) => {
                    let may_pass = error.class()
                        == FailureClass::Transient {
                            retry_after_ms: None,
                        };
                    budget.add_failure();
                    if !may_pass || budget.is_spent() {
                        return Err(error.into());
                    }
                }
            }
            sleep(budget.delay(self.destination.timeouts().resume_delay)).await;
        };
        match status {
            Some((received, session)) => {
                upload.session.follow(session);
                // The registry has less than it confirmed, and refuses what follows that. The answer to a chunk may
                // arrive before its end and break the connection, so only a second break counts.
                let refuses_rest = |error: &registry::Error| {
                    error.status() == Some(416) || (may_mean_loss(error) && budget.failures() > 1)
                };
                let is_lost = upload.is_chunked()
                    && received < upload.offset
                    && error.is_some_and(refuses_rest);
                // Otherwise never back behind what it confirmed: some registries answer with an old Range (quirk 4).
                let offset = received.max(upload.offset);
                // More bytes than were ever sent cannot be this blob.
                let is_ours = received <= sender.reader.max_position();
                if !is_lost && is_ours && sender.reader.go_back(offset) {
                    upload.offset = offset;
                    upload.is_split = true;
                    return Ok(ResumePoint::Offset);
                }
            }
            None => upload.session.end(),
        }
        if !sender.is_complete() {
            return Ok(ResumePoint::Nothing);
        }
        let (digest, size) = (&self.blob.digest, self.blob.size);
        let presence = self
            .destination
            .blob_presence(self.destination_repository, digest, size);
        match presence.await {
            Ok(BlobPresence::Present) => Ok(ResumePoint::Committed),
            Ok(BlobPresence::Absent | BlobPresence::OtherLength(_)) | Err(_) => {
                Ok(ResumePoint::Nothing)
            }
        }
    }
}

/// Whether the registry may have refused a chunk because it does not follow the bytes it has.
fn may_mean_loss(error: &registry::Error) -> bool {
    error.status() == Some(416) || matches!(*error.cause, ErrorCause::Network(_))
}

/// Whether the registry refuses the content, whose digest is right.
fn is_refused_for_good(error: &registry::Error) -> bool {
    matches!(
        error.class(),
        FailureClass::Rejected | FailureClass::Corrupt
    )
}
