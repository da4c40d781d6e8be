//! `transship serve` as an operator starts it for others: TLS, users, a full disk.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, Client, Method, StatusCode};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use transship::oci::Digest;

use crate::{auth::Authority, installed, operator::Operator};

/// The program while it serves.
struct Serving {
    address: String,
    process: Child,
}

impl Serving {
    async fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap();
        let address = address.expect("it ended before it served");
        Self { address, process }
    }

    async fn stop(self) -> String {
        crate::operator::signal(self.process.id().unwrap(), "TERM").await;
        let ended = self.process.wait_with_output().await.unwrap();
        assert!(ended.status.success());
        String::from_utf8(ended.stderr).unwrap()
    }
}

/// Writes a file of users whose password is their name backwards.
fn write_users(path: &Path, users: &[&str]) {
    let line = |user: &&str| {
        let password: String = user.chars().rev().collect();
        format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap())
    };
    let next = path.with_extension("next");
    std::fs::write(&next, users.iter().map(line).collect::<String>()).unwrap();
    std::fs::rename(next, path).unwrap();
}

#[tokio::test]
async fn other_machines_are_let_in_only_when_it_is_said_whom() {
    let operator = Operator::new();
    let users = operator.path("users");
    write_users(&users, &["operator"]);
    let users = users.to_str().unwrap();
    // An address for documentation, which no machine has: nothing is ever reachable there.
    let content = operator.path("content");
    let listen = [
        "serve",
        "--dir",
        content.to_str().unwrap(),
        "--listen",
        "192.0.2.1:5000",
    ];
    let say = async |more: &[&str]| {
        let ended = operator.say(&[&listen[..], more].concat()).await;
        assert_eq!(ended.expect(2).stdout, "");
        ended.stderr
    };
    let refused = say(&[]).await;
    assert!(refused.contains("add --htpasswd FILE"), "{refused}");
    assert!(refused.contains("or --anonymous"), "{refused}");
    assert!(!content.exists());
    let anonymous = say(&["--anonymous"]).await;
    assert!(
        anonymous.starts_with("transship: failed to listen on 192.0.2.1:5000"),
        "{anonymous}"
    );
    let plain = say(&["--htpasswd", users]).await;
    assert!(
        plain.starts_with("warning: passwords are sent as plain text"),
        "{plain}"
    );
    assert!(plain.contains("failed to listen on"), "{plain}");
    let authority = Authority::new();
    let (certificate, key) = authority.sign("192.0.2.1");
    let with_tls = [
        "--tls-cert",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    let secure = say(&[&["--htpasswd", users], &with_tls[..]].concat()).await;
    assert!(
        secure.starts_with("transship: failed to listen on"),
        "{secure}"
    );
}

#[tokio::test]
async fn a_wrong_certificate_or_file_of_users_is_told_before_anything_is_served() {
    let operator = Operator::new();
    let (one, other) = (Authority::new(), Authority::new());
    let ((certificate, _), (_, key)) = (one.sign("127.0.0.1"), other.sign("127.0.0.1"));
    let (users, content) = (operator.path("users"), operator.path("content"));
    std::fs::write(&users, "operator:secret\n").unwrap();
    let missing = operator.path("missing").to_str().unwrap().to_owned();
    let [certificate, key, users] = [&certificate, &key, &users].map(|path| path.to_str().unwrap());
    for (wrong, said) in [
        (
            &["--tls-cert", certificate, "--tls-key", key][..],
            "failed to use the certificate",
        ),
        (
            &["--tls-cert", certificate, "--tls-key", &missing],
            "failed to read the private key",
        ),
        (&["--tls-cert", key, "--tls-key", key], "it has none in PEM"),
        (
            &["--htpasswd", users],
            "line 1: the password is not hashed with bcrypt",
        ),
        (&["--htpasswd", &missing], "failed to read the users in"),
    ] {
        let arguments = [
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--dir",
                content.to_str().unwrap(),
            ],
            wrong,
        ];
        let arguments = arguments.concat();
        let ended = operator.say(&arguments).await;
        assert!(ended.expect(2).stderr.contains(said), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn skopeo_copies_to_and_from_it_over_tls_as_a_user_of_the_file() {
    let Some(skopeo) = installed::program("skopeo") else {
        return;
    };
    let operator = Operator::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign("127.0.0.1");
    let users = operator.path("users");
    write_users(&users, &["one"]);
    let arguments: [&Path; 3] = [&certificate, &key, &users];
    let [certificate, key, file] = arguments.map(|path| path.to_str().unwrap());
    let content = operator.path("content");
    let serving = Serving::start(operator.command(&[
        "serve",
        "--dir",
        content.to_str().unwrap(),
        "--listen=127.0.0.1:0",
        "--tls-cert",
        certificate,
        "--tls-key",
        key,
        "--htpasswd",
        file,
    ]))
    .await;

    let source = super::Served::new().await;
    let digest = source.put_image("v1", b"layer").digest;
    let trusted = operator.path("trusted");
    std::fs::create_dir(&trusted).unwrap();
    std::fs::copy(authority.file(), trusted.join("ca.crt")).unwrap();
    let copy = async |from: &str, to: &str, user: &str| {
        let password: String = user.chars().rev().collect();
        let mut command = Command::new(&skopeo);
        command.args(["--insecure-policy", "copy", "--preserve-digests"]);
        for side in ["src", "dest"] {
            command.arg(format!("--{side}-creds={user}:{password}"));
            command.arg(format!("--{side}-cert-dir={}", trusted.display()));
        }
        command.args(["--src-tls-verify=true", from, to]);
        if from.contains(&source.server.address().to_string()) {
            command.arg("--src-tls-verify=false");
        }
        command.output().await.unwrap()
    };
    let made = format!("docker://{}/team/app:v1", source.server.address());
    let there = format!("docker://{}/team/app:v1", serving.address);
    let back: PathBuf = operator.path("back");
    let back = format!("dir:{}", back.display());
    let succeeds = async |from: &str, to: &str, user: &str| {
        let output = copy(from, to, user).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    };
    succeeds(&made, &there, "one").await;
    succeeds(&there, &back, "one").await;
    let manifest = std::fs::read(operator.path("back").join("manifest.json")).unwrap();
    assert_eq!(Digest::of(&manifest), digest);

    assert!(!copy(&there, &back, "two").await.status.success());
    write_users(&users, &["two"]);
    succeeds(&there, &back, "two").await;
    assert!(!copy(&there, &back, "one").await.status.success());

    // Without a password nothing is said but that one is needed.
    let authority = Certificate::from_pem(&std::fs::read(authority.file()).unwrap()).unwrap();
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let bare = client
        .get(format!("https://{}/v2/", serving.address))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        super::header(&bare, "www-authenticate"),
        "Basic realm=\"transship\""
    );
    let said = serving.stop().await;
    assert!(said.contains("at https://127.0.0.1:"), "{said}");
    assert!(!said.contains("eno") && !said.contains("owt"), "{said}");
}

#[tokio::test]
async fn a_full_disk_is_answered_and_leaves_nothing_half_written() {
    let operator = Operator::new();
    // Files of at most 64 KiB.
    let content = operator.path("content");
    let arguments = [
        "serve",
        "--listen=127.0.0.1:0",
        "--dir",
        content.to_str().unwrap(),
    ];
    let serving = Serving::start(operator.command_on_full_disk(&arguments, 128)).await;
    // A client is made with TLS even where it speaks none.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let url = |target: &str| format!("http://{}/v2/app/{target}", serving.address);
    let push = async |content: Vec<u8>| {
        let digest = Digest::of(&content);
        let pushed = client.post(url(&format!("blobs/uploads/?digest={digest}")));
        let pushed = pushed.body(content).send().await.unwrap();
        let there = client.request(Method::HEAD, url(&format!("blobs/{digest}")));
        (pushed, there.send().await.unwrap().status())
    };
    let (refused, there) = push(vec![7; 100_000]).await;
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(super::error_code(refused).await, "UNKNOWN");
    assert_eq!(there, StatusCode::NOT_FOUND);
    let (taken, there) = push(vec![7; 50_000]).await;
    assert_eq!(
        (taken.status(), there),
        (StatusCode::CREATED, StatusCode::OK)
    );
    // A manifest takes the same way.
    let artifact = "application/vnd.oci.image.manifest.v1+json";
    let large = serde_json::json!({
        "schemaVersion": 2, "mediaType": artifact,
        "config": {"mediaType": "a/b", "size": 50_000, "digest": Digest::of(&vec![7; 50_000])},
        "layers": [], "annotations": {"long": "x".repeat(100_000)},
    });
    let put = client
        .put(url("manifests/v1"))
        .header("content-type", artifact);
    let refused = put.body(large.to_string()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    let absent = client.get(url("manifests/v1")).send().await.unwrap();
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
    let staged = std::fs::read_dir(operator.path("content/uploads")).unwrap();
    let files = |directory: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_dir(directory.unwrap().path())
            .unwrap()
            .count()
    };
    // The lock is all there is.
    assert_eq!(staged.map(files).collect::<Vec<_>>(), [1]);
    serving.stop().await;
}
