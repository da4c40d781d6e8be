//! The registries of a list: transport, credentials and limits.
//!
//! Decides which keys exclude each other. Invariant: these types say where a secret is, and never hold one.

use std::{ops::Range, path::PathBuf};

use super::{
    external_command::CommandLine,
    fields::Fields,
    mistake::Mistake,
    spanned::Spanned,
    values::{self, Proxy},
};
use crate::oci::Registry;

/// Transport, credentials and limits of one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// As written; [`plain_http`](Self::plain_http) adds the default.
    pub plain_http: Option<bool>,
    pub tls: Tls,
    pub proxy: Proxy,
    /// Whether a public registry may redirect to private addresses.
    pub allow_private_redirects: bool,
    pub limits: ListLimits,
    pub credentials: Credentials,
    /// A program and its arguments that create a repository, with `{repository}` and `{registry}` to fill in.
    pub create_command: Option<CommandLine>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whether any server certificate is accepted.
    pub insecure: bool,
    pub ca_file: Option<PathBuf>,
    pub ca_directory: Option<PathBuf>,
    /// The client certificate and its key: PEM files.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Upper limits; `None` is the default of the program, or no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListLimits {
    pub streams: Option<u16>,
    pub requests_per_second: Option<u32>,
    pub bytes_per_second: Option<u64>,
}

/// Where the credentials for a registry are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Those of docker and podman, if there are any.
    #[default]
    Stored,
    Anonymous,
    Password {
        username: String,
        from: PasswordSource,
    },
    /// The environment variable that holds a bearer token.
    Token(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    Environment(String),
    File(PathBuf),
    Command(CommandLine),
}

impl Settings {
    /// Whether to use HTTP for `registry`: as written, else for loopback addresses only.
    #[must_use]
    pub fn plain_http(&self, registry: &Registry) -> bool {
        self.plain_http.unwrap_or_else(|| registry.is_loopback())
    }

    /// Reads the keys that all registry tables share.
    pub(super) fn read(fields: &mut Fields) -> Self {
        let plain_http = fields.flag("plain-http");
        Self {
            tls: tls(fields, plain_http.as_ref()),
            plain_http: plain_http.map(|flag| flag.value),
            proxy: proxy(fields),
            allow_private_redirects: fields
                .flag("allow-private-redirects")
                .is_some_and(|flag| flag.value),
            limits: ListLimits {
                streams: fields.count("streams").map(|n| n.value),
                requests_per_second: fields.count("requests-per-second").map(|n| n.value),
                bytes_per_second: fields.size("bytes-per-second").map(|n| n.value),
            },
            credentials: credentials(fields),
            create_command: None,
        }
    }

    /// Reads the keys of a registry that may be a destination.
    pub(super) fn read_destination(fields: &mut Fields) -> Self {
        let create_command = create_command(fields);
        Self {
            create_command,
            ..Self::read(fields)
        }
    }
}

fn tls(fields: &mut Fields, plain_http: Option<&Spanned<bool>>) -> Tls {
    let verify = fields.flag("verify");
    let ca_file = path(fields, "ca-file");
    let ca_directory = path(fields, "ca-directory");
    let certificate = path(fields, "client-certificate");
    let key = path(fields, "client-key");
    let insecure = verify.as_ref().is_some_and(|verify| !verify.value);

    let mut written: Vec<&Range<usize>> = [&ca_file, &ca_directory]
        .into_iter()
        .flatten()
        .map(|path| &path.key)
        .collect();
    if insecure && let Some(first) = written.first() {
        fields.reader.report(
            Mistake::new(
                "with verify = false no certificate authority is used",
                (*first).clone(),
            )
            .help("remove verify = false, or the certificate authority"),
        );
    }
    written.extend(
        [&certificate, &key]
            .into_iter()
            .flatten()
            .map(|path| &path.key),
    );
    written.extend(verify.as_ref().map(|verify| &verify.key));
    if let Some(plain) = plain_http.filter(|plain| plain.value)
        && let Some(first) = written.first()
    {
        fields.reader.report(
            Mistake::new("plain HTTP has no certificates", (*first).clone())
                .and(plain.key.clone(), "plain HTTP is asked for here")
                .help("remove plain-http, or the TLS keys"),
        );
    }
    let alone = match (&certificate, &key) {
        (Some(alone), None) => Some((alone, "client-key")),
        (None, Some(alone)) => Some((alone, "client-certificate")),
        _ => None,
    };
    if let Some((alone, missing)) = alone {
        fields.reader.report(
            Mistake::new(
                "a client certificate needs its key, and a key its certificate",
                alone.key.clone(),
            )
            .help(fields.shape.example(missing)),
        );
    }
    Tls {
        insecure,
        ca_file: ca_file.map(|path| path.value),
        ca_directory: ca_directory.map(|path| path.value),
        client: certificate
            .zip(key)
            .map(|(certificate, key)| (certificate.value, key.value)),
    }
}

