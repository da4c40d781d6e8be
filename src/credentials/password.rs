//! Passwords from an environment variable, a file, a command or the terminal.
//!
//! Invariant: a password is never an argument of a process, and is not echoed when it is typed.

use std::{
    io::{self, IsTerminal, Read as _},
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString};

use super::{CredentialsError, program};

/// Bytes of standard input that are read for a password.
const MAX_INPUT: u64 = 64 * 1024;

/// Where to read the password of one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    Environment(String),
    /// Trailing white space is removed.
    File(PathBuf),
    /// A program and its arguments, run without a shell. The password is its first line of output.
    Command {
        words: Vec<String>,
        /// Its working directory; by default that of this process.
        directory: Option<PathBuf>,
    },
}

impl PasswordSource {
    pub(super) fn check(&self) -> Result<(), CredentialsError> {
        match self {
            Self::Environment(name) => variable(name).map(drop),
            Self::File(path) => match path.metadata() {
                Ok(_) => Ok(()),
                Err(error) => Err(CredentialsError::File {
                    path: path.clone(),
                    error,
                }),
            },
            Self::Command { .. } => Ok(()),
        }
    }

    pub(super) async fn read(&self) -> Result<SecretString, CredentialsError> {
        match self {
            Self::Environment(name) => variable(name),
            Self::File(path) => {
                let content = tokio::fs::read_to_string(path).await;
                let content = content.map_err(|error| CredentialsError::File {
                    path: path.clone(),
                    error,
                })?;
                let password = SecretString::from(content.trim_end());
                match password.expose_secret() {
                    "" => Err(CredentialsError::EmptyFile(path.clone())),
                    _ => Ok(password),
                }
            }
            Self::Command { words, directory } => {
                let (program, arguments) =
                    words.split_first().ok_or(CredentialsError::NoPassword)?;
                let answer = program::run(
                    program,
                    arguments,
                    directory.as_deref(),
                    SecretString::default(),
                )
                .await?;
                if !answer.succeeded() {
                    return Err(CredentialsError::Failed {
                        program: program.clone(),
                        message: answer.error_line(),
                    });
                }
                let line = answer.text().and_then(|text| text.lines().next());
                match line.map(str::trim_end) {
                    None | Some("") => Err(CredentialsError::Answer {
                        program: program.clone(),
                        problem: "no password on its first line",
                    }),
                    Some(line) => Ok(line.into()),
                }
            }
        }
    }
}

/// The secret in an environment variable.
pub(super) fn variable(name: &str) -> Result<SecretString, CredentialsError> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .map(Into::into)
        .ok_or_else(|| CredentialsError::Variable(name.into()))
}

/// Reads a password from the terminal after `prompt`, without echo; or the first line of standard input if it is no
/// terminal. Blocks.
///
/// # Errors
/// There is nothing to read, or it is empty.
pub fn read_password(prompt: &str) -> Result<SecretString, CredentialsError> {
    match io::stdin().is_terminal() {
        true => not_empty(rpassword::prompt_password(prompt)),
        false => read_password_from_stdin(),
    }
}

/// Reads the first line of standard input, to its end. Blocks.
///
/// # Errors
/// There is nothing to read, or it is empty.
pub fn read_password_from_stdin() -> Result<SecretString, CredentialsError> {
    let mut input = String::new();
    let read = io::stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut input);
    not_empty(read.map(|_| input.lines().next().unwrap_or_default().to_owned()))
}

fn not_empty(line: io::Result<String>) -> Result<SecretString, CredentialsError> {
    let line = SecretString::from(line.map_err(CredentialsError::Prompt)?);
    match line.expose_secret() {
        "" => Err(CredentialsError::NoPassword),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(source: PasswordSource) -> Result<String, String> {
        let password = source.read().await;
        password
            .map(|password| password.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    }

    fn command(words: &[&str]) -> PasswordSource {
        PasswordSource::Command {
            words: words.iter().map(|word| (*word).into()).collect(),
            directory: None,
        }
    }

    #[tokio::test]
    async fn a_password_file_may_end_in_a_line_break() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, " p \r\n").unwrap();
        assert_eq!(
            read(PasswordSource::File(path.clone())).await,
            Ok(" p".into())
        );
        std::fs::write(&path, "\n").unwrap();
        assert!(read(PasswordSource::File(path)).await.is_err());
    }

    #[tokio::test]
    async fn the_first_line_of_a_command_is_the_password() {
        let two_lines = command(&["printf", "%s\\n%s\\n", "p", "url: x"]);
        assert_eq!(read(two_lines).await, Ok("p".into()));
        assert!(
            read(command(&["true"]))
                .await
                .unwrap_err()
                .contains("no password")
        );
        let failing = command(&["sh", "-c", "echo hunter2; echo locked >&2; exit 1"]);
        assert_eq!(read(failing).await, Err("sh failed: locked".into()));
        assert!(
            read(command(&["/absent"]))
                .await
                .unwrap_err()
                .contains("cannot be started")
        );
    }

    #[tokio::test]
    async fn a_program_that_answers_without_end_is_no_password() {
        let error = read(command(&["yes"])).await.unwrap_err();
        assert_eq!(error, "yes answered with more output than a password has");
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_answer_is_given_up() {
        let error = read(command(&["sleep", "600"])).await.unwrap_err();
        assert_eq!(error, "sleep did not answer within 30 s");
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let absent = PasswordSource::Environment("TRANSSHIP_ABSENT".into());
        let error = read(absent).await.unwrap_err();
        assert_eq!(
            error,
            "the environment variable TRANSSHIP_ABSENT is not set"
        );
    }
}
