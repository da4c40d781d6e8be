//! What skopeo gets to know of a registry: the login, the certificates, whether they are checked.
//!
//! Decides how the keys of a list are passed on, and how long a login that was looked up is used. Invariant: skopeo gets no
//! more access than the list says.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{output::shown, registry_settings};
use crate::{
    batch::{Failure, FailureClass, Side},
    credentials::Places,
    list::{self, List, Proxy},
    oci::{Reference, Registry},
    registry::{Credential, Credentials, ProviderError},
    run::AccessSource,
    skopeo::{Certificate, Login, RegistryAccess},
};

/// How long a login is used before it is looked up again: skopeo does not say that a password has expired.
const LOGIN_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The registries of a list, and every other with its stored credentials.
pub(super) fn access(list: &List, places: &Places) -> AccessSource {
    let registries: Arc<HashMap<Registry, list::Settings>> =
        Arc::new((list.registries.clone()).into_iter().collect());
    let logins = Arc::new(Logins {
        places: places.clone(),
        known: Mutex::default(),
    });
    Box::new(move |reference: &Reference| {
        let (registries, logins) = (Arc::clone(&registries), Arc::clone(&logins));
        let reference = reference.clone();
        async move {
            let unwritten = list::Settings::default();
            let written = registries.get(&reference.registry).unwrap_or(&unwritten);
            access_of(&reference, written, &logins).await
        }
        .boxed()
    })
}

/// The credentials of registries, which all images share: a helper or a password command is not run for each.
struct Logins {
    places: Places,
    known: Mutex<HashMap<Registry, (Instant, Credentials)>>,
}

impl Logins {
    fn credentials(&self, registry: &Registry, written: &list::Credentials) -> Credentials {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, credentials)) = known.get(registry)
            && since.elapsed() < LOGIN_LIFETIME
        {
            return credentials.clone();
        }
        let credentials = registry_settings::credentials(registry, written, &self.places);
        known.insert(registry.clone(), (Instant::now(), credentials.clone()));
        credentials
    }
}

async fn access_of(
    reference: &Reference,
    written: &list::Settings,
    logins: &Logins,
) -> Result<RegistryAccess, Failure> {
    let registry = &reference.registry;
    match &written.proxy {
        Proxy::Environment => {}
        Proxy::None | Proxy::Address(_) => {
            let text = format!("has a `proxy` for {registry}, which skopeo does not use");
            return Err(local(FailureClass::Rejected, text));
        }
    }
    let is_insecure = written.tls.insecure || written.plain_http(registry);
    Ok(RegistryAccess {
        registry: registry.clone(),
        login: login(reference, written, logins).await?,
        tls_verify: is_insecure.then_some(false),
        certificates: certificates(&written.tls)?,
    })
}

async fn login(
    reference: &Reference,
    written: &list::Settings,
    logins: &Logins,
) -> Result<Option<Login>, Failure> {
    let registry = &reference.registry;
    let credentials = logins.credentials(registry, &written.credentials);
    let found = match credentials {
        Credentials::Provided(provider) => {
            let found = provider.credential(Some(&reference.repository), None);
            found.await.map_err(|error| unreadable(registry, &error))?
        }
        Credentials::Basic { username, password } => Credential::Basic { username, password },
        Credentials::Token(token) => Credential::Token(token),
        Credentials::Anonymous => Credential::Anonymous,
    };
    match found {
        Credential::Anonymous => Ok(None),
        Credential::Basic { username, password } => Ok(Some(Login { username, password })),
        Credential::Identity { .. } | Credential::Token(_) => {
            let text =
                format!("has only a token for {registry}, and skopeo needs a user and a password");
            Err(local(FailureClass::Auth, text))
        }
    }
}

fn unreadable(registry: &Registry, error: &ProviderError) -> Failure {
    let class = match error {
        ProviderError::Unavailable(_) => FailureClass::Transient {
            retry_after_ms: None,
        },
        ProviderError::Unusable(_) => FailureClass::Auth,
    };
    local(
        class,
        format!("cannot read the credentials for {registry}: {error}"),
    )
}

/// The files of a certificate directory, as skopeo knows them by their extensions.
fn certificates(written: &list::Tls) -> Result<Vec<Certificate>, Failure> {
    let list::Tls {
        insecure: _,
        ca_file,
        ca_directory,
        client,
    } = written;
    let mut files = Vec::new();
    let mut add = |path: &Path, name: String| match fs::read(path) {
        Ok(content) => {
            files.push(Certificate { name, content });
            Ok(())
        }
        Err(error) => Err(unusable(path, &error)),
    };
    if let Some(path) = ca_file {
        add(path, "ca.crt".into())?;
    }
    if let Some(directory) = ca_directory {
        let entries = fs::read_dir(directory).map_err(|error| unusable(directory, &error))?;
        let mut number = 0;
        for entry in entries {
            let path = entry.map_err(|error| unusable(directory, &error))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("crt" | "pem" | "cer")) {
                number += 1;
                add(&path, format!("ca-{number}.crt"))?;
            }
        }
    }
    if let Some((certificate, key)) = client {
        add(certificate, "client.cert".into())?;
        add(key, "client.key".into())?;
    }
    Ok(files)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot read {}: {error}", shown(path));
    local(FailureClass::Internal, text)
}

fn local(class: FailureClass, summary: String) -> Failure {
    Failure {
        side: Side::Local,
        class,
        chain: vec![summary.clone()],
        summary,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_command_is_run_once_for_many_images_and_again_later() {
        let directory = tempfile::tempdir().unwrap();
        let runs = directory.path().join("runs");
        let command = format!("echo run >> {}; echo secret", runs.display());
        let text = format!(
            "version = 1\nimages = [\"app:1\"]\n[source]\nregistry = \"a.example\"\nusername = \"robot\"\n\
             password-command = [\"sh\", \"-c\", \"{command}\"]\n[destination]\nregistry = \"b.example\"\n"
        );
        let list = List::parse("list.toml", &text).unwrap();
        let access = access(&list, &Places::default());
        let count = || fs::read_to_string(&runs).unwrap().lines().count();
        for name in ["a.example/app:1", "a.example/other:1"] {
            let reference: Reference = name.parse().unwrap();
            assert!(access(&reference).await.unwrap().login.is_some());
        }
        assert_eq!(count(), 1);
        // Only for this: with a stopped clock a program would be at its deadline at once.
        tokio::time::pause();
        tokio::time::advance(LOGIN_LIFETIME).await;
        tokio::time::resume();
        access(&"a.example/app:1".parse().unwrap()).await.unwrap();
        assert_eq!(count(), 2);
    }
}
