//! The name of an image in a local store, divided into repository and tag.
//!
//! Decides what an image is called at its destination if the list does not say so. Invariant: the registry that a name
//! may begin with is no part of the repository.

use crate::oci::{
    Digest, LocalImage, LocalStore, PartialReference, Repository, StoredName, Tag, Transport,
};

pub(super) struct StoredParts {
    /// Without a registry.
    pub(super) repository: Repository,
    /// The name without tag and digest, as the store has it.
    pub(super) written: String,
    pub(super) tag: Option<Tag>,
    pub(super) digest: Option<Digest>,
}

impl StoredParts {
    /// `None` if the name is no reference, as in `oci:estate:Über`.
    pub(super) fn of(image: &LocalImage) -> Option<Self> {
        match &image.name {
            None | Some(StoredName::Position(_)) => Self::read(&stem(&image.store)?),
            // In layouts, a name without a repository is a tag (image-spec annotations.md, `ref.name`).
            Some(StoredName::Name(name)) if is_layout(&image.store) && is_tag(name) => {
                match stem(&image.store).and_then(|stem| Self::read(&format!("{stem}:{name}"))) {
                    Some(parts) => Some(parts),
                    None => Self::read(name),
                }
            }
            Some(StoredName::Name(name)) => Self::read(name),
        }
    }

    fn read(name: &str) -> Option<Self> {
        let reference: PartialReference = name.parse().ok()?;
        let without_digest = name.split('@').next().unwrap_or_default();
        let written = match &reference.tag {
            Some(tag) => without_digest.strip_suffix(&format!(":{tag}"))?,
            None => without_digest,
        };
        let tag = match (reference.tag, &reference.digest) {
            (None, None) => Some(Tag::latest()),
            (tag, _) => tag,
        };
        Some(Self {
            repository: reference.repository,
            written: written.to_owned(),
            tag,
            digest: reference.digest,
        })
    }
}

fn is_layout(store: &LocalStore) -> bool {
    match store.transport {
        Transport::Oci | Transport::OciArchive => true,
        Transport::Dir
        | Transport::DockerArchive
        | Transport::DockerDaemon
        | Transport::ContainersStorage => false,
    }
}

fn is_tag(name: &str) -> bool {
    name.parse::<Tag>().is_ok()
}

/// The name of a file or directory without the endings of archives.
fn stem(store: &LocalStore) -> Option<String> {
    let name = store.path()?.file_name()?.to_str()?;
    let is_archive = match store.transport {
        Transport::OciArchive | Transport::DockerArchive => true,
        Transport::Oci
        | Transport::Dir
        | Transport::DockerDaemon
        | Transport::ContainersStorage => false,
    };
    if !is_archive {
        return Some(name.to_owned());
    }
    let name = [".gz", ".zst"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let name = [".tar", ".tgz"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Location;

    fn parts(location: &str) -> Option<String> {
        let location: Location = location.parse().unwrap();
        let parts = StoredParts::of(location.local().unwrap())?;
        let tag = parts.tag.map_or_else(String::new, |tag| format!(":{tag}"));
        let digest = parts
            .digest
            .map_or_else(String::new, |digest| format!("@{digest}"));
        Some(format!(
            "{}{tag}{digest} ({})",
            parts.repository, parts.written
        ))
    }

    #[test]
    fn a_name_is_a_repository_without_its_registry_and_a_tag() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let daemon = "docker-daemon:localhost:5000/team/api:1";
        assert_eq!(
            parts(daemon).unwrap(),
            "team/api:1 (localhost:5000/team/api)"
        );
        let archive = "docker-archive:x.tar:docker.io/library/nginx:1.27";
        assert_eq!(
            parts(archive).unwrap(),
            "library/nginx:1.27 (docker.io/library/nginx)"
        );
        let pinned = parts(&format!("oci:estate:team/api@{digest}"));
        assert_eq!(pinned.unwrap(), format!("team/api@{digest} (team/api)"));
        assert_eq!(parts("oci:estate:Team/api:1"), None);
    }

    #[test]
    fn a_file_names_images_that_have_no_repository() {
        assert_eq!(
            parts("docker-archive:a/api-1.2.tar.gz").unwrap(),
            "api-1.2:latest (api-1.2)"
        );
        assert_eq!(
            parts("docker-archive:api.tgz:@1").unwrap(),
            "api:latest (api)"
        );
        assert_eq!(parts("oci:exports/api.d:1.2").unwrap(), "api.d:1.2 (api.d)");
        assert_eq!(parts("dir:exports/team/api:1.2").unwrap(), "api:1.2 (api)");
        assert_eq!(parts("oci:Exports:app").unwrap(), "app:latest (app)");
        assert_eq!(parts("docker-archive:My App.tar"), None);
    }
}
