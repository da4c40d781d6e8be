//! Reads `[skopeo]`: where skopeo runs, and with which arguments.
//!
//! Decides which values are possible. Invariant: no argument carries a secret.

use std::{path::PathBuf, sync::Arc, time::Duration};

use toml::de::DeTable;

use super::{
    fields::Fields,
    mistake::Mistake,
    mistakes::Mistakes,
    reader::{Directories, Reader},
    spanned::{Spanned, Str},
    table_kind::TableKind,
    text::Text,
    values::{self, ValueError},
};
use crate::oci::CopyEngine;

/// How skopeo is found and run; `None` for what is not written.
#[derive(Clone, Debug, Default)]
pub struct SkopeoSettings {
    pub methods: Option<Vec<SkopeoMethod>>,
    pub(super) container: Option<Spanned<String>>,
    pub image: Option<String>,
    pub runtime: Option<ContainerRuntime>,
    pub(super) path: Option<Spanned<String>>,
    pub shared_directory: Option<SharedDirectory>,
    /// Of one copy.
    pub timeout: Option<Duration>,
    pub(super) extra_args: Option<Spanned<Vec<String>>>,
}

/// Where skopeo runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkopeoMethod {
    Container,
    Local,
}

/// The program that runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerRuntime {
    Docker,
    Podman,
}

/// A directory that this machine and the container share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDirectory {
    pub host: PathBuf,
    /// Its path in the container, if it is not the usual one.
    pub inside: Option<String>,
}

impl SkopeoSettings {
    /// The keys of the user's configuration file, which has others beside `[skopeo]`.
    ///
    /// # Errors
    /// All mistakes in `[skopeo]`, or that the file is not TOML.
    pub fn of_configuration(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let directories = Directories::default();
        let reader = Reader::new(&directories, text);
        for error in &errors {
            let message = format!("this is not TOML: {}", error.message());
            reader.report(Mistake::new(message, error.span().unwrap_or(0..0)));
        }
        let mut fields = Fields::new(&reader, TableKind::List, table.into_inner(), 0..0);
        let settings = Self::read(&mut fields);
        drop(fields);
        let (mistakes, hidden) = reader.finish();
        Mistakes::found(&Arc::new(Text::new(file_name, text, &hidden)), mistakes)?;
        Ok(settings)
    }

    /// The keys, and `others` where one is not written.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            methods: self.methods.or(others.methods),
            container: self.container.or(others.container),
            image: self.image.or(others.image),
            runtime: self.runtime.or(others.runtime),
            path: self.path.or(others.path),
            shared_directory: self.shared_directory.or(others.shared_directory),
            timeout: self.timeout.or(others.timeout),
            extra_args: self.extra_args.or(others.extra_args),
        }
    }

    /// The name of the container.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        self.container.as_ref().map(|name| &*name.value)
    }

    /// The local program.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_ref().map(|path| &*path.value)
    }

    /// Further arguments of `skopeo copy`.
    #[must_use]
    pub fn extra_args(&self) -> Option<&[String]> {
        self.extra_args.as_ref().map(|words| &*words.value)
    }

    pub(super) fn read(list: &mut Fields) -> Self {
        let Some(mut table) = list.table("skopeo", TableKind::Skopeo) else {
            return Self::default();
        };
        let settings = Self {
            methods: methods(&mut table),
            container: table.read("container", container),
            image: word(&mut table, "image").map(|image| image.value),
            runtime: table.read("runtime", runtime).map(|runtime| runtime.value),
            path: program(&mut table),
            shared_directory: shared_directory(&mut table),
            timeout: (table.read("timeout", values::duration)).map(|timeout| timeout.value),
            extra_args: extra_args(&mut table),
        };
        table.finish();
        settings
    }
}

fn methods(table: &mut Fields) -> Option<Vec<SkopeoMethod>> {
    let methods = table.read_all("methods", |reader, text| reader.read(text, method))?;
    let mut distinct: Vec<SkopeoMethod> = Vec::with_capacity(methods.value.len());
    for method in methods.value {
        if !distinct.contains(&method.value) {
            distinct.push(method.value);
        }
    }
    if distinct.is_empty() {
        let mistake = Mistake::new("`methods` names no method", methods.at);
        table
            .reader
            .report(mistake.help(table.shape.example("methods")));
        return None;
    }
    Some(distinct)
}

