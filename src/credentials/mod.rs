//! Credentials where operators already have them: docker's `config.json`, podman's `auth.json`,
//! credential helpers, environment variables, files and commands; and `login` / `logout`, which write
//! what those tools read.
//!
//! Decides which credential belongs to a registry and repository; when one is needed, and when it was
//! refused, the registry layer says through [`CredentialProvider`]. Invariant: a secret is in a
//! `SecretString`, in a file of mode 0600 or in a helper's standard input, never in an argument, an
//! error or `Debug` output.
//!
//! The files are read by own code and not by the `docker_credential` crate (1.4): that has no namespaced
//! keys, knows one place for `auth.json`, blocks without a deadline on helpers, prints secrets in `Debug`
//! and a failed helper's whole output in its errors, and cannot write.
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
pub use password::{PasswordSource, read_password};
pub use places::Places;
pub use resolver::{CredentialResolver, Source};
