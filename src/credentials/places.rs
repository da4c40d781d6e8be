//! The credentials files of docker, podman, skopeo and similar tools.
//!
//! Decides their order: files named by the environment, then podman's, then docker's (containers-auth.json(5), `docker
//! login`). Invariant: a path is listed whether or not the file exists.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::CredentialsError;

/// The paths of credentials files. The first match wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// In order. The file of docker before 1.7 holds the `auths` table alone.
    pub(super) files: Vec<PathBuf>,
    /// The file that `login` writes to.
    pub(super) login_file: Option<PathBuf>,
}

/// The name of docker's file before 1.7.
const LEGACY: &str = ".dockercfg";

impl Places {
    /// The paths for this process's environment.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::of(|name| std::env::var_os(name), user_id())
    }

    /// A single file, as `--authfile` of other tools names it.
    #[must_use]
    pub fn only(file: PathBuf) -> Self {
        Self {
            files: vec![file.clone()],
            login_file: Some(file),
        }
    }

    fn of(environment: impl Fn(&str) -> Option<OsString>, user: Option<u32>) -> Self {
        let set = |name| environment(name).filter(|value| !value.is_empty());
        let directory = |name| set(name).map(PathBuf::from);
        if let Some(file) = directory("REGISTRY_AUTH_FILE") {
            return Self::only(file);
        }
        let home = directory("HOME");
        let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let podman = |directory: PathBuf| directory.join("containers").join("auth.json");

        let written = directory("DOCKER_CONFIG").map(|docker| docker.join("config.json"));
        let docker = in_home(".docker/config.json");
        let runtime = directory("XDG_RUNTIME_DIR").map(podman);
        let without_runtime = user.map(|user| {
            Path::new("/run/containers")
                .join(user.to_string())
                .join("auth.json")
        });
        let config = directory("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        let implied = match written {
            Some(_) => [None, None],
            None => [docker.clone(), in_home(LEGACY)],
        };
        let files = [
            written.clone(),
            runtime.or(without_runtime),
            config.map(podman),
        ];
        Self {
            files: files.into_iter().chain(implied).flatten().collect(),
            // Docker, podman, skopeo and crane all read this file, and it survives a reboot.
            login_file: written.or(docker),
        }
    }

    /// The file `login` writes to.
    ///
    /// # Errors
    /// Neither HOME nor DOCKER_CONFIG is set.
    pub fn to_write(&self) -> Result<&Path, CredentialsError> {
        self.login_file.as_deref().ok_or(CredentialsError::NoFile)
    }
}

pub(super) fn is_legacy(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == LEGACY)
}

fn user_id() -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Owned by the user of this process.
        std::fs::metadata("/proc/self").ok().map(|own| own.uid())
    }
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(environment: &[(&str, &str)]) -> Places {
        let value = |name: &str| environment.iter().find(|(key, _)| *key == name);
        Places::of(
            |name| value(name).map(|(_, value)| value.into()),
            Some(1000),
        )
    }

    fn shown(places: &Places) -> Vec<&str> {
        places
            .files
            .iter()
            .map(|file| file.to_str().unwrap())
            .collect()
    }

    #[test]
    fn podmans_files_come_before_dockers() {
        let places = places(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/1")]);
        let expected = [
            "/run/user/1/containers/auth.json",
            "/h/.config/containers/auth.json",
            "/h/.docker/config.json",
            "/h/.dockercfg",
        ];
        assert_eq!(shown(&places), expected);
        assert_eq!(
            places.to_write().unwrap(),
            Path::new("/h/.docker/config.json")
        );
    }

    #[test]
    fn what_the_environment_names_comes_first() {
        let named = places(&[
            ("HOME", "/h"),
            ("REGISTRY_AUTH_FILE", "/a.json"),
            ("DOCKER_CONFIG", "/d"),
        ]);
        assert_eq!(shown(&named), ["/a.json"]);
        let named = places(&[
            ("DOCKER_CONFIG", "/d"),
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/c"),
        ]);
        let expected = [
            "/d/config.json",
            "/run/containers/1000/auth.json",
            "/c/containers/auth.json",
        ];
        assert_eq!(shown(&named), expected);
        assert_eq!(named.to_write().unwrap(), Path::new("/d/config.json"));
    }

    #[test]
    fn a_process_without_a_home_has_no_place_to_write() {
        assert!(places(&[("HOME", "")]).to_write().is_err());
    }
}
