//! Turns the registry keys of a list into the settings of clients.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use anyhow::Context;

use super::signature_keys;
use crate::{
    copy::{CreateCommand, Engine},
    credentials::{CredentialResolver, PasswordSource, Places, Source},
    list::{self, List},
    oci::Registry,
    registry::{Client, Clients, Credentials, Limits, Proxy, Settings, Timeouts, TlsSettings},
    transport::{LocalSettings, Stores},
};

/// An engine with the settings of the list, and with stored credentials for every other registry.
pub(super) fn engine(list: &List, places: &Places) -> anyhow::Result<Engine> {
    let stores = stores(Some(list), &[], places)?;
    Ok(Engine::of_stores(stores)
        .creating(create_commands(list))
        .verifying(signature_keys::read(list)?))
}

/// The registries with the settings of the list, and the stores of this machine.
pub(super) fn stores(
    list: Option<&List>,
    plain_http: &[Registry],
    places: &Places,
) -> anyhow::Result<Stores> {
    let clients = clients(list, plain_http, places)?;
    let destination = list.and_then(|list| list.destination.as_ref());
    let settings = LocalSettings {
        base: destination.map_or_else(Vec::new, |side| side.base.clone()),
        ..LocalSettings::default()
    };
    Ok(Stores::new(Arc::new(clients), settings))
}

/// Clients with the settings of the list, and the stored credentials for other registries. Those of `plain_http` are
/// reached over plain HTTP.
fn clients(
    list: Option<&List>,
    plain_http: &[Registry],
    places: &Places,
) -> anyhow::Result<Clients> {
    let mut all = HashMap::new();
    for (registry, written) in list.iter().flat_map(|list| &list.registries) {
        if let Some(source) = source(&written.credentials, places) {
            source
                .check()
                .with_context(|| format!("registry {registry}"))?;
        }
        let settings = settings(registry, written, places);
        // Reads certificates and keys, so that a wrong one fails before the start.
        Client::new(registry.clone(), settings.clone())?;
        all.insert(registry.clone(), settings);
    }
    let unwritten = list::Settings::default();
    for registry in plain_http {
        all.entry(registry.clone())
            .or_insert_with(|| settings(registry, &unwritten, places))
            .plain_http = Some(true);
    }
    let places = places.clone();
    let others = move |registry: &Registry| settings(registry, &unwritten, &places);
    Ok(Clients::new(all).with_other_settings(others))
}

/// A client with these credentials and default settings.
pub(super) fn client_as(
    registry: &Registry,
    credentials: Credentials,
    plain_http: Option<bool>,
) -> anyhow::Result<Client> {
    let usual = settings(registry, &list::Settings::default(), &Places::default());
    let settings = Settings {
        credentials,
        plain_http: plain_http.or(usual.plain_http),
        ..usual
    };
    Ok(Client::new(registry.clone(), settings)?)
}

/// The commands that create repositories, by registry.
fn create_commands(list: &List) -> HashMap<Registry, CreateCommand> {
    let written = list.registries.iter();
    written
        .filter_map(|(registry, settings)| {
            let command = settings.create_command.as_ref()?;
            let command = CreateCommand {
                words: command.words.clone(),
                directory: directory(command),
            };
            Some((registry.clone(), command))
        })
        .collect()
}

/// The working directory of a command. `None` if it does not exist: a batch may be resumed on a machine without the
/// list's directory.
fn directory(command: &list::CommandLine) -> Option<PathBuf> {
    Some(command.directory.clone()).filter(|directory| directory.is_dir())
}

fn settings(registry: &Registry, written: &list::Settings, places: &Places) -> Settings {
    let default = Limits::default();
    Settings {
        plain_http: written.plain_http,
        tls: TlsSettings {
            ca_files: written.tls.ca_file.iter().cloned().collect(),
            ca_directories: written.tls.ca_directory.iter().cloned().collect(),
            client_certificate: written.tls.client.clone(),
            verify: !written.tls.insecure,
            ..TlsSettings::default()
        },
        credentials: credentials(registry, &written.credentials, places),
        limits: Limits {
            streams: written.limits.streams.unwrap_or(default.streams),
            requests_per_second: written.limits.requests_per_second,
            bytes_per_second: written.limits.bytes_per_second,
        },
        proxy: match &written.proxy {
            list::Proxy::Environment => Proxy::Environment,
            list::Proxy::None => Proxy::None,
            list::Proxy::Address(url) => Proxy::Url(url.clone()),
        },
        timeouts: Timeouts::default(),
        allow_private_redirects: written.allow_private_redirects,
    }
}

/// The credentials of a registry, which are looked up when they are needed.
pub(super) fn credentials(
    registry: &Registry,
    written: &list::Credentials,
    places: &Places,
) -> Credentials {
    match source(written, places) {
        Some(source) => {
            Credentials::Provided(Arc::new(CredentialResolver::new(registry.clone(), source)))
        }
        None => Credentials::Anonymous,
    }
}

fn source(written: &list::Credentials, places: &Places) -> Option<Source> {
    Some(match written {
        list::Credentials::Anonymous => return None,
        list::Credentials::Stored => Source::Stored(places.clone()),
        list::Credentials::Token(variable) => Source::Token(variable.clone()),
        list::Credentials::Password { username, from } => Source::Password {
            username: username.clone(),
            from: match from {
                list::PasswordSource::Environment(name) => {
                    PasswordSource::Environment(name.clone())
                }
                list::PasswordSource::File(path) => PasswordSource::File(path.clone()),
                list::PasswordSource::Command(command) => PasswordSource::Command {
                    words: command.words.clone(),
                    directory: directory(command),
                },
            },
        },
    })
}
