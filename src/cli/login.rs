//! `transship login`: stores credentials where docker, podman, skopeo and this program find them.
//!
//! Invariant: a password is read from the terminal or standard input, never from an argument, and stored only after
//! the registry accepted it.

use anyhow::Context;
use clap::Args;

use super::{
    credentials_file::{CredentialsFileArguments, storage},
    exit::Exit,
    output::tell,
    refused_secrets::RefusedPassword,
    registry_settings,
};
use crate::{
    credentials::{self, Key},
    oci::Registry,
    present,
    registry::Credentials,
};

#[derive(Args)]
pub(super) struct LoginArguments {
    /// The registry, as host or host:port.
    registry: Registry,
    /// The user to log in as.
    #[arg(short, long, value_name = "NAME")]
    username: String,
    /// Read the password from standard input, also from a terminal; without this option only if it is no terminal.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    _password: RefusedPassword,
    #[command(flatten)]
    file: CredentialsFileArguments,
    /// Use plain HTTP; the default for loopback addresses.
    #[arg(long)]
    plain_http: bool,
}

pub(super) async fn login(arguments: LoginArguments) -> anyhow::Result<Exit> {
    let LoginArguments {
        registry,
        username,
        password_stdin,
        _password,
        file,
        plain_http,
    } = arguments;
    let prompt = format!(
        "password of {} at {registry}: ",
        present::sanitize(&username)
    );
    let read = move || match password_stdin {
        true => credentials::read_password_from_stdin(),
        false => credentials::read_password(&prompt),
    };
    let password = tokio::task::spawn_blocking(read).await??;
    let basic = Credentials::Basic {
        username: username.clone(),
        password: password.clone(),
    };
    registry_settings::client_as(&registry, basic, plain_http.then_some(true))?
        .check_credentials()
        .await
        .with_context(|| format!("{registry} did not accept the password; nothing was stored"))?;
    let places = file.places();
    let stored = credentials::login(
        &Key::from(registry.clone()),
        &username,
        &password,
        places.to_write()?,
    )
    .await?;
    let place = storage(&stored);
    tell(format_args!(
        "logged in at {registry}; the password is stored {place}"
    ));
    Ok(Exit::Good)
}
