//! `transship browse`: explores registries and stores of this machine on the screen.
//!
//! Decides what the target is. Invariant: a bounded number of requests is in flight.

use std::{io::IsTerminal as _, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::{Semaphore, mpsc};

use super::{
    exit::Exit,
    list_images,
    list_source::ListSource,
    location_arguments::{local_store, without_prefix},
    marked_list,
    registry_arguments::RegistryArguments,
    screen_options,
};
use crate::{
    inspect::{Collection, Inspector},
    list::List,
    metrics::{Operation, Operations},
    oci::{Location, PartialReference, Registry},
    transport::Stores,
    tui::{
        self, Loader,
        browse::{Pair, Start},
    },
};

/// Requests in flight at once; more wait for one of them.
const READERS: usize = 12;

#[derive(Args)]
pub(super) struct BrowseArguments {
    /// A registry, a repository, a store such as oci:DIRECTORY, an image, or the TOML list of a migration.
    target: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn browse(arguments: BrowseArguments) -> anyhow::Result<Exit> {
    if !std::io::stdout().is_terminal() || tui::is_dumb() {
        bail!(
            "browse needs a terminal that moves its cursor; without one use `transship inspect` or `transship tags`"
        );
    }
    let options = screen_options::detect()?;
    let file = Path::new(&arguments.target);
    let (start, inspector) = if file.is_file() {
        let list = match ListSource::read(file)?.parse(arguments.registries.trust) {
            Ok(list) => list,
            Err(exit) => return Ok(exit),
        };
        let stores = arguments.registries.open_for(&list)?;
        match images(&list, &stores).await? {
            Ok(pairs) => (Start::Images(pairs), Arc::new(Inspector::new(stores))),
            Err(exit) => return Ok(exit),
        }
    } else {
        let start = target(&arguments.target)?;
        let stores = arguments.registries.open(&registry_of(&start))?;
        (start, Arc::new(Inspector::new(stores)))
    };
    tui::run_browser(start, loader(inspector, None), options).await?;
    Ok(Exit::Good)
}

/// Answers the requests of the browser until it is closed, and counts them.
pub(super) fn loader(inspector: Arc<Inspector>, operations: Option<Operations>) -> Loader {
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
                    let (readers, operations) = (Arc::clone(&readers), operations.clone());
                    reading.spawn(async move {
                        let _permit = readers.acquire().await;
                        let counted = operations.map(|all| all.start(Operation::Inspect));
                        let answer = inspector.answer(&request).await;
                        if let Some(counted) = counted {
                            let result = answer.as_ref().map(drop).map_err(|error| error.kind.class());
                            counted.finish(&request.store(), result);
                        }
                        let _ = answered.send((ticket, answer));
                    });
                }
                Some(_) = reading.join_next() => {}
            }
        }
    });
    Loader {
        requests,
        answers,
        write_marks: Box::new(marked_list::write),
    }
}

/// The images of a list, or the exit code after its mistakes were printed.
async fn images(list: &List, stores: &Stores) -> anyhow::Result<Result<Vec<Pair>, Exit>> {
    let jobs = match list_images::expand(list, stores).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(Err(exit)),
    };
    let pairs = jobs.into_iter().map(|job| Pair {
        source: job.spec.source,
        destination: job.spec.destination,
    });
    Ok(Ok(pairs.collect()))
}

/// What `text` names. A registry has a dot, a port or a final slash, and no path; a repository has neither tag nor
/// digest; a store of this machine has no name of an image.
fn target(text: &str) -> anyhow::Result<Start> {
    if let Some(store) = local_store(text)? {
        return Ok(Start::Collection(Collection::Local(store)));
    }
    if let Ok(image @ Location::Local(_)) = text.parse() {
        return Ok(Start::Image(image));
    }
    let text = without_prefix(text);
    let bare = text.strip_suffix('/').unwrap_or(text);
    let host = bare.split(':').next().unwrap_or_default();
    let is_host = host.contains('.') || host == "localhost" || bare.starts_with('[');
    if !bare.contains('/') && (is_host || bare != text) {
        return Ok(Start::Registry(bare.parse()?));
    }
    let written: PartialReference = (text.parse())
        .with_context(|| format!("{text:?} is no file, registry, repository, store or image"))?;
    let image: Location = text.parse()?;
    Ok(match (&written.tag, &written.digest) {
        (None, None) => Start::Collection(Collection::of(&image)),
        _ => Start::Image(image),
    })
}

fn registry_of(start: &Start) -> Vec<Registry> {
    let registry = match start {
        Start::Registry(registry) => Some(registry),
        Start::Collection(Collection::Repository(place)) => Some(&place.registry),
        Start::Image(image) => image.registry(),
        // A list has its own.
        Start::Collection(Collection::Local(_)) | Start::Images(_) => None,
    };
    registry.cloned().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_recognized_by_its_form() {
        let is = |text: &str| match target(text).unwrap() {
            Start::Registry(registry) => format!("registry {registry:?}"),
            Start::Collection(Collection::Repository(place)) => format!("repository {place}"),
            Start::Collection(Collection::Local(store)) => format!("store {store}"),
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
        assert_eq!(is("docker://a.example/b/c"), "repository a.example/b/c");
        assert!(is("docker://registry.example.com").starts_with("registry"));
        assert_eq!(is("oci:estate"), "store oci:estate");
        assert_eq!(is("docker-daemon:"), "store docker-daemon:");
        assert_eq!(is("docker-daemon:nginx:1"), "image docker-daemon:nginx:1");
        assert_eq!(is("oci:estate:team/api:1"), "image oci:estate:team/api:1");
        assert!(target("Not/An Image").is_err());
        assert!(target("oci:").is_err());
    }
}
