//! Where a journal lives: a directory with a SQLite file, or a PostgreSQL database.
//!
//! Decides how to connect and which settings a connection has; knows no table. Invariant: a location is printed
//! without its password.

use std::{
    fmt,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{AnyConnection, ConnectOptions as _, any::AnyConnectOptions};
use url::Url;

use super::{JournalError, private};

pub(super) const FILE: &str = "journal.sqlite3";

/// Files of SQLite beside the journal while it is open.
const BESIDE: [&str; 2] = ["journal.sqlite3-wal", "journal.sqlite3-shm"];

/// Stays set in the file. Unlike other statements it fails at once when another process uses the file.
const SQLITE_MAKING: &str = "PRAGMA journal_mode = WAL";

/// With a write-ahead log, `NORMAL` hands every commit to the operating system and syncs only at checkpoints. A killed
/// process loses no commit, which is required; a power cut can lose the last commits but never breaks the file, and
/// the registries are asked again for what it lost. `FULL` would cost a disk flush per commit.
///
/// SQLite waits for a lock for a second at a time; `retry` decides for how long in all.
const SQLITE_SETTINGS: &str = "PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 1000";

/// The lock of a machine that is gone must not last for the two hours a server waits by default.
const POSTGRES_SETTINGS: &str = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; \
                                 SET tcp_keepalives_count = 3";

/// Where a journal lives.
#[derive(Clone)]
pub enum JournalLocation {
    /// A directory that holds `journal.sqlite3` and the locks of its batches.
    Directory(PathBuf),
    Postgres(Url),
}

impl JournalLocation {
    /// The state directory of this user; absent when the user has no home.
    #[must_use]
    pub fn standard() -> Option<Self> {
        let directories = directories::ProjectDirs::from("", "", "transship")?;
        let directory = directories
            .state_dir()
            .unwrap_or_else(|| directories.data_local_dir());
        Some(Self::Directory(directory.to_owned()))
    }

    /// Connects to a journal that may have to be created; no other process does so until the returned lock is
    /// dropped.
    pub(super) async fn connect_alone(
        &self,
    ) -> Result<(AnyConnection, Option<File>), JournalError> {
        let lock = match self {
            Self::Directory(directory) => {
                let lock = lock(directory.clone())
                    .await
                    .map_err(|cause| JournalError::directory(directory, cause))?;
                Some(lock.ok_or_else(|| JournalError::Opening {
                    location: self.to_string(),
                })?)
            }
            Self::Postgres(_) => None,
        };
        let mut connection = self.connect().await?;
        if lock.is_some() {
            sqlx::raw_sql(SQLITE_MAKING)
                .execute(&mut connection)
                .await
                .map_err(|cause| self.unusable(cause))?;
        }
        Ok((connection, lock))
    }

    pub(super) async fn connect(&self) -> Result<AnyConnection, JournalError> {
        self.try_connect()
            .await
            .map_err(|cause| self.unusable(cause))
    }

    fn unusable(&self, cause: sqlx::Error) -> JournalError {
        JournalError::Open {
            location: self.to_string(),
            cause: Arc::new(cause),
        }
    }

    async fn try_connect(&self) -> Result<AnyConnection, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let (url, settings) = match self {
            Self::Directory(directory) => (sqlite_url(&directory.join(FILE))?, SQLITE_SETTINGS),
            Self::Postgres(url) => (url.clone(), POSTGRES_SETTINGS),
        };
        let options = AnyConnectOptions::from_url(&url)?.disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(settings).execute(&mut connection).await?;
        Ok(connection)
    }
}

impl JournalLocation {
    /// The address of a database without its password, and whether it had one; nothing for a directory.
    #[must_use]
    pub fn address(&self) -> Option<(String, bool)> {
        let Self::Postgres(url) = self else {
            return None;
        };
        let is_secret = |name: &str| name == "password";
        let mut public = url.clone();
        // Fails only for URLs without a host, which have no password.
        let _ = public.set_password(None);
        if url.query_pairs().any(|(name, _)| is_secret(&name)) {
            let kept = url.query_pairs().filter(|(name, _)| !is_secret(name));
            public.query_pairs_mut().clear().extend_pairs(kept);
            if public.query() == Some("") {
                public.set_query(None);
            }
        }
        let had_one = public != *url;
        Some((public.into(), had_one))
    }
}

fn sqlite_url(file: &Path) -> Result<Url, sqlx::Error> {
    let unusable = || sqlx::Error::Configuration("the path cannot be written as a URL".into());
    let file = std::path::absolute(file).map_err(sqlx::Error::Io)?;
    // A file URL percent-encodes what would otherwise end the path, such as `?`.
    let path = Url::from_file_path(file).map_err(|()| unusable())?;
    format!("sqlite://{}?mode=rwc", path.path())
        .parse()
        .map_err(|_| unusable())
}

/// Creates the directory and locks it; `None` while another process opens the journal in it.
async fn lock(directory: PathBuf) -> io::Result<Option<File>> {
    let lock = move || {
        private::make_directory(&directory)?;
        let file = private::open(&directory.join("opening.lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Before SQLite opens it: the files beside the journal get the journal's mode.
        private::make(&directory.join(FILE))?;
        for beside in BESIDE {
            private::narrow(&directory.join(beside))?;
        }
        Ok(Some(file))
    };
    tokio::task::spawn_blocking(lock).await?
}

impl fmt::Display for JournalLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            // The query can hold a password too.
            Self::Postgres(url) => write!(
                f,
                "{}://{}{}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path()
            ),
        }
    }
}

impl fmt::Debug for JournalLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_printed_without_its_password() {
        let location: JournalLocation = "postgres://ship:hunter2@db:5432/ships?password=hunter2"
            .parse()
            .unwrap();
        assert_eq!(
            format!("{location} {location:?}"),
            "postgres://db/ships postgres://db/ships"
        );
    }

    #[test]
    fn an_address_keeps_all_but_the_password() {
        let address = |url: &str| url.parse::<JournalLocation>().unwrap().address().unwrap();
        assert_eq!(
            address("postgres://ship:hunter2@db:5433/ships?password=hunter2&sslmode=require"),
            ("postgres://ship@db:5433/ships?sslmode=require".into(), true)
        );
        assert_eq!(
            address("postgres://ship@db/ships?password=hunter2"),
            ("postgres://ship@db/ships".into(), true)
        );
        let url = "postgres://ship@localhost/ships?host=/run/postgresql";
        assert_eq!(address(url), (url.into(), false));
    }

    #[test]
    fn a_path_may_hold_what_means_something_in_a_url() {
        let url = sqlite_url(Path::new("/a b/50%?#/x")).unwrap();
        assert_eq!(url.as_str(), "sqlite:///a%20b/50%25%3F%23/x?mode=rwc");
    }
}