fn method(text: &str) -> Result<SkopeoMethod, ValueError> {
    match text {
        "container" => Ok(SkopeoMethod::Container),
        "local" => Ok(SkopeoMethod::Local),
        _ => Err(ValueError {
            message: format!("skopeo runs in a container or locally, not {text:?}"),
            at: None,
            help: "write \"container\" or \"local\"".into(),
        }),
    }
}

fn runtime(text: &str) -> Result<ContainerRuntime, ValueError> {
    match text {
        "docker" => Ok(ContainerRuntime::Docker),
        "podman" => Ok(ContainerRuntime::Podman),
        _ => Err(ValueError {
            message: format!("`runtime` is docker or podman, not {text:?}"),
            at: None,
            help: "write \"docker\" or \"podman\", or leave it out for the first that is installed"
                .into(),
        }),
    }
}

/// The name of a container. It is an argument of the runtime, so it must not be taken for an option.
fn container(text: &str) -> Result<String, ValueError> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_known) {
        true => Ok(text.to_owned()),
        false => Err(ValueError {
            message: format!("{text:?} is no name of a container"),
            at: None,
            help: "write for example \"skopeo-service\"".into(),
        }),
    }
}

/// A text that is not empty and is no option.
fn word(table: &mut Fields, key: &'static str) -> Option<Spanned<String>> {
    let text: Str = table.text(key)?;
    if text.value.is_empty() || text.value.starts_with('-') {
        let message = match text.value.is_empty() {
            true => format!("`{key}` is empty"),
            false => format!("`{key}` begins with a -"),
        };
        let mistake = Mistake::new(message, text.at);
        table.reader.report(mistake.help(table.shape.example(key)));
        return None;
    }
    Some(text.map(|text| text.into_owned()))
}

/// As in commands: a program without a slash is searched in `PATH`, a path begins at the list.
fn program(table: &mut Fields) -> Option<Spanned<String>> {
    let program = word(table, "path")?;
    let directory = &table.reader.directories.list;
    Some(program.map(|program| {
        let path = directory.join(&program);
        match path.to_str().filter(|_| program.contains('/')) {
            Some(path) => path.to_owned(),
            None => program,
        }
    }))
}

fn shared_directory(table: &mut Fields) -> Option<SharedDirectory> {
    let directory = table.reader.directories.list.clone();
    let written = table.text_or_table("shared-dir", TableKind::SharedDir)?;
    let mut inner = match written {
        Ok(host) => {
            let host = not_empty(table, "shared-dir", host)?;
            return Some(SharedDirectory {
                host: directory.join(host),
                inside: None,
            });
        }
        Err(inner) => inner,
    };
    let host = inner.text("host");
    if host.is_none() && !inner.had("host") {
        let mistake = Mistake::new(
            "this directory has no path on this machine",
            inner.at.clone(),
        );
        inner
            .reader
            .report(mistake.help(inner.shape.example("host")));
    }
    let host = host.and_then(|host| not_empty(&inner, "host", host));
    let inside = inner.read("inside", |path| match path.starts_with('/') {
        true => Ok(path.to_owned()),
        false => Err(ValueError {
            message: "a path in the container begins with a /".into(),
            at: None,
            help: "write for example \"/tmp/skopeo\"".into(),
        }),
    });
    inner.finish();
    Some(SharedDirectory {
        host: directory.join(host?),
        inside: inside.map(|inside| inside.value),
    })
}

fn not_empty(table: &Fields, key: &'static str, text: Str) -> Option<String> {
    if text.value.is_empty() {
        let mistake = Mistake::new(format!("`{key}` is empty"), text.at);
        table.reader.report(mistake.help(table.shape.example(key)));
        return None;
    }
    Some(text.value.into_owned())
}

/// Arguments for `skopeo copy`. Every user of a machine can read the arguments of its processes.
fn extra_args(table: &mut Fields) -> Option<Spanned<Vec<String>>> {
    let written = table.texts("extra-args")?;
    let secret = written
        .value
        .iter()
        .find(|word| CopyEngine::is_secret_option(&word.value));
    if let Some(word) = secret {
        let name = word.value.split('=').next().unwrap_or_default();
        let message = format!("{name} would show a secret to every user of this machine");
        let mistake = Mistake::new(message, word.at.clone());
        table.reader.report(mistake.help(
            "remove it; skopeo gets the credentials of `transship login`, or those of `username` and `password-env`, \
             in a private file",
        ));
        // The secret may stand in the next word.
        table.reader.hide(written.at.clone());
        return None;
    }
    Some(written.map(|words| {
        words
            .into_iter()
            .map(|word| word.value.into_owned())
            .collect()
    }))
}
