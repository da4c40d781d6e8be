//! From what a list says of registries to how the engine reaches them.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context, bail};
use secrecy::SecretString;

use crate::{
    list::{self, List, PasswordSource, Proxy},
    oci::Registry,
    registry::{Credentials, Limits, Settings, TlsSettings},
};

/// How long a command may take to print a password.
const PASSWORD_COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// The settings of every registry the list says something about.
pub(super) async fn of(list: &List) -> anyhow::Result<HashMap<Registry, Settings>> {
    let mut all = HashMap::new();
    for (registry, written) in &list.registries {
        let settings = read(written)
            .await
            .with_context(|| format!("registry {registry}"))?;
        all.insert(registry.clone(), settings);
    }
    Ok(all)
}

/// How repositories are made at the registries where they have to be.
pub(super) fn create_commands(list: &List) -> HashMap<Registry, Vec<String>> {
    let written = list.registries.iter();
    written
        .filter_map(|(registry, settings)| {
            Some((registry.clone(), settings.create_command.clone()?))
        })
        .collect()
}

async fn read(written: &list::Settings) -> anyhow::Result<Settings> {
    let mut ca_files: Vec<_> = written.tls.ca_file.iter().cloned().collect();
    if let Some(directory) = &written.tls.ca_directory {
        ca_files.extend(certificates_in(directory)?);
    }
    let default = Limits::default();
    Ok(Settings {
        plain_http: written.plain_http,
        tls: TlsSettings {
            ca_files,
            client_certificate: written.tls.client.clone(),
            verify: !written.tls.insecure,
        },
        credentials: credentials(&written.credentials).await?,
        limits: Limits {
            streams: written.limits.streams.unwrap_or(default.streams),
            requests_per_second: written.limits.requests_per_second,
            bytes_per_second: written.limits.bytes_per_second,
        },
        proxy: match &written.proxy {
            Proxy::Address(url) => Some(url.to_string()),
            Proxy::Environment | Proxy::None => None,
        },
    })
}

fn certificates_in(directory: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read the certificates in {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "crt" || extension == "pem")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

async fn credentials(written: &list::Credentials) -> anyhow::Result<Credentials> {
    Ok(match written {
        list::Credentials::Stored | list::Credentials::Anonymous => Credentials::Anonymous,
        list::Credentials::Token(variable) => Credentials::Token(from_environment(variable)?),
        list::Credentials::Password { username, from } => Credentials::Basic {
            username: username.clone(),
            password: match from {
                PasswordSource::Environment(variable) => from_environment(variable)?,
                PasswordSource::File(path) => {
                    let text = tokio::fs::read_to_string(path).await.with_context(|| {
                        format!("cannot read the password file {}", path.display())
                    })?;
                    text.trim_end_matches(['\r', '\n']).into()
                }
                PasswordSource::Command(command) => from_command(command).await?,
            },
        },
    })
}

fn from_environment(variable: &str) -> anyhow::Result<SecretString> {
    match std::env::var(variable) {
        Ok(secret) if !secret.is_empty() => Ok(secret.into()),
        _ => bail!("the environment variable {variable} is not set"),
    }
}

async fn from_command(command: &[String]) -> anyhow::Result<SecretString> {
    let Some((program, arguments)) = command.split_first() else {
        bail!("the password command is empty");
    };
    let run = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PASSWORD_COMMAND_DEADLINE, run)
        .await
        .with_context(|| format!("the password command {program} took too long"))?
        .with_context(|| format!("cannot run the password command {program}"))?;
    if !output.status.success() {
        bail!("the password command {program} failed: {}", output.status);
    }
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("the password command {program} printed no text"))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}
