//! For tests: a container runtime that runs the commands of its container on this machine.
//!
//! Invariant: like a real one, it gives every command a session of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Settings, SharedDirectory, search_path::SearchPath};

const RUNTIME: &str = r#"#!/bin/sh
here=HERE
echo "$0 $*" >> "$here/log"
case $1 in
inspect)
  case $(cat "$here/state") in
  missing) echo 'Error: No such container: skopeo-service' >&2; exit 1 ;;
  stopped) printf 'false\nbridge\n' ;;
  silent) echo 'Cannot connect to the daemon' >&2; exit 1 ;;
  *) [ "$5" = '{{.State.Running}}' ] && echo true || printf "$(cat "$here/state")\n" ;;
  esac ;;
start) printf 'true\\nbridge' > "$here/state" ;;
run)
  [ ! -e "$here/no-image" ] || { echo 'manifest unknown' >&2; exit 125; }
  printf 'true\\nbridge' > "$here/state" ;;
exec)
  shift
  while [ "${1#-}" != "$1" ]; do shift; done
  shift
  PATH=$here/inside:/usr/bin:/bin exec setsid -w "$@" ;;
esac
"#;

/// The programs of a machine with a container.
pub(super) struct FakeRuntime {
    directory: tempfile::TempDir,
}

impl FakeRuntime {
    /// Docker with a container that runs, but with no skopeo.
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fake = Self { directory };
        for name in ["bin", "inside", "shared", "private"] {
            fs::create_dir(fake.path(name)).unwrap();
        }
        let here = fake.path("").display().to_string();
        fake.program("bin/docker", &RUNTIME.replace("HERE", &here));
        fake.set_state("true\\nbridge");
        // A real one of this machine must not be found.
        fake.program("inside/skopeo", "#!/bin/sh\necho not found >&2; exit 127\n");
        fake
    }

    /// Below the directory of this runtime.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `missing`, `stopped`, `silent`, or what `inspect` prints.
    pub(super) fn set_state(&self, state: &str) {
        fs::write(self.path("state"), state).unwrap();
    }

    /// Installs a program: below `bin` on the machine, below `inside` in the container.
    pub(super) fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Installs a skopeo of this version, which runs `script` when it copies.
    pub(super) fn skopeo(&self, place: &str, version: &str, script: &str) {
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo skopeo version {version}; exit; fi\n{script}\n"
        );
        self.program(&format!("{place}/skopeo"), &text);
    }

    /// Settings that find what is installed here only.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            private_directory: Some(self.path("private")),
            ..Settings::default()
        }
    }

    /// The shared directory, which has the same path inside.
    pub(super) fn shared(&self) -> SharedDirectory {
        SharedDirectory {
            host: self.path("shared"),
            inside: self.path("shared").display().to_string(),
        }
    }

    pub(super) fn search(&self) -> SearchPath {
        SearchPath::of(&self.path("bin"))
    }

    /// Every command that the runtime got.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The entries of a directory.
    pub(super) fn entries(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}
