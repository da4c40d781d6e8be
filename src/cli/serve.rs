//! `transship serve`: the embedded registry in the foreground, until a signal.
//!
//! Decides which options make it reachable for other machines. Invariant: without `--htpasswd` or `--anonymous` only this
//! machine can reach it.

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
    /// Directory of the content; created if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "registry")]
    dir: PathBuf,
    /// Address to listen on; port 0 picks a free port. An address that other machines can reach needs --htpasswd or
    /// --anonymous.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Admit only the users of this file, written by `htpasswd -B`. It is read again when it changes.
    #[arg(long, value_name = "FILE", conflicts_with = "anonymous")]
    htpasswd: Option<PathBuf>,
    /// Admit everybody who can reach the address, to read and, without --read-only, to write and delete.
    #[arg(long)]
    anonymous: bool,
    /// Use HTTPS with this PEM certificate, followed by its intermediate certificates.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Refuse requests that change the content.
    #[arg(long)]
    read_only: bool,
    /// Accept manifests whose content is missing.
    #[arg(long)]
    allow_missing: bool,
    /// Size of the largest blob to accept.
    #[arg(long, value_name = "SIZE", default_value = "100GiB")]
    max_blob: ByteSize,
    /// Open connections at once; more wait.
    #[arg(long, value_name = "COUNT", default_value_t = 400,
        value_parser = clap::value_parser!(u16).range(1..))]
    max_connections: u16,
}

pub(super) async fn serve(arguments: ServeArguments) -> anyhow::Result<Exit> {
    let is_reachable = !arguments.listen.ip().to_canonical().is_loopback();
    if is_reachable && arguments.htpasswd.is_none() && !arguments.anonymous {
        anyhow::bail!(
            "other machines can reach {}: add --htpasswd FILE to admit the users of a file (`htpasswd -B -c FILE \
             USER` creates one), or --anonymous to admit everybody",
            arguments.listen
        );
    }
    let mut signals = signals::listen()?;
    let options = arguments.options()?;
    let scheme = options.tls.as_ref().map_or("http", |_| "https");
    if is_reachable && options.tls.is_none() && arguments.htpasswd.is_some() {
        tell(
            "warning: passwords are sent as plain text; add --tls-cert FILE and --tls-key FILE, or put a \
             proxy with HTTPS in front",
        );
    }
    let server = Server::bind(arguments.listen, options).await?;
    print(|output| writeln!(output, "{}", server.address()))?;
    tell(format_args!(
        "serving {} at {scheme}://{}/v2/, ctrl-c stops it",
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
                let error = format!("{:#}", anyhow::Error::new(error));
                let error = present::sanitize(&error);
                tell(format_args!(
                    "warning: failed to {error}; the users read before stay valid"
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
