//! `transship doctor`: examines the registries and stores of a migration.
//!
//! Decides what is examined, and where it is written to. Invariant: sources are never written to, and the repositories
//! that are written to are named before.

use std::{io::Write as _, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{
    doctor_output::{Examined, Report},
    exit::Exit,
    list_images,
    list_source::ListSource,
    location_arguments::without_prefix,
    output::{self, print, tell},
    registry_arguments::RegistryArguments,
    signals,
};
use crate::{
    batch::BatchResult,
    doctor::{self, Conditions, Role, Subject},
    list::{Answers, List},
    oci::{CopySpec, LocalStore, Registry, Repository, Store},
    present::sanitize,
    transport::Stores,
};

/// Registries examined at once.
const EXAMINERS: usize = 8;

#[derive(Args)]
pub(super) struct DoctorArguments {
    /// One TOML list; or registries, each with the project to write below.
    #[arg(value_name = "LIST|REGISTRY[/PROJECT]", required = true)]
    what: Vec<String>,
    /// Also write to the named registries, into a throw-away repository that is removed again. The destinations of a list
    /// are always written to.
    #[arg(long)]
    push: bool,
    /// Write nothing, not even to the destinations of a list.
    #[arg(long, conflicts_with = "push")]
    no_push: bool,
    /// How long each check may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print one JSON document (schema: assets/doctor.md).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// What is examined, and how it is reached.
struct Targets {
    stores: Arc<Stores>,
    subjects: Vec<Subject>,
    local: Vec<LocalStore>,
}

pub(super) async fn doctor(arguments: DoctorArguments) -> anyhow::Result<Exit> {
    let limit = Duration::from_secs(arguments.timeout);
    let targets = match targets(&arguments, limit).await? {
        Ok(targets) => targets,
        Err(exit) => return Ok(exit),
    };
    for subject in &targets.subjects {
        announce(subject);
    }
    let stop = CancellationToken::new();
    let Some(report) = examine(&targets, limit, &stop).await? else {
        return Ok(Exit::Run(BatchResult::Stopped));
    };
    if arguments.json {
        let text = output::pretty_json(&report)?;
        print(|output| writeln!(output, "{text}"))?;
    } else {
        report.print()?;
    }
    Ok(match (stop.is_cancelled(), report.is_good()) {
        (true, _) => Exit::Run(BatchResult::Stopped),
        (false, true) => Exit::Good,
        (false, false) => Exit::Run(BatchResult::SomeFailed),
    })
}

fn announce(subject: &Subject) {
    if let Some(scratch) = &subject.scratch {
        let registry = &subject.registry;
        tell(format_args!(
            "transship: writes to {registry}/{} and {registry}/{}, and removes it again",
            scratch.first, scratch.second
        ));
    }
}

/// `None` if the operator does not wait for the removal.
async fn examine(
    targets: &Targets,
    limit: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Report>> {
    let mut signals = signals::listen()?;
    let conditions = Conditions {
        limit,
        stop: stop.clone(),
    };
    let clients = targets.stores.clients();
    let examinations = stream::iter(&targets.subjects)
        .map(|subject| doctor::examine(clients, subject, &conditions))
        .buffered(EXAMINERS)
        .collect::<Vec<_>>();
    tokio::pin!(examinations);
    let found = loop {
        tokio::select! {
            found = &mut examinations => break found,
            Some(_) = signals.recv() => {
                if stop.is_cancelled() {
                    tell("transship: left; what was written is not removed");
                    return Ok(None);
                }
                stop.cancel();
                tell("transship: stopping, and removing what was written; ctrl-c again leaves it there");
            }
        }
    };
    let registries = targets.subjects.iter().zip(found);
    let registries = registries.map(|(subject, findings)| Examined {
        store: Store::Registry(subject.registry.clone()),
        role: subject.role.word(),
        scratch: subject.scratch.clone(),
        findings,
    });
    let local = targets.local.iter().map(|store| Examined {
        store: Store::Local(store.clone()),
        role: "this machine",
        scratch: None,
        findings: doctor::examine_store(store),
    });
    Ok(Some(Report::of(registries.chain(local).collect())))
}

/// What the arguments name, or the exit code after the mistakes of a list were printed.
async fn targets(
    arguments: &DoctorArguments,
    limit: Duration,
) -> anyhow::Result<Result<Targets, Exit>> {
    let random: u32 = rand::random();
    if let [file] = &arguments.what[..]
        && Path::new(file).is_file()
    {
        if arguments.push {
            bail!(
                "--push is for named registries: the destinations of a list are written to without it"
            );
        }
        let list = match ListSource::read(Path::new(file))?.parse(arguments.registries.trust) {
            Ok(list) => list,
            Err(exit) => return Ok(Err(exit)),
        };
        let stores = arguments.registries.open_for(&list)?;
        let random = (!arguments.no_push).then_some(random);
        return of_list(&list, stores, random, limit).await;
    }
    let random = arguments.push.then_some(random);
    let mut subjects = Vec::new();
    for text in &arguments.what {
        let (registry, project) = named(text)?;
        subjects.push(Subject::named(registry, project.as_ref(), random));
    }
    let registries: Vec<Registry> = subjects.iter().map(|it| it.registry.clone()).collect();
    Ok(Ok(Targets {
        stores: arguments.registries.open(&registries)?,
        subjects,
        local: Vec::new(),
    }))
}

/// A registry, and the project to write below.
fn named(text: &str) -> anyhow::Result<(Registry, Option<Repository>)> {
    let shown = sanitize(text);
    if text.ends_with(".toml") {
        bail!("{shown}: there is no such list");
    }
    let (registry, project) = match without_prefix(text).split_once('/') {
        Some((registry, project)) => (registry, Some(project.trim_end_matches('/'))),
        None => (without_prefix(text), None),
    };
    let registry = registry
        .parse()
        .with_context(|| format!("{shown} is neither a list nor a registry"))?;
    let project = project.filter(|project| !project.is_empty());
    let project = project.map(str::parse).transpose();
    let project = project.with_context(|| format!("{shown} has no valid project"))?;
    Ok((registry, project))
}

async fn of_list(
    list: &List,
    stores: Arc<Stores>,
    random: Option<u32>,
    limit: Duration,
) -> anyhow::Result<Result<Targets, Exit>> {
    // Without questions nothing is asked, so a registry that is down does not matter yet.
    let has_questions = !list.questions(&Answers::default()).is_empty();
    let expanding = list_images::expand(list, &stores);
    let expanded = match has_questions {
        false => expanding.await,
        true => match tokio::time::timeout(limit, expanding).await {
            Ok(expanded) => expanded,
            Err(_) => Err(anyhow::anyhow!("the registries did not answer in time")),
        },
    };
    let subjects_and_local = match expanded {
        Ok(Ok(jobs)) => {
            let images: Vec<CopySpec> = jobs.into_iter().map(|job| job.spec).collect();
            let local = doctor::local_stores(&images).into_iter().collect();
            (Subject::of_images(&images, random), local)
        }
        Ok(Err(exit)) => return Ok(Err(exit)),
        Err(error) => {
            let error = format!("{error:#}");
            tell(format_args!(
                "transship: {}; the registries are examined without the images",
                sanitize(&error)
            ));
            (by_sides(list, random), Vec::new())
        }
    };
    let (subjects, local) = subjects_and_local;
    Ok(Ok(Targets {
        stores,
        subjects,
        local,
    }))
}

/// The registries of a list whose images are not known.
fn by_sides(list: &List, random: Option<u32>) -> Vec<Subject> {
    let subject = |registry: &Registry| {
        let is_it = |store: &Store| store.registry() == Some(registry);
        let is_source = list.source.as_ref().is_some_and(|side| is_it(&side.store));
        let destination = list.destination.as_ref().filter(|side| is_it(&side.store));
        let prefix = destination.and_then(|side| side.prefix.as_ref());
        let random = destination.and(random);
        Subject {
            role: match (is_source, destination) {
                (true, Some(_)) => Role::Both,
                (true, None) => Role::Source,
                (false, Some(_)) => Role::Destination,
                (false, None) => Role::Named,
            },
            ..Subject::named(registry.clone(), prefix, random)
        }
    };
    list.registries.keys().map(subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_may_be_named_with_the_project_to_write_below() {
        let of = |text: &str| {
            let (registry, project) = named(text).unwrap();
            (
                registry.to_string(),
                project.map(|project| project.to_string()),
            )
        };
        assert_eq!(of("b.example:5000"), ("b.example:5000".into(), None));
        assert_eq!(of("docker://b.example/"), ("b.example".into(), None));
        let project = Some("mirror/team".to_owned());
        assert_eq!(of("b.example/mirror/team"), ("b.example".into(), project));
        for wrong in ["", "a b", "b.example/UPPER", "prod.toml"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
