//! Questions to a container runtime, and what its answers mean.
//!
//! Decides which command asks and which command mends. Invariant: a question is answered within 10 s.

use std::time::Duration;

use super::{
    error::Unusable,
    search_path::SearchPath,
    settings::{MethodKind, Runtime, Settings, SharedDirectory},
};
use crate::program::{Program, Stdout};

/// Deadline of a question.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Whether it runs, its network, and a line for each mount: the path on this machine, a tab, the path inside.
const FORMAT: &str = "{{.State.Running}}\n{{.HostConfig.NetworkMode}}{{range .Mounts}}\n{{.Source}}\t\
                      {{.Destination}}{{end}}";
/// Longer lines of a program are cut off.
const MAX_LINE_LENGTH: usize = 300;

/// An installed runtime.
pub(super) struct InstalledRuntime {
    pub(super) runtime: Runtime,
    /// The path of its program.
    pub(super) program: String,
}

/// What a runtime knows of the service container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ContainerState {
    Missing,
    Stopped,
    Running(ContainerView),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ContainerView {
    pub(super) is_on_host_network: bool,
    /// Paths on this machine and inside.
    pub(super) mounts: Vec<(String, String)>,
}

/// The output of a program that ended, as text.
pub(super) struct Answer {
    pub(super) succeeded: bool,
    pub(super) stdout: String,
    /// The first line of what it printed on standard error, or on standard output.
    pub(super) problem: String,
}

/// The runtimes of the settings that are installed.
pub(super) fn installed(
    settings: &Settings,
    search: &SearchPath,
) -> Result<Vec<InstalledRuntime>, Unusable> {
    let wanted = match settings.runtime {
        Some(runtime) => vec![runtime],
        None => Runtime::ALL.to_vec(),
    };
    let found = wanted.iter().filter_map(|&runtime| {
        let program = search.find(runtime.word())?;
        Some(InstalledRuntime { runtime, program })
    });
    let found: Vec<InstalledRuntime> = found.collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(Unusable {
            kind: MethodKind::Container,
            reason: match settings.runtime {
                Some(runtime) => format!("{runtime} is not installed"),
                None => "neither docker nor podman is installed".into(),
            },
            remedy: Some(match settings.runtime {
                Some(Runtime::Docker) => "apt-get install docker.io".into(),
                Some(Runtime::Podman) | None => "apt-get install podman".into(),
            }),
        }),
    }
}

impl InstalledRuntime {
    /// Asks for the service container.
    pub(super) async fn inspect(&self, container: &str) -> Result<ContainerState, Unusable> {
        let words = ["inspect", "--type", "container", "--format", FORMAT];
        let answer = self.ask(&[&words[..], &[container]].concat()).await;
        let answer = answer.map_err(|problem| self.silent(&problem))?;
        if answer.succeeded {
            return Ok(state(&answer.stdout));
        }
        let problem = answer.problem.to_ascii_lowercase();
        let is_missing = ["no such container", "no such object"]
            .iter()
            .any(|text| problem.contains(text));
        match is_missing {
            true => Ok(ContainerState::Missing),
            false => Err(self.silent(&answer.problem)),
        }
    }

    /// Runs the runtime's program with these arguments.
    pub(super) async fn ask(&self, words: &[&str]) -> Result<Answer, String> {
        ask(&self.program, words, DEADLINE).await
    }

    fn silent(&self, problem: &str) -> Unusable {
        Unusable {
            kind: MethodKind::Container,
            reason: format!("{} does not answer: {problem}", self.runtime),
            remedy: match self.runtime {
                Runtime::Docker => Some("systemctl start docker".into()),
                Runtime::Podman => None,
            },
        }
    }
}

/// Runs a program and keeps what it prints.
pub(super) async fn ask(
    program: &str,
    words: &[&str],
    deadline: Duration,
) -> Result<Answer, String> {
    let arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let program = Program {
        name: program,
        arguments: &arguments,
        directory: None,
        input: Default::default(),
        stdout: Stdout::Keep,
        deadline,
    };
    let ended = program.run().await.map_err(|error| error.to_string())?;
    let stdout = ended.text().unwrap_or_default().to_owned();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let mut problem = first_line(&stderr);
    if problem.is_empty() {
        problem = first_line(&stdout);
    }
    if problem.is_empty() {
        problem = format!("it ended with {}", ended.status);
    }
    Ok(Answer {
        succeeded: ended.status.success(),
        stdout,
        problem,
    })
}

/// The arguments that make the service container. `tail` is the entry point, since that of the image is skopeo.
pub(super) fn run_words(settings: &Settings, shared: &SharedDirectory) -> Vec<String> {
    let mount = format!("{}:{}", shared.host.display(), shared.inside);
    let words = [
        "run",
        "-d",
        "--name",
        &settings.container,
        "--restart",
        "unless-stopped",
        "-v",
        &mount,
        "--entrypoint",
        "tail",
        &settings.image,
        "-f",
        "/dev/null",
    ];
    words.map(str::to_owned).to_vec()
}

fn state(text: &str) -> ContainerState {
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some("true") {
        return ContainerState::Stopped;
    }
    let network = lines.next().unwrap_or_default().trim();
    ContainerState::Running(ContainerView {
        is_on_host_network: network == "host",
        mounts: lines
            .filter_map(|line| line.split_once('\t'))
            .map(|(host, inside)| (host.to_owned(), inside.to_owned()))
            .collect(),
    })
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let shown = line.unwrap_or_default().chars();
    shown
        .filter(|c| !c.is_control())
        .take(MAX_LINE_LENGTH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inspection_tells_state_network_and_mounts() {
        assert_eq!(state("false\nbridge\n"), ContainerState::Stopped);
        let running = state("true\nhost\n/srv/shared\t/tmp/skopeo\n/a\t/b\n");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let expected = ContainerView {
            is_on_host_network: true,
            mounts: vec![pair("/srv/shared", "/tmp/skopeo"), pair("/a", "/b")],
        };
        assert_eq!(running, ContainerState::Running(expected));
    }
}
