//! Command lines of skopeo.
//!
//! Decides its options and how an image is spelled. Invariant: a command line holds no secret; credentials are in the
//! auth file that it names.

use std::fmt;

use super::{
    access::RegistryAccess,
    private_files::{AUTH_FILE, of_registry},
    request::{CopyRequest, ImageRequest},
};
use crate::oci::{
    Compression, LocalImage, Location, ManifestFormat, Reference, StoredName, Transport, Version,
};

/// Which side of a copy a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Source,
    Destination,
}

/// Global options of skopeo that hold for every command, and whether a value follows.
const GLOBAL_OPTIONS: [(&str, bool); 8] = [
    ("--command-timeout", true),
    ("--debug", false),
    ("--insecure-policy", false),
    ("--policy", true),
    ("--registries-conf", true),
    ("--registries.d", true),
    ("--tmpdir", true),
    ("--user-agent-prefix", true),
];

/// Something that skopeo cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsupported(pub(super) &'static str);

/// `skopeo copy`. Both images are as skopeo sees them; `directory` holds the private files.
pub(super) fn copy(
    request: &CopyRequest,
    source: &Location,
    destination: &Location,
    directory: &str,
    extra: &[String],
) -> Result<Vec<String>, Unsupported> {
    let mut arguments = Vec::new();
    if let Some(platform) = &request.platform {
        arguments.push(format!("--override-os={}", platform.os));
        arguments.push(format!("--override-arch={}", platform.architecture));
        let variant = platform.variant.iter();
        arguments.extend(variant.map(|variant| format!("--override-variant={variant}")));
    }
    arguments.push("copy".into());
    arguments.push(format!("--authfile={directory}/{AUTH_FILE}"));
    arguments.push("--digestfile=/dev/stdout".into());
    if request.platform.is_none() && holds_indexes(destination) {
        arguments.push("--all".into());
    }
    if keeps_digests(request, source, destination) {
        arguments.push("--preserve-digests".into());
    }
    if let Some(format) = request.format {
        let format = match format {
            ManifestFormat::Oci => "oci",
            ManifestFormat::Docker => "v2s2",
        };
        arguments.push(format!("--format={format}"));
    }
    arguments.extend(compression(request.compression, destination)?);
    for (role, location) in [(Role::Source, source), (Role::Destination, destination)] {
        let side = match role {
            Role::Source => "src-",
            Role::Destination => "dest-",
        };
        arguments.extend(reach_options(
            side,
            &request.access,
            location,
            &format!("{directory}/{role}"),
        ));
    }
    arguments.extend(extra.iter().cloned());
    arguments.push(image_name(source));
    arguments.push(image_name(destination));
    Ok(arguments)
}

/// Whether the image keeps its digest: both sides have manifests of any kind, and nothing is converted. Otherwise skopeo
/// compresses plain layers of such an image, and every copy of it is another one.
fn keeps_digests(request: &CopyRequest, source: &Location, destination: &Location) -> bool {
    let keeps_any = |location: &Location| match location {
        Location::Registry(_) => true,
        Location::Local(image) => image.store.transport == Transport::Dir,
    };
    let is_layout = |location: &Location| {
        let transport = location.local().map(|image| image.store.transport);
        matches!(transport, Some(Transport::Oci | Transport::OciArchive))
    };
    request.format.is_none()
        && request.compression.is_none()
        && (keeps_any(source) || is_layout(source))
        && keeps_any(destination)
}

/// A command about one image, such as `["inspect", "--raw"]`.
pub(super) fn about_image(
    command: &[&str],
    request: &ImageRequest,
    image: &Location,
    directory: &str,
    extra: &[String],
) -> Vec<String> {
    let mut arguments: Vec<String> = command.iter().map(|&word| word.into()).collect();
    arguments.push(format!("--authfile={directory}/{AUTH_FILE}"));
    let certificates = format!("{directory}/{}", Role::Source);
    arguments.extend(reach_options("", &request.access, image, &certificates));
    arguments.extend(global_options(extra));
    arguments.push(image_name(image));
    arguments
}

