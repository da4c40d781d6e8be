//! `login` and `logout`: store credentials where docker, podman, skopeo and crane read them.
//!
//! Decides between the file and the helper that it names, as docker does. Invariant: the file is replaced atomically and
//! keeps everything that is not about this registry.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{CredentialsError, Key, Places, config::ConfigFile, helper::Helper};

/// Where a password is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// In this file, encoded and not encrypted.
    File(PathBuf),
    /// By this credential helper.
    Helper(String),
}

/// Stores `password` for `key` in `file`, or with the credential helper that the file names.
///
/// # Errors
/// The file cannot be read or written, or the helper failed. The file is unchanged then.
pub async fn login(
    key: &Key,
    username: &str,
    password: &SecretString,
    file: &Path,
) -> Result<StoredIn, CredentialsError> {
    let mut config = ConfigFile::read(file)?;
    let stored = match config.helper(key) {
        Some(name) => {
            Helper::named(&name)?
                .store(&key.written(), username, password)
                .await?;
            config.store_placeholder(key);
            StoredIn::Helper(name)
        }
        None => {
            config.store(key, username, password);
            StoredIn::File(file.into())
        }
    };
    config.write()?;
    Ok(stored)
}

/// Removes the credentials of `key` from all of `places`. Returns where there were some.
///
/// # Errors
/// A file with an entry cannot be written, or a helper failed.
pub async fn logout(key: &Key, places: &Places) -> Result<Vec<StoredIn>, CredentialsError> {
    let mut removed = Vec::new();
    for file in &places.files {
        let mut config = ConfigFile::read(file)?;
        if let Some(name) = config.helper(key)
            && Helper::named(&name)?.erase(&key.written()).await?
        {
            removed.push(StoredIn::Helper(name));
        }
        if config.remove(key) {
            config.write()?;
            removed.push(StoredIn::File(file.clone()));
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        credentials::{CredentialResolver, Source},
        oci::Registry,
        registry::{Credential, CredentialProvider},
    };

    #[tokio::test]
    async fn what_login_keeps_is_found_and_logout_forgets_it() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::only(directory.path().join("auth.json"));
        let registry: Registry = "r.example".parse().unwrap();
        let key = Key::from(registry.clone());
        let find = || async {
            let keychain =
                CredentialResolver::new(registry.clone(), Source::Stored(places.clone()));
            keychain.credential(None, None).await.unwrap()
        };

        let file = places.to_write().unwrap();
        let stored = login(&key, "robot", &"p".into(), file).await.unwrap();
        assert_eq!(stored, StoredIn::File(file.into()));
        let (username, password) = ("robot".into(), "p".into());
        assert_eq!(find().await, Credential::Basic { username, password });

        assert_eq!(logout(&key, &places).await.unwrap(), [stored]);
        assert_eq!(find().await, Credential::Anonymous);
        assert_eq!(logout(&key, &places).await.unwrap(), []);
    }
}
