//! `--policy`: verdicts as those of skopeo, for signatures in a lookaside storage and in image directories; and cosign's.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use tokio::process::Command;
use transship::{
    oci::{Attachments, Descriptor, MediaType, Tag, Version},
    serve::ImageBuilder,
};

use super::gnupg::Gnupg;
use crate::{
    embedded::Embedded,
    installed,
    operator::{Ended, Operator},
    sample_images::{amd64, repository},
};

/// A registry with images, a place for copies, and an operator with GnuPG keys.
struct Place {
    operator: Operator,
    gnupg: Gnupg,
    skopeo: std::path::PathBuf,
    source: Embedded,
    destination: Embedded,
    key: String,
}

impl Place {
    async fn find() -> Option<Self> {
        let operator = Operator::new();
        let gnupg = Gnupg::of(&operator)?;
        let skopeo = installed::program("skopeo")?;
        let key = gnupg.make_key("me", "ed25519", &[]);
        let place = Self {
            key,
            skopeo,
            source: Embedded::start().await,
            destination: Embedded::start().await,
            operator,
            gnupg,
        };
        place.gnupg.make_key("other", "ed25519", &[]);
        for name in ["me", "other"] {
            let keys = place.gnupg.public_keys(&[name]);
            std::fs::write(place.operator.path(&format!("{name}.asc")), keys).unwrap();
        }
        let directory = place.operator.path("registries.d");
        std::fs::create_dir_all(&directory).unwrap();
        let storage = place.path("lookaside");
        let host = place.source.address();
        let text = format!(
            "default-docker:\n  lookaside: file://{storage}\ndocker:\n  {host}/sigstore:\n    use-sigstore-attachments: true\n"
        );
        std::fs::write(directory.join("test.yaml"), text).unwrap();
        Some(place)
    }

