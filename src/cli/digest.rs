//! `transship digest`: prints the digest of an image or a file.

use std::{
    io::{Read as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    exit::Exit,
    output::{print, shown},
    reference_arguments::{failed, reference},
    registry_arguments::RegistryArguments,
};
use crate::oci::Digest;

#[derive(Args)]
pub(super) struct DigestArguments {
    /// A file, or an image in a registry.
    target: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn digest(arguments: DigestArguments) -> anyhow::Result<Exit> {
    let path = Path::new(&arguments.target);
    let digest = if path.is_file() {
        digest_of(path).with_context(|| format!("cannot read {}", shown(path)))?
    } else {
        let reference = reference(&arguments.target)?;
        let registries = arguments
            .registries
            .open(std::slice::from_ref(&reference.registry))?;
        let client = registries.client(&reference.registry)?;
        let version = reference.version();
        let head = client.manifest_head(&reference.repository, &version);
        match head.await.map_err(|error| failed(error.into()))? {
            Some(head) => head.digest,
            None => bail!("there is no {reference}"),
        }
    };
    print(|output| writeln!(output, "{digest}"))?;
    Ok(Exit::Good)
}

fn digest_of(path: &Path) -> std::io::Result<Digest> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Digest::of(&[]).hasher();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
