//! `transship digest`: prints the digest of an image or a file.

use std::{
    io::{Read as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use clap::Args;

use super::{
    exit::{CODES_OF_READING, Exit},
    location_arguments::{location, registries},
    output::{print, shown},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
};
use crate::{
    inspect,
    oci::Digest,
    transport::{LayerFormat, Selector},
};

#[derive(Args)]
#[command(after_help = CODES_OF_READING)]
pub(super) struct DigestArguments {
    /// A file, or an image in any store.
    target: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn digest(arguments: DigestArguments) -> anyhow::Result<Exit> {
    let path = Path::new(&arguments.target);
    let digest = if path.is_file() {
        digest_of(path).with_context(|| format!("cannot read {}", shown(path)))?
    } else {
        let image = location(&arguments.target)?;
        let stores = arguments.registries.open(&registries([&image]))?;
        let resolve = async {
            let source = stores.source(&image, LayerFormat::AsStored).await?;
            source.resolve(Selector::Image).await
        };
        match resolve.await {
            Ok(Some(digest)) => digest,
            Ok(None) => return Err(ReadError::not_found(format!("there is no {image}")).into()),
            Err(error) => {
                return Err(ReadError::from(inspect::Error::new(&image.store(), error)).into());
            }
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
