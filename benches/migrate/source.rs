//! Fills the source registry.
//!
//! Decides that the images are copied there as everywhere else, so that a real registry gets them in its own layout.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;
use transship::serve::{Options, Server, Store};

use super::{
    contestants::{Task, transship},
    image_maker::{self, Shape},
    images::ImageSet,
    registries::Registry,
};

/// Makes images of `shape` and copies them to `source`.
pub fn fill(source: &Registry, shape: Shape, room: &Path) -> Result<ImageSet> {
    let directory = room.join("images");
    let images = image_maker::make(&Store::open(&directory)?, shape)?;
    let runtime = Runtime::new()?;
    let server = runtime.block_on(Server::bind(
        ([127, 0, 0, 1], 0).into(),
        Options::new(&directory),
    ))?;
    let task = Task::write(room, &images, server.address(), source.address())?;
    ensure!(
        transship().measure(&task)?.succeeded,
        "the source could not be filled"
    );
    ensure!(
        source.manifests(&images.images)? == images.images.len(),
        "the source is not complete"
    );
    drop(server);
    fs::remove_dir_all(&directory).context("remove the directory with the images")?;
    Ok(images)
}
