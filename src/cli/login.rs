//! `transship login` and `logout`: credentials where docker, podman, skopeo and this program find them.
//!
//! Invariant: a password is read from the terminal or standard input, never from an argument, and kept only
//! after the registry took it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Exit, output::tell, settings, shown};
use crate::{
    credentials::{self, Key, Places, StoredIn},
    oci::Registry,
    present,
    registry::Credentials,
};

#[derive(Args)]
pub(super) struct LoginArguments {
    /// The registry, as host or host:port.
    registry: Registry,
    /// Who to log in as.
    #[arg(short, long, value_name = "NAME")]
    username: String,
    #[command(flatten)]
    file: FileArguments,
    /// Speak plain HTTP, which is implied for this machine.
    #[arg(long)]
    plain_http: bool,
}

#[derive(Args)]
pub(super) struct LogoutArguments {
    /// The registry, as host or host:port.
    registry: Registry,
    #[command(flatten)]
    file: FileArguments,
}

#[derive(Args)]
struct FileArguments {
    /// The credentials file, instead of where docker and podman keep theirs.
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
}

impl FileArguments {
    fn places(&self) -> Places {
        self.authfile
            .clone()
            .map_or_else(Places::of_environment, Places::only)
    }
}

pub(super) async fn login(arguments: LoginArguments) -> anyhow::Result<Exit> {
    let LoginArguments {
        registry,
        username,
        file,
        plain_http,
    } = arguments;
    let prompt = format!(
        "password of {} at {registry}: ",
        present::sanitize(&username)
    );
    let password =
        tokio::task::spawn_blocking(move || credentials::read_password(&prompt)).await??;
    let basic = Credentials::Basic {
        username: username.clone(),
        password: password.clone(),
    };
    settings::client_as(&registry, basic, plain_http.then_some(true))?
        .check_credentials()
        .await
        .with_context(|| format!("{registry} did not take the password; nothing was kept"))?;
    let places = file.places();
    let kept = credentials::login(
        &Key::from(registry.clone()),
        &username,
        &password,
        places.to_write()?,
    )
    .await?;
    let place = place(&kept);
    tell(format_args!(
        "logged in at {registry}; the password is kept {place}"
    ));
    Ok(Exit::Good)
}

pub(super) async fn logout(arguments: LogoutArguments) -> anyhow::Result<Exit> {
    let LogoutArguments { registry, file } = arguments;
    let forgotten = credentials::logout(&Key::from(registry.clone()), &file.places()).await?;
    if forgotten.is_empty() {
        tell(format_args!("nothing was kept for {registry}"));
    }
    for kept in &forgotten {
        let place = place(kept);
        tell(format_args!(
            "forgotten: what was kept for {registry} {place}"
        ));
    }
    Ok(Exit::Good)
}

fn place(kept: &StoredIn) -> String {
    match kept {
        StoredIn::File(file) => format!("in {}, where it is only encoded", shown(file)),
        StoredIn::Helper(name) => format!("by the credential helper {}", present::sanitize(name)),
    }
}
