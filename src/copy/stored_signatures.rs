//! Reads the signatures of an image as containers/image keeps them: OpenPGP messages in a lookaside storage or in an image
//! directory, and cosign's under the tag `sha256-HEX.sig`.
//!
//! Decides which stores have any; `signature` decides which of them count. Invariant: a storage that cannot be read is an
//! error, and never an image without signatures.

use std::{io::ErrorKind, path::Path};

use tokio::{fs::File, io::AsyncReadExt as _};
use url::Url;

use super::{
    CopyError, error::blame, image_context::ImageContext, manifest_reader::ManifestReader,
    small_blob::read_small_blob,
};
use crate::{
    batch::{FailureClass, Side},
    oci::{Attachments, Digest, Location, ManifestContent, Transport},
    registry::{FileError, PlainFiles},
    signature::{CosignEvidence, Lookaside, PolicyImage, SimpleEvidence, SimpleSignature},
    transport::Selector,
};

/// A signature has some KiB.
const MAX_BYTES: usize = 4 << 20;
/// The signatures of one image together.
const MAX_TOTAL_BYTES: usize = 16 << 20;
const MAX_SIGNATURES: usize = 128;
/// A text that cosign signs has some 300 bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;
const TAG_ENDING: &str = ".sig";

/// The OpenPGP messages of an image, or why its store has none.
pub(super) async fn simple_signatures(
    lookaside: &Lookaside,
    location: &Location,
    named: &PolicyImage,
    digest: &Digest,
    directory: Option<&Path>,
) -> Result<Result<Vec<SimpleEvidence>, String>, CopyError> {
    let place = |number: usize| match location {
        Location::Registry(reference) => lookaside.signature_url(named, reference, digest, number),
        Location::Local(image) if image.store.transport == Transport::Dir => {
            let file = directory?.join(format!("signature-{number}"));
            Url::from_file_path(file).ok()
        }
        Location::Local(_) => None,
    };
    let Some(first) = place(1) else {
        return Ok(Err(match location {
            Location::Registry(_) => "no storage of signatures is configured for it".into(),
            Location::Local(image) => format!(
                "stores of the kind {} keep no OpenPGP signatures",
                image.store.transport.name()
            ),
        }));
    };
    let server = match first.scheme() {
        "file" => None,
        _ => Some(PlainFiles::of_server(&first).map_err(|error| unread(&first, error))?),
    };
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(url) = place(found.len() + 1) {
        let read = match &server {
            Some(server) => server.get(&url, MAX_BYTES).await,
            None => read_file(&url).await,
        };
        let Some(message) = read.map_err(|error| unread(&url, error))? else {
            break;
        };
        bytes += message.len();
        if found.len() == MAX_SIGNATURES || bytes > MAX_TOTAL_BYTES {
            return Ok(Err(format!(
                "it has more than {MAX_SIGNATURES} signatures, or more than {} MiB of them",
                MAX_TOTAL_BYTES >> 20
            )));
        }
        found.push(SimpleEvidence {
            name: shown(&url),
            message,
        });
    }
    if found.is_empty() {
        return Ok(Err(format!(
            "it is not signed: {} does not exist",
            shown(&first)
        )));
    }
    Ok(Ok(found))
}

async fn read_file(url: &Url) -> Result<Option<Vec<u8>>, FileError> {
    let failed = |problem: String| FileError {
        problem,
        class: FailureClass::Rejected,
    };
    let path = url.to_file_path();
    let path = path.map_err(|()| failed("is no path of this machine".into()))?;
    let io = |error: std::io::Error| failed(error.to_string());
    match tokio::fs::metadata(&path).await {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(failed("is no file".into())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(io(error)),
    }
    let file = File::open(&path).await.map_err(io)?;
    let mut content = Vec::new();
    let mut file = file.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut content).await.map_err(io)?;
    match content.len() > MAX_BYTES {
        true => Err(failed(format!("has more than {} KiB", MAX_BYTES >> 10))),
        false => Ok(Some(content)),
    }
}

/// The signatures of cosign beside an image, or why its store has none.
pub(super) async fn cosign_signatures(
    image: &ImageContext<'_>,
    lookaside: &Lookaside,
    named: &PolicyImage,
    digest: &Digest,
) -> Result<Result<Vec<CosignEvidence>, String>, CopyError> {
    if let Some(local) = image.source_location().local() {
        return Ok(Err(format!(
            "signatures of cosign are read from registries only, not from stores of the kind {}",
            local.store.transport.name()
        )));
    }
    if !lookaside.uses_sigstore_attachments(named) {
        return Ok(Err(
            "no file of registries.d has `use-sigstore-attachments: true` for it".into(),
        ));
    }
    let mut tags = Attachments::cosign_tags(digest);
    let Some(tag) = tags.find(|tag| tag.as_str().ends_with(TAG_ENDING)) else {
        return Ok(Err("its digest is too long for cosign's tags".into()));
    };
    let source = image.source;
    let unsigned = || Ok(Err(format!("it is not signed: there is no tag {tag}")));
    let cache = &source.state.referrers;
    let may_exist = cache.may_exist(&*source.image, &source.scope, &tag).await;
    if !may_exist.map_err(blame(Side::Source))? {
        return unsigned();
    }
    let reader = ManifestReader {
        source: &*source.image,
        budget: &image.budget,
    };
    let manifest = match reader.manifest(Selector::Tag(&tag)).await {
        Ok(manifest) => manifest,
        Err(error) if error.is_not_found() => return unsigned(),
        Err(error) => return Err(blame(Side::Source)(error)),
    };
    let layers = match &manifest.content {
        ManifestContent::Image { layers, .. } => layers.as_slice(),
        ManifestContent::Index(_) => &[],
    };
    let mut found = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let Some(signature) = SimpleSignature::of(layer) else {
            continue;
        };
        if found.len() == MAX_SIGNATURES {
            return Ok(Err(format!("it has more than {MAX_SIGNATURES} signatures")));
        }
        let text = read_small_blob(reader.source, &layer.digest, MAX_TEXT_BYTES).await;
        // A text that is missing is no signature.
        if let Some(text) = text.map_err(blame(Side::Source))? {
            found.push(CosignEvidence {
                name: format!("signature {} of {tag}", at + 1),
                signature,
                text,
            });
        }
    }
    Ok(Ok(found))
}

fn unread(url: &Url, FileError { problem, class }: FileError) -> CopyError {
    CopyError::SignatureStorage {
        url: shown(url),
        problem,
        class,
    }
}

/// Without what may be secret.
fn shown(url: &Url) -> String {
    match url.to_file_path() {
        Ok(path) if url.scheme() == "file" => path.display().to_string(),
        _ => {
            let host = url.host_str().unwrap_or_default();
            let port = url
                .port()
                .map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{host}{port}{}", url.scheme(), url.path())
        }
    }
}
