//! Finds out which methods of running skopeo work.
//!
//! Decides what a method needs. Invariant: each method is either usable, or there is a reason why not and, where one is
//! known, the command that mends it.

use std::{fs, io, io::Write as _, path::Path, sync::Arc};

use futures_util::future::join_all;

use super::{
    container::ContainerMethod,
    error::Unusable,
    local::LocalMethod,
    method::Method,
    runtime::{self, ContainerState, ContainerView, DEADLINE, InstalledRuntime},
    scratch::{Audience, Scratch, private_places},
    search_path::SearchPath,
    settings::{MethodKind, Settings, SharedDirectory},
    shared::Shared,
};

/// Prints a directory for private files, in memory if there is one, if all programs that the guard uses are there.
const PLACE: &str = r#"
for program in cat dd mkdir mv rm; do
  command -v "$program" > /dev/null || { echo "$program is missing" >&2; exit 1; }
done
for place in /dev/shm /run /tmp; do
  if [ -d "$place" ] && [ -w "$place" ]; then echo "$place"; exit 0; fi
done
echo 'no directory is writable' >&2
exit 1
"#;

/// Arguments: the shared directory, the name of a file in it, its content.
const SEE: &str = r#"
[ "$(cat "$1/$2")" = "$3" ] || exit 1
[ -w "$1" ] || { echo "$1 is not writable" >&2; exit 1; }
"#;

/// What was found, each in order of preference.
#[derive(Default)]
pub(super) struct Probed {
    pub(super) usable: Vec<Method>,
    pub(super) unusable: Vec<Unusable>,
}

/// Probes every method of the settings at the same time.
pub(super) async fn probe(settings: &Settings, search: &SearchPath) -> Probed {
    let methods = settings.methods.iter();
    let all = join_all(methods.map(|kind| async move {
        match kind {
            MethodKind::Container => probe_container(settings, search).await,
            MethodKind::Local => match probe_local(settings, search).await {
                Ok(local) => Probed::usable(Method::Local(local)),
                Err(reason) => Probed::unusable(reason),
            },
        }
    }));
    let mut probed = Probed::default();
    for one in all.await {
        probed.usable.extend(one.usable);
        probed.unusable.extend(one.unusable);
    }
    probed
}

impl Probed {
    fn usable(method: Method) -> Self {
        Self {
            usable: vec![method],
            unusable: Vec::new(),
        }
    }

    fn unusable(reason: Unusable) -> Self {
        Self {
            usable: Vec::new(),
            unusable: vec![reason],
        }
    }
}

async fn probe_local(settings: &Settings, search: &SearchPath) -> Result<LocalMethod, Unusable> {
    let unusable = |reason: String, remedy: &str| Unusable {
        kind: MethodKind::Local,
        reason,
        remedy: (!remedy.is_empty()).then(|| remedy.to_owned()),
    };
    let Some(program) = search.find(&settings.path) else {
        let reason = format!("{} is not installed", settings.path);
        return Err(unusable(reason, "apt-get install skopeo"));
    };
    let broken = |problem: &str| {
        let reason = format!("{program} --version failed: {problem}");
        unusable(reason, "apt-get install --reinstall skopeo")
    };
    let answer = runtime::ask(&program, &["--version"], DEADLINE).await;
    let answer = answer.map_err(|problem| broken(&problem))?;
    let version = match answer.succeeded {
        true => version(&answer.stdout).ok_or_else(|| broken(&answer.problem))?,
        false => return Err(broken(&answer.problem)),
    };
    let places = match &settings.private_directory {
        Some(place) => vec![place.clone()],
        None => private_places(),
    };
    let opened = tokio::task::spawn_blocking(move || {
        let mut result = Err(io::Error::other("this user has no home directory"));
        for place in places {
            result = Scratch::open(&place, Audience::Owner)
                .map_err(|error| io::Error::other(format!("{}: {error}", place.display())));
            if result.is_ok() {
                break;
            }
        }
        result
    });
    let opened = opened.await.map_err(io::Error::other).flatten();
    let scratch = opened.map_err(|error| {
        let reason = format!("no private directory can be made: {error}");
        unusable(reason, "")
    })?;
    Ok(LocalMethod {
        description: format!("skopeo {version} ({program})"),
        program,
        scratch: Arc::new(scratch),
    })
}

/// The container of the first runtime that has a usable one, or why none has.
async fn probe_container(settings: &Settings, search: &SearchPath) -> Probed {
    let runtimes = match runtime::installed(settings, search) {
        Ok(runtimes) => runtimes,
        Err(reason) => return Probed::unusable(reason),
    };
    let mut unusable = Vec::new();
    for runtime in runtimes {
        match probe_runtime(settings, runtime).await {
            Ok(container) => return Probed::usable(Method::Container(container)),
            Err(reason) => unusable.push(reason),
        }
    }
    Probed {
        usable: Vec::new(),
        unusable,
    }
}

