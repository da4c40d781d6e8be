//! The file of users and their passwords' bcrypt hashes, as `htpasswd -B` writes it.
//!
//! Decides when to read it again: when it changed, so that adding or removing a user needs no restart.
//! Invariant: if the file cannot be read, the users read before stay valid, and a warning is reported.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Users and their passwords' hashes.
pub(super) type Users = BTreeMap<String, String>;

#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    #[error("read the users in {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("read the users in {}, line {line}: {reason}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        reason: &'static str,
    },
    #[error(
        "read the users in {}: there are none; add one with `htpasswd -B -c {} USER`",
        path.display(),
        path.display()
    )]
    Empty { path: PathBuf },
}

/// Called with the error when the changed file cannot be read.
type Report = Box<dyn Fn(HtpasswdError) + Send + Sync>;

/// A file of users. Clones are the same file.
#[derive(Clone)]
pub struct Htpasswd(Arc<File>);

struct File {
    path: PathBuf,
    read: Mutex<Read>,
    report: Report,
}

struct Read {
    stamp: Stamp,
    users: Arc<Users>,
}

/// Modification time, size and inode: changes with the content. `None` if there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64, u64)>);

impl Htpasswd {
    /// Reads the file. `report` is called when it has changed and cannot be read.
    pub fn open(
        path: impl Into<PathBuf>,
        report: impl Fn(HtpasswdError) + Send + Sync + 'static,
    ) -> Result<Self, HtpasswdError> {
        let path = path.into();
        // Taken before the content, so that a change in between is noticed later.
        let stamp = Stamp::of(&path);
        let users = Arc::new(read(&path)?);
        Ok(Self(Arc::new(File {
            path,
            read: Mutex::new(Read { stamp, users }),
            report: Box::new(report),
        })))
    }

    /// The current users. Blocks on the disk.
    pub(super) fn users(&self) -> Arc<Users> {
        let File { path, read, report } = &*self.0;
        let stamp = Stamp::of(path);
        let mut known = read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp != stamp {
            known.stamp = stamp;
            match self::read(path) {
                Ok(users) => known.users = Arc::new(users),
                Err(error) => report(error),
            }
        }
        Arc::clone(&known.users)
    }
}

impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Htpasswd").field(&self.0.path).finish()
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let stamp = fs::metadata(path)
            .and_then(|metadata| Ok((metadata.modified()?, metadata.len(), inode(&metadata))));
        Self(stamp.ok())
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn read(path: &Path) -> Result<Users, HtpasswdError> {
    let text = fs::read_to_string(path).map_err(|error| HtpasswdError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let mut users = Users::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let wrong = |reason| HtpasswdError::Line {
            path: path.to_owned(),
            line,
            reason,
        };
        let (user, hash) = text
            .split_once(':')
            .ok_or_else(|| wrong("a line is USER:HASH"))?;
        if hash.parse::<bcrypt::HashParts>().is_err() {
            return Err(wrong(
                "the password is not hashed with bcrypt; write it with `htpasswd -B`",
            ));
        }
        users.insert(user.to_owned(), hash.to_owned());
    }
    if users.is_empty() {
        return Err(HtpasswdError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(user: &str) -> String {
        format!("{user}:{}\n", bcrypt::hash("secret", 4).unwrap())
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        fs::write(&path, format!("# people\n\n{}", line("one"))).unwrap();
        let errors = Arc::new(Mutex::new(Vec::new()));
        let pushed = Arc::clone(&errors);
        let file = Htpasswd::open(&path, move |error| {
            pushed.lock().unwrap().push(error.to_string());
        });
        let file = file.unwrap();
        let names = || file.users().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(), ["one"]);
        // Another file under the name, as editors write it: its inode differs, whatever the clock says.
        let replace = |content: String| {
            let next = directory.path().join("next");
            fs::write(&next, content).unwrap();
            fs::rename(&next, &path).unwrap();
        };
        replace(line("one") + &line("two"));
        assert_eq!(names(), ["one", "two"]);
        replace("one:plain".to_owned());
        assert_eq!(names(), ["one", "two"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(names(), ["one", "two"]);
        let errors = errors.lock().unwrap();
        assert!(
            errors[0].contains("line 1: the password is not hashed with bcrypt"),
            "{errors:?}"
        );
        assert!(!errors[0].contains("plain"));
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn a_file_without_users_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let open = || Htpasswd::open(&path, |_| {}).unwrap_err();
        assert!(matches!(open(), HtpasswdError::Unreadable { .. }));
        fs::write(&path, "# nobody\n").unwrap();
        assert!(matches!(open(), HtpasswdError::Empty { .. }));
        fs::write(&path, "\nsomebody\n").unwrap();
        assert!(matches!(open(), HtpasswdError::Line { line: 2, .. }));
    }
}
