//! Stored credentials: docker's `config.json`, podman's `auth.json`, credential helpers, environment variables, files
//! and commands; and `login` / `logout`, which write the files of those tools.
//!
//! Decides which credential is used for a registry and repository. The registry layer decides when it is looked up,
//! through [`CredentialProvider`]. Invariant: a secret is only in a `SecretString`, in a file of mode 0600 or in a
//! helper's standard input, never in an argument, an error or `Debug` output.
//!
//! The `docker_credential` crate (1.4) is not used: it has no namespaced keys, knows one path of `auth.json`, waits for
//! helpers without a deadline, prints secrets in `Debug` and a failed helper's whole output in its errors, and cannot
//! write.
//!
//! [`CredentialProvider`]: crate::registry::CredentialProvider

mod config;
mod entry;
mod error;
mod helper;
mod key;
mod login;
mod password;
mod places;
mod private_file;
mod program;
mod resolver;

pub use error::CredentialsError;
pub use key::Key;
pub use login::{StoredIn, login, logout};
pub use password::{PasswordSource, read_password, read_password_from_stdin};
pub use places::Places;
pub use resolver::{CredentialResolver, Source};
