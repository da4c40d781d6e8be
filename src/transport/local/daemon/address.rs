//! Where a daemon listens.
//!
//! Decides which socket is used: the one that the location names, else that of the environment, else the first usual
//! one that exists. Connects to nothing. Invariant: an address that was named is never replaced by another one.

use std::path::Path;

use super::super::LocalErrorCause;
use crate::oci::{LocalStore, Transport};

const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_TLS_VERIFY`.
    pub docker_tls: Option<String>,
    /// `CONTAINER_HOST`: the same for podman.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_directory: Option<String>,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            docker_host: variable("DOCKER_HOST"),
            docker_tls: variable("DOCKER_TLS_VERIFY"),
            container_host: variable("CONTAINER_HOST"),
            runtime_directory: variable("XDG_RUNTIME_DIR"),
        }
    }
}

/// The URL of the daemon of `store`.
///
/// # Errors
/// If none is there, or it cannot be reached this way.
pub(super) fn find(
    store: &LocalStore,
    environment: &Environment,
    exists: impl Fn(&Path) -> bool,
) -> Result<String, LocalErrorCause> {
    let is_podman = store.transport == Transport::ContainersStorage;
    let named = match (store.place(), is_podman) {
        ("", true) => environment.container_host.as_deref(),
        ("", false) => environment.docker_host.as_deref(),
        (place, _) => Some(place),
    };
    if let Some(url) = named {
        return check(url, is_podman, environment).map(|()| url.to_owned());
    }
    let sockets = usual_sockets(is_podman, environment.runtime_directory.as_deref());
    match sockets.iter().find(|socket| exists(Path::new(socket))) {
        Some(socket) => Ok(format!("unix://{socket}")),
        None if is_podman => Err(LocalErrorCause::Unreachable(format!(
            "podman's socket is needed (`systemctl --user start podman.socket`), and there is none at {}; only whole \
             images are copied without it, by skopeo",
            sockets.join(" or ")
        ))),
        None => Err(LocalErrorCause::Unreachable(format!(
            "no daemon listens at {}; start one, or name its socket in DOCKER_HOST",
            sockets.join(" or ")
        ))),
    }
}

/// Why podman's storage cannot be reached through a socket, if that is so: skopeo reads and writes it without one.
#[must_use]
pub fn lacks_socket(store: &LocalStore) -> Option<String> {
    let exists = |path: &Path| path.exists();
    missing_socket(store, &Environment::of_process(), exists)
}

fn missing_socket(
    store: &LocalStore,
    environment: &Environment,
    exists: impl Fn(&Path) -> bool,
) -> Option<String> {
    if store.transport != Transport::ContainersStorage {
        return None;
    }
    match (store.place(), &environment.container_host) {
        ("", Some(_)) => None,
        ("", None) => {
            let sockets = usual_sockets(true, environment.runtime_directory.as_deref());
            let is_there = sockets.iter().any(|socket| exists(Path::new(socket)));
            (!is_there).then(|| format!("podman has no socket at {}", sockets.join(" or ")))
        }
        (place, _) if place.contains("://") => None,
        (place, _) => Some(format!("the storage {place} has no socket of podman")),
    }
}

fn usual_sockets(is_podman: bool, runtime_directory: Option<&str>) -> Vec<String> {
    let of_user = |name: &str| runtime_directory.map(|directory| format!("{directory}/{name}"));
    let docker = [Some(DOCKER_SOCKET.to_owned()), of_user("docker.sock")];
    let podman = [
        of_user("podman/podman.sock"),
        Some(PODMAN_SOCKET.to_owned()),
    ];
    let docker = docker.into_iter().filter(|_| !is_podman);
    docker.chain(podman).flatten().collect()
}

fn check(url: &str, is_podman: bool, environment: &Environment) -> Result<(), LocalErrorCause> {
    let refused = |problem: String| Err(LocalErrorCause::Refused(problem));
    if url.starts_with("unix://") {
        return Ok(());
    }
    if url.starts_with("tcp://") && !is_podman && environment.docker_tls.is_some() {
        return refused(format!(
            "{url} is to be reached over TLS (DOCKER_TLS_VERIFY), which is not supported; forward its socket with ssh -L"
        ));
    }
    if url.starts_with("tcp://") {
        return Ok(());
    }
    if is_podman && !url.contains("://") {
        return refused(format!(
            "the storage {url} can only be read through podman's socket ([unix:///run/podman/podman.sock]); only whole \
             images are copied without it, by skopeo"
        ));
    }
    refused(format!(
        "{url:?} is no address of a daemon; there are unix:// and tcp://"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            runtime_directory: Some("/run/user/7".into()),
            ..Environment::default()
        }
    }

    fn found(
        transport: Transport,
        place: &str,
        environment: &Environment,
        sockets: &[&str],
    ) -> Result<String, String> {
        let store = LocalStore::new(transport, place);
        let exists = |path: &Path| sockets.iter().any(|socket| Path::new(socket) == path);
        find(&store, environment, exists).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_usual_socket_that_exists_is_used() {
        let sockets = ["/run/podman/podman.sock", "/run/user/7/podman/podman.sock"];
        for transport in [Transport::DockerDaemon, Transport::ContainersStorage] {
            let url = found(transport, "", &environment(), &sockets).unwrap();
            assert_eq!(url, "unix:///run/user/7/podman/podman.sock");
        }
        let both = ["/var/run/docker.sock", "/run/podman/podman.sock"];
        let url = found(Transport::DockerDaemon, "", &environment(), &both).unwrap();
        assert_eq!(url, "unix:///var/run/docker.sock");
        let url = found(Transport::ContainersStorage, "", &environment(), &both).unwrap();
        assert_eq!(url, "unix:///run/podman/podman.sock");
    }

    #[test]
    fn an_address_that_was_named_is_taken_even_if_nothing_listens() {
        let environment = Environment {
            docker_host: Some("tcp://10.0.0.1:2375".into()),
            ..environment()
        };
        let docker = |place| found(Transport::DockerDaemon, place, &environment, &["/run/x"]);
        assert_eq!(docker("").unwrap(), "tcp://10.0.0.1:2375");
        assert_eq!(docker("unix:///run/y").unwrap(), "unix:///run/y");
        let podman = found(Transport::ContainersStorage, "", &environment, &[]);
        assert!(podman.unwrap_err().contains("copied without it, by skopeo"));
    }

    #[test]
    fn only_a_storage_without_a_socket_needs_skopeo() {
        let missing = |text: &str, environment: &Environment, socket: &str| {
            let (transport, place) = text.split_once(' ').unwrap();
            let transport = Transport::ALL
                .into_iter()
                .find(|known| known.name() == transport);
            let store = LocalStore::new(transport.unwrap(), place);
            missing_socket(&store, environment, |path: &Path| path == Path::new(socket))
        };
        let usual = environment();
        let reason = missing("containers-storage ", &usual, "/var/run/docker.sock");
        let expected =
            "podman has no socket at /run/user/7/podman/podman.sock or /run/podman/podman.sock";
        assert_eq!(reason.as_deref(), Some(expected));
        assert_eq!(
            missing("containers-storage ", &usual, "/run/podman/podman.sock"),
            None
        );
        assert_eq!(
            missing("containers-storage unix:///run/x", &usual, ""),
            None
        );
        let own = missing("containers-storage overlay@/srv/storage", &usual, "");
        assert!(own.unwrap().contains("the storage overlay@/srv/storage"));
        assert_eq!(missing("docker-daemon ", &usual, ""), None);
        let named = Environment {
            container_host: Some("unix:///run/y".into()),
            ..usual
        };
        assert_eq!(missing("containers-storage ", &named, ""), None);
    }

    #[test]
    fn what_cannot_be_reached_says_so() {
        let storage = "overlay@/var/lib/containers/storage";
        let own = found(Transport::ContainersStorage, storage, &environment(), &[]);
        assert!(own.unwrap_err().contains("copied without it, by skopeo"));
        let ssh = found(Transport::DockerDaemon, "ssh://host", &environment(), &[]);
        assert!(ssh.unwrap_err().contains("there are unix:// and tcp://"));
        let tls = Environment {
            docker_tls: Some("1".into()),
            ..environment()
        };
        let tls = found(Transport::DockerDaemon, "tcp://host:2376", &tls, &[]);
        assert!(tls.unwrap_err().contains("over TLS"));
        let none = found(Transport::DockerDaemon, "", &environment(), &[]);
        assert!(
            none.unwrap_err()
                .contains("no daemon listens at /var/run/docker.sock")
        );
    }
}
