//! Starts the service container.
//!
//! Decides which runtime gets it. Invariant: a container that exists is never replaced.

use std::{fs, time::Duration};

use super::{
    error::{NoMethod, Unusable},
    runtime::{self, ContainerState, InstalledRuntime},
    search_path::SearchPath,
    settings::{MethodKind, Runtime, Settings, SharedDirectory},
};

/// Making the container downloads its image.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What was done to have the service container run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceStart {
    /// It was running.
    Running { runtime: Runtime },
    /// It was stopped and was started.
    Started { runtime: Runtime },
    /// It was missing and was made.
    Created {
        runtime: Runtime,
        shared: SharedDirectory,
    },
}

/// Starts the service container, or makes it with the shared directory of the settings.
///
/// # Errors
///
/// If no runtime answers, or the one that does cannot start the container.
pub async fn start_service(settings: &Settings) -> Result<ServiceStart, NoMethod> {
    start(settings, &SearchPath::of_environment()).await
}

async fn start(settings: &Settings, search: &SearchPath) -> Result<ServiceStart, NoMethod> {
    let none = |reason| NoMethod {
        methods: vec![reason],
    };
    let runtimes = runtime::installed(settings, search).map_err(none)?;
    let mut silent = Vec::new();
    let mut without = None;
    for runtime in runtimes {
        match runtime.inspect(&settings.container).await {
            Ok(ContainerState::Running(_)) => {
                let runtime = runtime.runtime;
                return Ok(ServiceStart::Running { runtime });
            }
            Ok(ContainerState::Stopped) => {
                let words = ["start".to_owned(), settings.container.clone()];
                order(&runtime, &words).await.map_err(none)?;
                let runtime = runtime.runtime;
                return Ok(ServiceStart::Started { runtime });
            }
            // Another runtime may have it.
            Ok(ContainerState::Missing) if without.is_none() => without = Some(runtime),
            Ok(ContainerState::Missing) => {}
            Err(reason) => silent.push(reason),
        }
    }
    let Some(runtime) = without else {
        return Err(NoMethod { methods: silent });
    };
    let shared = settings.shared.clone();
    let shared = shared.unwrap_or_else(SharedDirectory::standard);
    fs::create_dir_all(&shared.host).map_err(|error| {
        let host = shared.host.display();
        none(Unusable {
            kind: MethodKind::Container,
            reason: format!("the shared directory {host} cannot be made: {error}"),
            remedy: Some(format!("mkdir -p {host}")),
        })
    })?;
    let words = runtime::run_words(settings, &shared);
    order(&runtime, &words).await.map_err(none)?;
    let runtime = runtime.runtime;
    Ok(ServiceStart::Created { runtime, shared })
}

/// Runs a command that changes the container.
async fn order(runtime: &InstalledRuntime, words: &[String]) -> Result<(), Unusable> {
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = runtime::ask(&runtime.program, &borrowed, DEADLINE).await;
    let problem = match answer {
        Ok(answer) if answer.succeeded => return Ok(()),
        Ok(answer) => answer.problem,
        Err(problem) => problem,
    };
    let command = format!("{} {}", runtime.runtime, shell_words::join(words));
    Err(Unusable {
        kind: MethodKind::Container,
        reason: format!("`{command}` failed: {problem}"),
        remedy: None,
    })
}

#[cfg(all(test, unix))]
mod tests;
