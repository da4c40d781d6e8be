//! A real service container with Debian's skopeo, run by podman and runc.
//!
//! Its image is made from scratch: skopeo, the libraries that it loads, a policy, and a static busybox. Everything is in
//! a temporary directory, and the container has the network of this machine, where the registries of tests listen.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use transship::skopeo::{MethodKind, Runtime, ServiceStart, Settings, SharedDirectory};

use crate::{
    installed,
    podman::{Podman, copy_with_libraries},
};

pub const NAME: &str = "transship-test-service";
const IMAGE: &str = "localhost/skopeo-service";
const APPLETS: [&str; 9] = ["cat", "dd", "kill", "ls", "mkdir", "mv", "rm", "sh", "tail"];

pub struct SkopeoContainer {
    podman: Podman,
}

impl SkopeoContainer {
    /// Builds the image and starts the container as `transship skopeo start` does. `None`, with a printed line, if a
    /// program is missing, or for a user that may not run containers this way.
    pub async fn start() -> Option<Self> {
        let [skopeo, busybox] = ["skopeo", "busybox"].map(installed::program);
        let (skopeo, busybox) = (skopeo?, busybox?);
        let container = Self {
            podman: Podman::find()?,
        };
        for name in ["shared", "private", "root"] {
            fs::create_dir(container.path(name)).unwrap();
        }
        container.fill(&skopeo, &busybox).await;
        let context = container.path("").display().to_string();
        container
            .podman(&["build", "-q", "-t", IMAGE, &context])
            .await;
        let started = transship::skopeo::start_service(&container.settings()).await;
        let created = ServiceStart::Created {
            runtime: Runtime::Podman,
            shared: container.shared(),
        };
        assert_eq!(started, Ok(created));
        Some(container)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.podman.path(name)
    }

    pub fn shared(&self) -> SharedDirectory {
        SharedDirectory::new(self.path("shared"))
    }

    /// The container first, then the local skopeo, both as they are installed.
    pub fn settings(&self) -> Settings {
        let skopeo = installed::program("skopeo").unwrap();
        Settings {
            methods: vec![MethodKind::Container, MethodKind::Local],
            container: NAME.into(),
            image: IMAGE.into(),
            path: skopeo.display().to_string(),
            shared: Some(self.shared()),
            private_directory: Some(self.path("private")),
            search_path: Some(vec![self.path("bin")]),
            ..Settings::default()
        }
    }

    /// What podman prints.
    pub async fn podman(&self, arguments: &[&str]) -> String {
        self.podman.run(arguments).await
    }

    /// What a shell in the container prints.
    pub async fn shell(&self, script: &str) -> String {
        self.podman(&["exec", NAME, "sh", "-c", script]).await
    }

    pub async fn stop(&self) {
        self.podman(&["stop", "-t", "0", NAME]).await;
    }

    /// The content of the image.
    async fn fill(&self, skopeo: &Path, busybox: &Path) {
        let root = self.path("root");
        for name in ["bin", "usr/bin", "etc/containers", "tmp", "var/tmp", "run"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        copy_with_libraries(skopeo, skopeo, &root).await;
        let policy = "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}";
        fs::write(root.join("etc/containers/policy.json"), policy).unwrap();
        let lines = "FROM scratch\nCOPY root/ /\nENV PATH=/usr/bin:/bin\nENTRYPOINT [\"skopeo\"]\n";
        fs::write(self.path("Containerfile"), lines).unwrap();
    }
}

impl Drop for SkopeoContainer {
    fn drop(&mut self) {
        let removed = std::process::Command::new(self.path("bin/podman"))
            .args(["rm", "-f", "-t", "0", "-i", NAME])
            .output();
        assert!(removed.is_ok() || std::thread::panicking());
    }
}
