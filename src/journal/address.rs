//! Reads the location of a journal: a PostgreSQL URL, or a directory.
//!
//! Decides which of the two a text is, and refuses what could be a typing error for either, since a name that is taken
//! for a directory creates one. Invariant: no error message holds a password; text that may hold one is not repeated.

use std::{path::Path, str::FromStr};

use url::Url;

use super::JournalLocation;

const POSTGRES: &str = "postgres://USER@HOST/DATABASE";
/// Schemes this similar are taken for typing errors.
const MIN_SIMILARITY: f64 = 0.85;
/// Keys of libpq's other way to write an address.
const LIBPQ: [&str; 7] = [
    "host", "hostaddr", "port", "user", "password", "dbname", "service",
];

/// Why a text is no location of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("{scheme}: is no kind of journal; did you mean {near}?")]
    Scheme { scheme: String, near: String },
    #[error("this URL cannot be read ({problem}); write {POSTGRES}")]
    Url { problem: url::ParseError },
    #[error(
        "this looks like an address without its scheme; write {POSTGRES}, or ./ before a directory"
    )]
    NoScheme,
    #[error(
        "journals are found by URL; write {POSTGRES} (user, port and more can follow as ?port=5432)"
    )]
    KeyValue,
    #[error("a journal is a directory, not a file; did you mean {near}?")]
    File { near: String },
    #[error("{text:?} could be meant as a directory or a database; write ./{text}, or {POSTGRES}")]
    Bare { text: String },
    #[error("the journal has no name")]
    Empty,
}

impl JournalLocation {
    /// The journal in a directory.
    ///
    /// # Errors
    /// When a URL was written in place of it.
    pub fn directory(path: impl AsRef<Path>) -> Result<Self, LocationError> {
        let path = path.as_ref();
        let text = path.to_string_lossy();
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        match scheme(&text) {
            Some(scheme) if text.contains("://") => Err(LocationError::Scheme {
                near: match text.parse::<Self>() {
                    Ok(Self::Postgres(_)) => format!("--journal {POSTGRES}"),
                    Ok(Self::Directory(_)) | Err(_) => "a directory".into(),
                },
                scheme,
            }),
            _ => Ok(Self::Directory(path.to_owned())),
        }
    }
}

impl FromStr for JournalLocation {
    type Err = LocationError;

    /// A `postgres://` or `postgresql://` URL, or the path of a directory: one that exists, or has a separator.
    fn from_str(text: &str) -> Result<Self, LocationError> {
        let path = Path::new(text);
        let rooted = path.is_absolute() || text.starts_with("./") || text.starts_with("../");
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some(scheme) = scheme(text).filter(|_| !rooted) {
            return of_scheme(text, scheme);
        }
        if path.is_dir() || matches!(text, "." | "..") {
            return Ok(Self::Directory(path.to_owned()));
        }
        if path.is_file() || is_database_file(path) {
            return Err(LocationError::File {
                near: directory_of(path),
            });
        }
        let first = text.split(['/', std::path::MAIN_SEPARATOR]).next();
        let first = first.unwrap_or_default();
        let key = first.split('=').next().unwrap_or_default().trim();
        if !rooted && first.contains('=') && LIBPQ.contains(&key) {
            return Err(LocationError::KeyValue);
        }
        if !rooted && first.contains([':', '@', '=']) {
            return Err(LocationError::NoScheme);
        }
        match text.contains(['/', std::path::MAIN_SEPARATOR]) {
            true => Ok(Self::Directory(path.to_owned())),
            false => Err(LocationError::Bare { text: text.into() }),
        }
    }
}

/// What stands before the first colon, when it can be a scheme. One letter is a drive.
fn scheme(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(usual);
    // `user:password@host` and `host:5432/database` have a colon too.
    let is_url = rest.starts_with("//") || near(&scheme.to_ascii_lowercase()).is_some();
    (is_scheme && is_url).then(|| scheme.to_ascii_lowercase())
}

