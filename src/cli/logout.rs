//! `transship logout`: removes credentials from where docker, podman, skopeo and this program find them.

use clap::Args;

use super::{
    credentials_file::{CredentialsFileArguments, storage},
    exit::Exit,
    output::tell,
};
use crate::{
    credentials::{self, Key},
    oci::Registry,
};

#[derive(Args)]
pub(super) struct LogoutArguments {
    /// The registry, as host or host:port.
    registry: Registry,
    #[command(flatten)]
    file: CredentialsFileArguments,
}

pub(super) async fn logout(arguments: LogoutArguments) -> anyhow::Result<Exit> {
    let LogoutArguments { registry, file } = arguments;
    let removed = credentials::logout(&Key::from(registry.clone()), &file.places()).await?;
    if removed.is_empty() {
        tell(format_args!("nothing is stored for {registry}"));
    }
    for stored in &removed {
        let place = storage(stored);
        tell(format_args!("removed the password for {registry} {place}"));
    }
    Ok(Exit::Good)
}
