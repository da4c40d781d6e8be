//! What a list does besides asking registries: programs it runs, files and variables it reads, and what it sends where.
//!
//! Decides what an operator should know before running a list of somebody else. Invariant: every key is considered: the
//! tables are destructured without `..`, so that a new key does not compile until it is decided here.

use std::{collections::BTreeSet, fmt, path::Path};

use super::{
    checked_list::List,
    images::ImageRule,
    mistake::Mistake,
    mistakes::Mistakes,
    registries::{Credentials, ListLimits, PasswordSource, Settings, Tls},
    values::Proxy,
};
use crate::oci::Registry;

/// One thing a list does. `Display` is a line for a person; it may have text of the list.
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

impl List {
    /// What the list does besides asking registries.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        actions(self)
    }

    /// Fails with every command the list runs.
    pub fn without_commands(&self) -> Result<(), Mistakes> {
        refuse_commands(self)
    }
}

/// The actions of `list`, programs first, each once.
fn actions(list: &List) -> Vec<Action> {
    let List {
        source: _,
        destination: _,
        registries,
        defaults: _,
        images,
        rewrites: _,
        text: _,
    } = list;
    let mut registries_used: BTreeSet<&Registry> = registries.keys().collect();
    for rule in images {
        let ImageRule {
            source,
            destination,
            platforms: _,
            attachments: _,
            on_existing: _,
            conversion: _,
            choice: _,
            to_tag: _,
            at: _,
        } = rule;
        registries_used.extend([&source.0, &destination.0]);
    }
    let mut actions = BTreeSet::new();
    for registry in registries_used {
        add_registry(registry, &list.settings(registry), &mut actions);
    }
    actions.into_iter().collect()
}

/// Fails with every command of `list`, at the place where it is written.
fn refuse_commands(list: &List) -> Result<(), Mistakes> {
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
        Mistake::new(message, command.at.clone()).help(
            "remove --no-commands to allow it; `list check` shows everything that a list does",
        )
    });
    Mistakes::found(&list.text, refused.collect())
}

fn add_registry(registry: &Registry, settings: &Settings, actions: &mut BTreeSet<Action>) {
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
            format!("certificate authorities for {registry}"),
        );
    }
    if let Some(path) = ca_directory {
        let what = format!("files in {}", path.display());
        add(
            Reads,
            what,
            format!("certificate authorities for {registry}"),
        );
    }
    if let Some((certificate, key)) = client {
        let purpose = format!("client certificate for {registry}");
        add(Reads, file(certificate), purpose);
        let purpose = format!("key of the client certificate for {registry}");
        add(Reads, file(key), purpose);
    }
    if *insecure {
        let purpose = "whoever answers there gets the credentials".into();
        add(Trusts, format!("any certificate at {registry}"), purpose);
    }
    if *allow_private_redirects {
        let purpose = "it may redirect requests to them".into();
        add(
            Trusts,
            format!("{registry} with private addresses"),
            purpose,
        );
    }
    if settings.plain_http(registry) && !registry.is_loopback() {
        let purpose = "in plain HTTP, readable in the network".into();
        add(Sends, format!("everything for {registry}"), purpose);
    }
    match proxy {
        Proxy::Environment | Proxy::None => {}
        Proxy::Address(url) => {
            let purpose = format!("through the proxy {url}");
            add(Sends, format!("everything for {registry}"), purpose);
        }
    }
    let to = format!("to {registry}, or to the token server it names");
    match credentials {
        Credentials::Anonymous => {}
        Credentials::Stored => {
            let what =
                format!("the credentials that docker, podman or a helper stored for {registry}");
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
