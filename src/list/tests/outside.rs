//! What a list does besides asking registries, and where its paths lead.

use std::path::Path;

use super::list;
use crate::list::{Credentials, Directories, List, PasswordSource, table_kind::TableKind};

/// The lines of a list, about the registry `to.example`.
fn lines(list: &List) -> Vec<String> {
    let actions = list.actions();
    let lines = actions.iter().map(ToString::to_string);
    lines.filter(|line| line.contains("to.example")).collect()
}

/// What `key` is written with, and what is said then that is not said without it.
fn said_of(key: &str) -> (&'static str, Option<&'static str>) {
    match key {
        // Local stores are told for the images that are in them.
        "oci" | "oci-archive" | "dir" | "docker-archive" | "docker-daemon"
        | "containers-storage" | "base" => ("", None),
        "registry"
        | "prefix"
        | "engine"
        | "require-signature"
        | "streams"
        | "requests-per-second"
        | "bytes-per-second" => ("", None),
        "prune" => (
            "prune = true",
            Some(
                "prunes tags of to.example that no image of the list has in repositories that it writes to, up to \
                 10% of the tags without asking",
            ),
        ),
        "prune-limit" => (
            "prune = true\nprune-limit = 20",
            Some(
                "prunes tags of to.example that no image of the list has in repositories that it writes to, up to \
                 20 tags without asking",
            ),
        ),
        "create-command" => (
            "create-command = [\"make\", \"{repository}\"]",
            Some("runs   make {repository}: for every repository that to.example does not have"),
        ),
        "plain-http" => (
            "plain-http = true",
            Some("sends  everything for to.example in plain HTTP, readable in the network"),
        ),
        "verify" => (
            "verify = false",
            Some(
                "trusts any certificate at to.example: whoever answers there gets the credentials",
            ),
        ),
        "ca-file" => (
            "ca-file = \"ca.pem\"",
            Some("reads  file ca.pem: certificate authorities for to.example"),
        ),
        "ca-directory" => (
            "ca-directory = \"cas\"",
            Some("reads  files in cas: certificate authorities for to.example"),
        ),
        "client-certificate" => (
            "client-certificate = \"c.pem\"\nclient-key = \"k.pem\"",
            Some("reads  file c.pem: client certificate for to.example"),
        ),
        "client-key" => (
            "client-certificate = \"c.pem\"\nclient-key = \"k.pem\"",
            Some("reads  file k.pem: key of the client certificate for to.example"),
        ),
        "proxy" => (
            "proxy = \"http://p:3128\"",
            Some("sends  everything for to.example through the proxy http://p:3128/"),
        ),
        "username" => (
            "username = \"me\"\npassword-env = \"SECRET\"",
            Some("sends  the password of me to to.example, or to the token server it names"),
        ),
        "password-env" => (
            "username = \"me\"\npassword-env = \"SECRET\"",
            Some("reads  variable SECRET: password of me for to.example"),
        ),
        "password-file" => (
            "username = \"me\"\npassword-file = \"secret\"",
            Some("reads  file secret: password of me for to.example"),
        ),
        "password-command" => (
            "username = \"me\"\npassword-command = [\"pass\", \"show me\"]",
            Some("runs   pass \"show me\": password of me for to.example"),
        ),
        "token-env" => (
            "token-env = \"TOKEN\"",
            Some("reads  variable TOKEN: token for to.example"),
        ),
        "allow-private-redirects" => (
            "allow-private-redirects = true",
            Some("trusts to.example with private addresses: it may redirect requests to them"),
        ),
        "anonymous" => ("anonymous = true", None),
        key => panic!("say in `actions`, and here, what {key} has the program do"),
    }
}

