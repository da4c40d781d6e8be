//! Creates missing repositories with the operator's command, at registries that do not create them on the first push
//! (quirk 1, see registry/quirks.md).
//!
//! Decides when the command runs: once a repository, and again some time after a failure. Invariant: the command gets
//! the list's arguments with the names of registry and repository filled in, and no secret.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use crate::{
    oci::{Registry, Repository},
    program::{Ended, Program, Stdout},
};

const DEADLINE: Duration = Duration::from_secs(120);
/// A failure is returned to other images for this long before the command runs again.
const FAILURE_LIFETIME: Duration = Duration::from_secs(60);
/// Lines of stderr in an error. The last ones usually name the cause.
const MAX_LINES: usize = 5;
const MAX_LINE_LENGTH: usize = 300;

#[derive(Clone, Debug)]
pub struct CreateCommand {
    /// A program and its arguments, in which `{registry}` and `{repository}` are filled in.
    pub words: Vec<String>,
    /// The working directory; that of this program if `None`.
    pub directory: Option<PathBuf>,
}

pub(super) struct RepositoryProvisioner {
    registry: Registry,
    command: CreateCommand,
    runs: Mutex<HashMap<Repository, Run>>,
}

#[derive(Clone)]
struct Run {
    since: Instant,
    ended: Arc<OnceCell<Result<(), CreateFailure>>>,
}

#[derive(Clone, Debug)]
pub struct CreateFailure {
    pub repository: Repository,
    pub program: String,
    pub problem: String,
    /// The last lines of it.
    pub stderr: Vec<String>,
}

impl RepositoryProvisioner {
    pub(super) fn new(registry: Registry, command: CreateCommand) -> Self {
        Self {
            registry,
            command,
            runs: Mutex::default(),
        }
    }

    /// Runs the command for `repository`, or waits for the run that another image started.
    pub(super) async fn create(&self, repository: &Repository) -> Result<(), CreateFailure> {
        let run = self.current_run(repository);
        let ended = run.ended.get_or_init(|| self.run(repository));
        ended.await.clone()
    }

    fn current_run(&self, repository: &Repository) -> Run {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let failed_long_ago = |run: &Run| {
            run.ended.get().is_some_and(Result::is_err) && run.since.elapsed() > FAILURE_LIFETIME
        };
        if runs.get(repository).is_some_and(failed_long_ago) {
            runs.remove(repository);
        }
        let run = runs.entry(repository.clone()).or_insert_with(|| Run {
            since: Instant::now(),
            ended: Arc::default(),
        });
        run.clone()
    }

    async fn run(&self, repository: &Repository) -> Result<(), CreateFailure> {
        let mut words = self.command.words.iter().map(|word| {
            word.replace("{registry}", self.registry.as_str())
                .replace("{repository}", repository.as_str())
        });
        let program = words.next().unwrap_or_default();
        let failed = |problem: String, stderr| CreateFailure {
            repository: repository.clone(),
            program: program.clone(),
            problem,
            stderr,
        };
        let run = Program {
            name: &program,
            arguments: &words.collect::<Vec<_>>(),
            directory: self.command.directory.as_deref(),
            input: Default::default(),
            stdout: Stdout::Discard,
            deadline: DEADLINE,
        };
        match run.run().await {
            Ok(Ended { status, .. }) if status.success() => Ok(()),
            Ok(Ended { status, stderr, .. }) => {
                Err(failed(format!("ended with {status}"), last_lines(&stderr)))
            }
            Err(error) => Err(failed(error.to_string(), Vec::new())),
        }
    }
}

fn last_lines(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let plain = line.chars().filter(|c| !c.is_control());
            plain.take(MAX_LINE_LENGTH).collect::<String>()
        })
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(MAX_LINES)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> CreateCommand {
        CreateCommand {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            directory: None,
        }
    }

    fn provisioner(script: &str) -> RepositoryProvisioner {
        let words = ["sh", "-c", script, "create", "{registry}", "{repository}"];
        RepositoryProvisioner::new("r.example".parse().unwrap(), command(&words))
    }

    fn lines(path: &std::path::Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_repository_is_created_once_and_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let provisioner = provisioner(&format!("echo $1/$2 >> {}", log.display()));
        let [one, two] = ["team/one", "team/two"].map(|name| name.parse().unwrap());
        let (first, second, third) = tokio::join!(
            provisioner.create(&one),
            provisioner.create(&one),
            provisioner.create(&two)
        );
        first.and(second).and(third).unwrap();
        provisioner.create(&one).await.unwrap();
        let mut ran = lines(&log);
        ran.sort();
        assert_eq!(ran, ["r.example/team/one", "r.example/team/two"]);
    }

    #[tokio::test]
    async fn a_failure_says_what_the_command_said_and_holds_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = format!(
            "echo x >> {}; printf 'a\\033[2Jb\\n\\nno rights\\n' >&2; exit 3",
            log.display()
        );
        let provisioner = provisioner(&script);
        let repository = "team/app".parse().unwrap();
        for _ in 0..2 {
            let failure = provisioner.create(&repository).await.unwrap_err();
            assert_eq!(failure.stderr, ["a[2Jb", "no rights"]);
            assert!(failure.problem.contains('3'), "{}", failure.problem);
        }
        assert_eq!(lines(&log).len(), 1);
        tokio::time::pause();
        tokio::time::advance(FAILURE_LIFETIME * 2).await;
        tokio::time::resume();
        provisioner.create(&repository).await.unwrap_err();
        assert_eq!(lines(&log).len(), 2);
    }

    #[tokio::test]
    async fn a_command_that_complains_without_end_is_killed() {
        let provisioner = provisioner("cat /dev/zero >&2");
        let error = provisioner.create(&"a".parse().unwrap()).await.unwrap_err();
        assert!(
            error.problem.contains("wrote more than 16 MiB"),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_a_failure_too() {
        let command = command(&["/nonexistent/create", "{repository}"]);
        let provisioner = RepositoryProvisioner::new("r.example".parse().unwrap(), command);
        let error = provisioner.create(&"a".parse().unwrap()).await.unwrap_err();
        assert!(error.problem.contains("cannot be run"), "{error:?}");
    }
}
