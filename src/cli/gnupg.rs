//! The operator's GnuPG keyring, through the program `gpg`, whose agent holds the secret keys.
//!
//! Decides the arguments of `gpg`. Invariant: secrets are no arguments, and a name that an operator wrote is never taken
//! for an option.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::program::{Program, Stdout};

const GPG: &str = "gpg";
const EXPORT_TIME: Duration = Duration::from_secs(60);
/// The agent may ask for a passphrase, or wait for a touch of a token.
const SIGNING_TIME: Duration = Duration::from_secs(300);

/// A signed message with this text, by the key that `key` names. Without a file the agent asks for the passphrase.
pub(super) async fn sign(
    key: &str,
    text: String,
    passphrase_file: Option<&Path>,
) -> anyhow::Result<Vec<u8>> {
    let mut arguments: Vec<String> = ["--batch", "--no-tty", "--output", "-"]
        .map(Into::into)
        .into();
    if let Some(path) = passphrase_file {
        let path = path
            .to_str()
            .context("gpg needs a --passphrase-file whose name is UTF-8")?;
        arguments.extend(["--pinentry-mode", "loopback"].map(Into::into));
        arguments.push(format!("--passphrase-file={path}"));
    }
    arguments.extend([format!("--local-user={key}"), "--sign".into()]);
    let failed = format!(
        "gpg did not sign with {key}; `gpg --list-secret-keys` lists the keys, and --key FILE signs with one in a file"
    );
    run(arguments, text.into(), SIGNING_TIME)
        .await
        .context(failed)
}

/// The public keys of these fingerprints.
pub(super) async fn export(fingerprints: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut arguments: Vec<String> = ["--batch", "--no-tty", "--export", "--"]
        .map(Into::into)
        .into();
    arguments.extend(fingerprints.iter().cloned());
    let keys = run(arguments, SecretString::default(), EXPORT_TIME).await;
    let keys = keys.context(
        "the public keys of the GnuPG keyring are missing; --public-key-file names a file with them",
    )?;
    anyhow::ensure!(
        !keys.is_empty(),
        "the GnuPG keyring has no public key {}; import it with `gpg --import`, or name a file with --public-key-file",
        fingerprints.join(", ")
    );
    Ok(keys)
}

async fn run(
    arguments: Vec<String>,
    input: SecretString,
    deadline: Duration,
) -> anyhow::Result<Vec<u8>> {
    let program = Program {
        name: GPG,
        arguments: &arguments,
        directory: None,
        input,
        stdout: Stdout::Keep,
        deadline,
    };
    let ended = program.run().await;
    let ended = ended.map_err(|error| anyhow::anyhow!("{GPG} {error}"))?;
    if ended.status.success() {
        return Ok(ended.stdout.expose_secret().to_vec());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let lines = said.lines().map(|line| line.trim_start_matches("gpg: "));
    let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    anyhow::bail!("{GPG} failed: {}", said.join("; "))
}
