//! Runs the programs that an operator configures: credential helpers, password commands, create commands, skopeo.
//!
//! Decides how much of a program's output is kept and when the program is killed: if it writes too much, at its
//! deadline, and if the future is dropped. Invariant: only this module starts processes, and the memory for their output
//! is bounded.
//!
//! [`Program`] is a short one whose output is kept, [`StreamedProgram`] a long one whose output is watched, and
//! [`HeldProgram`] one that ends with its holder.
//!
//! On Unix a program leads its own process group, so that its child processes are killed with it. That group is not the
//! foreground group of the terminal: a program that prompts must do so elsewhere, as an agent does.

mod group;
mod held;
mod streamed;

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use self::group::{Group, command};
pub(crate) use self::{
    held::{HeldProgram, HoldError},
    streamed::{OutputKind, Stream, StreamedProgram},
};

/// A program that writes more to standard output is killed.
const MAX_STDOUT_BYTES: usize = 1024 * 1024;
/// A program that writes more to standard error is killed.
const MAX_STDERR_BYTES: u64 = 16 * 1024 * 1024;
/// How much of the end of standard error is kept.
const STDERR_TAIL_BYTES: usize = 64 * 1024;
/// How long to read on after the program has ended: a child process that it left behind may keep the streams open.
const REMAINING_OUTPUT_TIME: Duration = Duration::from_secs(1);

/// A program to run.
pub(crate) struct Program<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a [String],
    /// Its working directory; by default that of this process.
    pub(crate) directory: Option<&'a Path>,
    /// For its standard input.
    pub(crate) input: SecretString,
    pub(crate) stdout: Stdout,
    pub(crate) deadline: Duration,
}

/// What to do with a program's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdout {
    Keep,
    Discard,
}

/// The result of a program that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Empty if it was discarded.
    pub(crate) stdout: SecretSlice<u8>,
    /// The last 64 KiB.
    pub(crate) stderr: Vec<u8>,
}

/// Why a program did not end by itself. The text fits after its name.
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
    /// Runs the program until it ends. Dropping the future kills it.
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
        let child = group.leader();
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut kept_stdout = Vec::new();
        let mut kept_stderr = Vec::new();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program may ignore its input.
                let _ = stdin.write_all(self.input.expose_secret().as_bytes()).await;
            }
        };
        let read = async {
            tokio::try_join!(
                read_all(stdout, &mut kept_stdout),
                read_tail(stderr, &mut kept_stderr),
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
            if !all_read && let Ok(result) = timeout(REMAINING_OUTPUT_TIME, &mut read).await {
                result?;
            }
            status
        };
        group.leave();
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

/// Starts a program in the background and discards its output. It may outlive this process.
pub(crate) fn launch(name: &str, arguments: &[String]) -> io::Result<()> {
    let mut command = command(name, arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().map(drop)
}

/// Reads a whole stream of at most [`MAX_STDOUT_BYTES`].
async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    output: &mut Vec<u8>,
) -> Result<(), ProgramError> {
    let limit = MAX_STDOUT_BYTES as u64;
    if let Some(pipe) = pipe {
        pipe.take(limit + 1)
            .read_to_end(output)
            .await
            .map_err(ProgramError::Start)?;
    }
    match output.len() > MAX_STDOUT_BYTES {
        true => Err(ProgramError::TooMuch(limit)),
        false => Ok(()),
    }
}

/// Reads a stream to its end and keeps the last [`STDERR_TAIL_BYTES`].
async fn read_tail(
    pipe: Option<impl AsyncRead + Unpin>,
    output: &mut Vec<u8>,
) -> Result<(), ProgramError> {
    let Some(pipe) = pipe else {
        return Ok(());
    };
    let mut pipe = pipe.take(MAX_STDERR_BYTES + 1);
    // Room for twice as much, so that the front is rarely cut off.
    output.reserve(2 * STDERR_TAIL_BYTES);
    while pipe.read_buf(output).await.map_err(ProgramError::Start)? > 0 {
        if output.len() == 2 * STDERR_TAIL_BYTES {
            output.drain(..STDERR_TAIL_BYTES);
        }
    }
    if pipe.limit() == 0 {
        return Err(ProgramError::TooMuch(MAX_STDERR_BYTES));
    }
    output.drain(..output.len().saturating_sub(STDERR_TAIL_BYTES));
    Ok(())
}

#[cfg(test)]
mod tests;