#[test]
fn every_key_of_a_registry_is_told_if_it_reaches_out_of_the_program() {
    let plain = lines(&list("[[images]]\nname = \"a:1\"\n"));
    let stored = "sends  the credentials that docker, podman or a helper stored for to.example to to.example, \
                  or to the token server it names";
    assert_eq!(plain, [stored]);
    for shape in [
        TableKind::Source,
        TableKind::Destination,
        TableKind::Registry,
    ] {
        for key in shape.keys() {
            let (written, said) = said_of(key);
            let lines = lines(&list(&format!("{written}\n[[images]]\nname = \"a:1\"\n")));
            match said {
                Some(said) => assert!(lines.iter().any(|line| line == said), "{key}: {lines:#?}"),
                None if key == "anonymous" => assert_eq!(lines, <[&str; 0]>::default()),
                None => assert_eq!(lines, plain),
            }
        }
    }
}

#[test]
fn a_registry_that_only_an_image_names_is_told_as_well() {
    let list = list("[[images]]\nname = \"quay.io/a:1\"\nto = \"edge.example/a\"\n");
    let actions = list.actions();
    let told = |name: &str| actions.iter().any(|action| action.what.ends_with(name));
    assert!(told("quay.io") && told("edge.example"), "{actions:?}");
}

#[test]
fn a_list_that_runs_commands_can_be_refused_with_each_place() {
    let list = |more: &str| list(&format!("{more}\n[[images]]\nname = \"a:1\"\n"));
    assert!(
        list("username = \"me\"\npassword-env = \"S\"")
            .without_commands()
            .is_ok()
    );
    let refused = list(
        "username = \"me\"\npassword-command = [\"pass\", \"to\"]\n\
         [registries.\"r.example\"]\ncreate-command = [\"make\", \"{repository}\"]",
    )
    .without_commands()
    .unwrap_err();
    let places: Vec<&str> = refused.iter().map(|mistake| &*mistake.message).collect();
    assert_eq!(
        places,
        ["this list runs pass to", "this list runs make {repository}"]
    );
    let told = refused.to_string();
    for place in ["images.toml:8:20", "images.toml:10:18"] {
        assert!(told.contains(place), "{told}");
    }
}

#[test]
fn relative_paths_begin_at_the_list() {
    let text = "version = 1\nimages = [\"a:1\"]\n[source]\nregistry = \"a.example\"\n\
                ca-file = \"ca.pem\"\nca-directory = \"cas\"\nclient-certificate = \"c.pem\"\n\
                client-key = \"/keys/k.pem\"\nusername = \"me\"\npassword-file = \"../secret\"\n\
                [destination]\nregistry = \"b.example\"\nusername = \"me\"\n\
                password-command = [\"./login\", \"./words\"]\n\
                create-command = [\"aws\", \"{repository}\"]\n";
    let directories = Directories {
        list: "/lists".into(),
        working: "/home/operator".into(),
    };
    let list = List::parse_in(&directories, "list.toml", text).unwrap();
    let source = list.settings(&"a.example".parse().unwrap());
    assert_eq!(
        source.tls.ca_file.as_deref(),
        Some(Path::new("/lists/ca.pem"))
    );
    assert_eq!(
        source.tls.ca_directory.as_deref(),
        Some(Path::new("/lists/cas"))
    );
    let (certificate, key) = source.tls.client.unwrap();
    assert_eq!(certificate, Path::new("/lists/c.pem"));
    assert_eq!(key, Path::new("/keys/k.pem"));
    let from = |credentials| match credentials {
        Credentials::Password { from, .. } => from,
        other => panic!("{other:?}"),
    };
    let secret = PasswordSource::File("/lists/../secret".into());
    assert_eq!(from(source.credentials), secret);

    let destination = list.settings(&"b.example".parse().unwrap());
    let PasswordSource::Command(login) = from(destination.credentials) else {
        panic!("it is a command");
    };
    assert_eq!(login.words, ["/lists/./login", "./words"]);
    assert_eq!(login.directory, Path::new("/lists"));
    let create = destination.create_command.unwrap();
    assert_eq!(
        (&*create.words[0], create.directory),
        ("aws", "/lists".into())
    );
}
