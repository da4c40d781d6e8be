//! Writes some images of a batch as a list of their own, to be corrected and run again.
//!
//! Decides the file name and what the list keeps: registries with their settings, and the images as they were resolved.
//! Invariant: it never replaces a file.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{list_source::ListSource, output::shown};
use crate::{
    batch::Job,
    list::{CopyKeys, DefaultsTable, ImageEntry, ImageTable, ListFile},
};

/// File names to try.
const MAX_PARTS: usize = 1000;

/// Writes these images as a list in the directory of the whole list, where relative paths mean the same. Returns its
/// name.
pub(super) fn write(whole: &ListSource, jobs: &[Job]) -> anyhow::Result<String> {
    let text = part(&whole.text, jobs)?;
    let (path, mut file) = create(&whole.directory, &whole.path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", shown(&path)))?;
    let here = std::env::current_dir().unwrap_or_default();
    Ok(shown(path.strip_prefix(here).unwrap_or(&path)))
}

fn part(whole: &str, jobs: &[Job]) -> anyhow::Result<String> {
    let mut list: ListFile = toml::from_str(whole).context("cannot read the list again")?;
    // The images are resolved already: filters and rewrites must not apply again.
    list.rewrite.clear();
    list.defaults = list.defaults.map(|defaults| DefaultsTable {
        parallel: defaults.parallel,
        attempts: defaults.attempts,
        ..DefaultsTable::default()
    });
    list.images = jobs.iter().map(entry).collect();
    toml::to_string(&list).context("cannot write the list")
}

fn entry(job: &Job) -> ImageEntry {
    let platforms = job.spec.platforms.iter().map(ToString::to_string).collect();
    ImageEntry::Table(Box::new(ImageTable {
        name: Some(job.spec.source.to_string()),
        to: Some(job.spec.destination.to_string()),
        platforms: Some(platforms).filter(|platforms: &Vec<_>| !platforms.is_empty()),
        copy: CopyKeys {
            referrers: (!job.spec.attachments.referrers).then_some(false),
            cosign_tags: (!job.spec.attachments.cosign_tags).then_some(false),
            recheck_attachments: job.spec.attachments.recheck.then_some(true),
            on_existing: (!job.spec.on_existing.is_replace())
                .then(|| job.spec.on_existing.to_string()),
            format: job.spec.format.map(|format| format.to_string()),
            compression: (job.spec.compression).map(|compression| compression.to_string()),
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
        oci::{Compression, ManifestFormat, OnExisting},
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
        all.spec.compression = Some(Compression::None);
        let other = job("a.example/team/web:2", "b.example/mirror/crew/web:2");
        let jobs = [all, other];
        let text = part(&format!("{LIST}{defaults}"), &jobs).unwrap();
        let list = List::parse("part.toml", &text).unwrap();
        assert_eq!(list.defaults.attempts.map(u16::from), Some(7));
        let images = list.expand(&Default::default()).unwrap().images;
        for (job, image) in jobs.iter().zip(&images) {
            assert_eq!(image.spec.platforms[..], job.spec.platforms[..]);
            assert_eq!(image.spec.attachments, job.spec.attachments);
            assert_eq!(image.spec.on_existing, job.spec.on_existing);
            assert_eq!(image.spec.format, job.spec.format);
            assert_eq!(image.spec.compression, job.spec.compression);
        }
    }

    #[test]
    fn a_part_is_a_list_that_comes_to_the_same_images_and_settings() {
        let one = job("a.example/team/api:1", "b.example/mirror/crew/api:1");
        let text = part(LIST, std::slice::from_ref(&one)).unwrap();
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
}
