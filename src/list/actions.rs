//! What a list does besides asking registries: programs it runs, files and variables it reads, and what it sends where.
//!
//! Decides what an operator should know before running a list of somebody else. Invariant: every key is considered: the
//! tables are destructured without `..`, so that a new key does not compile until it is decided here.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    checked_list::List,
    endpoint::Endpoint,
    external_command::CommandLine,
    images::ImageRule,
    mistake::Mistake,
    mistakes::Mistakes,
    registries::{Credentials, ListLimits, PasswordSource, Settings, Tls},
    selection::Selection,
    skopeo_settings::{SkopeoMethod, SkopeoSettings},
    values::Proxy,
};
use crate::oci::{CopyEngine, Registry, Store};

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
    Writes,
    Prunes,
    Sends,
    Trusts,
}

impl ActionKind {
    /// The verb of a sentence about the list.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Prunes => "prunes",
            Self::Sends => "sends",
            Self::Trusts => "trusts",
        }
    }
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
        destination,
        registries,
        defaults: _,
        skopeo,
        images,
        rewrites: _,
        text: _,
    } = list;
    let mut registries_used: BTreeSet<Registry> = registries.keys().cloned().collect();
    let mut add_store = |store: Store, kind, actions: &mut BTreeSet<Action>| match store {
        Store::Registry(registry) => {
            registries_used.insert(registry);
        }
        Store::Local(store) => {
            actions.insert(local(&store.to_string(), kind));
        }
    };
    let mut actions = BTreeSet::new();
    for rule in images {
        let ImageRule {
            selection,
            target,
            platforms: _,
            attachments: _,
            on_existing: _,
            conversion: _,
            engine,
            group: _,
            require_signature,
            at: _,
        } = rule;
        for path in require_signature.paths() {
            actions.insert(Action {
                kind: ActionKind::Reads,
                what: format!("file {}", path.display()),
                purpose: "public key that has to have signed images".into(),
            });
        }
        if *engine == CopyEngine::Skopeo {
            actions.insert(run_skopeo(skopeo));
        }
        match selection {
            Selection::Repository(repository, _) => {
                add_store(repository.store(), ActionKind::Reads, &mut actions);
            }
            Selection::Image { image, .. } => {
                let store = Store::Local(image.store.clone());
                add_store(store, ActionKind::Reads, &mut actions);
            }
            Selection::Pattern(pattern, _) => {
                add_store(pattern.store.clone(), ActionKind::Reads, &mut actions);
            }
            Selection::Files(files, _) => {
                actions.insert(local(&files.to_string(), ActionKind::Reads));
            }
        }
        if let Some(store) = target.store(destination.as_ref()) {
            add_store(store, ActionKind::Writes, &mut actions);
        }
    }
    if let Some(Endpoint {
        store,
        prune: Some(limit),
        ..
    }) = destination
    {
        actions.insert(Action {
            kind: ActionKind::Prunes,
            what: format!("tags of {store} that no image of the list has"),
            purpose: format!("in repositories that it writes to, up to {limit} without asking"),
        });
    }
    for archive in destination.iter().flat_map(|endpoint| &endpoint.base) {
        let what = format!("file {}", archive.display());
        let purpose = "blobs that the new archive leaves out".into();
        actions.insert(Action {
            kind: ActionKind::Reads,
            what,
            purpose,
        });
    }
    for registry in &registries_used {
        add_registry(registry, &list.settings(registry), &mut actions);
    }
    actions.into_iter().collect()
}

/// The skopeo that copies images, as far as the list says which one.
fn run_skopeo(settings: &SkopeoSettings) -> Action {
    let place = match settings.methods.as_deref() {
        Some([SkopeoMethod::Local]) => String::new(),
        Some(_) | None => match settings.container() {
            Some(name) => format!(" in the container {name}"),
            None => " in its container, or on this machine".into(),
        },
    };
    let purpose = format!("copies images{place}, and gets the credentials for them");
    Action {
        kind: ActionKind::Runs,
        what: skopeo_command(settings),
        purpose,
    }
}

fn skopeo_command(settings: &SkopeoSettings) -> String {
    let program = settings.path().unwrap_or("skopeo");
    let arguments = settings.extra_args().unwrap_or_default().iter();
    let words = [program, "copy"].into_iter().map(ToOwned::to_owned);
    let command = CommandLine {
        words: words.chain(arguments.cloned()).collect(),
        directory: PathBuf::new(),
        at: 0..0,
    };
    command.to_string()
}

/// What is done with a local store, or with files that are stores.
fn local(store: &str, kind: ActionKind) -> Action {
    let purpose = match kind {
        ActionKind::Writes => "images are put into it",
        ActionKind::Runs
        | ActionKind::Reads
        | ActionKind::Prunes
        | ActionKind::Sends
        | ActionKind::Trusts => "images are copied from it",
    };
    Action {
        kind,
        what: store.to_owned(),
        purpose: purpose.into(),
    }
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
    let commands = found.map(|command| (command.to_string(), &command.at));
    let SkopeoSettings {
        methods: _,
        container,
        image: _,
        runtime: _,
        path,
        shared_directory: _,
        timeout: _,
        extra_args,
    } = &list.skopeo;
    let container = container.iter().map(|name| {
        let what = format!("skopeo in the container {}", name.value);
        (what, &name.at)
    });
    let places = [
        path.as_ref().map(|path| &path.at),
        extra_args.as_ref().map(|words| &words.at),
    ];
    let arguments = (places.into_iter().flatten()).map(|at| (skopeo_command(&list.skopeo), at));
    let refused = commands
        .chain(container)
        .chain(arguments)
        .map(|(what, at)| {
            Mistake::new(format!("this list runs {what}"), at.clone()).help(
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
        let between = match self.kind {
            ActionKind::Runs | ActionKind::Reads | ActionKind::Writes | ActionKind::Trusts => ": ",
            ActionKind::Prunes | ActionKind::Sends => " ",
        };
        let verb = self.kind.verb();
        write!(f, "{verb:6} {}{between}{}", self.what, self.purpose)
    }
}
