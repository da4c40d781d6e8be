//! The skopeo of the service container.
//!
//! Decides how files get into the container, how skopeo is ended there and what it can reach. Invariant: a guard inside
//! removes the private files and kills skopeo with its child processes when the call ends, when it is dropped, and also
//! when this process is killed: its standard input ends then.

use std::{io, path::Path, time::Duration};

use secrecy::ExposeSecret as _;

use super::{
    arguments::Role,
    private_files::PrivateFile,
    shared::{HandedOver, Shared},
};
use crate::{
    oci::{LocalImage, Location, Transport},
    program::{HeldProgram, HoldError, OutputKind, Program, Stdout},
};

/// Deadline of short commands in the container.
const DEADLINE: Duration = Duration::from_secs(10);

/// Arguments: the directory, then name and size of each file. Reads the files' content, says `ready`, and waits.
///
/// `dd` reads no byte too many, as `head` of busybox would. The directory is renamed before it is removed, so that a
/// skopeo that starts at the same moment does not find it and ends.
const GUARD: &str = r#"
umask 077
directory=$1
shift
mkdir "$directory" || exit 1
finish() {
  mv "$directory" "$directory.ended"
  if [ -s "$directory.ended/pid" ]; then
    kill -s KILL -- "-$(cat "$directory.ended/pid")" 2> /dev/null
  fi
  rm -rf "$directory.ended"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
while [ $# -gt 1 ]; do
  mkdir -p "$directory/${1%/*}" || exit 1
  dd bs=1 count="$2" of="$directory/$1" 2> /dev/null || exit 1
  shift 2
done
echo ready
cat > /dev/null
"#;

/// Arguments: the directory, then the command. The process leads its session, so its id is that of the group.
const RUN: &str = r#"echo $$ > "$0/pid" && exec "$@""#;

/// The same on a terminal, where errors would be mixed with what is redrawn.
const RUN_ON_TERMINAL: &str = r#"echo $$ > "$0/pid" || exit 1; "$@" 2> "$0/stderr"; status=$?; cat "$0/stderr"; exit $status"#;

pub(super) struct ContainerMethod {
    pub(super) description: String,
    /// The path of the runtime's program.
    pub(super) program: String,
    pub(super) name: String,
    /// Where private directories are made inside.
    pub(super) place: String,
    pub(super) shared: Option<Shared>,
    /// Whether the container has the network of this machine, and so its loopback addresses.
    pub(super) is_on_host_network: bool,
}

/// How skopeo in the container reaches an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Registry,
    /// At this path inside.
    Path(String),
    /// After its file was put into the shared directory.
    HandOver,
}

/// The guard and the directory of a call.
pub(super) struct ContainerCall {
    pub(super) directory: String,
    guard: HeldProgram,
}

impl ContainerMethod {
    /// How skopeo reaches an image, or why it cannot.
    pub(super) fn reach(&self, location: &Location, role: Role) -> Result<Reach, String> {
        let image = match location {
            Location::Registry(reference) => {
                let is_loopback = reference.registry.is_loopback();
                return match is_loopback && !self.is_on_host_network {
                    true => Err(format!(
                        "the container cannot reach {}: it does not have this machine's network",
                        reference.registry
                    )),
                    false => Ok(Reach::Registry),
                };
            }
            Location::Local(image) => image,
        };
        let is_archive = match image.store.transport {
            Transport::DockerDaemon => {
                return Err("the container does not have the daemon's socket".into());
            }
            Transport::ContainersStorage => {
                return Err("the container has a storage of its own".into());
            }
            Transport::DockerArchive | Transport::OciArchive => true,
            Transport::Dir | Transport::Oci => false,
        };
        let Some(shared) = &self.shared else {
            return Err("the container shares no directory with this machine".into());
        };
        if let Some(path) = shared.inside_path(Path::new(image.store.place())) {
            return Ok(Reach::Path(path));
        }
        match role == Role::Source && is_archive && Path::new(image.store.place()).is_file() {
            true => Ok(Reach::HandOver),
            false => Err(format!(
                "{} is not in the directory that the container shares, {}",
                image.store.place(),
                shared.host.display()
            )),
        }
    }

    pub(super) async fn hand_over(&self, image: &LocalImage) -> io::Result<HandedOver> {
        match &self.shared {
            Some(shared) => shared.hand_over(Path::new(image.store.place())).await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Puts the files of a call into the container.
    pub(super) async fn prepare(
        &self,
        files: Vec<PrivateFile>,
    ) -> Result<ContainerCall, HoldError> {
        let directory = format!("{}/transship-{:032x}", self.place, rand::random::<u128>());
        let mut arguments = self.exec(&["-i"]);
        arguments.extend(["sh", "-c", GUARD, "transship"].map(str::to_owned));
        arguments.push(directory.clone());
        let mut input = Vec::new();
        for file in &files {
            let content = file.content.expose_secret();
            arguments.push(file.name.clone());
            arguments.push(content.len().to_string());
            input.extend_from_slice(content);
        }
        let guard = HeldProgram::start(&self.program, &arguments, &input, DEADLINE).await?;
        Ok(ContainerCall { directory, guard })
    }

    /// The arguments of the runtime that run `skopeo` in the container.
    pub(super) fn command(
        &self,
        call: &ContainerCall,
        skopeo: &[String],
        output: OutputKind,
    ) -> Vec<String> {
        let (options, script): (&[&str], _) = match output {
            OutputKind::Pipe => (&[], RUN),
            OutputKind::Terminal { .. } => (&["-i", "-t"], RUN_ON_TERMINAL),
        };
        let mut arguments = self.exec(options);
        let words = ["sh", "-c", script, &call.directory, "skopeo"];
        arguments.extend(words.map(str::to_owned));
        arguments.extend(skopeo.iter().cloned());
        arguments
    }

    /// Whether the container still runs.
    pub(super) async fn is_running(&self) -> bool {
        let words = ["inspect", "--type", "container", "--format"];
        let mut arguments = words.map(str::to_owned).to_vec();
        arguments.extend(["{{.State.Running}}".to_owned(), self.name.clone()]);
        let program = Program {
            name: &self.program,
            arguments: &arguments,
            directory: None,
            input: Default::default(),
            stdout: Stdout::Keep,
            deadline: DEADLINE,
        };
        let ended = program.run().await;
        ended.is_ok_and(|ended| ended.text().is_some_and(|text| text.trim() == "true"))
    }

    fn exec(&self, options: &[&str]) -> Vec<String> {
        let mut arguments = vec!["exec".to_owned()];
        arguments.extend(options.iter().map(|&option| option.to_owned()));
        arguments.push(self.name.clone());
        arguments
    }
}

impl ContainerCall {
    /// Ends the call inside the container.
    pub(super) async fn end(self) {
        self.guard.release(DEADLINE).await;
    }
}

#[cfg(all(test, unix))]
mod tests;
