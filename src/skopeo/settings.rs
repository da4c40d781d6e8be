//! How skopeo is found: what `[skopeo]` says.
//!
//! Decides the choices, their names and their defaults. Invariant: settings hold no secret; extra arguments that would
//! carry one are refused.

use std::{fmt, path::PathBuf, time::Duration};

use crate::oci::CopyEngine;

/// The variable that names the directory that this machine shares with the container.
const SHARED_DIRECTORY_VARIABLE: &str = "SKOPEO_SHARED_DIR";
/// Where the shared directory is inside the container, unless the settings say otherwise.
const SHARED_INSIDE: &str = "/tmp/skopeo";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// In order of preference.
    pub methods: Vec<MethodKind>,
    /// The name of the service container.
    pub container: String,
    /// The image that the service container is made of.
    pub image: String,
    /// `None` for the first that works.
    pub runtime: Option<Runtime>,
    /// The local program: a path, or a name that is looked up in `PATH`.
    pub path: String,
    /// `None` for the directory that the container has mounted at `/tmp/skopeo`, if any.
    pub shared: Option<SharedDirectory>,
    /// The deadline of one copy.
    pub timeout: Duration,
    /// Further arguments of `skopeo copy`.
    pub extra_args: Vec<String>,
    /// Where the directories with credentials of running copies are made; `None` for the runtime or state directory of
    /// this user.
    pub private_directory: Option<PathBuf>,
    /// Where skopeo and the runtimes are looked up; `None` for the directories of `PATH`.
    pub search_path: Option<Vec<PathBuf>>,
}

/// Where skopeo runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodKind {
    /// In the service container.
    Container,
    /// The program of this machine.
    Local,
}

/// A program that runs containers, with docker's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    Docker,
    Podman,
}

/// A directory of this machine that the container sees, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDirectory {
    pub host: PathBuf,
    /// Its absolute path inside the container.
    pub inside: String,
}

impl Settings {
    /// The defaults, with the shared directory of `SKOPEO_SHARED_DIR`.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            shared: SharedDirectory::of_environment(),
            ..Self::default()
        }
    }

    /// The extra arguments that would carry a secret. [`Skopeo::open`](super::Skopeo::open) refuses them.
    pub fn secret_args(&self) -> impl Iterator<Item = &str> {
        let arguments = self.extra_args.iter().map(String::as_str);
        arguments.filter(|argument| CopyEngine::is_secret_option(argument))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            methods: MethodKind::ALL.to_vec(),
            container: "skopeo-service".into(),
            image: "quay.io/skopeo/stable".into(),
            runtime: None,
            path: "skopeo".into(),
            shared: None,
            timeout: Duration::from_secs(6 * 60 * 60),
            extra_args: Vec::new(),
            private_directory: None,
            search_path: None,
        }
    }
}

impl SharedDirectory {
    /// Where the guide of the service container mounts it.
    #[must_use]
    pub fn new(host: impl Into<PathBuf>) -> Self {
        Self {
            host: host.into(),
            inside: SHARED_INSIDE.into(),
        }
    }

    /// A directory of this user, for a container that is made without another one.
    #[must_use]
    pub fn standard() -> Self {
        let directories = directories::ProjectDirs::from("", "", "transship");
        let state = directories.map(|directories| {
            let state = directories.state_dir();
            state
                .unwrap_or_else(|| directories.data_local_dir())
                .join("skopeo-shared")
        });
        Self::new(state.unwrap_or_else(|| SHARED_INSIDE.into()))
    }

    /// The directory of `SKOPEO_SHARED_DIR`, if that is set.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        let host = std::env::var_os(SHARED_DIRECTORY_VARIABLE)?;
        (!host.is_empty()).then(|| Self::new(host))
    }
}

impl MethodKind {
    pub const ALL: [Self; 2] = [Self::Container, Self::Local];

    /// Its name in lists.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Local => "local",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Runtime {
    /// In the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    /// Its name in lists, and that of its program.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|runtime| runtime.word() == word)
    }
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
