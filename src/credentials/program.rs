//! A program asked for a secret: a credential helper, a password command.
//!
//! Decides how long it may take and how much it may say. Invariant: what is sent to it goes to its
//! standard input, and it ends when nobody waits for it any more.

use std::{io, path::Path, process::Stdio, time::Duration};

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::CredentialsError;

/// How long a program may take: some ask a server far away, or the person for a passphrase.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// No secret is longer.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// What a program said.
pub(super) struct Answer {
    pub succeeded: bool,
    pub stdout: SecretSlice<u8>,
    stderr: Vec<u8>,
}

pub(super) async fn run(
    program: &str,
    arguments: &[String],
    directory: Option<&Path>,
    input: SecretString,
) -> Result<Answer, CredentialsError> {
    let answer =
        tokio::time::timeout(LONGEST_WAIT, ask(program, arguments, directory, input)).await;
    match answer {
        Ok(answer) => answer.map_err(|error| CredentialsError::Start {
            program: program.into(),
            error,
        }),
        Err(_) => Err(CredentialsError::Slow {
            program: program.into(),
            waited: LONGEST_WAIT,
        }),
    }
}

async fn ask(
    program: &str,
    arguments: &[String],
    directory: Option<&Path>,
    input: SecretString,
) -> io::Result<Answer> {
    let mut command = Command::new(program);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not read what it is told says so itself.
            let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
        }
    };
    let ((), stdout, stderr, status) =
        tokio::join!(write, read(stdout), read(stderr), child.wait());
    Ok(Answer {
        succeeded: status?.success(),
        stdout: stdout?.into(),
        stderr: stderr?,
    })
}

/// Everything it says, so that it is not stopped by a full pipe; what is too much is let go.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe)
            .take(LONGEST_ANSWER)
            .read_to_end(&mut bytes)
            .await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

impl Answer {
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.stdout.expose_secret()).ok()
    }

    /// The first line on standard error, as it may be shown.
    pub(super) fn complaint(&self) -> String {
        let complaint = line(&self.stderr);
        match complaint.is_empty() {
            true => "it says no reason".into(),
            false => complaint,
        }
    }
}

/// The first line that says something, without control characters, at most 200 characters.
pub(super) fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let shown = line.unwrap_or_default().chars();
    shown.filter(|c| !c.is_control()).take(200).collect()
}
