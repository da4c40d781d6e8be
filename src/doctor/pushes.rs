//! What can be written: uploads in one request and in chunks, mounts, manifests, tags; and whether it can be deleted.
//!
//! Decides the order: blobs first, since no tag names them, and a manifest only where it can be deleted again. Invariant:
//! everything is written into the throw-away repositories, and noted there before.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use super::{
    Check, Finding, access,
    finding::Findings,
    reading::{self, MAX_BYTES},
    scratch::Scratch,
    throughput,
    trouble::{Trouble, within},
};
use crate::{
    oci::{Descriptor, Digest, Manifest, MediaType, Repository, Version},
    registry::{Client, Error, Refusal, UploadStart},
};

/// Bytes of a chunk, unless the registry asks for more.
const CHUNK: u64 = 64 << 10;
/// Longer chunks are not tried.
const MAX_CHUNK: u64 = 16 << 20;
const SMALL: u64 = 1 << 10;
/// Every proxy takes bodies of this length.
const SHORT: u64 = 512 << 10;

pub(super) struct Pushes<'a> {
    pub(super) client: &'a Client,
    pub(super) scratch: &'a Scratch<'a>,
    pub(super) limit: Duration,
    pub(super) findings: &'a Findings,
}

/// Content that no registry has.
struct Content {
    bytes: Bytes,
    digest: Digest,
}

impl Content {
    fn random(length: u64) -> Self {
        use rand::RngExt as _;

        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        rand::rng().fill(&mut bytes[..]);
        Self::of(bytes)
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
        }
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn descriptor(&self, media_type: &str) -> Descriptor {
        Descriptor {
            media_type: MediaType::new(media_type),
            digest: self.digest.clone(),
            size: self.size(),
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: Default::default(),
        }
    }
}