fn credentials(fields: &mut Fields) -> Credentials {
    let username = fields.text("username");
    let sources = [
        fields
            .text("password-env")
            .map(|name| name.map(|name| PasswordSource::Environment(name.into_owned()))),
        path(fields, "password-file").map(|path| path.map(PasswordSource::File)),
        command(fields, "password-command").map(|line| line.map(PasswordSource::Command)),
    ];
    let token = fields.text("token-env");
    let anonymous = fields.flag("anonymous").filter(|flag| flag.value);
    let mut sources = sources.into_iter().flatten();
    let source = sources.next();

    // There is one way to log in; report every other one.
    let ways = [
        username.as_ref().map(|way| way.key.clone()),
        token.as_ref().map(|way| way.key.clone()),
        anonymous.as_ref().map(|way| way.key.clone()),
    ];
    let mut ways = ways.into_iter().flatten();
    if let Some(first) = ways.next() {
        for other in ways {
            fields.reader.report(
                Mistake::new("there are two ways to log in here", other)
                    .and(first.clone(), "the other one")
                    .help("keep one of username, token-env and anonymous"),
            );
        }
    }
    for other in sources {
        let mistake = Mistake::new("the password comes from two places", other.key);
        let mistake = match &source {
            Some(source) => mistake.and(source.key.clone(), "the other one"),
            None => mistake,
        };
        fields
            .reader
            .report(mistake.help("keep one of password-env, password-file and password-command"));
    }
    match (username, source, token, anonymous) {
        (Some(username), Some(from), _, _) => Credentials::Password {
            username: username.value.into_owned(),
            from: from.value,
        },
        (Some(username), None, _, _) => {
            fields.reader.report(
                Mistake::new("a username needs a password", username.key)
                    .help("add password-env = \"VARIABLE\", password-file or password-command"),
            );
            Credentials::Stored
        }
        (None, Some(source), _, _) => {
            fields.reader.report(
                Mistake::new("a password needs a username", source.key)
                    .help(fields.shape.example("username")),
            );
            Credentials::Stored
        }
        (None, None, Some(token), _) => Credentials::Token(token.value.into_owned()),
        (None, None, None, Some(_)) => Credentials::Anonymous,
        (None, None, None, None) => Credentials::Stored,
    }
}

fn proxy(fields: &mut Fields) -> Proxy {
    let Some(text) = fields.text("proxy") else {
        return Proxy::Environment;
    };
    if text.value.contains('@') {
        fields.reader.hide(text.at.clone());
    }
    let proxy = fields.reader.read(&text, values::proxy);
    proxy.map(|proxy| proxy.value).unwrap_or_default()
}

fn create_command(fields: &mut Fields) -> Option<CommandLine> {
    let command = command(fields, "create-command")?;
    if !command
        .value
        .words
        .iter()
        .any(|word| word.contains("{repository}"))
    {
        fields.reader.report(
            Mistake::new(
                "this command does not name the repository to create",
                command.at,
            )
            .help("write {repository} where its name belongs"),
        );
    }
    Some(command.value)
}

/// A program and its arguments.
fn command(fields: &mut Fields, key: &'static str) -> Option<Spanned<CommandLine>> {
    let words = fields.texts(key)?;
    if words.value.is_empty() {
        fields.reader.report(
            Mistake::new("a command has at least a program", words.at)
                .help(fields.shape.example(key)),
        );
        return None;
    }
    let (at, directory) = (words.at.clone(), fields.reader.directories.list.clone());
    Some(words.map(|words| {
        let words = words.into_iter().map(|word| word.value.into_owned());
        let mut words: Vec<String> = words.collect();
        // A program without a slash is searched in PATH. TOML strings are always valid text.
        if let Some(program) = words.first_mut().filter(|program| program.contains('/'))
            && let Some(path) = directory.join(&*program).to_str()
        {
            *program = path.to_owned();
        }
        CommandLine {
            words,
            directory,
            at,
        }
    }))
}

fn path(fields: &mut Fields, key: &'static str) -> Option<Spanned<PathBuf>> {
    let text = fields.text(key)?;
    if text.value.is_empty() {
        let mistake = Mistake::new(format!("`{key}` is empty"), text.at);
        fields
            .reader
            .report(mistake.help(fields.shape.example(key)));
        return None;
    }
    let directory = &fields.reader.directories.list;
    Some(text.map(|path| directory.join(&*path)))
}
