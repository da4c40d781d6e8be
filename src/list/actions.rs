//! What a list has this program do besides asking registries: programs it runs, files and variables it reads, and
//! what it sends where.
//!
//! Decides what of a list an operator should know before running one that somebody else wrote. Invariant: every
//! key is looked at: the tables are taken apart without `..`, so a new key does not compile before it is decided
//! here.

use std::{collections::BTreeSet, fmt, path::Path};

use super::{
    CommandLine, Credentials, ImageRule, List, ListLimits, Mistakes, PasswordSource, Proxy,
    Settings, Tls, mistakes::Mistake,
};
use crate::oci::Registry;

/// One thing a list has this program do. `Display` is a line for a person; it may hold text of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    pub kind: ActionKind,
    /// The program with its arguments, the file, the variable, or what is sent.
    pub what: String,
    pub purpose: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKind {
    Runs,
    Reads,
    Sends,
    Trusts,
}

/// The actions of `list`, programs first, each once.
pub(super) fn of(list: &List) -> Vec<Action> {
    let List {
        source: _,
        destination: _,
        registries,
        defaults: _,
        images,
        rewrites: _,
        text: _,
    } = list;
    let mut named: BTreeSet<&Registry> = registries.keys().collect();
    for rule in images {
        let ImageRule {
            source,
            destination,
            platforms: _,
            attachments: _,
            on_existing: _,
            choice: _,
            to_tag: _,
            at: _,
        } = rule;
        named.extend([&source.0, &destination.0]);
    }
    let mut actions = BTreeSet::new();
    for registry in named {
        of_registry(registry, &list.settings(registry), &mut actions);
    }
    actions.into_iter().collect()
}

/// Every command of `list`, as a mistake where it is written.
pub(super) fn commands(list: &List) -> Result<(), Mistakes> {
    let found = list.registries.values().flat_map(|settings| {
        let password = match &settings.credentials {
            Credentials::Password {
                from: PasswordSource::Command(command),
                ..
            } => Some(command),
            _ => None,
        };
        password.into_iter().chain(&settings.create_command)
    });
    let refused = found.map(|command| {
        let message = format!("this list runs {command}");
        Mistake::new(message, command.at.clone())
            .help("without --no-commands it is run; `list check` shows all that a list does")
    });
    Mistakes::found(&list.text, refused.collect())
}

fn of_registry(registry: &Registry, settings: &Settings, actions: &mut BTreeSet<Action>) {
    let Settings {
        plain_http: _,
        tls:
            Tls {
                insecure,
                ca_file,
                ca_directory,
                client,
            },
        proxy,
        allow_private_redirects,
        limits:
            ListLimits {
                streams: _,
                requests_per_second: _,
                bytes_per_second: _,
            },
        credentials,
        create_command,
    } = settings;
    let mut add = |kind, what: String, purpose: String| {
        actions.insert(Action {
            kind,
            what,
            purpose,
        });
    };
    use ActionKind::{Reads, Runs, Sends, Trusts};
    if let Some(command) = create_command {
        let purpose = format!("for every repository that {registry} does not have");
        add(Runs, command.to_string(), purpose);
    }
    let file = |path: &Path| format!("file {}", path.display());
    if let Some(path) = ca_file {
        add(
            Reads,
            file(path),
            format!("authorities to trust at {registry}"),
        );
    }
    if let Some(path) = ca_directory {
        let what = format!("files in {}", path.display());
        add(Reads, what, format!("authorities to trust at {registry}"));
    }
    if let Some((certificate, key)) = client {
        let purpose = format!("certificate to show {registry}");
        add(Reads, file(certificate), purpose);
        let purpose = format!("key of the certificate to show {registry}");
        add(Reads, file(key), purpose);
    }
    if *insecure {
        let purpose = "whoever answers there gets what is sent".into();
        add(Trusts, format!("any certificate at {registry}"), purpose);
    }
    if *allow_private_redirects {
        let purpose = "it may lead requests there".into();
        add(
            Trusts,
            format!("{registry} with addresses of this network"),
            purpose,
        );
    }
    if settings.plain_http(registry) && !registry.is_loopback() {
        let purpose = "in plain HTTP, readable on the way".into();
        add(Sends, format!("everything for {registry}"), purpose);
    }
    match proxy {
        Proxy::Environment | Proxy::None => {}
        Proxy::Address(url) => {
            let purpose = format!("through the proxy {url}");
            add(Sends, format!("everything for {registry}"), purpose);
        }
    }
    let to = format!("to {registry}, or where it says to log in");
    match credentials {
        Credentials::Anonymous => {}
        Credentials::Stored => {
            let what = format!("what docker, podman or a helper has stored for {registry}");
            add(Sends, what, to);
        }
        Credentials::Token(variable) => {
            let purpose = format!("token for {registry}");
            add(Reads, format!("variable {variable}"), purpose);
            add(Sends, format!("the token in {variable}"), to);
        }
        Credentials::Password { username, from } => {
            let purpose = format!("password of {username} for {registry}");
            match from {
                PasswordSource::Environment(name) => {
                    add(Reads, format!("variable {name}"), purpose);
                }
                PasswordSource::File(path) => add(Reads, file(path), purpose),
                PasswordSource::Command(command) => add(Runs, command.to_string(), purpose),
            }
            add(Sends, format!("the password of {username}"), to);
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            ActionKind::Runs => "runs",
            ActionKind::Reads => "reads",
            ActionKind::Sends => "sends",
            ActionKind::Trusts => "trusts",
        };
        let between = match self.kind {
            ActionKind::Runs | ActionKind::Reads | ActionKind::Trusts => ": ",
            ActionKind::Sends => " ",
        };
        write!(f, "{verb:6} {}{between}{}", self.what, self.purpose)
    }
}

impl fmt::Display for CommandLine {
    /// Words are separated by spaces; one that is not plain is quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.words.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,{}".contains(c);
            match !word.is_empty() && word.chars().all(plain) {
                true => f.write_str(word)?,
                false => write!(f, "{word:?}")?,
            }
        }
        Ok(())
    }
}
