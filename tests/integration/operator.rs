//! An operator at the real binary: lists, a state directory of their own, and what the program answers.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use tokio::process::Command;
use transship::batch::Event;

pub struct Operator {
    directory: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Operator {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    /// A file of this name in the operator's directory, where the program runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the configuration file.
    pub fn configure(&self, text: &str) {
        let directory = self.path(".config/transship");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("config.toml"), text).unwrap();
    }

    /// Writes a list into a file.
    pub fn list(&self, text: &str) -> PathBuf {
        let path = self.path("list.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with nothing of this machine's user: no home, no proxies, no credentials.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transship"));
        self.prepare(&mut command, arguments);
        command
    }

    /// The same when no file it writes may become larger than `blocks` of 512 bytes: to the program it is as if
    /// the disk were full.
    pub fn command_on_full_disk(&self, arguments: &[&str], blocks: u64) -> Command {
        // Ignored signals stay ignored in what a shell turns into; writing beyond the limit then fails.
        let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_transship")]);
        self.prepare(&mut command, arguments);
        command
    }

    /// A printed command, pasted into a shell that finds the program.
    pub async fn paste(&self, line: &str) -> Ended {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_transship"));
        let mut command = Command::new("/bin/sh");
        self.prepare(&mut command, &["-c", line]);
        command
            .env("PATH", program.parent().unwrap())
            .env_remove("TRANSSHIP_STATE");
        command.output().await.unwrap().into()
    }

    fn prepare(&self, command: &mut Command, arguments: &[&str]) {
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
    }

    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let home = self.directory.path().to_owned();
        let state = home.join("state");
        [("HOME", home), ("TRANSSHIP_STATE", state)]
    }

    /// Runs the program to its end.
    pub async fn say(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().await.unwrap().into()
    }

    /// Runs a list to its end.
    pub async fn run(&self, list: &str, options: &[&str]) -> Ended {
        let list = self.list(list);
        let run = ["run", list.to_str().unwrap()];
        self.say(&[&run[..], options].concat()).await
    }
}

impl Ended {
    pub fn events(&self) -> Vec<Event> {
        self.stdout.lines().map(event).collect()
    }

    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// The printed commands that are there to be pasted.
pub fn pasteable(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|command| command.starts_with("transship "))
        .collect()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Sends a process a signal by its name.
pub async fn signal(process: u32, name: &str) {
    let kill = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(kill.await.unwrap().success());
}

/// The event of a line of `--json`.
#[track_caller]
pub fn event(line: &str) -> Event {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// A list of `images` from one registry to another.
pub fn list(source: &str, destination: &str, images: &[String]) -> String {
    let images: String = images
        .iter()
        .map(|image| format!("    \"{image}\",\n"))
        .collect();
    format!(
        "version = 1\nimages = [\n{images}]\n\n\
         [source]\nregistry = \"{source}\"\n\n\
         [destination]\nregistry = \"{destination}\"\n"
    )
}
