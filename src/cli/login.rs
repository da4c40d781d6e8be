//! `transship login`: stores credentials where docker, podman, skopeo and this program find them.
//!
//! Invariant: a password is read from the terminal or standard input, never from an argument, and stored only after
//! the registry accepted it.

use std::io::{IsTerminal as _, Write as _, stdin};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    credentials_file::{CredentialsFileArguments, storage},
    exit::Exit,
    output::{stderr, tell},
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
    /// The user to log in as; without it a terminal is asked.
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
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
    let username = match username {
        Some(username) => username,
        None => {
            let question = format!("user at {registry}: ");
            tokio::task::spawn_blocking(move || ask_user(&question, password_stdin)).await??
        }
    };
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

/// Asks a terminal for the user.
fn ask_user(question: &str, password_stdin: bool) -> anyhow::Result<String> {
    if password_stdin || !stdin().is_terminal() {
        bail!("--username says as whom to log in; only a terminal is asked");
    }
    let mut terminal = stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    match answer.trim() {
        "" => bail!("no user was given; nothing was stored"),
        user => Ok(user.to_owned()),
    }
}