async fn probe_runtime(
    settings: &Settings,
    runtime: InstalledRuntime,
) -> Result<ContainerMethod, Unusable> {
    let name = settings.container.as_str();
    let word = runtime.runtime.word();
    let unusable = |reason: String, remedy: String| Unusable {
        kind: MethodKind::Container,
        reason,
        remedy: Some(remedy),
    };
    let remake = || format!("{word} rm -f {name} && {}", make(settings, word));
    let view = match runtime.inspect(name).await? {
        ContainerState::Running(view) => view,
        ContainerState::Stopped => {
            let reason = format!("the container {name} of {word} is not running");
            return Err(unusable(reason, format!("{word} start {name}")));
        }
        ContainerState::Missing => {
            let reason = format!("{word} has no container {name}");
            return Err(unusable(reason, make(settings, word)));
        }
    };
    let ask = async |words: &[&str], what: &str| {
        let answer = runtime.ask(words).await;
        let problem = match answer {
            Ok(answer) if answer.succeeded => return Ok(answer.stdout),
            Ok(answer) => answer.problem,
            Err(problem) => problem,
        };
        let reason = format!("the container {name} of {word} {what}: {problem}");
        Err(unusable(reason, remake()))
    };
    let words = ["exec", name, "skopeo", "--version"];
    let output = ask(&words, "has no skopeo that runs").await?;
    let version = version(&output).ok_or_else(|| {
        let reason = format!("skopeo in the container {name} of {word} does not say its version");
        unusable(reason, remake())
    })?;
    let shell = ["exec", name, "sh", "-c", PLACE];
    let place = ask(&shell, "has no shell that can keep files private").await?;
    let place = place.trim().to_owned();
    let shared = match shared_directory(settings, &view) {
        None => None,
        Some(directory) => match share(&runtime, name, &directory).await {
            Ok(shared) => Some(shared),
            // The copies that need no files of this machine work without it.
            Err(_) if settings.shared.is_none() => None,
            Err(problem) => {
                let host = directory.host.display();
                let inside = &directory.inside;
                let reason = format!(
                    "the shared directory {host} cannot be used as {inside} in the container {name} of {word}: \
                     {problem}"
                );
                return Err(unusable(reason, format!("mkdir -p {host} && {}", remake())));
            }
        },
    };
    Ok(ContainerMethod {
        description: format!("skopeo {version} in container {name} ({word})"),
        program: runtime.program,
        name: name.to_owned(),
        place,
        shared,
        is_on_host_network: view.is_on_host_network,
    })
}

/// The shared directory of the settings, or what the container has where the guide mounts it.
fn shared_directory(settings: &Settings, view: &ContainerView) -> Option<SharedDirectory> {
    settings.shared.clone().or_else(|| {
        let usual = SharedDirectory::new("");
        let mount = view.mounts.iter().find(|(_, at)| *at == usual.inside);
        mount.map(|(host, _)| SharedDirectory::new(host))
    })
}

/// Checks that a file that is written on this machine is seen inside.
async fn share(
    runtime: &InstalledRuntime,
    container: &str,
    directory: &SharedDirectory,
) -> Result<Shared, String> {
    let host = directory.host.clone();
    let content = format!("{:032x}", rand::random::<u128>());
    let line = content.clone();
    let opened = tokio::task::spawn_blocking(move || {
        if !host.is_dir() {
            return Err(io::Error::other("it does not exist on this machine"));
        }
        let host = host.canonicalize()?;
        let scratch = Scratch::open(&host, Audience::Container)?;
        let file = sample(&host, &line)?;
        Ok((host, scratch, file))
    });
    let opened = opened.await.map_err(io::Error::other).flatten();
    let (host, scratch, file) = opened.map_err(|error| error.to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let inside = directory.inside.trim_end_matches('/');
    let words = [
        "exec", container, "sh", "-c", SEE, "sh", inside, &name, &content,
    ];
    let answer = runtime.ask(&words).await?;
    match answer.succeeded {
        false => Err(answer.problem),
        true => Ok(Shared {
            host,
            inside: inside.to_owned(),
            scratch: Arc::new(scratch),
        }),
    }
}

/// A file in the shared directory that every user can read.
fn sample(directory: &Path, content: &str) -> io::Result<tempfile::TempPath> {
    let mut file = tempfile::Builder::new()
        .prefix(".transship-probe-")
        .tempfile_in(directory)?;
    file.write_all(content.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))?;
    }
    Ok(file.into_temp_path())
}

/// The command that makes the container.
fn make(settings: &Settings, runtime: &str) -> String {
    let shared = settings.shared.clone();
    let shared = shared.unwrap_or_else(SharedDirectory::standard);
    let words = runtime::run_words(settings, &shared);
    format!("{runtime} {}", shell_words::join(words))
}

/// The version in `skopeo version 1.9.3` or `skopeo version 1.22.0-dev commit: ...`.
fn version(output: &str) -> Option<String> {
    let rest = output.trim().strip_prefix("skopeo version ")?;
    let version = rest.split_whitespace().next()?;
    Some(
        version
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect(),
    )
}

#[cfg(all(test, unix))]
mod tests;
