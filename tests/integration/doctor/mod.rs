//! `transship doctor` at the real binary: healthy registries, and broken ones.

mod broken;
mod interrupted;
mod real;

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use transship::serve::{Auth, Credentials, Options, Server, Tls};

use crate::{
    embedded::Embedded,
    fixture::Fixture,
    operator::{Ended, Operator},
};

/// What a JSON report says about one check of one registry.
fn finding<'a>(report: &'a Value, store: &str, check: &str) -> &'a Value {
    let stores = report["stores"].as_array().unwrap();
    let store = stores.iter().find(|it| it["store"] == store);
    let findings = store.unwrap()["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {findings:#?}"))
}

/// Its status, after a look at the advice: whatever is not good has some.
fn status<'a>(report: &'a Value, store: &str, check: &str) -> &'a str {
    let found = finding(report, store, check);
    let status = found["status"].as_str().unwrap();
    assert_eq!(found["advice"].is_null(), status == "good", "{found}");
    status
}

async fn doctor(operator: &Operator, arguments: &[&str]) -> Ended {
    operator.say(&[&["doctor"], arguments].concat()).await
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

/// A registry in a directory of its own, with other options than the usual ones.
struct Special {
    server: Server,
    directory: TempDir,
}

impl Special {
    async fn with(change: impl FnOnce(Options, &TempDir) -> Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(directory.path().join("registry"));
        let options = change(options, &directory);
        let server = Server::bind(([127, 0, 0, 1], 0).into(), options);
        Self {
            server: server.await.unwrap(),
            directory,
        }
    }

    fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// With a certificate that nobody trusts, and that has ended.
    async fn expired() -> Self {
        let certificate = |directory: &TempDir| -> (PathBuf, PathBuf) {
            let key = KeyPair::generate().unwrap();
            let mut made = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            made.not_before = date_time_ymd(2020, 1, 1);
            made.not_after = date_time_ymd(2021, 1, 1);
            let made = made.self_signed(&key).unwrap();
            let paths = ["crt", "key"].map(|name| directory.path().join(name));
            std::fs::write(&paths[0], made.pem()).unwrap();
            std::fs::write(&paths[1], key.serialize_pem()).unwrap();
            let [certificate, key] = paths;
            (certificate, key)
        };
        Self::with(|options, directory| {
            let (certificate, key) = certificate(directory);
            let tls = Some(Tls::read(certificate, key).unwrap());
            Options { tls, ..options }
        })
        .await
    }

    /// For one user.
    async fn closed() -> Self {
        let auth = Auth::Basic(Credentials::new("robot", "right"));
        Self::with(|options, _| Options { auth, ..options }).await
    }
}

/// An address where nobody listens.
async fn nobody() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    free.local_addr().unwrap().to_string()
}

/// Every blob and manifest that was written was deleted.
#[track_caller]
fn was_emptied(registry: &Embedded) {
    let requests = registry.requests();
    let count = |method: &str, part: &str, status: u16| {
        let is_it = |request: &&crate::requests::Request| {
            request.method == method
                && request.target.contains(part)
                && request.status == Some(status)
        };
        requests.iter().filter(is_it).count()
    };
    let mounts = count("POST", "mount=", 201);
    let blobs = count("PUT", "/blobs/uploads/", 201) + mounts;
    assert!(blobs > 0, "{requests:?}");
    assert_eq!(
        count("DELETE", "/blobs/sha256:", 202),
        blobs,
        "{requests:?}"
    );
    let manifests = count("PUT", "/manifests/", 201);
    assert_eq!(
        count("DELETE", "/manifests/", 202),
        manifests,
        "{requests:?}"
    );
}

#[tokio::test]
async fn both_sides_of_a_list_are_examined_and_only_the_destination_is_written_to() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let ended = doctor(&fixture.operator, &[list.to_str().unwrap(), "--json"]).await;
    let report = json(ended.expect(0));
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    for (store, checks) in [
        (
            &source,
            &[
                "connection",
                "clock",
                "credentials",
                "pull",
                "download",
                "referrers",
            ][..],
        ),
        (
            &destination,
            &[
                "push",
                "upload",
                "download",
                "chunks",
                "mount",
                "delete",
                "tag_change",
                "cleanup",
            ],
        ),
    ] {
        for check in checks {
            assert_eq!(status(&report, store, check), "good", "{check}: {report:#}");
        }
    }
    for request in fixture.source.requests() {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{request:?}");
    }
    was_emptied(&fixture.destination);
    let scratch = report["stores"].as_array().unwrap().iter();
    let mut scratch = scratch.filter_map(|store| store["scratch"]["first"].as_str());
    let named = scratch.next().unwrap();
    assert!(named.starts_with("team/transship-doctor-"), "{named}");
    let announced = format!("writes to {destination}/{named} and ");
    assert!(ended.stderr.contains(&announced), "{}", ended.stderr);
}

#[tokio::test]
async fn nothing_is_written_where_that_was_not_allowed() {
    let fixture = Fixture::new().await;
    let (list, named) = (fixture.list(), fixture.destination.address());
    for arguments in [&[list.to_str().unwrap(), "--no-push"][..], &[&named]] {
        let ended = doctor(&fixture.operator, arguments).await;
        let said = &ended.expect(0).stdout;
        assert!(said.contains("  ok    connection  "), "{said}");
        assert!(!said.contains("  push  "), "{said}");
    }
    for request in fixture.destination.requests() {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{request:?}");
    }
}

#[tokio::test]
async fn stores_of_this_machine_have_their_free_space() {
    let fixture = Fixture::new().await;
    let layout = fixture.operator.path("estate");
    let text = format!(
        "version = 1\n[[images]]\nname = \"{}/team/first:1\"\nto = \"oci:{}:team/first:1\"\n",
        fixture.source.address(),
        layout.display()
    );
    let list = fixture.operator.list(&text);
    let ended = doctor(&fixture.operator, &[list.to_str().unwrap(), "--json"]).await;
    let store = format!("oci:{}", layout.display());
    let report = json(&ended);
    let found = finding(&report, &store, "free_space");
    assert!(found["measured"]["bytes"].is_u64(), "{found}");
    assert!(!layout.exists());
}