    fn path(&self, name: &str) -> String {
        self.operator.path(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str) -> Descriptor {
        let builder = ImageBuilder::new(self.source.server.store());
        let repository = repository(name);
        let layer = builder.layer(&repository, name.len() as u64, 3000).unwrap();
        let tag = "1".parse().unwrap();
        let image = builder.image(&repository, Some(&tag), &amd64(), &[layer]);
        image.unwrap()
    }

    async fn skopeo(&self, arguments: &[&str]) -> Ended {
        let ran = Command::new(&self.skopeo)
            .args(["--registries.d", &self.path("registries.d")])
            .args(arguments)
            .env("GNUPGHOME", &self.gnupg.home)
            .output();
        ran.await.unwrap().into()
    }

    /// The image `name` at the source, signed by skopeo as `name:1` there.
    async fn put_signed(&self, name: &str, key: &str) {
        let staged = format!("staged-{name}");
        self.put(&staged);
        let (from, to) = (self.image(&staged), self.image(name));
        let copy = [
            "--insecure-policy",
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
        ];
        let sign = ["--sign-by", key, &from, &to];
        self.skopeo(&[&copy[..], &sign].concat()).await.expect(0);
    }

    fn image(&self, name: &str) -> String {
        format!("docker://{}/{name}:1", self.source.address())
    }

    fn write_policy(&self, policy: &Value) -> String {
        let path = self.path("policy.json");
        std::fs::write(&path, policy.to_string()).unwrap();
        path
    }

    /// This program's verdict on an image.
    async fn copy(&self, policy: &Value, image: &str) -> Ended {
        let policy = self.write_policy(policy);
        let to = format!("{}/copied:1", self.destination.address());
        let options = [
            "--policy",
            &policy,
            "--registries-dir",
            &self.path("registries.d"),
        ];
        self.operator
            .say(&[&["copy", image, &to][..], &options].concat())
            .await
    }

    /// That of skopeo.
    async fn copy_with_skopeo(&self, policy: &Value, image: &str) -> Ended {
        let policy = self.write_policy(policy);
        let to = format!("dir:{}", self.path("copied"));
        let options = [
            "--policy",
            &policy,
            "copy",
            "--src-tls-verify=false",
            image,
            &to,
        ];
        self.skopeo(&options).await
    }

    /// Both verdicts on an image, which have to be equal.
    async fn check(&self, policy: &Value, image: &str, is_accepted: bool) -> Ended {
        let ours = self.copy(policy, image).await;
        let theirs = self.copy_with_skopeo(policy, image).await;
        let said = format!("{policy} {image}\n{}\n{}", ours.stdout, theirs.stderr);
        assert_eq!(theirs.code == Some(0), is_accepted, "{said}");
        assert_eq!(ours.code, Some(i32::from(!is_accepted)), "{said}");
        ours
    }

    fn signed_by(&self, key: &str, identity: Option<Value>) -> Value {
        let mut requirement =
            json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": self.path(key)});
        if let Some(identity) = identity {
            requirement["signedIdentity"] = identity;
        }
        requirement
    }
}

fn default(requirements: &[Value]) -> Value {
    json!({"default": requirements})
}

#[tokio::test]
async fn verdicts_on_images_of_registries_are_those_of_skopeo() {
    let Some(place) = Place::find().await else {
        return;
    };
    place.put_signed("team/signed", &place.key).await;
    place.put("team/unsigned");
    let (signed, unsigned) = (place.image("team/signed"), place.image("team/unsigned"));
    let host = place.source.address();
    let accept = json!({"type": "insecureAcceptAnything"});
    let reject = json!({"type": "reject"});
    let exact = |reference: &str| json!({"type": "exactReference", "dockerReference": reference});
    let name = format!("{host}/team/signed");
    let remap = |prefix: &str, signed: &str| {
        Some(json!({"type": "remapIdentity", "prefix": prefix, "signedPrefix": signed}))
    };
    let by_me = || place.signed_by("me.asc", None);
    let both = json!({"type": "signedBy", "keyType": "GPGKeys",
                      "keyData": STANDARD.encode(place.gnupg.run(&["--export"]))});
    for (policy, of_signed, of_unsigned) in [
        (default(std::slice::from_ref(&accept)), true, true),
        (default(std::slice::from_ref(&reject)), false, false),
        (default(&[by_me()]), true, false),
        (default(&[both]), true, false),
        (default(&[place.signed_by("other.asc", None)]), false, false),
        (
            default(&[by_me(), place.signed_by("other.asc", None)]),
            false,
            false,
        ),
        (default(&[by_me(), accept.clone()]), true, false),
        (default(&[by_me(), reject.clone()]), false, false),
        (
            default(&[place.signed_by("me.asc", Some(json!({"type": "matchExact"})))]),
            true,
            false,
        ),
        (
            default(&[place.signed_by("me.asc", Some(json!({"type": "matchRepository"})))]),
            true,
            false,
        ),
        (
            default(&[place.signed_by("me.asc", Some(exact(&format!("{name}:1"))))]),
            true,
            false,
        ),
        (
            default(&[place.signed_by("me.asc", Some(exact(&format!("{name}:2"))))]),
            false,
            false,
        ),
        (
            default(&[place.signed_by(
                "me.asc",
                Some(json!({"type": "exactRepository", "dockerRepository": name})),
            )]),
            true,
            false,
        ),
        (
            default(&[place.signed_by("me.asc", remap(&host, &host))]),
            true,
            false,
        ),
        (
            default(&[place.signed_by("me.asc", remap(&host, "r.example"))]),
            false,
            false,
        ),
        (
            json!({"default": [reject], "transports": {"docker": {format!("{host}/team"): [by_me()]}}}),
            true,
            false,
        ),
        (
            json!({"default": [accept], "transports": {"docker": {format!("{name}:1"): [reject], "": [accept]}}}),
            false,
            true,
        ),
        (
            json!({"default": [accept], "transports": {"dir": {"": [reject]}}}),
            true,
            true,
        ),
    ] {
        place.check(&policy, &signed, of_signed).await;
        place.check(&policy, &unsigned, of_unsigned).await;
    }
    // A digest is signed by any tag of its repository, unless the reference has to be the same.
    let store = place.source.server.store();
    let tag = Version::Tag("1".parse().unwrap());
    let digest = store
        .manifest(&repository("team/signed"), &tag)
        .unwrap()
        .unwrap()
        .digest;
    let by_digest = format!("docker://{name}@{digest}");
    place.check(&default(&[by_me()]), &by_digest, true).await;
    let exact = place.signed_by("me.asc", Some(json!({"type": "matchExact"})));
    place.check(&default(&[exact]), &by_digest, false).await;
    // The signatures of another image beside this one.
    let storage = std::path::PathBuf::from(place.path("lookaside/team"));
    let stored = format!("signed@{}", digest.to_string().replace(':', "="));
    let other = place.put("team/moved").digest.to_string().replace(':', "=");
    std::fs::rename(storage.join(stored), storage.join(format!("moved@{other}"))).unwrap();
    let moved = place
        .check(&default(&[by_me()]), &place.image("team/moved"), false)
        .await;
    assert!(
        moved.stdout.contains("of another image"),
        "{}",
        moved.stdout
    );
    let gone = place.check(&default(&[by_me()]), &signed, false).await;
    assert!(gone.stdout.contains("it is not signed"), "{}", gone.stdout);
    assert!(gone.stdout.contains("standalone-sign"), "{}", gone.stdout);
}

#[tokio::test]
async fn image_directories_have_their_signatures_with_them() {
    let Some(place) = Place::find().await else {
        return;
    };
    place.put("app");
    let reference = "r.example/team/app:1";
    let copy = ["--insecure-policy", "copy", "--src-tls-verify=false"];
    let directory = format!("dir:{}", place.path("images/app"));
    std::fs::create_dir_all(place.path("images")).unwrap();
    let image = place.image("app");
    let copied = [&copy[..], &[&image, &directory]].concat();
    place.skopeo(&copied).await.expect(0);
    let manifest = place.path("images/app/manifest.json");
    let signature = place.path("images/app/signature-1");
    let sign = [
        "standalone-sign",
        &manifest,
        reference,
        &place.key,
        "-o",
        &signature,
    ];
    place.skopeo(&sign).await.expect(0);
    let exact = json!({"type": "exactReference", "dockerReference": reference});
    let signed = place.signed_by("me.asc", Some(exact));
    let parent = place.path("images");
    let parent = std::fs::canonicalize(parent).unwrap();
    let of_parent = json!({"default": [{"type": "reject"}],
                           "transports": {"dir": {parent.to_str().unwrap(): [signed]}}});
    for (policy, is_accepted) in [
        (of_parent, true),
        (default(&[place.signed_by("me.asc", None)]), false),
        (
            default(&[place.signed_by(
                "other.asc",
                Some(json!({"type": "exactRepository", "dockerRepository": "r.example/team/app"})),
            )]),
            false,
        ),
    ] {
        place.check(&policy, &directory, is_accepted).await;
    }
    // A layout has none.
    let layout = format!("oci:{}:app", place.path("layout"));
    let copied = [&copy[..], &[&image, &layout]].concat();
    place.skopeo(&copied).await.expect(0);
    let refused = place
        .check(&default(std::slice::from_ref(&signed)), &layout, false)
        .await;
    assert!(
        refused.stdout.contains("keep no OpenPGP signatures"),
        "{}",
        refused.stdout
    );
}

#[tokio::test]
async fn cosign_signatures_are_read_where_registries_d_says_so() {
    let Some(place) = Place::find().await else {
        return;
    };
    let key = KeyPair::generate().unwrap();
    std::fs::write(place.operator.path("cosign.pub"), key.public_key_pem()).unwrap();
    let host = place.source.address();
    let names = ["sigstore/signed", "other/signed"];
    for name in names {
        let image = place.put(name);
        let text = json!({
            "critical": {
                "identity": {"docker-reference": format!("{host}/{name}")},
                "image": {"docker-manifest-digest": image.digest},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let text = text.to_string();
        let store = place.source.server.store();
        let repository = repository(name);
        let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
        let mut layer = json!(store.put_blob(&repository, kind, text.as_bytes()).unwrap());
        let signature = STANDARD.encode(key.sign(text.as_bytes()).unwrap());
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
        let config = store.put_blob(&repository, MediaType::OCI_CONFIG, &b"{}"[..]);
        let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
                              "config": config.unwrap(), "layers": [layer]});
        let tag: Tag = Attachments::cosign_tags(&image.digest).next().unwrap();
        let bytes = manifest.to_string();
        let put = store.put_manifest(
            &repository,
            Some(&tag),
            MediaType::OCI_MANIFEST,
            bytes.as_bytes(),
        );
        put.unwrap();
    }
    place.put("sigstore/unsigned");
    let requirement = |identity: Value| json!({"type": "sigstoreSigned", "keyPath": place.path("cosign.pub"), "signedIdentity": identity});
    let repository = default(&[requirement(json!({"type": "matchRepository"}))]);
    let exact = default(&[requirement(json!({"type": "matchRepoDigestOrExact"}))]);
    let signed = place.image("sigstore/signed");
    // Debian's skopeo refuses every signature of cosign, so there is nothing to compare with.
    place.copy(&repository, &signed).await.expect(0);
    // Cosign signs names without tags.
    let tagged = place.copy(&exact, &signed).await;
    let said = &tagged.expect(1).stdout;
    assert!(said.contains("signedIdentity does not accept"), "{said}");
    let unsigned = place.image("sigstore/unsigned");
    let unsigned = place.copy(&repository, &unsigned).await;
    let said = &unsigned.expect(1).stdout;
    assert!(said.contains("it is not signed: there is no tag"), "{said}");
    let off = place.copy(&repository, &place.image("other/signed")).await;
    let said = &off.expect(1).stdout;
    assert!(said.contains("use-sigstore-attachments"), "{said}");
}

#[tokio::test]
async fn a_policy_without_signatures_asks_nothing_and_a_resumed_batch_obeys_it() {
    let Some(place) = Place::find().await else {
        return;
    };
    place.put("app");
    let image = place.image("app");
    let to = format!("{}/copied:1", place.destination.address());
    let requests = |place: &Place| place.source.requests().len();
    let before = requests(&place);
    place.operator.say(&["copy", &image, &to]).await.expect(0);
    let plain = requests(&place) - before;
    let rejecting = json!({"default": [{"type": "reject"}]});
    let refused = place.copy(&rejecting, &image).await;
    let said = &refused.expect(1).stdout;
    // It is there already, and refused all the same.
    assert!(said.contains("it rejects every image"), "{said}");
    let resumed = place.operator.say(&["resume", "--retry-failed"]).await;
    assert!(resumed.expect(1).stdout.contains("it rejects every image"));
    let accepting = json!({"default": [{"type": "insecureAcceptAnything"}]});
    place.write_policy(&accepting);
    place
        .operator
        .say(&["resume", "--retry-failed"])
        .await
        .expect(0);

    place.put("other");
    let before = requests(&place);
    let to = format!("{}/more:1", place.destination.address());
    let policy = place.path("policy.json");
    let copy = ["copy", &place.image("other"), &to, "--policy", &policy];
    place.operator.say(&copy).await.expect(0);
    assert_eq!(requests(&place) - before, plain);
}

#[tokio::test]
async fn a_wrong_policy_ends_the_command_before_it_starts() {
    let Some(place) = Place::find().await else {
        return;
    };
    place.put("app");
    let policy = json!({"default": [], "transports": {"docker": {"x": [
        {"type": "signedBy", "keyType": "GPGKeys", "keyPath": place.path("absent.asc")}
    ]}}});
    let refused = place.copy(&policy, &place.image("app")).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("default: has no requirement"), "{said}");
    assert!(
        said.contains(r#"transports.docker["x"][0].keyPath: cannot read"#),
        "{said}"
    );
    assert!(place.source.requests().is_empty());
    let accepting = json!({"default": [{"type": "insecureAcceptAnything"}]});
    let policy = place.write_policy(&accepting);
    let to = format!("{}/x:1", place.destination.address());
    let copy = [
        "copy",
        &place.image("app"),
        &to,
        "--policy",
        &policy,
        "--engine",
        "skopeo",
    ];
    let by_skopeo = place.operator.say(&copy).await;
    assert!(
        by_skopeo
            .expect(2)
            .stderr
            .contains("for which --policy does not hold")
    );
}
