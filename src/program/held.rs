//! Runs a program that ends with its holder: it gets its input, says that it is ready, and then waits for the end of its
//! standard input.
//!
//! Decides when it is let go. Invariant: its input ends when the holder is dropped, and also when this process is
//! killed, so that such a program can clean up in any case; for that it is not killed itself once it is ready.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStderr, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    ProgramError, STDERR_TAIL_BYTES,
    group::{Group, command},
};

/// The line that a program prints when it has read its input.
const READY: &str = "ready";

/// A program that is ready. Dropping this lets it go: it ends by itself.
pub(crate) struct HeldProgram {
    // Dropped first: the program waits for its end.
    stdin: ChildStdin,
    group: Group,
    _output: (ChildStdout, ChildStderr),
}

/// Why a program did not become ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HoldError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("ended before it was ready: {}", String::from_utf8_lossy(.stderr).trim())]
    Ended { stderr: Vec<u8> },
}

impl HeldProgram {
    /// Starts a program, sends it `input` and waits for the line `ready`. Dropping the future kills it.
    pub(crate) async fn start(
        name: &str,
        arguments: &[String],
        input: &[u8],
        deadline: Duration,
    ) -> Result<Self, HoldError> {
        let started = timeout(deadline, Self::become_ready(name, arguments, input)).await;
        started.unwrap_or(Err(ProgramError::Deadline(deadline).into()))
    }

    async fn become_ready(
        name: &str,
        arguments: &[String],
        input: &[u8],
    ) -> Result<Self, HoldError> {
        let mut command = command(name, arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut group = Group::of(command.spawn().map_err(ProgramError::Start)?);
        let child = group.leader();
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(mut stderr)) = streams else {
            return Err(HoldError::Ended { stderr: Vec::new() });
        };
        // A program that ends early is recognized by its output.
        let _ = stdin.write_all(input).await;
        let _ = stdin.flush().await;
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout).take(READY.len() as u64 + 2);
        let _ = stdout.read_line(&mut line).await;
        if line.trim_end() != READY {
            let mut said = Vec::new();
            let limit = STDERR_TAIL_BYTES as u64;
            let _ = (&mut stderr).take(limit).read_to_end(&mut said).await;
            return Err(HoldError::Ended { stderr: said });
        }
        group.leave();
        Ok(Self {
            stdin,
            group,
            _output: (stdout.into_inner().into_inner(), stderr),
        })
    }

    /// Lets the program go and waits for its end, for at most `deadline`.
    pub(crate) async fn release(self, deadline: Duration) {
        let Self {
            stdin,
            mut group,
            _output,
        } = self;
        drop(stdin);
        let _ = timeout(deadline, group.leader().wait()).await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    async fn hold(script: &str, input: &[u8]) -> Result<HeldProgram, HoldError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        HeldProgram::start("sh", &arguments, input, LONG).await
    }

    #[tokio::test]
    async fn a_program_reads_its_input_and_cleans_up_when_it_is_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        let script = format!(
            "read line; echo $line > {0}; echo ready; cat > /dev/null; rm {0}",
            file.display()
        );
        let held = hold(&script, b"hidden\n").await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "hidden\n");
        held.release(LONG).await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_dropped_program_ends_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let script = format!(
            "echo ready; cat > /dev/null; echo over > {}",
            pipe.display()
        );
        let held = hold(&script, b"").await.unwrap();
        drop(held);
        let over = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap());
        assert_eq!(over.await.unwrap(), "over\n");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        let failed = hold("echo 'no room' >&2; exit 1", b"unread").await;
        let error = failed.err().unwrap().to_string();
        assert_eq!(error, "ended before it was ready: no room");
    }
}
