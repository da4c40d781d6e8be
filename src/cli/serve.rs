//! `transship serve`: the embedded registry in the foreground, until a signal.
//!
//! Decides what an operator has to say before other machines can reach it. Invariant: without a word on who may
//! come in, nobody from elsewhere can.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use bytesize::ByteSize;
use clap::Args;

use super::{
    exit::Exit,
    output::{print, shown, tell},
    signals,
};
use crate::{
    present,
    serve::{
        Access, Auth, ConnectionLimits, Htpasswd, MissingContent, Options, Server, Tls,
        UploadLimits,
    },
};

#[derive(Args)]
pub(super) struct ServeArguments {
    /// Where the content is kept; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "registry")]
    dir: PathBuf,
    /// Address to listen on; port 0 takes a free one. One that other machines can reach needs --htpasswd or
    /// --anonymous.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Let in only the users of this file, which `htpasswd -B` writes. It is read again when it changes.
    #[arg(long, value_name = "FILE", conflicts_with = "anonymous")]
    htpasswd: Option<PathBuf>,
    /// Let in everybody who can reach the address, to read and, without --read-only, to write and delete.
    #[arg(long)]
    anonymous: bool,
    /// Speak HTTPS with this certificate, in PEM, followed by those that lead to its authority.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Refuse everything that would change the content.
    #[arg(long)]
    read_only: bool,
    /// Take manifests also when what they name is not there.
    #[arg(long)]
    allow_missing: bool,
    /// The largest blob that is taken.
    #[arg(long, value_name = "SIZE", default_value = "100GiB")]
    max_blob: ByteSize,
    /// Connections that are open at once; more wait.
    #[arg(long, value_name = "COUNT", default_value_t = 400,
        value_parser = clap::value_parser!(u16).range(1..))]
    max_connections: u16,
}

pub(super) async fn serve(arguments: ServeArguments) -> anyhow::Result<Exit> {
    let is_reachable = !arguments.listen.ip().to_canonical().is_loopback();
    if is_reachable && arguments.htpasswd.is_none() && !arguments.anonymous {
        anyhow::bail!(
            "other machines can reach {}: say --htpasswd FILE to let in the users of a file (`htpasswd -B -c FILE \
             USER` makes one), or --anonymous to let in everybody",
            arguments.listen
        );
    }
    let mut signals = signals::listen()?;
    let options = arguments.options()?;
    let scheme = options.tls.as_ref().map_or("http", |_| "https");
    if is_reachable && options.tls.is_none() && arguments.htpasswd.is_some() {
        tell(
            "warning: passwords cross the network as plain text; add --tls-cert FILE and --tls-key FILE, or put a \
             proxy that speaks HTTPS in front",
        );
    }
    let server = Server::bind(arguments.listen, options).await?;
    print(|output| writeln!(output, "{}", server.address()))?;
    tell(format_args!(
        "serving {} at {scheme}://{}/v2/, ctrl-c ends it",
        shown(&arguments.dir),
        server.address()
    ));
    signals.recv().await;
    server.stop().await;
    Ok(Exit::Good)
}

impl ServeArguments {
    fn options(&self) -> anyhow::Result<Options> {
        let mut options = Options::new(&self.dir);
        if let Some(path) = &self.htpasswd {
            let htpasswd = Htpasswd::open(path, |error| {
                let said = format!("{:#}", anyhow::Error::new(error));
                let said = present::sanitize(&said);
                tell(format_args!(
                    "warning: failed to {said}; those read before are kept"
                ));
            })?;
            options.auth = Auth::Htpasswd(htpasswd);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            options.tls = Some(Tls::read(certificate, key)?);
        }
        if self.read_only {
            options.access = Access::ReadOnly;
        }
        if self.allow_missing {
            options.missing_content = MissingContent::Allowed;
        }
        options.uploads = UploadLimits {
            blob: self.max_blob.as_u64(),
            ..options.uploads
        };
        options.connections = ConnectionLimits {
            open: self.max_connections.into(),
            ..options.connections
        };
        Ok(options)
    }
}
