//! The options that say how the registry of one side of a copy is reached: `--source-…` and `--destination-…`.
//!
//! Decides their names and which keys of a list they are; skopeo's names for the same are hidden aliases. Invariant: no
//! option takes a password or a token, which every user of this machine could read.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind};

use crate::list::SettingsKeys;

/// The keys of both sides. Paths are absolute.
#[derive(Default)]
pub(super) struct SideArguments {
    pub(super) source: SettingsKeys,
    pub(super) destination: SettingsKeys,
}

struct SideOption {
    name: &'static str,
    /// What skopeo calls it, if it means the same.
    alias: Option<&'static str>,
    help: &'static str,
    value: Value,
}

/// What follows an option, and the key it sets.
enum Value {
    Text(&'static str, fn(&mut SettingsKeys, String)),
    File(&'static str, fn(&mut SettingsKeys, String)),
    Flag(fn(&mut SettingsKeys)),
    /// `=true` or `=false`; true without a value.
    Boolean(fn(&mut SettingsKeys, bool)),
    /// Takes a secret in skopeo; refused here.
    Secret,
}

const SOURCE_HEADING: &str = "Registry of the source";
const DESTINATION_HEADING: &str = "Registry of the destination";

macro_rules! side_options {
    ($side:literal, $skopeo:literal) => {
        [
            SideOption {
                name: concat!($side, "-username"),
                alias: Some(concat!($skopeo, "-username")),
                help: "Log in as this user; the password comes from one of the next two",
                value: Value::Text("USER", |keys, text| keys.username = Some(text)),
            },
            SideOption {
                name: concat!($side, "-password-env"),
                alias: None,
                help: "The environment variable that holds the password",
                value: Value::Text("VARIABLE", |keys, text| keys.password_env = Some(text)),
            },
            SideOption {
                name: concat!($side, "-password-file"),
                alias: None,
                help: "The file that holds the password",
                value: Value::File("FILE", |keys, path| keys.password_file = Some(path)),
            },
            SideOption {
                name: concat!($side, "-token-env"),
                alias: None,
                help: "The environment variable that holds a bearer token",
                value: Value::Text("VARIABLE", |keys, text| keys.token_env = Some(text)),
            },
            SideOption {
                name: concat!($side, "-anonymous"),
                alias: Some(concat!($skopeo, "-no-creds")),
                help: "Use no credentials, even if some are stored",
                value: Value::Flag(|keys| keys.anonymous = Some(true)),
            },
            SideOption {
                name: concat!($side, "-plain-http"),
                alias: None,
                help: "Use plain HTTP; the default for loopback addresses",
                value: Value::Flag(|keys| keys.plain_http = Some(true)),
            },
            SideOption {
                name: concat!($side, "-verify"),
                alias: Some(concat!($skopeo, "-tls-verify")),
                help: "With =false, accept any server certificate",
                value: Value::Boolean(|keys, verify| keys.verify = Some(verify)),
            },
            SideOption {
                name: concat!($side, "-ca-file"),
                alias: None,
                help: "A PEM file of certificate authorities to trust as well",
                value: Value::File("FILE", |keys, path| keys.ca_file = Some(path)),
            },
            SideOption {
                name: concat!($side, "-ca-directory"),
                alias: None,
                help: "A directory of such files",
                value: Value::File("DIR", |keys, path| keys.ca_directory = Some(path)),
            },
            SideOption {
                name: concat!($side, "-client-certificate"),
                alias: None,
                help: "A PEM file with the client certificate",
                value: Value::File("FILE", |keys, path| keys.client_certificate = Some(path)),
            },
            SideOption {
                name: concat!($side, "-client-key"),
                alias: None,
                help: "The PEM file with the key of that certificate",
                value: Value::File("FILE", |keys, path| keys.client_key = Some(path)),
            },
            SideOption {
                name: concat!($skopeo, "-creds"),
                alias: None,
                help: "",
                value: Value::Secret,
            },
            SideOption {
                name: concat!($skopeo, "-password"),
                alias: None,
                help: "",
                value: Value::Secret,
            },
            SideOption {
                name: concat!($skopeo, "-registry-token"),
                alias: None,
                help: "",
                value: Value::Secret,
            },
        ]
    };
}

const SOURCE: [SideOption; 14] = side_options!("source", "src");
const DESTINATION: [SideOption; 14] = side_options!("destination", "dest");

impl SideOption {
    fn arg(&self, heading: &'static str) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .help(self.help)
            .help_heading(heading)
            .aliases(self.alias);
        match self.value {
            Value::Text(value, _) | Value::File(value, _) => arg.value_name(value),
            Value::Flag(_) => arg.action(ArgAction::SetTrue),
            Value::Boolean(_) => arg
                .value_name("BOOL")
                .value_parser(clap::value_parser!(bool))
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
            Value::Secret => arg.hide(true),
        }
    }

    fn read(&self, matches: &mut ArgMatches, keys: &mut SettingsKeys) -> Result<(), Error> {
        match self.value {
            Value::Text(_, set) => {
                if let Some(text) = matches.remove_one(self.name) {
                    set(keys, text);
                }
            }
            Value::File(_, set) => {
                if let Some(path) = matches.remove_one::<String>(self.name) {
                    let absolute = std::path::absolute(&path).ok();
                    let absolute =
                        absolute.and_then(|path| path.into_os_string().into_string().ok());
                    let Some(absolute) = absolute else {
                        let text =
                            format!("--{} {path:?} cannot be made an absolute path\n", self.name);
                        return Err(Error::raw(ErrorKind::ValueValidation, text));
                    };
                    set(keys, absolute);
                }
            }
            Value::Flag(set) => {
                if matches.remove_one(self.name).unwrap_or_default() {
                    set(keys);
                }
            }
            Value::Boolean(set) => {
                if let Some(value) = matches.remove_one(self.name) {
                    set(keys, value);
                }
            }
            Value::Secret => {
                if matches.contains_id(self.name) {
                    let text = format!(
                        "--{} would show a secret to every user of this machine; use `transship login`, \
                         or --source-username with --source-password-env or --source-password-file \
                         (--destination-… for the destination)\n",
                        self.name
                    );
                    return Err(Error::raw(ErrorKind::ArgumentConflict, text));
                }
            }
        }
        Ok(())
    }
}

impl FromArgMatches for SideArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        let mut sides = Self::default();
        sides.update_from_arg_matches_mut(matches)?;
        Ok(sides)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.update_from_arg_matches_mut(&mut matches.clone())
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        for option in &SOURCE {
            option.read(matches, &mut self.source)?;
        }
        for option in &DESTINATION {
            option.read(matches, &mut self.destination)?;
        }
        Ok(())
    }
}

impl Args for SideArguments {
    fn augment_args(command: Command) -> Command {
        command
            .args(SOURCE.iter().map(|option| option.arg(SOURCE_HEADING)))
            .args((DESTINATION.iter()).map(|option| option.arg(DESTINATION_HEADING)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
