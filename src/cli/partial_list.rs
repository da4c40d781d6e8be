//! Writes some images of a batch as a list of their own, to be corrected and run again.
//!
//! Decides the file name and what the list keeps: registries with their settings, and the images as they were resolved.
//! Invariant: it never replaces a file, and its images are at the same locations from any working directory.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{list_source::ListSource, output::shown};
use crate::{
    batch::Job,
    list::{
        CopyKeys, DefaultsTable, ImageEntry, ImageTable, ListFile, LocalKeys, RequireSignature,
    },
    oci::{LocalStore, Location, PartialLocation, PartialReference, Transport},
};

/// File names to try.
const MAX_PARTS: usize = 1000;

/// Writes these images as a list in the directory of the whole list, where relative paths mean the same. Returns its
/// name.
pub(super) fn write(whole: &ListSource, jobs: &[Job]) -> anyhow::Result<String> {
    let text = part(&whole.text, &whole.directories.working, jobs)?;
    let (path, mut file) = create(&whole.directories.list, &whole.path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", shown(&path)))?;
    let here = std::env::current_dir().unwrap_or_default();
    Ok(shown(path.strip_prefix(here).unwrap_or(&path)))
}

/// `working` is where relative paths of stores begin.
fn part(whole: &str, working: &Path, jobs: &[Job]) -> anyhow::Result<String> {
    let mut list: ListFile = toml::from_str(whole).context("cannot read the list again")?;
    // The images are resolved already: filters and rewrites must not apply again.
    list.rewrite.clear();
    list.defaults = list.defaults.map(|defaults| DefaultsTable {
        parallel: defaults.parallel,
        attempts: defaults.attempts,
        ..DefaultsTable::default()
    });
    let source = (list.source.as_mut()).map_or(Side::Registry, |table| {
        table.engine = None;
        table.require_signature = None;
        Side::of(
            &mut table.local,
            &table.registry,
            &mut table.prefix,
            working,
        )
    });
    let destination = (list.destination.as_mut()).map_or(Side::Registry, |table| {
        table.engine = None;
        for archive in table.base.iter_mut().flatten() {
            complete(archive, working);
        }
        Side::of(
            &mut table.local,
            &table.registry,
            &mut table.prefix,
            working,
        )
    });
    let entries = jobs.iter().map(|job| entry(job, &source, &destination));
    list.images = entries.collect();
    toml::to_string(&list).context("cannot write the list")
}

/// How locations are written beside a `[source]` or `[destination]`.
enum Side {
    /// A reference with a registry is complete.
    Registry,
    /// A reference is a name in the store. The directory of images, if it is one.
    Local(Option<LocalStore>),
}

impl Side {
    /// The side of a table, whose paths become complete and whose prefix is removed if it is a local store.
    fn of(
        local: &mut LocalKeys,
        registry: &Option<String>,
        prefix: &mut Option<String>,
        working: &Path,
    ) -> Self {
        if registry.is_some() {
            return Self::Registry;
        }
        *prefix = None;
        let mut directory = None;
        for (transport, path) in local.paths_mut() {
            complete(path, working);
            let is_directory = transport == Transport::Dir;
            directory = is_directory.then(|| LocalStore::new(transport, path));
        }
        Self::Local(directory)
    }

    fn write(&self, location: &Location) -> String {
        match (location, self) {
            (Location::Registry(_), Self::Registry) => location.to_string(),
            (Location::Registry(reference), Self::Local(_)) => format!("docker://{reference}"),
            // `dir:DIR/NAME` would be a store of its own.
            (Location::Local(image), Self::Local(Some(directory)))
                if image.store == *directory && is_image(&location.name_in_store()) =>
            {
                location.name_in_store()
            }
            (Location::Local(_), _) => location.to_string(),
        }
    }
}

/// A `to`: the image has the digest of its source there, which is not written.
fn without_digest(to: String) -> String {
    match to.parse() {
        Ok(PartialLocation::Registry(_)) => to.split('@').next().unwrap_or_default().to_owned(),
        Ok(PartialLocation::Local(_)) | Err(_) => to,
    }
}

/// Whether a name is read back as one image.
fn is_image(name: &str) -> bool {
    let name = name.parse::<PartialReference>();
    name.is_ok_and(|name| name.tag.is_some() || name.digest.is_some())
}

/// Completes a path, if that is possible.
fn complete(path: &mut String, working: &Path) {
    let absolute = std::path::absolute(working.join(&*path));
    if let Some(Ok(absolute)) = absolute
        .ok()
        .map(|path| path.into_os_string().into_string())
    {
        *path = absolute;
    }
}

fn entry(job: &Job, source: &Side, destination: &Side) -> ImageEntry {
    let platforms = job.spec.platforms.iter().map(ToString::to_string).collect();
    ImageEntry::Table(Box::new(ImageTable {
        name: Some(source.write(&job.spec.source)),
        to: Some(without_digest(destination.write(&job.spec.destination))),
        platforms: Some(platforms).filter(|platforms: &Vec<_>| !platforms.is_empty()),
        copy: CopyKeys {
            referrers: (!job.spec.attachments.referrers).then_some(false),
            cosign_tags: (!job.spec.attachments.cosign_tags).then_some(false),
            recheck_attachments: job.spec.attachments.recheck.then_some(true),
            on_existing: (!job.spec.on_existing.is_replace())
                .then(|| job.spec.on_existing.to_string()),
            format: job.spec.format.map(|format| format.to_string()),
            compression: (job.spec.compression).map(|compression| compression.to_string()),
            engine: (!job.spec.engine.is_native()).then(|| job.spec.engine.to_string()),
            group: job.spec.group.as_ref().map(ToString::to_string),
            require_signature: (!job.spec.require_signature.is_empty())
                .then(|| RequireSignature::of(&job.spec.require_signature)),
        },
        ..ImageTable::default()
    }))
}

/// `prod.toml` makes `prod-part.toml`, `prod-part-2.toml` and so on.
fn create(directory: &Path, list: &Path) -> anyhow::Result<(PathBuf, File)> {
    let stem = list.file_stem().unwrap_or_default().to_string_lossy();
    for number in 1..=MAX_PARTS {
        let name = directory.join(match number {
            1 => format!("{stem}-part.toml"),
            _ => format!("{stem}-part-{number}.toml"),
        });
        match File::create_new(&name) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write {}", shown(&name)));
            }
        }
    }
    anyhow::bail!("there are already {MAX_PARTS} parts of {stem}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::CopySpec;
    use crate::{
        batch::JobId,
        list::List,
        oci::{Compression, CopyEngine, ManifestFormat, OnExisting},
    };

    const LIST: &str = r#"
        version = 1
        images = ["team/api:1", "team/web:2"]
        [source]
        registry = "a.example"
        username = "reader"
        password-env = "SECRET"
        [destination]
        registry = "b.example"
        prefix = "mirror"
        plain-http = true
        [[rewrite]]
        from = "^team/"
        to = "crew/"
    "#;

    fn job(source: &str, destination: &str) -> Job {
        Job {
            id: JobId(0),
            spec: CopySpec {
                platforms: vec!["linux/arm64".parse().unwrap()],
                ..CopySpec::new(source.parse().unwrap(), destination.parse().unwrap())
            },
        }
    }

    #[test]
    fn what_a_list_says_for_all_images_does_not_change_those_of_a_part() {
        let defaults = "[defaults]\nattempts = 7\nreferrers = false\nplatforms = [\"linux/amd64\"]\n\
                        on-existing = \"fail\"\n";
        let mut all = job("a.example/team/api:1", "b.example/mirror/crew/api:1");
        all.spec.platforms.clear();
        all.spec.on_existing = OnExisting::Keep;
        all.spec.format = Some(ManifestFormat::Oci);
        all.spec.compression = Some(Compression::Zstd);
        all.spec.engine = CopyEngine::Skopeo;
        let mut other = job("a.example/team/web:2", "b.example/mirror/crew/web:2");
        other.spec.require_signature = ["/keys/a.pub".into(), "/keys/b.pub".into()]
            .into_iter()
            .collect();
        let jobs = [all, other];
        let defaults = format!("{defaults}engine = \"skopeo\"\n");
        let whole =
            format!("{LIST}{defaults}").replace("[source]", "[source]\nengine = \"skopeo\"");
        let text = part(&whole, Path::new("/"), &jobs).unwrap();
        let list = List::parse("part.toml", &text).unwrap();
        assert_eq!(list.defaults.attempts.map(u16::from), Some(7));
        let images = list.expand(&Default::default()).unwrap().images;
        for (job, image) in jobs.iter().zip(&images) {
            assert_eq!(image.spec.platforms[..], job.spec.platforms[..]);
            assert_eq!(image.spec.attachments, job.spec.attachments);
            assert_eq!(image.spec.on_existing, job.spec.on_existing);
            assert_eq!(image.spec.format, job.spec.format);
            assert_eq!(image.spec.compression, job.spec.compression);
            assert_eq!(image.spec.engine, job.spec.engine);
            assert_eq!(image.spec.require_signature, job.spec.require_signature);
        }
    }

    #[test]
    fn a_part_is_a_list_that_comes_to_the_same_images_and_settings() {
        let one = job("a.example/team/api:1", "b.example/mirror/crew/api:1");
        let text = part(LIST, Path::new("/"), std::slice::from_ref(&one)).unwrap();
        let list = List::parse("part.toml", &text).unwrap();
        let images = list.expand(&Default::default()).unwrap().images;
        let [image] = &images[..] else {
            panic!("{text}");
        };
        assert_eq!(image.spec.source, one.spec.source);
        assert_eq!(image.spec.destination, one.spec.destination);
        assert_eq!(image.spec.platforms[..], one.spec.platforms[..]);
        assert!(text.contains("plain-http = true"), "{text}");
        assert!(text.contains("password-env = \"SECRET\""), "{text}");
    }

    #[test]
    fn images_of_local_stores_are_at_the_same_locations_in_a_part() {
        use crate::list::Directories;

        let sides = [
            (
                "registry = \"a.example\"",
                "oci = \"./estate\"\nprefix = \"week\"",
            ),
            (
                "dir = \"images\"",
                "oci-archive = \"out.tar\"\nbase = [\"week-1.tar\"]",
            ),
            ("docker-daemon = true", "dir = \"/srv/images\""),
            (
                "oci-archive = \"in.tar\"\nprefix = \"week\"",
                "registry = \"b.example\"",
            ),
        ];
        let digest = "ab".repeat(32);
        let images = format!(
            "images = [\"team/api:1\", \"team/web@sha256:{digest}\", \"docker://quay.io/a:1\",\n\
             {{ name = \"docker-archive:x.tar\", to = \"dir:deep/../a:b/c:1\" }},\n\
             {{ name = \"oci:[a]:@2\", to = \"docker://c.example/d:1\" }}]"
        );
        for (source, destination) in sides {
            let text = format!(
                "version = 1\n{images}\n[source]\n{source}\n[destination]\n{destination}\n"
            );
            let directories = Directories {
                working: "/work".into(),
                ..Directories::default()
            };
            let list = List::parse_in(&directories, "list.toml", &text).unwrap();
            let specs = |list: &List| {
                let images = list.expand(&Default::default()).unwrap().images;
                let specs = images.into_iter().map(|image| image.spec);
                specs.collect::<Vec<_>>()
            };
            let jobs: Vec<Job> = (0..)
                .map(JobId)
                .zip(specs(&list))
                .map(|(id, spec)| Job { id, spec })
                .collect();
            let text = part(&text, &directories.working, &jobs).unwrap();
            let directories = Directories {
                working: "/elsewhere".into(),
                ..Directories::default()
            };
            let part = List::parse_in(&directories, "part.toml", &text).unwrap();
            assert_eq!(specs(&part), specs(&list), "{text}");
            let base = |list: List| list.destination.unwrap().base;
            assert_eq!(base(part), base(list));
        }
    }
}
