//! Runs the programs an operator names: credential helpers, password commands, create commands.
//!
//! Decides how much of a program's output is kept and when the program is killed: when it writes too much, when
//! its time is up, and when nobody waits for it any more. Invariant: this is the only place that starts
//! processes, and the memory for their output is bounded.
//!
//! On Unix a program leads a process group of its own, so that what it started is killed with it. Such a group
//! is not the terminal's foreground group: a program that wants to ask must do so elsewhere, as an agent does.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};

/// Most bytes a program may write to one of its streams; no answer is longer.
const MAX_STDOUT: usize = 1024 * 1024;
/// Complaints may be long, and only their end is kept.
const MAX_STDERR: u64 = 16 * 1024 * 1024;
const KEPT_STDERR: usize = 64 * 1024;
/// How long the rest of the output may take once the program has ended: a process it left behind can keep the
/// streams open for ever.
const REST: Duration = Duration::from_secs(1);

/// What a program is given, and what is wanted of it.
pub(crate) struct Program<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a [String],
    /// Where it runs; this process's own directory when absent.
    pub(crate) directory: Option<&'a Path>,
    /// For its standard input.
    pub(crate) input: SecretString,
    pub(crate) stdout: Stdout,
    pub(crate) deadline: Duration,
}

/// What becomes of a program's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdout {
    Keep,
    Discard,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Empty when it was discarded.
    pub(crate) stdout: SecretSlice<u8>,
    /// The last 64 KiB.
    pub(crate) stderr: Vec<u8>,
}

/// Why a program did not come to its end. Messages fit after its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("cannot be run: {0}")]
    Start(io::Error),
    #[error("took longer than {} s", .0.as_secs())]
    Deadline(Duration),
    #[error("wrote more than {} MiB", .0 / 1024 / 1024)]
    TooMuch(u64),
}

impl Program<'_> {
    /// Runs the program to its end. Dropping the future kills it.
    pub(crate) async fn run(self) -> Result<Ended, ProgramError> {
        let deadline = self.deadline;
        let ended = timeout(deadline, self.run_to_end()).await;
        ended.unwrap_or(Err(ProgramError::Deadline(deadline)))
    }

    async fn run_to_end(self) -> Result<Ended, ProgramError> {
        let mut command = command(self.name, self.arguments);
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        command
            .stdin(Stdio::piped())
            .stdout(match self.stdout {
                Stdout::Keep => Stdio::piped(),
                Stdout::Discard => Stdio::null(),
            })
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut group = Group::of(command.spawn().map_err(ProgramError::Start)?);
        let child = &mut group.leader;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut kept_stdout = Vec::new();
        let mut kept_stderr = Vec::new();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input says so itself.
                let _ = stdin.write_all(self.input.expose_secret().as_bytes()).await;
            }
        };
        let read = async {
            tokio::try_join!(
                read_all(stdout, &mut kept_stdout),
                read_end(stderr, &mut kept_stderr),
            )
        };
        let status = {
            tokio::pin!(write, read);
            let (mut written, mut all_read) = (false, false);
            let status = loop {
                tokio::select! {
                    status = child.wait() => break status.map_err(ProgramError::Start)?,
                    () = &mut write, if !written => written = true,
                    result = &mut read, if !all_read => {
                        result?;
                        all_read = true;
                    }
                }
            };
            if !all_read && let Ok(result) = timeout(REST, &mut read).await {
                result?;
            }
            status
        };
        group.has_ended = true;
        Ok(Ended {
            status,
            stdout: kept_stdout.into(),
            stderr: kept_stderr,
        })
    }
}

impl Ended {
    /// The standard output, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.stdout.expose_secret()).ok()
    }
}

/// Starts a program that nobody waits for and whose output nobody reads. It may outlive this process.
pub(crate) fn launch(name: &str, arguments: &[String]) -> io::Result<()> {
    let mut command = command(name, arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().map(drop)
}

fn command(name: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// A program and what it started. Dropping it kills all of them, unless the program ended by itself: what it
/// left behind then, such as an agent, is meant to stay.
struct Group {
    leader: Child,
    has_ended: bool,
}

impl Group {
    fn of(leader: Child) -> Self {
        Self {
            leader,
            has_ended: false,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // The leader has an id until it is reaped, and until then nobody else has it.
        #[cfg(unix)]
        if let Some(id) = self.leader.id()
            && let Some(id) = i32::try_from(id)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// Reads a whole stream, as long as it is no longer than an answer may be.
async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    kept: &mut Vec<u8>,
) -> Result<(), ProgramError> {
    let limit = MAX_STDOUT as u64;
    if let Some(pipe) = pipe {
        pipe.take(limit + 1)
            .read_to_end(kept)
            .await
            .map_err(ProgramError::Start)?;
    }
    match kept.len() > MAX_STDOUT {
        true => Err(ProgramError::TooMuch(limit)),
        false => Ok(()),
    }
}

/// Reads a stream to its end and keeps the end of it.
async fn read_end(
    pipe: Option<impl AsyncRead + Unpin>,
    kept: &mut Vec<u8>,
) -> Result<(), ProgramError> {
    let Some(pipe) = pipe else {
        return Ok(());
    };
    let mut pipe = pipe.take(MAX_STDERR + 1);
    // Room for twice as much, so that the front is cut off only now and then.
    kept.reserve(2 * KEPT_STDERR);
    while pipe.read_buf(kept).await.map_err(ProgramError::Start)? > 0 {
        if kept.len() == 2 * KEPT_STDERR {
            kept.drain(..KEPT_STDERR);
        }
    }
    if pipe.limit() == 0 {
        return Err(ProgramError::TooMuch(MAX_STDERR));
    }
    kept.drain(..kept.len().saturating_sub(KEPT_STDERR));
    Ok(())
}

#[cfg(test)]
mod tests;
