//! `transship browse`: explores registries on the screen.
//!
//! Decides what the target is. Invariant: a bounded number of requests is in flight.

use std::{io::IsTerminal as _, path::Path, slice, sync::Arc};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::{Semaphore, mpsc};

use super::{
    exit::Exit, list_images, list_source::ListSource,
    registry_arguments::RegistryArguments, screen_options,
};
use crate::{
    inspect::{Inspector, RepositoryId},
    list::List,
    oci::{PartialReference, Reference, Registry},
    registry::Clients,
    tui::{
        self, Loader,
        browse::{Pair, Start},
    },
};

/// Requests in flight at once; more wait for one of them.
const READERS: usize = 12;

#[derive(Args)]
pub(super) struct BrowseArguments {
    /// A registry, a repository, an image, or the TOML list of a migration.
    target: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn browse(arguments: BrowseArguments) -> anyhow::Result<Exit> {
    if !std::io::stdout().is_terminal() {
        bail!("browse needs a terminal; without one use `transship inspect` or `transship tags`");
    }
    let options = screen_options::detect()?;
    let file = Path::new(&arguments.target);
    let (start, inspector) = if file.is_file() {
        let list = match ListSource::read(file)?.parse(arguments.registries.trust) {
            Ok(list) => list,
            Err(exit) => return Ok(exit),
        };
        let registries = arguments.registries.open_for(&list)?;
        match images(&list, registries.clients()).await? {
            Ok(pairs) => (Start::Images(pairs), Arc::new(registries.inspector())),
            Err(exit) => return Ok(exit),
        }
    } else {
        let start = target(&arguments.target)?;
        let registries = arguments.registries.open(registry_of(&start))?;
        (start, Arc::new(registries.inspector()))
    };
    tui::run_browser(start, loader(inspector), options).await?;
    Ok(Exit::Good)
}

/// Answers the requests of the browser until it is closed.
pub(super) fn loader(inspector: Arc<Inspector>) -> Loader {
    // Unbounded: one screen requests only what it shows.
    let (requests, mut requested) = mpsc::unbounded_channel();
    let (answered, answers) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let readers = Arc::new(Semaphore::new(READERS));
        let mut reading = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                next = requested.recv() => {
                    // The browser was closed: drop the requests in flight.
                    let Some((ticket, request)) = next else { return };
                    let (inspector, answered) = (Arc::clone(&inspector), answered.clone());
                    let readers = Arc::clone(&readers);
                    reading.spawn(async move {
                        let _permit = readers.acquire().await;
                        let answer = inspector.answer(&request).await;
                        let _ = answered.send((ticket, answer));
                    });
                }
                Some(_) = reading.join_next() => {}
            }
        }
    });
    Loader { requests, answers }
}

/// The images of a list, or the exit code after its mistakes were printed.
async fn images(list: &List, clients: &Clients) -> anyhow::Result<Result<Vec<Pair>, Exit>> {
    let jobs = match list_images::expand(list, stores).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(Err(exit)),
    };
    let pairs = jobs.into_iter().filter_map(|job| {
        Some(Pair {
            source: job.spec.source.reference()?.clone(),
            destination: job.spec.destination.reference()?.clone(),
        })
    });
    Ok(Ok(pairs.collect()))
}

/// What `text` names. A registry has a dot, a port or a final slash, and no path; a repository has neither tag nor
/// digest.
fn target(text: &str) -> anyhow::Result<Start> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let host = bare.split(':').next().unwrap_or_default();
    let is_host = host.contains('.') || host == "localhost" || bare.starts_with('[');
    if !bare.contains('/') && (is_host || bare != text) {
        return Ok(Start::Registry(bare.parse()?));
    }
    let written: PartialReference = (text.parse())
        .with_context(|| format!("{text:?} is no file, registry, repository or image"))?;
    let reference: Reference = text.parse()?;
    Ok(match (&written.tag, &written.digest) {
        (None, None) => Start::Repository(RepositoryId::of(&reference)),
        _ => Start::Image(reference),
    })
}

fn registry_of(start: &Start) -> &[Registry] {
    match start {
        Start::Registry(registry) => slice::from_ref(registry),
        Start::Repository(place) => slice::from_ref(&place.registry),
        Start::Image(reference) => slice::from_ref(&reference.registry),
        // A list has its own.
        Start::Images(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_recognized_by_its_form() {
        let is = |text: &str| match target(text).unwrap() {
            Start::Registry(registry) => format!("registry {registry:?}"),
            Start::Repository(place) => format!("repository {place}"),
            Start::Image(reference) => format!("image {reference}"),
            Start::Images(_) => "images".into(),
        };
        assert!(is("localhost:5000").starts_with("registry"));
        assert!(is("registry.example.com").starts_with("registry"));
        assert!(is("registry:5000/").starts_with("registry"));
        assert!(is("[::1]:5000").starts_with("registry"));
        assert_eq!(is("nginx"), "repository docker.io/library/nginx");
        assert_eq!(is("nginx:1.27"), "image docker.io/library/nginx:1.27");
        assert_eq!(is("a.example/b/c"), "repository a.example/b/c");
        assert_eq!(is("a.example/b/c:1"), "image a.example/b/c:1");
        assert!(target("Not/An Image").is_err());
    }
}
