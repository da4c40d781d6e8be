//! An operator's home directory with the credentials of docker, podman and helpers, and the program run in it.

use std::{path::Path, process::Output};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::{PASSWORD, USER};

pub struct Home(TempDir);

/// Where an operator stores credentials.
#[derive(Clone, Copy, Debug)]
pub enum Keeping {
    /// `docker login`.
    DockerConfig,
    /// `podman login REGISTRY/NAMESPACE`, and another user's password for the rest of the registry.
    AuthFile,
    /// A credential helper that docker's file names.
    Helper,
}

impl Keeping {
    pub const ALL: [Self; 3] = [Self::DockerConfig, Self::AuthFile, Self::Helper];
}

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A credential helper `docker-credential-NAME` with this `get`. It logs its calls to `calls`.
    pub fn helper(&self, name: &str, get: &str) {
        let script = format!(
            "#!/bin/sh\nread -r server || true\necho \"$1 $server\" >> \"$HOME/calls\"\n{get}\n"
        );
        let path = format!("bin/docker-credential-{name}");
        self.file(&path, &script);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.path().join(path), permissions).unwrap();
        }
    }

    pub fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// Stores the operator's password for `namespace` of `registry`.
    pub fn keep(&self, keeping: Keeping, registry: &str, namespace: &str) {
        let auth = json!({ "auth": auth() });
        match keeping {
            Keeping::DockerConfig => {
                let config = json!({ "auths": { registry: auth } });
                self.file(".docker/config.json", &config.to_string());
            }
            Keeping::AuthFile => {
                let config = json!({ "auths": {
                    registry: { "username": "other", "password": "wrong" },
                    format!("{registry}/{namespace}"): auth,
                } });
                self.file(".config/containers/auth.json", &config.to_string());
            }
            Keeping::Helper => {
                let config = json!({ "credHelpers": { registry: "vault" } });
                self.file(".docker/config.json", &config.to_string());
                self.helper("vault", &answering(PASSWORD));
            }
        }
    }

    /// Runs a list to its end, and searches all output and files for the password.
    pub async fn run(&self, list: &str, options: &[&str], environment: &[(&str, &str)]) -> Output {
        self.file("list.toml", list);
        let home = self.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(env!("CARGO_BIN_EXE_transship"))
            .args(["run", "list.toml", "--headless", "--state", "state"])
            .args(options)
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("PATH", format!("{}:{path}", home.join("bin").display()))
            .envs(environment.iter().copied())
            .output()
            .await
            .unwrap();
        self.assert_no_secret(&output);
        output
    }

    fn assert_no_secret(&self, output: &Output) {
        let holds = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(PASSWORD) || text.contains(&auth())
        };
        assert!(
            !holds(&output.stdout) && !holds(&output.stderr),
            "{output:?}"
        );
        for entry in std::fs::read_dir(self.path().join("state"))
            .into_iter()
            .flatten()
        {
            let path = entry.unwrap().path();
            assert!(
                !holds(&std::fs::read(&path).unwrap_or_default()),
                "{}",
                path.display()
            );
        }
    }
}

/// User and password as encoded in the files of docker and podman.
pub fn auth() -> String {
    BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

/// The script of a helper with this password.
pub fn answering(password: &str) -> String {
    format!(
        "printf '%s' '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{password}\"}}'"
    )
}
