//! Podman's service, which has Docker's API.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::installed;

/// A running service with its own, empty storage.
pub struct Podman {
    directory: tempfile::TempDir,
    process: Child,
}

impl Podman {
    /// Nothing, with a printed line, when podman is not installed.
    pub async fn start() -> Option<Self> {
        let program = installed::program("podman")?;
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).display().to_string();
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
            place("graph"),
            place("run")
        );
        let configured = directory.path().join("storage.conf");
        std::fs::write(&configured, storage).unwrap();
        let mut process = Command::new(program)
            .args([
                "--log-level=info",
                "--storage-driver=vfs",
                "system",
                "service",
                "--time=0",
            ])
            .arg(url(directory.path()))
            .env("CONTAINERS_STORAGE_CONF", configured)
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap();
            let line = line.expect("podman ended before it listened");
            if line.contains("API service listening") {
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { directory, process })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        url(self.directory.path())
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }
}

fn url(directory: &Path) -> String {
    format!("unix://{}", directory.join("podman.sock").display())
}
