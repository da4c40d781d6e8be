//! Makes a repository at a registry that wants it to exist before anything is pushed to it (quirk 1).
//!
//! Decides when the operator's command runs: once for a repository, however many images go there; a failure
//! holds for a while, so that a hundred images do not fail the same way a hundred times. Invariant: the
//! command's arguments are the list's words with the names of registry and repository filled in, no secret.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use super::CopyError;
use crate::{
    oci::{Registry, Repository},
    program::{Ended, Program, Stdout},
};

const DEADLINE: Duration = Duration::from_secs(120);
/// How long a failure holds; then whoever comes next finds out whether it was mended.
const FAILURE_HOLDS: Duration = Duration::from_secs(60);
/// The last lines a command wrote to stderr are where it says what went wrong.
const LINES_KEPT: usize = 5;
const LONGEST_LINE: usize = 300;

/// How a repository is made at a registry.
#[derive(Clone, Debug)]
pub struct CreateCommand {
    /// A program and its arguments, in which `{registry}` and `{repository}` are filled in.
    pub words: Vec<String>,
    /// Where it runs; else where this program does.
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
    /// The end of what it wrote to stderr.
    pub said: Vec<String>,
}

impl RepositoryProvisioner {
    pub(super) fn new(registry: Registry, command: CreateCommand) -> Self {
        Self {
            registry,
            command,
            runs: Mutex::default(),
        }
    }

    /// Runs the command for `repository`, or waits for who runs it.
    pub(super) async fn create(&self, repository: &Repository) -> Result<(), CopyError> {
        let run = self.claim(repository);
        let ended = run.ended.get_or_init(|| self.run(repository)).await;
        ended.clone().map_err(CopyError::Create)
    }

    fn claim(&self, repository: &Repository) -> Run {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let failed_long_ago = |run: &Run| {
            run.ended.get().is_some_and(Result::is_err) && run.since.elapsed() > FAILURE_HOLDS
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
        let failed = |problem: String, said| CreateFailure {
            repository: repository.clone(),
            program: program.clone(),
            problem,
            said,
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
            plain.take(LONGEST_LINE).collect::<String>()
        })
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES_KEPT)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> CreateCommand {
        CreateCommand {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            directory: None,
        }
    }

    fn creator(script: &str) -> RepositoryProvisioner {
        let command = ["sh", "-c", script, "create", "{registry}", "{repository}"];
        RepositoryProvisioner::new("r.example".parse().unwrap(), of(&command))
    }

    fn lines(path: &std::path::Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_repository_is_created_once_and_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let creator = creator(&format!("echo $1/$2 >> {}", log.display()));
        let [one, two] = ["team/one", "team/two"].map(|name| name.parse().unwrap());
        let (first, second, third) = tokio::join!(
            creator.create(&one),
            creator.create(&one),
            creator.create(&two)
        );
        first.and(second).and(third).unwrap();
        creator.create(&one).await.unwrap();
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
        let creator = creator(&script);
        let repository = "team/app".parse().unwrap();
        for _ in 0..2 {
            let CopyError::Create(failure) = creator.create(&repository).await.unwrap_err() else {
                panic!("the command failed");
            };
            assert_eq!(failure.said, ["a[2Jb", "no rights"]);
            assert!(failure.problem.contains('3'), "{}", failure.problem);
        }
        assert_eq!(lines(&log).len(), 1);
        tokio::time::pause();
        tokio::time::advance(FAILURE_HOLDS * 2).await;
        tokio::time::resume();
        creator.create(&repository).await.unwrap_err();
        assert_eq!(lines(&log).len(), 2);
    }

    #[tokio::test]
    async fn a_command_that_complains_without_end_is_killed() {
        let creator = creator("cat /dev/zero >&2");
        let error = creator.create(&"a".parse().unwrap()).await.unwrap_err();
        assert!(
            error.to_string().contains("wrote more than 16 MiB"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_a_failure_too() {
        let command = of(&["/nonexistent/create", "{repository}"]);
        let creator = RepositoryProvisioner::new("r.example".parse().unwrap(), command);
        let error = creator.create(&"a".parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("cannot be run"), "{error}");
    }
}
