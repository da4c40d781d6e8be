//! The repositories of a registry.
//!
//! Decides which interfaces are asked, and which answers mean that there is another one to ask. Invariant: a registry
//! that cannot be reached is an error, never a registry without repositories.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{error::CatalogueError, registry_path::RegistryPath};
use crate::{
    oci::Repository,
    registry::{self, Client, FailureClass},
};

/// Projects whose repositories are read at once.
const READERS: usize = 4;
/// As many as are kept of a catalogue.
const MAX_REPOSITORIES: usize = 250_000;

/// The repositories at a path of a registry, in natural order of the source.
#[derive(Clone, Debug)]
pub struct Repositories {
    pub names: Vec<Repository>,
    /// The number of invalid names, which are left out.
    pub invalid: usize,
    pub source: CatalogueSource,
}

/// What listed the repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogueSource {
    /// The catalogue of the distribution API.
    Catalogue,
    /// Harbor's API.
    Harbor,
    /// Docker Hub's web API.
    DockerHub,
    /// Nothing: the path is a repository itself.
    Path,
}

/// Reads which repositories there are.
///
/// # Errors
/// The registry cannot be read, lists nothing in any way, or has nothing at this path.
pub async fn repositories(
    client: &Client,
    place: &RegistryPath,
) -> Result<Repositories, CatalogueError> {
    if place.registry.is_docker_hub() {
        return on_docker_hub(client, place).await;
    }
    let mut tried = Vec::new();
    match client.repositories().await {
        Ok(names) => return below(place, &names, CatalogueSource::Catalogue),
        Err(error) => tried.push(format!("its catalogue {}", closed(error)?)),
    }
    match in_harbor(client, place).await {
        Ok(names) if !names.is_empty() => return below(place, &names, CatalogueSource::Harbor),
        Ok(_) => tried.push("Harbor's API lists nothing for these credentials".into()),
        Err(error) => tried.push(format!("Harbor's API {}", closed(error)?)),
    }
    if let Some(path) = &place.path {
        match client.tags(path).await {
            Ok(_) => return Ok(the_path(path)),
            Err(error) => tried.push(format!("the tags of {path} {}", closed(error)?)),
        }
    }
    let path = place.path.as_ref();
    Err(CatalogueError::Closed {
        registry: place.registry.clone(),
        tried,
        example: path.map_or_else(|| "NAME".into(), |path| format!("{path}/NAME")),
    })
}

async fn on_docker_hub(
    client: &Client,
    place: &RegistryPath,
) -> Result<Repositories, CatalogueError> {
    let path = place.path.as_ref().ok_or(CatalogueError::NoNamespace)?;
    if path.as_str().contains('/') {
        return Ok(the_path(path));
    }
    match client.docker_hub_repositories(path.as_str()).await {
        Ok(names) => below(place, &names, CatalogueSource::DockerHub),
        Err(error) => Err(CatalogueError::Closed {
            registry: place.registry.clone(),
            tried: vec![format!("its web API {}", closed(error)?)],
            example: format!("{path}/NAME"),
        }),
    }
}

async fn in_harbor(client: &Client, place: &RegistryPath) -> Result<Vec<String>, registry::Error> {
    let projects = match &place.path {
        Some(path) => {
            let project = path.as_str().split('/').next().unwrap_or_default();
            vec![project.to_owned()]
        }
        None => client.harbor_projects().await?,
    };
    let read = |project: String| async move { client.harbor_repositories(&project).await };
    let mut projects = stream::iter(projects).map(read).buffered(READERS);
    let mut names = Vec::new();
    while let Some(found) = projects.try_next().await? {
        names.extend(found);
        names.truncate(MAX_REPOSITORIES + 1);
    }
    Ok(names)
}

fn the_path(path: &Repository) -> Repositories {
    Repositories {
        names: vec![path.clone()],
        invalid: 0,
        source: CatalogueSource::Path,
    }
}

/// Those of `names` that are at the path.
fn below(
    place: &RegistryPath,
    names: &[String],
    source: CatalogueSource,
) -> Result<Repositories, CatalogueError> {
    let valid: Vec<Repository> = names.iter().filter_map(|name| name.parse().ok()).collect();
    let invalid = names.len() - valid.len();
    let names: Vec<Repository> = valid
        .into_iter()
        .filter(|name| place.contains(name))
        .collect();
    match (&place.path, names.is_empty()) {
        (Some(path), true) => Err(CatalogueError::NothingBelow {
            registry: place.registry.clone(),
            path: path.clone(),
        }),
        _ => Ok(Repositories {
            names,
            invalid,
            source,
        }),
    }
}

/// What the registry answered, if it means that it does not list its repositories in this way.
fn closed(error: registry::Error) -> Result<String, CatalogueError> {
    let is_closed = match error.class() {
        FailureClass::Auth | FailureClass::NotFound | FailureClass::Rejected => true,
        FailureClass::Transient { .. } => matches!(error.status(), Some(501)),
        FailureClass::Corrupt | FailureClass::Internal => false,
    };
    match is_closed {
        true => Ok(error.to_string()),
        false => Err(error.into()),
    }
}
