//! Runs a program whose output is watched while it runs, on pipes or on a terminal of its own.
//!
//! Decides when such a program is over. Invariant: nothing of its output is kept here, and a program that is not waited
//! for is killed with its child processes.
//!
//! On a terminal, standard input and output are the terminal, and standard error stays a pipe: an error is never mixed
//! with what is redrawn. There are terminals on Unix only; elsewhere a program gets pipes.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Child,
    time::{Instant, sleep_until, timeout},
};

use super::{
    ProgramError, REMAINING_OUTPUT_TIME,
    group::{Group, command},
};

const CHUNK_BYTES: usize = 16 * 1024;

/// A program to run and watch.
pub(crate) struct StreamedProgram<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a [String],
    pub(crate) output: OutputKind,
    /// A program that writes more, on both streams together, is killed.
    pub(crate) max_bytes: u64,
    pub(crate) deadline: Duration,
}

/// What a program's standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputKind {
    Pipe,
    Terminal { columns: u16, rows: u16 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A process and the ends of its streams.
struct Started {
    child: Child,
    stdout: Reader,
    stderr: Reader,
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;

impl StreamedProgram<'_> {
    /// Runs the program until it ends; `on_output` gets what it writes. Dropping the future kills it.
    pub(crate) async fn run(
        self,
        on_output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<ExitStatus, ProgramError> {
        let deadline = self.deadline;
        let ended = timeout(deadline, self.run_to_end(on_output)).await;
        ended.unwrap_or(Err(ProgramError::Deadline(deadline)))
    }

    async fn run_to_end(
        self,
        on_output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<ExitStatus, ProgramError> {
        let started = match self.output {
            OutputKind::Pipe => self.start_on_pipes()?,
            OutputKind::Terminal { columns, rows } => self.start_on_terminal(columns, rows)?,
        };
        let Started {
            child,
            mut stdout,
            mut stderr,
        } = started;
        let mut group = Group::of(child);
        let (mut stdout_bytes, mut stderr_bytes) = ([0; CHUNK_BYTES], [0; CHUNK_BYTES]);
        let (mut stdout_is_open, mut stderr_is_open) = (true, true);
        let (mut ended, mut stop_reading) = (None, Instant::now());
        let mut written = 0;
        loop {
            if let Some(status) = ended
                && !stdout_is_open
                && !stderr_is_open
            {
                group.leave();
                return Ok(status);
            }
            let (stream, bytes) = tokio::select! {
                status = group.leader().wait(), if ended.is_none() => {
                    ended = Some(status.map_err(ProgramError::Start)?);
                    // A child process that it left behind may keep the streams open.
                    stop_reading = Instant::now() + REMAINING_OUTPUT_TIME;
                    continue;
                }
                read = stdout.read(&mut stdout_bytes), if stdout_is_open => {
                    // A terminal whose program is gone gives an error.
                    let read = read.unwrap_or(0);
                    stdout_is_open = read > 0;
                    (Stream::Stdout, &stdout_bytes[..read])
                }
                read = stderr.read(&mut stderr_bytes), if stderr_is_open => {
                    let read = read.unwrap_or(0);
                    stderr_is_open = read > 0;
                    (Stream::Stderr, &stderr_bytes[..read])
                }
                () = sleep_until(stop_reading), if ended.is_some() => {
                    (stdout_is_open, stderr_is_open) = (false, false);
                    continue;
                }
            };
            written += bytes.len() as u64;
            if written > self.max_bytes {
                return Err(ProgramError::TooMuch(self.max_bytes));
            }
            if !bytes.is_empty() {
                on_output(stream, bytes);
            }
        }
    }

    fn start_on_pipes(&self) -> Result<Started, ProgramError> {
        let mut command = command(self.name, self.arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(ProgramError::Start)?;
        Ok(Started {
            stdout: boxed(child.stdout.take()),
            stderr: boxed(child.stderr.take()),
            child,
        })
    }

    #[cfg(unix)]
    fn start_on_terminal(&self, columns: u16, rows: u16) -> Result<Started, ProgramError> {
        let cannot = |error: pty_process::Error| ProgramError::Start(std::io::Error::other(error));
        let (terminal, program_side) = pty_process::open().map_err(cannot)?;
        let size = pty_process::Size::new(rows, columns);
        terminal.resize(size).map_err(cannot)?;
        // The process leads a session, and so its own group; the terminal is the session's.
        let command = pty_process::Command::new(self.name)
            .args(self.arguments)
            .env("TERM", "xterm")
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn(program_side).map_err(|error| match error {
            pty_process::Error::Io(error) => ProgramError::Start(error),
            error => cannot(error),
        })?;
        Ok(Started {
            stdout: Box::new(terminal),
            stderr: boxed(child.stderr.take()),
            child,
        })
    }

    #[cfg(not(unix))]
    fn start_on_terminal(&self, _: u16, _: u16) -> Result<Started, ProgramError> {
        self.start_on_pipes()
    }
}

fn boxed(pipe: Option<impl AsyncRead + Send + Unpin + 'static>) -> Reader {
    match pipe {
        Some(pipe) => Box::new(pipe),
        None => Box::new(tokio::io::empty()),
    }
}

#[cfg(all(test, unix))]
mod tests;