/// How a registry or a daemon is reached. `side` is the beginning of the option names.
fn reach_options(
    side: &str,
    access: &[RegistryAccess],
    location: &Location,
    certificates: &str,
) -> Vec<String> {
    let mut options = Vec::new();
    match location {
        Location::Registry(reference) => {
            let Some(access) = of_registry(access, &reference.registry) else {
                return options;
            };
            if let Some(verify) = access.tls_verify {
                options.push(format!("--{side}tls-verify={verify}"));
            }
            if !access.certificates.is_empty() {
                options.push(format!("--{side}cert-dir={certificates}"));
            }
        }
        Location::Local(image) => {
            let host = image.store.place();
            if image.store.transport == Transport::DockerDaemon && !host.is_empty() {
                options.push(format!("--{side}daemon-host={host}"));
            }
        }
    }
    options
}

fn compression(
    compression: Option<Compression>,
    destination: &Location,
) -> Result<Vec<String>, Unsupported> {
    let Some(compression) = compression else {
        return Ok(Vec::new());
    };
    let transport = destination.local().map(|image| image.store.transport);
    let options: &[&str] = match (compression, transport) {
        (
            _,
            Some(Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage),
        ) => &[],
        (Compression::None, Some(Transport::Dir)) => &["--dest-decompress"],
        (Compression::None, Some(Transport::Oci | Transport::OciArchive)) => {
            &["--dest-oci-accept-uncompressed-layers"]
        }
        (Compression::None, None) => {
            return Err(Unsupported(
                "skopeo always compresses layers that it uploads to a registry",
            ));
        }
        (Compression::Gzip, Some(Transport::Dir)) => {
            &["--dest-compress", "--dest-compress-format=gzip"]
        }
        (Compression::Zstd, Some(Transport::Dir)) => {
            &["--dest-compress", "--dest-compress-format=zstd"]
        }
        (Compression::Gzip, Some(Transport::Oci | Transport::OciArchive) | None) => {
            &["--dest-compress-format=gzip"]
        }
        (Compression::Zstd, Some(Transport::Oci | Transport::OciArchive) | None) => {
            &["--dest-compress-format=zstd"]
        }
    };
    Ok(options.iter().map(|&option| option.into()).collect())
}

/// Whether a destination can hold an index. Others get the image of skopeo's own platform.
fn holds_indexes(destination: &Location) -> bool {
    match destination.local().map(|image| image.store.transport) {
        None | Some(Transport::Oci | Transport::OciArchive | Transport::Dir) => true,
        Some(Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage) => {
            false
        }
    }
}

/// An image in skopeo's spelling, which has no references with both tag and digest, and daemons only with complete
/// names.
pub(super) fn image_name(location: &Location) -> String {
    match location {
        Location::Registry(reference) => registry_name(reference),
        Location::Local(image) => match (image.store.transport, &image.name) {
            (Transport::DockerDaemon, Some(name)) => {
                format!("docker-daemon:{}", complete_name(name))
            }
            (
                Transport::Oci
                | Transport::OciArchive
                | Transport::Dir
                | Transport::DockerArchive
                | Transport::DockerDaemon
                | Transport::ContainersStorage,
                _,
            ) => image.to_string(),
        },
    }
}

fn registry_name(reference: &Reference) -> String {
    let (registry, repository) = (&reference.registry, &reference.repository);
    match reference.version() {
        Version::Digest(digest) => format!("docker://{registry}/{repository}@{digest}"),
        Version::Tag(tag) => format!("docker://{registry}/{repository}:{tag}"),
    }
}

fn complete_name(name: &StoredName) -> String {
    let name = name.to_string();
    let last = name.rsplit('/').next().unwrap_or_default();
    match last.contains([':', '@']) {
        true => name,
        false => format!("{name}:latest"),
    }
}

/// The arguments among `extra` that hold for every command; the others are for copies.
fn global_options(extra: &[String]) -> Vec<String> {
    let mut options = Vec::new();
    let mut extra = extra.iter();
    while let Some(argument) = extra.next() {
        let name = argument.split('=').next().unwrap_or_default();
        let known = GLOBAL_OPTIONS.iter().find(|(option, _)| *option == name);
        let Some((_, has_value)) = known else {
            continue;
        };
        options.push(argument.clone());
        if *has_value && !argument.contains('=') {
            options.extend(extra.next().cloned());
        }
    }
    options
}

/// The path of a local store as skopeo sees it.
pub(super) fn at_path(image: &LocalImage, path: &str) -> Location {
    Location::Local(LocalImage {
        store: crate::oci::LocalStore::new(image.store.transport, path),
        name: image.name.clone(),
    })
}

impl fmt::Display for Role {
    /// Also the name of the side's certificate directory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

#[cfg(test)]
mod tests;
