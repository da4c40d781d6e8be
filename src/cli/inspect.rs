//! `transship inspect`: shows what an image is, for people and for scripts.
//!
//! Invariant: a terminal gets no control character from a store.

use std::{io::Write, sync::Arc};

use anyhow::bail;
use clap::Args;

use super::{
    exit::{CODES_OF_READING, Exit},
    location_arguments::{location, registries},
    output::{pretty_json, print},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
    skopeo_document::{SkopeoDocument, repository_tags},
};
use crate::{
    inspect::{Answer, Config, ContentStore, Error, Image, Inspection, Inspector, Request, Scope},
    oci::{Descriptor, Location, Manifest, ManifestContent, Platform},
    present::{bytes, count, sanitize},
};

#[derive(Args)]
#[command(after_help = CODES_OF_READING)]
pub(super) struct InspectArguments {
    /// The image, for example registry.example.com/team/api:1.2 or docker-archive:app.tar.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Print everything as one JSON document.
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Print the manifest byte for byte; with --platform that of the platform.
    #[arg(long)]
    raw: bool,
    /// Print the config byte for byte; of an index that of --platform, else of this machine's platform.
    #[arg(long, conflicts_with_all = ["json", "raw"])]
    config: bool,
    /// Show only this platform of an index, such as linux/arm64.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Print the JSON document of `skopeo inspect`: of an index, the image of --platform, else of this machine's platform.
    #[arg(long, conflicts_with_all = ["json", "raw", "config"])]
    skopeo: bool,
    /// Leave the tags of the repository out of the document of --skopeo. Nothing else lists tags.
    #[arg(long, short)]
    no_tags: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn inspect(arguments: InspectArguments) -> anyhow::Result<Exit> {
    let image = location(&arguments.image)?;
    let stores = arguments.registries.open(&registries([&image]))?;
    let inspector = Inspector::new(stores);
    let platform = arguments.platform.as_ref();
    if arguments.raw {
        let manifest = manifest(&inspector, &image, platform).await?;
        print(|output| output.write_all(&manifest.raw))?;
        return Ok(Exit::Good);
    }
    if arguments.config {
        let config = config(&inspector, &image, platform).await?;
        print(|output| output.write_all(&config.raw))?;
        return Ok(Exit::Good);
    }
    let scope = match platform {
        Some(platform) => Scope::Platform(platform.clone()),
        None if arguments.skopeo => Scope::Platform(Platform::of_this_machine()),
        None => Scope::All,
    };
    let inspection = inspector.inspect(&image, &scope).await;
    let inspection = inspection.map_err(ReadError::from)?;
    if let (true, Some(platform)) = (inspection.images.is_empty(), platform) {
        return Err(lacks(&image, platform));
    }
    if arguments.skopeo {
        let tags = match arguments.no_tags {
            true => Vec::new(),
            false => repository_tags(&inspector, &image).await?,
        };
        let document = pretty_json(&SkopeoDocument::new(&inspection, platform, tags)?)?;
        print(|output| writeln!(output, "{document}"))?;
    } else if arguments.json {
        let json = pretty_json(&inspection)?;
        print(|output| writeln!(output, "{json}"))?;
    } else {
        print(|output| write(output, &inspection, platform))?;
    }
    Ok(Exit::Good)
}

/// The manifest of an image, or of one platform of its index.
async fn manifest(
    inspector: &Inspector,
    image: &Location,
    platform: Option<&Platform>,
) -> anyhow::Result<Arc<Manifest>> {
    let read =
        async |request: Request| match inspector.answer(&request).await.map_err(ReadError::from)? {
            Answer::Manifest(manifest) => Ok(manifest),
            _ => bail!("the inspector did not return a manifest"),
        };
    let root = read(Request::manifest_of(image)).await?;
    let Some(platform) = platform.filter(|_| root.media_type.is_index()) else {
        return Ok(root);
    };
    let selected = root.children().iter().find(|child| {
        let own = child.platform.as_ref();
        own.is_some_and(|own| platform.selects(own))
    });
    match selected {
        Some(child) => {
            let digest = child.digest.clone();
            read(Request::Manifest(ContentStore::of(image), digest)).await
        }
        None => Err(lacks(image, platform)),
    }
}

/// The error for a platform that an index does not have.
fn lacks(image: &Location, platform: &Platform) -> anyhow::Error {
    ReadError::not_found(format!("{image} has no image for {platform}")).into()
}

/// The config of an image, or of one platform of its index.
async fn config(
    inspector: &Inspector,
    image: &Location,
    platform: Option<&Platform>,
) -> anyhow::Result<Arc<Config>> {
    let machine = Platform::of_this_machine();
    let platform = platform.unwrap_or(&machine);
    let manifest = manifest(inspector, image, Some(platform)).await?;
    let ManifestContent::Image {
        config: Some(config),
        ..
    } = &manifest.content
    else {
        bail!("{image} has no config");
    };
    let (digest, media_type) = (config.digest.clone(), config.media_type.clone());
    let request = Request::Config(ContentStore::of(image), digest, media_type);
    match inspector.answer(&request).await.map_err(ReadError::from)? {
        Answer::Config(config) => Ok(config),
        _ => bail!("the inspector did not return a config"),
    }
}

/// Writes the inspection for a person, one fact per line.
fn write(
    output: &mut impl Write,
    inspection: &Inspection,
    platform: Option<&Platform>,
) -> std::io::Result<()> {
    let location = inspection.location.to_string();
    writeln!(output, "{}", sanitize(&location))?;
    let mut facts = Facts(output);
    facts.write("digest", &[inspection.digest.to_string()])?;
    facts.write("media type", &[inspection.media_type.to_string()])?;
    facts.write("annotations", &pairs(&inspection.annotations))?;
    if inspection.media_type.is_index() {
        let images: Vec<String> = inspection.images.iter().map(line).collect();
        facts.write("images", &images)?;
    }
    let referrers: Vec<String> = inspection.referrers.iter().map(referrer).collect();
    facts.write("referrers", &referrers)?;
    facts.errors(&inspection.errors)?;
    let machine = Platform::of_this_machine();
    let image = inspection
        .select(platform.or(Some(&machine)))
        .or_else(|| inspection.select(None));
    let Some(image) = image else {
        return Ok(());
    };
    let of = match &image.platform {
        Some(platform) => sanitize(&platform.to_string()).into_owned(),
        None => "image".to_owned(),
    };
    writeln!(output, "\n{of}")?;
    let mut facts = Facts(output);
    if inspection.media_type.is_index() {
        facts.write("digest", &[image.digest.to_string()])?;
        facts.write("media type", &[image.media_type.to_string()])?;
        facts.write("annotations", &pairs(&image.annotations))?;
    }
    if let Some(artifact_type) = &image.artifact_type {
        facts.write("artifact type", &[artifact_type.to_string()])?;
    }
    for fact in (image.config.iter()).flat_map(crate::inspect::ImageConfig::facts) {
        if fact.name != "platform" {
            facts.write(fact.name, &fact.values)?;
        }
    }
    if let Some(size) = image.size {
        let layers = count(image.layers.len(), "layer");
        facts.write("size", &[format!("{} in {layers}", bytes(size))])?;
    }
    let history: Vec<String> = (image.history.iter())
        .map(|step| {
            let made_by = step.created_by.as_deref().unwrap_or_default();
            match step.layer.and_then(|layer| image.layers.get(layer)) {
                Some(layer) => format!("{}  {made_by}", blob(layer)),
                None => format!("{:>10}  {:12}  {made_by}", "-", ""),
            }
        })
        .collect();
    facts.write("layers", &history)?;
    facts.errors(&image.errors)
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    (map.iter())
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

fn line(image: &Image) -> String {
    let name = match (&image.platform, image.attestation) {
        (_, true) => "attestation".to_owned(),
        (Some(platform), _) => platform.to_string(),
        (None, _) => image.media_type.to_string(),
    };
    let size = image.size.map_or_else(|| "not read".into(), bytes);
    format!("{size:>10}  {}  {name}", image.digest)
}

fn referrer(descriptor: &Descriptor) -> String {
    let kind = descriptor
        .artifact_type
        .as_ref()
        .unwrap_or(&descriptor.media_type);
    format!("{}  {kind}", descriptor.digest)
}

fn blob(layer: &Descriptor) -> String {
    format!("{:>10}  {}", bytes(layer.size), layer.digest.short())
}

/// Writes names in one column and values in the next, without control characters.
struct Facts<'a, W>(&'a mut W);

impl<W: Write> Facts<'_, W> {
    fn write(&mut self, name: &str, values: &[String]) -> std::io::Result<()> {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        for (name, value) in names.zip(values) {
            let value = sanitize(value);
            writeln!(self.0, "  {name:14}{}", value.trim_end())?;
        }
        Ok(())
    }

    fn errors(&mut self, errors: &[Error]) -> std::io::Result<()> {
        let errors: Vec<String> = errors
            .iter()
            .map(|error| format!("failed to {error}"))
            .collect();
        self.write("unknown", &errors)
    }
}