fn of_scheme(text: &str, scheme: String) -> Result<JournalLocation, LocationError> {
    let (_, rest) = text.split_once(':').unwrap_or_default();
    if matches!(scheme.as_str(), "postgres" | "postgresql") && rest.starts_with("//") {
        let url: Url = text
            .parse()
            .map_err(|problem| LocationError::Url { problem })?;
        let in_query = |key| url.query_pairs().any(|(name, _)| name == key);
        return match url.host_str().is_none() && !in_query("host") && url.path().len() < 2 {
            true => Err(LocationError::Url {
                problem: url::ParseError::EmptyHost,
            }),
            false => Ok(JournalLocation::Postgres(url)),
        };
    }
    let near = match near(&scheme) {
        Some(Near::File) => directory_of(Path::new(rest.trim_start_matches('/'))),
        // The text as it would be, if that is a URL, without what may be secret.
        Some(Near::Postgres(scheme)) => {
            let meant = format!("{scheme}://{}", rest.trim_start_matches('/'));
            let meant = meant.parse::<Url>().ok().map(JournalLocation::Postgres);
            meant.map_or_else(|| POSTGRES.into(), |location| location.to_string())
        }
        None => format!("{POSTGRES}, or --state DIR"),
    };
    Err(LocationError::Scheme { scheme, near })
}

enum Near {
    Postgres(&'static str),
    File,
}

fn near(scheme: &str) -> Option<Near> {
    if matches!(scheme, "sqlite" | "sqlite3" | "file") {
        return Some(Near::File);
    }
    let schemes = ["postgres", "postgresql"].into_iter();
    schemes
        .map(|known| (strsim::jaro_winkler(known, scheme), known))
        .filter(|(alike, _)| *alike > MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| Near::Postgres(known))
}

fn is_database_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("db" | "sqlite" | "sqlite3")) && !path.exists()
}

/// How to write the directory a file would be in.
fn directory_of(file: &Path) -> String {
    let ours = file
        .file_name()
        .is_some_and(|name| name == super::location::FILE);
    let directory = match ours {
        true => file.parent().unwrap_or(Path::new("")).to_owned(),
        false => file.with_extension(""),
    };
    match directory.to_string_lossy() {
        empty if empty.is_empty() => "--state .".into(),
        directory => format!("--state {directory}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let error = text.parse::<JournalLocation>().expect_err(text).to_string();
        assert!(!error.contains("hunter2"), "{error}");
        error
    }

    #[test]
    fn urls_and_paths_are_taken() {
        for url in [
            "postgres://db/ships",
            "postgresql://ship:hunter2@db:5432/ships",
            "POSTGRES://db/ships",
            "postgres:///ships?host=/run/postgresql",
        ] {
            let location = url.parse::<JournalLocation>().unwrap();
            assert!(matches!(location, JournalLocation::Postgres(_)), "{url}");
        }
        for path in [
            "./nonsense",
            "/var/lib/x:y",
            "state/of things?",
            "../a@b",
            ".",
            "src",
        ] {
            let location = path.parse::<JournalLocation>().unwrap();
            assert!(matches!(location, JournalLocation::Directory(_)), "{path}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        let near = |text| {
            refused(text)
                .split("did you mean ")
                .nth(1)
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            near("postgre://ship:hunter2@db/ships"),
            "postgres://db/ships?"
        );
        assert_eq!(
            near("postgress://db/ships?password=hunter2"),
            "postgres://db/ships?"
        );
        assert_eq!(
            near("postgres:ship:hunter2@db/ships"),
            "postgres://db/ships?"
        );
        assert_eq!(near("postgres:/db/ships"), "postgres://db/ships?");
        assert_eq!(near("sqlite://state/journal.sqlite3"), "--state state?");
        assert_eq!(near("ships.db"), "--state ships?");
        assert_eq!(
            near("mysql://ship:hunter2@db/ships"),
            "postgres://USER@HOST/DATABASE, or --state DIR?"
        );
    }

    #[test]
    fn what_could_be_either_is_refused() {
        assert!(
            refused("nonsense").ends_with("write ./nonsense, or postgres://USER@HOST/DATABASE")
        );
        assert!(refused("").contains("no name"));
        assert!(refused("ship:hunter2@db/ships").contains("without its scheme"));
        assert!(refused("db.example:5432/ships").contains("without its scheme"));
        assert!(refused("host=/run/postgresql password=hunter2").contains("by URL"));
        assert!(refused("postgres://ship:hunter2@db:port/ships").contains("cannot be read"));
        assert!(refused("postgres://").contains("cannot be read"));
    }

    #[test]
    fn a_state_directory_is_no_url() {
        let refused = JournalLocation::directory("postgres://ship:hunter2@db/ships").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "postgres: is no kind of journal; did you mean --journal postgres://USER@HOST/DATABASE?"
        );
        assert!(JournalLocation::directory("nonsense").is_ok());
        assert!(JournalLocation::directory("a:b").is_ok());
    }
}
