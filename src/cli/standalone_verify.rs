//! `transship standalone-verify`: whether the OpenPGP signature of a manifest in a file holds, as skopeo says it.
//!
//! Decides where the public keys come from. Invariant: the digest is printed only if the signature holds.

use std::{io::Write as _, path::PathBuf, time::SystemTime};

use anyhow::Context as _;
use clap::Args;

use super::{
    exit::{CODES_OF_VERIFYING, Exit},
    gnupg, limited_file,
    output::{print, shown, tell},
};
use crate::{
    present::sanitize,
    registry::MAX_MANIFEST_BYTES,
    signature::{ExpectedSigners, Fingerprint, Keyring, verify_standalone},
};

const MAX_KEY_BYTES: u64 = 16 << 20;
const MAX_SIGNATURE_BYTES: u64 = 1 << 20;

#[derive(Args)]
#[command(after_help = CODES_OF_VERIFYING)]
pub(super) struct VerifyArguments {
    /// The file with the manifest.
    manifest: PathBuf,
    /// What the image is called, such as registry.example.com/team/api:1.2.
    #[arg(value_name = "DOCKER-REFERENCE")]
    reference: String,
    /// The fingerprints of the keys of which one must have signed, separated by commas; or `any` for all keys of
    /// --public-key-file.
    #[arg(value_name = "KEY-FINGERPRINTS")]
    fingerprints: String,
    /// The file with the signature.
    signature: PathBuf,
    /// The file with the public keys [default: those of the GnuPG keyring, through gpg].
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<PathBuf>,
}

pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let manifest = limited_file::read(&arguments.manifest, MAX_MANIFEST_BYTES)?;
    let signature = limited_file::read(&arguments.signature, MAX_SIGNATURE_BYTES)?;
    let signers = match &*arguments.fingerprints {
        "any" => ExpectedSigners::Any,
        written => {
            let each = written.split(',').map(str::parse::<Fingerprint>);
            ExpectedSigners::Fingerprints(each.collect::<Result<_, _>>()?)
        }
    };
    let (keys, place) = match (&arguments.public_key_file, &signers) {
        (Some(file), _) => (limited_file::read(file, MAX_KEY_BYTES)?, shown(file)),
        (None, ExpectedSigners::Fingerprints(fingerprints)) => {
            let fingerprints: Vec<String> = fingerprints.iter().map(ToString::to_string).collect();
            let keys = gnupg::export(&fingerprints).await?;
            (keys, "the GnuPG keyring".to_owned())
        }
        (None, ExpectedSigners::Any) => anyhow::bail!(
            "`any` needs --public-key-file: not every key of the GnuPG keyring is one to trust"
        ),
    };
    let keyring = Keyring::parse(&keys).with_context(|| format!("cannot use {place}"))?;
    let verified = verify_standalone(
        &manifest,
        &arguments.reference,
        &signers,
        &keyring,
        &signature,
        SystemTime::now(),
    );
    match verified {
        Ok(verified) => {
            print(|output| {
                let (key, digest) = (verified.key, verified.digest);
                writeln!(
                    output,
                    "Signature verified using fingerprint {key}, digest {digest}"
                )
            })?;
            Ok(Exit::Good)
        }
        Err(error) => {
            let refused = error.to_string();
            tell(format_args!(
                "transship: not verified: {}",
                sanitize(&refused)
            ));
            Ok(Exit::Refused)
        }
    }
}
