//! The program at real registries: with a private authority and htpasswd, or with short-lived tokens of a token server;
//! with the stored credentials of docker, podman and helpers.

use std::{collections::BTreeSet, fmt::Write as _};

use futures_util::future::join_all;
use transship::{
    oci::{Digest, Version},
    serve::{ImageBuilder, Store},
};

use super::{
    docker_registry::Secured,
    home::{Home, Keeping},
    token_server::TokenServer,
};
use crate::{
    cutting_proxy::{Cuts, CuttingProxy, Direction},
    docker_registry::DockerRegistry,
    embedded::Embedded,
    requests::Request,
    sample_images::{amd64, repository},
};

const NAMES: [&str; 2] = ["team/first", "team/second"];
const KIB: u64 = 1024;
/// The lifetime of a token in seconds.
const LIFETIME: u64 = 3;

/// An image of a shared layer and one of its own in each of two repositories.
fn put_images(store: &Store, layer_size: u64) {
    let estate = ImageBuilder::new(store);
    for (seed, name) in (1..).zip(NAMES) {
        let repository = repository(name);
        let layers = [0, seed].map(|seed| estate.layer(&repository, seed, layer_size).unwrap());
        let tag = "1".parse().unwrap();
        estate
            .image(&repository, Some(&tag), &amd64(), &layers)
            .unwrap();
    }
}

/// The digests of the images below `prefix`.
fn images(store: &Store, prefix: &str) -> BTreeSet<Digest> {
    let tag = Version::Tag("1".parse().unwrap());
    NAMES
        .iter()
        .map(|name| {
            let repository = repository(&format!("{prefix}{name}"));
            let manifest = store.manifest(&repository, &tag).unwrap().unwrap();
            Digest::of(&manifest.bytes)
        })
        .collect()
}

/// One side of a list: the registry, the prefix, and more keys.
struct Side<'a>(&'a str, &'a str, &'a str);

fn list(source: &Side<'_>, destination: &Side<'_>) -> String {
    let mut list = "version = 1\n\
        images = [\"team/first:1\", \"team/second:1\"]\n"
        .to_owned();
    for (name, Side(registry, prefix, keys)) in [("source", source), ("destination", destination)] {
        writeln!(list, "[{name}]\nregistry = \"{registry}\"\n{keys}").unwrap();
        if !prefix.is_empty() {
            writeln!(list, "prefix = \"{prefix}\"").unwrap();
        }
    }
    list
}

/// Runs a list, which must succeed at the first attempt.
async fn run(home: &Home, source: &Side<'_>, destination: &Side<'_>) {
    let output = home
        .run(&list(source, destination), &["--attempts", "1"], &[])
        .await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn images_go_through_a_registry_with_a_private_authority_and_passwords() {
    let Some(secured) = Secured::start().await else {
        return;
    };
    let made = Embedded::start().await;
    put_images(made.server.store(), 40_000);
    let drained = Embedded::start().await;
    let registry = secured.registry.as_str();
    for (number, keeping) in Keeping::ALL.into_iter().enumerate() {
        let home = Home::new();
        let prefix = format!("way-{number}");
        home.keep(keeping, registry, &prefix);
        let authority = secured.authority.file();
        let keys = match keeping {
            Keeping::DockerConfig | Keeping::AuthFile => {
                format!("plain-http = false\nca-file = \"{}\"", authority.display())
            }
            Keeping::Helper => {
                let authority = std::fs::read_to_string(authority).unwrap();
                let place = format!(".config/docker/certs.d/{registry}/ca.crt");
                home.file(&place, &authority);
                "plain-http = false".to_owned()
            }
        };
        let between = Side(registry, &prefix, &keys);
        run(&home, &Side(&made.address(), "", ""), &between).await;
        run(&home, &between, &Side(&drained.address(), &prefix, "")).await;
        let drained = images(drained.server.store(), &format!("{prefix}/"));
        assert_eq!(drained, images(made.server.store(), ""), "{keeping:?}");
    }
}

#[tokio::test]
async fn images_go_through_a_registry_whose_tokens_do_not_live_long_enough() {
    // Tokens expire after two to three seconds. One server says so, the others say a minute.
    let told = [LIFETIME, 60, 60];
    let ways = told.into_iter().zip(Keeping::ALL);
    join_all(ways.map(|(told, keeping)| short_lived_tokens(told, keeping))).await;
}

async fn short_lived_tokens(told: u64, keeping: Keeping) {
    let tokens = TokenServer::start(LIFETIME, told).await;
    let Some(between) = DockerRegistry::with(tokens.environment()).await else {
        return;
    };
    // The connection breaks in the middle of the first layer, after its token has expired.
    let wire = CuttingProxy::before(between.address().to_owned()).await;
    wire.cut(Some(Cuts {
        of: Direction::Requests,
        every: 1792 * KIB,
        times: 1,
    }));
    let made = Embedded::start().await;
    put_images(made.server.store(), 2048 * KIB);
    let drained = Embedded::start().await;
    let home = Home::new();
    home.keep(keeping, wire.address(), "mirror");

    let slowly = "streams = 1\nbytes-per-second = \"512KiB\"";
    let origin = made.address();
    let there = Side(wire.address(), "mirror", slowly);
    run(&home, &Side(&origin, "", ""), &there).await;
    assert_eq!(wire.cuts_left(), 0);
    let renewed = tokens.renewals();
    assert!(renewed >= 2, "{renewed} renewals");
    if told > LIFETIME {
        // A request of an upload had the expired token; which one, depends on how fast the machine is.
        let kinds: Vec<_> = between.requests().await.iter().map(Request::kind).collect();
        let asked = kinds.iter().any(|kind| kind.ends_with(" upload 401"));
        assert!(asked, "{kinds:?}");
    }

    let back = Side(
        wire.address(),
        "mirror",
        "streams = 1\nbytes-per-second = \"2MiB\"",
    );
    run(&home, &back, &Side(&drained.address(), "", "")).await;
    let drained = images(drained.server.store(), "");
    assert_eq!(drained, images(made.server.store(), ""), "{keeping:?}");
}
