//! A real podman with runc, whose storage and settings are in a temporary directory.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use crate::installed;

pub struct Podman {
    directory: tempfile::TempDir,
}

impl Podman {
    /// `None`, with a printed line, if a program is missing, or for a user that may not run containers this way.
    pub fn find() -> Option<Self> {
        let podman = installed::program("podman")?;
        installed::program("runc")?;
        if !nix::unistd::Uid::effective().is_root() {
            println!("skipped: only root can run the container");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let found = Self { directory };
        fs::create_dir(found.path("bin")).unwrap();
        found.configure(&podman);
        Some(found)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What podman prints.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let command = Command::new(self.path("bin/podman"))
            .args(arguments)
            .output();
        let output = command.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Writes `bin/podman`, which uses the directory.
    fn configure(&self, podman: &Path) {
        let place = |name: &str| self.path(name).display().to_string();
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
            place("graph"),
            place("run")
        );
        fs::write(self.path("storage.conf"), storage).unwrap();
        let containers = format!(
            "[engine]\nruntime = \"runc\"\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\n\
             tmp_dir = {:?}\n[containers]\nnetns = \"host\"\ncgroups = \"no-conmon\"\n\
             log_driver = \"k8s-file\"\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n",
            place("libpod")
        );
        fs::write(self.path("containers.conf"), containers).unwrap();
        let script = format!(
            "#!/bin/sh\nexport CONTAINERS_STORAGE_CONF={} CONTAINERS_CONF={}\nexec {} \"$@\"\n",
            place("storage.conf"),
            place("containers.conf"),
            podman.display()
        );
        fs::write(self.path("bin/podman"), script).unwrap();
        fs::set_permissions(self.path("bin/podman"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Copies a program to `target` below `root`, and the libraries that it loads to where they are.
pub async fn copy_with_libraries(program: &Path, target: &Path, root: &Path) {
    let loaded = Command::new("ldd").arg(program).output().await.unwrap();
    let loaded = String::from_utf8(loaded.stdout).unwrap();
    let libraries = loaded
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|library| (Path::new(library), Path::new(library)));
    for (file, target) in libraries.chain([(program, target)]) {
        let target = root.join(target.strip_prefix("/").unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}
