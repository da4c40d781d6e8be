//! The files and directories that a pattern of a list matches.
//!
//! Decides that archives are files, and that layouts are directories. Invariant: the number of files is bounded.

use anyhow::{Context as _, bail};

use crate::{list::FilePattern, oci::Transport};

/// Complete paths in the order of their names. Fails if there are more than `max`.
pub(super) async fn matching_files(
    pattern: FilePattern,
    max: usize,
) -> anyhow::Result<Vec<String>> {
    tokio::task::spawn_blocking(move || find(&pattern, max)).await?
}

fn find(pattern: &FilePattern, max: usize) -> anyhow::Result<Vec<String>> {
    let is_directory = match pattern.transport {
        Transport::Oci | Transport::Dir => true,
        Transport::OciArchive
        | Transport::DockerArchive
        | Transport::DockerDaemon
        | Transport::ContainersStorage => false,
    };
    let mut files = Vec::new();
    for path in glob::glob(&pattern.pattern)? {
        let path = path?;
        if path.is_dir() != is_directory {
            continue;
        }
        if files.len() == max {
            bail!("there are more than {max}, too many to keep");
        }
        let text = path.to_str();
        let text = text.with_context(|| format!("{} is not valid UTF-8", path.display()))?;
        files.push(text.to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn archives_are_files_and_layouts_are_directories() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        for archive in ["b.tar", "a.tar", "readme"] {
            std::fs::write(directory.path().join(archive), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("layout.tar")).unwrap();
        let found = async |transport, pattern: &str, max| {
            let pattern = FilePattern {
                transport,
                pattern: format!("{root}/{pattern}"),
            };
            let files = matching_files(pattern, max).await?;
            let names = files.iter().map(|file| file[root.len() + 1..].to_owned());
            anyhow::Ok(names.collect::<Vec<_>>())
        };
        let archives = found(Transport::DockerArchive, "*.tar", 2).await.unwrap();
        assert_eq!(archives, ["a.tar", "b.tar"]);
        assert_eq!(found(Transport::Oci, "*", 2).await.unwrap(), ["layout.tar"]);
        assert!(found(Transport::Oci, "none/*", 2).await.unwrap().is_empty());
        let error = found(Transport::OciArchive, "*", 2).await.unwrap_err();
        assert!(error.to_string().contains("more than 2"), "{error}");
    }
}
