//! `transship standalone-sign`: the OpenPGP signature of a manifest in a file, as skopeo writes it.
//!
//! Decides which key signs: one of the GnuPG keyring, or one in a file. Invariant: the file of the signature is complete
//! or unchanged.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{exit::Exit, gnupg, limited_file, output::shown};
use crate::{
    credentials,
    registry::MAX_MANIFEST_BYTES,
    signature::{Fingerprint, SecretKeyFile, signing_payload},
};

const MAX_KEY_BYTES: u64 = 16 << 20;

#[derive(Args)]
pub(super) struct SignArguments {
    /// The file with the manifest.
    manifest: PathBuf,
    /// What the image is called, such as registry.example.com/team/api:1.2.
    #[arg(value_name = "DOCKER-REFERENCE")]
    reference: String,
    /// The fingerprint of the key.
    #[arg(value_name = "KEY-FINGERPRINT")]
    fingerprint: String,
    /// The file to write the signature to.
    #[arg(long, short, value_name = "SIGNATURE")]
    output: PathBuf,
    /// Sign with the secret key in this file [default: with the key of the GnuPG keyring, through gpg].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The first line of this file is the passphrase of the key [default: it is asked for].
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) async fn sign(arguments: SignArguments) -> anyhow::Result<Exit> {
    let manifest = limited_file::read(&arguments.manifest, MAX_MANIFEST_BYTES)?;
    let creator = concat!("transship ", env!("CARGO_PKG_VERSION"));
    let now = Timestamp::now().as_second();
    let text = signing_payload(&manifest, &arguments.reference, creator, now)?;
    let passphrase_file = arguments.passphrase_file.as_deref();
    let signature = match &arguments.key {
        None => gnupg::sign(&arguments.fingerprint, text, passphrase_file).await?,
        Some(key) => sign_with_file(key, &arguments.fingerprint, passphrase_file, text).await?,
    };
    write(&arguments.output, &signature)
        .with_context(|| format!("cannot write {}", shown(&arguments.output)))?;
    Ok(Exit::Good)
}

async fn sign_with_file(
    path: &Path,
    fingerprint: &str,
    passphrase_file: Option<&Path>,
    text: String,
) -> anyhow::Result<Vec<u8>> {
    let fingerprint: Fingerprint = fingerprint.parse()?;
    let content = limited_file::read(path, MAX_KEY_BYTES)?;
    let refused = || format!("cannot sign with the key in {}", shown(path));
    let key = SecretKeyFile::parse(&content).with_context(refused)?;
    let passphrase = match (key.is_locked(&fingerprint), passphrase_file) {
        (Err(error), _) => return Err(error).with_context(refused),
        (Ok(_), Some(file)) => limited_file::read_passphrase(file)?,
        (Ok(true), None) => {
            let prompt = format!("passphrase of {fingerprint}: ");
            tokio::task::spawn_blocking(move || credentials::read_password(&prompt)).await??
        }
        (Ok(false), None) => SecretString::default(),
    };
    // Unlocking takes a while by design.
    let signing = move || key.sign(&fingerprint, &passphrase, &text);
    let signed = tokio::task::spawn_blocking(signing).await?;
    signed.with_context(refused)
}

fn write(path: &Path, signature: &[u8]) -> std::io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(signature)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
