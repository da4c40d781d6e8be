//! The files of registries.d: where signatures of images in registries are (containers-registries.d(5)).
//!
//! Decides which directory is read, and what is a mistake in it. Invariant: a section is in one file only, as for
//! containers/image.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use url::Url;

use super::{limited_file, output::shown};
use crate::{
    convert::{YamlNode, parse_yaml},
    signature::{Lookaside, LookasideSection},
};

const SYSTEM: &str = "/etc/containers/registries.d";
const OF_USER: &str = ".config/containers/registries.d";
const MAX_FILE_BYTES: u64 = 1 << 20;
const MAX_FILES: usize = 10_000;

/// The sections in a directory; without one, in that of this user, or that of the system.
pub(super) fn read(directory: Option<&Path>) -> anyhow::Result<Lookaside> {
    let (directory, may_be_absent) = match directory {
        Some(directory) => (directory.to_owned(), false),
        None => (usual_directory(), true),
    };
    let mut lookaside = Lookaside {
        builtin: builtin_storage(),
        ..Lookaside::default()
    };
    if may_be_absent && !directory.exists() {
        return Ok(lookaside);
    }
    let unreadable = || format!("cannot read {}", shown(&directory));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&directory).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            ensure!(
                files.len() < MAX_FILES,
                "{} has too many files",
                shown(&directory)
            );
            files.push(path);
        }
    }
    files.sort();
    for file in files {
        add_file(&mut lookaside, &file).with_context(|| format!("in {}", shown(&file)))?;
    }
    Ok(lookaside)
}

fn usual_directory() -> PathBuf {
    let of_user = std::env::home_dir().map(|home| home.join(OF_USER));
    let existing = of_user.filter(|directory| directory.exists());
    existing.unwrap_or_else(|| SYSTEM.into())
}

/// The storage of containers/image for what no section describes.
fn builtin_storage() -> Option<Url> {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return Url::from_file_path("/var/lib/containers/sigstore").ok();
    }
    let home = std::env::home_dir()?;
    Url::from_file_path(home.join(".local/share/containers/sigstore")).ok()
}

fn add_file(lookaside: &mut Lookaside, file: &Path) -> anyhow::Result<()> {
    let content = limited_file::read(file, MAX_FILE_BYTES)?;
    let text = String::from_utf8(content).context("it is no text")?;
    let documents = parse_yaml(&text)?;
    ensure!(documents.len() <= 1, "it has more than one YAML document");
    let Some(document) = documents.first() else {
        return Ok(());
    };
    for entry in mapping(document)? {
        match entry.key.as_str() {
            "default-docker" => {
                ensure!(
                    lookaside.default.is_none(),
                    "default-docker is written twice"
                );
                lookaside.default = Some(section(&entry.value)?);
            }
            "docker" => {
                for scope in mapping(&entry.value)? {
                    let read = section(&scope.value)?;
                    let replaced = lookaside.scopes.insert(scope.key.clone(), read);
                    ensure!(replaced.is_none(), "docker.{} is written twice", scope.key);
                }
            }
            other => bail!("line {}: the key {other:?} is unknown", entry.line),
        }
    }
    Ok(())
}

fn section(node: &YamlNode) -> anyhow::Result<LookasideSection> {
    let mut section = LookasideSection::default();
    let mut of_older_name = None;
    for entry in mapping(node)? {
        let line = entry.line;
        let text = entry.value.text();
        let text = text.with_context(|| format!("line {line}: {:?} needs a text", entry.key))?;
        match entry.key.as_str() {
            "lookaside" => section.lookaside = Some(storage(text, line)?),
            "sigstore" => of_older_name = Some(storage(text, line)?),
            "use-sigstore-attachments" => {
                let is_used = text.parse();
                let is_used =
                    is_used.with_context(|| format!("line {line}: write true or false"))?;
                section.use_sigstore_attachments = Some(is_used);
            }
            // Where signatures are written.
            "lookaside-staging" | "sigstore-staging" => {}
            other => bail!("line {line}: the key {other:?} is unknown"),
        }
    }
    section.lookaside = section.lookaside.or(of_older_name);
    Ok(section)
}

fn storage(text: &str, line: usize) -> anyhow::Result<Url> {
    let url: Url = text
        .parse()
        .with_context(|| format!("line {line}: {text:?} is no URL"))?;
    ensure!(
        matches!(url.scheme(), "file" | "http" | "https"),
        "line {line}: a storage of signatures is at file://, http:// or https://"
    );
    Ok(url)
}

/// The entries of a mapping, each key once. Nothing is an empty mapping.
fn mapping(node: &YamlNode) -> anyhow::Result<&[crate::convert::YamlEntry]> {
    ensure!(
        node.is_mapping() || node.is_null(),
        "line {}: a mapping has to be here",
        node.line
    );
    let entries = node.entries();
    let mut seen = std::collections::HashSet::new();
    for entry in entries {
        ensure!(
            seen.insert(&entry.key),
            "line {}: {:?} is written twice",
            entry.line,
            entry.key
        );
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_files(files: &[&str]) -> Result<Lookaside, String> {
        let directory = tempfile::tempdir().unwrap();
        for (at, text) in files.iter().enumerate() {
            std::fs::write(directory.path().join(format!("{at}.yaml")), text).unwrap();
        }
        std::fs::write(directory.path().join("README"), "not YAML: [").unwrap();
        let lookaside = read(Some(directory.path()));
        lookaside.map_err(|error| format!("{:#}", error))
    }

    #[test]
    fn the_files_are_one_configuration() {
        let lookaside = read_files(&[
            "default-docker:\n  sigstore: file:///var/old\n  sigstore-staging: file:///x\n",
            "docker:\n  r.example:\n    use-sigstore-attachments: true\n    lookaside: https://s.example\n    sigstore: https://old.example\n",
            "# nothing\n",
        ])
        .unwrap();
        let default = lookaside.default.unwrap();
        assert_eq!(default.lookaside.unwrap().as_str(), "file:///var/old");
        let section = &lookaside.scopes["r.example"];
        assert_eq!(
            section.lookaside.as_ref().unwrap().as_str(),
            "https://s.example/"
        );
        assert_eq!(section.use_sigstore_attachments, Some(true));
    }

    #[test]
    fn what_containers_image_refuses_is_a_mistake() {
        let twice = "docker:\n  r.example: {}\n";
        for (files, expected) in [
            (&[twice, twice][..], "docker.r.example is written twice"),
            (&["docker:\n  a: {}\n  a: {}\n"], "\"a\" is written twice"),
            (&["other: {}\n"], "the key \"other\" is unknown"),
            (
                &["docker:\n  a: {stage: x}\n"],
                "the key \"stage\" is unknown",
            ),
            (
                &["default-docker: {lookaside: s3://x}\n"],
                "file://, http:// or https://",
            ),
            (
                &["default-docker: {use-sigstore-attachments: 7}\n"],
                "write true or false",
            ),
            (&["docker: [a]\n"], "a mapping has to be here"),
        ] {
            let error = read_files(files).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let absent = read(Some(Path::new("/nonexistent/registries.d")));
        assert!(absent.is_err());
    }
}
