//! Options of skopeo that take a secret, which this program refuses.
//!
//! Decides their names and what is said instead. Invariant: the secret is not repeated.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind};

/// `--username` is among them because it is of no use without a password.
const NAMES: [&str; 4] = ["creds", "username", "password", "registry-token"];

/// For commands that read and write images with the stored credentials. Holds nothing.
pub(super) struct RefusedSecrets;

/// For `login`, which has `--username`.
pub(super) struct RefusedPassword;

fn hidden(name: &'static str) -> Arg {
    Arg::new(name).long(name).hide(true)
}

fn refuse(name: &str, instead: &str) -> Error {
    let text = format!(
        "--{name} would show a secret to every user of this machine, who can list processes; {instead}\n"
    );
    Error::raw(ErrorKind::ArgumentConflict, text)
}

impl Args for RefusedSecrets {
    fn augment_args(command: Command) -> Command {
        command.args(NAMES.map(hidden))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RefusedSecrets {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match NAMES.into_iter().find(|name| matches.contains_id(name)) {
            Some(name) => Err(refuse(
                name,
                "use `transship login REGISTRY --username USER`, or --authfile with a file of stored credentials",
            )),
            None => Ok(Self),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        Self::from_arg_matches(matches).map(drop)
    }
}

impl Args for RefusedPassword {
    fn augment_args(command: Command) -> Command {
        command.arg(hidden("password").short('p'))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RefusedPassword {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match matches.contains_id("password") {
            true => Err(refuse(
                "password",
                "leave it out to be asked, or pipe the password into `transship login --password-stdin`",
            )),
            false => Ok(Self),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        Self::from_arg_matches(matches).map(drop)
    }
}