impl Pushes<'_> {
    pub(super) async fn run(&self) {
        let small = Content::random(SMALL);
        if !self.push(&small).await {
            return;
        }
        let repository = self.repository();
        let large = Content::random(MAX_BYTES);
        self.findings.add(self.upload(&large).await);
        let layer = large.descriptor("application/octet-stream");
        let uploaded = self
            .client
            .blob_presence(repository, &large.digest, large.size());
        if within(self.limit, uploaded).await.is_ok_and(is_present) {
            let read = reading::download(self.client, repository, &layer, self.limit).await;
            self.findings.add(read);
        }
        self.findings.add(self.chunks().await);
        self.findings.add(self.mount(&small).await);
        let referrers = access::referrers(self.client, repository, &small.digest, self.limit).await;
        self.findings.add(referrers);
        let (deletes, finding) = self.deletes().await;
        self.findings.add(finding);
        if deletes {
            self.findings.add(self.tag_change(&small).await);
        }
    }

    fn repository(&self) -> &Repository {
        &self.scratch.repositories.first
    }

    fn failed(&self, check: Check, trouble: &Trouble) -> Finding {
        Finding::bad(
            check,
            format!("it {}", trouble.text()),
            trouble.advice(self.client.registry()),
        )
    }

    /// Uploads a blob in one request.
    async fn put(&self, content: &Content) -> Result<(), Trouble> {
        let (client, repository, size) = (self.client, self.repository(), content.size());
        let put = async {
            let session = client.begin_upload(repository).await?;
            self.scratch.note_blob(repository, &content.digest, size);
            let body = content.bytes.clone().into();
            client
                .send_blob(&session, &content.digest, 0, size, body)
                .await
        };
        let put = within(self.limit, put).await;
        if let Err(trouble) = &put
            && matches!(trouble.status(), Some(400..500))
        {
            self.scratch.forget_blob(repository, &content.digest);
        }
        put
    }

    /// Whether a push is allowed at all.
    async fn push(&self, small: &Content) -> bool {
        let pushed = self.put(small).await;
        let allowed = pushed.is_ok();
        self.findings.add(match pushed {
            Ok(()) => Finding::good(Check::Push, format!("allowed in {}", self.repository())),
            Err(trouble) => self.failed(Check::Push, &trouble),
        });
        allowed
    }

    async fn upload(&self, large: &Content) -> Finding {
        let began = Instant::now();
        match self.put(large).await {
            Ok(()) => throughput::finding(Check::Upload, large.size(), began.elapsed()),
            // A proxy may cut the connection instead of answering.
            Err(trouble) if trouble.status() == Some(413) || trouble.is_cut() => {
                self.shorter_upload(&trouble).await
            }
            Err(Trouble::Silent(limit)) => Finding::warning(
                Check::Upload,
                format!("8 MiB take more than {} s", limit.as_secs()),
                "look for a slow link, proxy or storage; --timeout waits longer",
            ),
            Err(trouble) => self.failed(Check::Upload, &trouble),
        }
    }

    /// Finds out whether the length was the reason.
    async fn shorter_upload(&self, trouble: &Trouble) -> Finding {
        match self.put(&Content::random(SHORT)).await {
            Ok(()) => Finding::warning(
                Check::Upload,
                format!(
                    "512 KiB are taken at once, and 8 MiB are not: it {}",
                    trouble.text()
                ),
                "raise the limit of the proxy in front of it (client_max_body_size in nginx); until then blobs are sent in \
                 chunks, which takes longer",
            ),
            Err(_) => self.failed(Check::Upload, trouble),
        }
    }

    async fn chunks(&self) -> Finding {
        let uploaded = self.upload_in_chunks();
        match within(self.limit, uploaded).await {
            Ok(Some(minimum)) => Finding::good(
                Check::Chunks,
                match minimum {
                    0 => "taken, of any length".to_owned(),
                    minimum => format!("taken, of {minimum} bytes or more"),
                },
            ),
            Ok(None) => Finding::note(
                Check::Chunks,
                "only of more than 16 MiB",
                "nothing: blobs are sent in one request where that works",
            ),
            Err(trouble) => Finding::note(
                Check::Chunks,
                format!("not taken: it {}", trouble.text()),
                "nothing: blobs are sent in one request; a proxy must not limit the length of bodies",
            ),
        }
    }

    /// Uploads a blob in two chunks; the minimum length of one, or `None` if that is too long to try.
    async fn upload_in_chunks(&self) -> Result<Option<u64>, Error> {
        let (client, repository) = (self.client, self.repository());
        let session = client.begin_upload(repository).await?;
        self.scratch.note_session(&session);
        let minimum = session.chunk_minimum();
        let length = minimum.max(CHUNK);
        if length > MAX_CHUNK {
            return Ok(None);
        }
        let content = Content::random(length + SMALL);
        let size = content.size();
        self.scratch.note_blob(repository, &content.digest, size);
        let split = usize::try_from(length).unwrap_or_default();
        let (first, second) = (content.bytes.slice(..split), content.bytes.slice(split..));
        let session = client
            .send_chunk(&session, 0..length, true, first.into())
            .await?;
        let session = client
            .send_chunk(&session, length..size, true, second.into())
            .await?;
        let digest = &content.digest;
        let nothing = Bytes::new().into();
        client
            .send_blob(&session, digest, size, size, nothing)
            .await?;
        Ok(Some(minimum))
    }

    async fn mount(&self, small: &Content) -> Finding {
        let (client, repositories) = (self.client, self.scratch.repositories);
        let (second, size) = (&repositories.second, small.size());
        self.scratch.note_blob(second, &small.digest, size);
        let mounting = client.mount_blob(second, &small.digest, size, &repositories.first);
        let advice = "nothing: content that several repositories share is uploaded for each of them; allow pulls from one \
                      project to another if the registry can mount";
        match within(self.limit, mounting).await {
            Ok(UploadStart::Mounted) => Finding::good(
                Check::Mount,
                "content is mounted from one repository into another",
            ),
            Ok(UploadStart::Session(session)) => {
                self.scratch.forget_blob(second, &small.digest);
                self.scratch.note_session(&session);
                Finding::note(Check::Mount, "content is not mounted", advice)
            }
            Err(trouble) => Finding::note(
                Check::Mount,
                format!("not possible: it {}", trouble.text()),
                advice,
            ),
        }
    }

    /// Whether manifests can be deleted. Asks for one that is not there, so that nothing has to be written to find out.
    async fn deletes(&self) -> (bool, Finding) {
        let version = Version::Digest(Content::random(SMALL).digest);
        let asked = self.client.delete_manifest(self.repository(), &version);
        let trouble = match within(self.limit, asked).await {
            Ok(()) => None,
            Err(trouble) if trouble.status() == Some(404) => None,
            Err(trouble) => Some(trouble),
        };
        let Some(trouble) = trouble else {
            return (true, Finding::good(Check::Delete, "allowed"));
        };
        let advice = match trouble.is_denied() {
            true => trouble.advice(self.client.registry()),
            false => "switch it on there (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true) if lists prune or \
                      images are deleted; copies need no deletes"
                .to_owned(),
        };
        let detail = format!("not possible: it {}", trouble.text());
        (false, Finding::note(Check::Delete, detail, advice))
    }

    /// Writes a tag twice, with different manifests.
    async fn tag_change(&self, layer: &Content) -> Finding {
        match self.write_tag_twice(layer).await {
            Ok(()) => Finding::good(Check::TagChange, "a tag can be given another image"),
            Err(trouble) => {
                let is_immutable = matches!(
                    &trouble,
                    Trouble::Failed(error) if error.refusal() == Some(Refusal::ImmutableTag)
                );
                match is_immutable {
                    true => Finding::warning(
                        Check::TagChange,
                        format!("tags are immutable: it {}", trouble.text()),
                        "images that changed at their source cannot be copied again: write on-existing = \"keep\", or \
                         allow changes of tags in this project",
                    ),
                    false => self.failed(Check::TagChange, &trouble),
                }
            }
        }
    }

    async fn write_tag_twice(&self, layer: &Content) -> Result<(), Trouble> {
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        });
        let config = Content::of(config.to_string().into_bytes());
        self.put(&config).await?;
        let tag = Version::Tag("doctor".parse().map_err(|_| Trouble::Silent(self.limit))?);
        for edition in ["1", "2"] {
            let Some(manifest) = manifest(&config, layer, edition) else {
                continue;
            };
            self.scratch.note_manifest(&manifest.digest);
            let written = self.client.put_manifest(self.repository(), &tag, &manifest);
            within(self.limit, written).await?;
        }
        Ok(())
    }
}

fn is_present(presence: crate::registry::BlobPresence) -> bool {
    presence == crate::registry::BlobPresence::Present
}

fn manifest(config: &Content, layer: &Content, edition: &str) -> Option<Manifest> {
    const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": config.descriptor(CONFIG),
        "layers": [layer.descriptor(LAYER)],
        "annotations": {"transship.doctor.edition": edition},
    });
    let raw = Bytes::from(manifest.to_string());
    Manifest::parse(raw, Some(MediaType::OCI_MANIFEST)).ok()
}
