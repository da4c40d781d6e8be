//! `require-signature`: images whose signatures of cosign are verified before anything of them is copied.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use transship::{
    oci::{Attachments, Descriptor, Digest, MediaType, Tag, Version},
    serve::{ImageBuilder, Store},
};

use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Ended, Operator},
    requests::Request,
    sample_images::{amd64, repository},
};

const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const STATEMENT: &str = "application/vnd.in-toto+json";

/// Two registries, and an operator with the public key of a signer.
struct Signing {
    source: Embedded,
    destination: Embedded,
    operator: Operator,
    key: KeyPair,
}

impl Signing {
    async fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let operator = Operator::new();
        std::fs::write(operator.path("cosign.pub"), key.public_key_pem()).unwrap();
        Self {
            source: Embedded::start().await,
            destination: Embedded::start().await,
            operator,
            key,
        }
    }

    fn store(&self) -> &Store {
        self.source.server.store()
    }

    /// An image of one layer; its manifest and its layer.
    fn image(&self, name: &str) -> (Descriptor, Descriptor) {
        let builder = ImageBuilder::new(self.store());
        let repository = repository(name);
        let seed = name.bytes().map(u64::from).sum();
        let layer = builder.layer(&repository, seed, 5000).unwrap();
        let (tag, layers) = ("1".parse().unwrap(), [layer.clone()]);
        let image = builder.image(&repository, Some(&tag), &amd64(), &layers);
        (image.unwrap(), layer)
    }

    /// Signs what `text` says for `subject`.
    fn sign(&self, name: &str, subject: &Digest, key: &KeyPair, text: &str) {
        let signature = STANDARD.encode(key.sign(text.as_bytes()).unwrap());
        let annotations = json!({"dev.cosignproject.cosign/signature": signature});
        put_signature(self.store(), name, subject, text, &annotations);
    }

    async fn run(&self, images: &str, more: &str) -> Ended {
        let (source, destination) = (self.source.address(), self.destination.address());
        let list = format!(
            "version = 1\nimages = [{images}]\n\
             [source]\nregistry = \"{source}\"\n\
             [destination]\nregistry = \"{destination}\"\n{more}"
        );
        self.operator.run(&list, &[]).await
    }

    fn arrived(&self, name: &str) -> bool {
        let version = Version::Tag("1".parse().unwrap());
        let store = self.destination.server.store();
        store
            .manifest(&repository(name), &version)
            .unwrap()
            .is_some()
    }
}

const REQUIRED: &str = "[defaults]\nrequire-signature = { key = \"cosign.pub\" }\n";

/// What cosign signs.
fn payload(image: &Digest) -> String {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/signed/elsewhere"},
            "image": {"docker-manifest-digest": image},
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    payload.to_string()
}

fn put_signature(store: &Store, name: &str, subject: &Digest, text: &str, annotations: &Value) {
    let repository = repository(name);
    let blob = store.put_blob(&repository, SIMPLE, text.as_bytes());
    let mut layer = json!(blob.unwrap());
    layer["annotations"] = annotations.clone();
    let config = store.put_blob(&repository, MediaType::OCI_CONFIG, &b"{}"[..]);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": config.unwrap(), "layers": [layer],
    });
    let tag: Tag = Attachments::cosign_tags(subject).next().unwrap();
    let bytes = manifest.to_string();
    let put = store.put_manifest(
        &repository,
        Some(&tag),
        MediaType::OCI_MANIFEST,
        bytes.as_bytes(),
    );
    put.unwrap();
}

/// A bundle with a signed statement, as a referrer of `subject`.
fn put_bundle(store: &Store, name: &str, subject: &Descriptor, statement: &Value, key: &KeyPair) {
    let payload = statement.to_string();
    let (kind, body) = (STATEMENT.len(), payload.len());
    let signed = format!("DSSEv1 {kind} {STATEMENT} {body} {payload}");
    let signature = STANDARD.encode(key.sign(signed.as_bytes()).unwrap());
    let bundle = json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "me"}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload), "payloadType": STATEMENT,
            "signatures": [{"sig": signature, "keyid": ""}],
        },
    });
    let repository = repository(name);
    let bundle = bundle.to_string();
    let layer = store.put_blob(&repository, BUNDLE, bundle.as_bytes());
    let empty = store.put_blob(&repository, MediaType::OCI_EMPTY, &b"{}"[..]);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "artifactType": BUNDLE,
        "config": empty.unwrap(), "layers": [layer.unwrap()],
        "subject": {
            "mediaType": subject.media_type, "digest": subject.digest, "size": subject.size
        },
    });
    let bytes = manifest.to_string();
    let put = store.put_manifest(&repository, None, MediaType::OCI_MANIFEST, bytes.as_bytes());
    put.unwrap();
}

fn statement(predicate: &str, image: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate,
        "subject": [{"digest": {"sha256": image.hex()}}], "predicate": {},
    })
}

/// Whether a blob was read or written.
fn touched(requests: &[Request], blob: &Descriptor) -> bool {
    let digest = blob.digest.to_string();
    requests
        .iter()
        .any(|request| request.target.contains(&digest))
}

#[tokio::test]
async fn only_signed_images_are_copied_and_the_others_say_why() {
    let signing = Signing::new().await;
    let (signed, _) = signing.image("signed");
    signing.sign(
        "signed",
        &signed.digest,
        &signing.key,
        &payload(&signed.digest),
    );
    let mut layers = vec![signing.image("unsigned").1];
    let (other, layer) = signing.image("other-key");
    layers.push(layer);
    let stranger = KeyPair::generate().unwrap();
    signing.sign(
        "other-key",
        &other.digest,
        &stranger,
        &payload(&other.digest),
    );
    // The signature of another image, under the tag of this one.
    let (moved, layer) = signing.image("moved");
    layers.push(layer);
    signing.sign(
        "moved",
        &moved.digest,
        &signing.key,
        &payload(&signed.digest),
    );
    let (changed, layer) = signing.image("changed");
    layers.push(layer);
    let signature = signing.key.sign(payload(&signed.digest).as_bytes());
    let signature = STANDARD.encode(signature.unwrap());
    let annotations = json!({"dev.cosignproject.cosign/signature": signature});
    let text = payload(&changed.digest);
    put_signature(
        signing.store(),
        "changed",
        &changed.digest,
        &text,
        &annotations,
    );
    let (keyless, layer) = signing.image("keyless");
    layers.push(layer);
    let signature = STANDARD.encode(stranger.sign(payload(&keyless.digest).as_bytes()).unwrap());
    let annotations = json!({
        "dev.cosignproject.cosign/signature": signature,
        "dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----",
        "dev.sigstore.cosign/bundle": "{}",
    });
    let text = payload(&keyless.digest);
    put_signature(
        signing.store(),
        "keyless",
        &keyless.digest,
        &text,
        &annotations,
    );

    let images = r#""signed:1", "unsigned:1", "other-key:1", "moved:1", "changed:1", "keyless:1""#;
    let ran = signing.run(images, REQUIRED).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("1 copied, 5 failed"), "{said}");
    for reason in [
        "it is not signed with cosign at all",
        "no required key made it",
        "it is valid, but of another image: sha256:",
        "(keyless), which cannot be checked offline",
        "cosign sign --key",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    assert!(signing.arrived("signed"));
    let requests = [signing.source.requests(), signing.destination.requests()].concat();
    for layer in &layers {
        assert!(!touched(&requests, layer), "{layer:?}");
    }
    let written = signing.destination.requests();
    let written = written.iter().filter(|request| request.method != "GET");
    let mut written = written.filter(|request| request.method != "HEAD");
    assert!(written.all(|request| request.target.starts_with("/v2/signed/")));
}

#[tokio::test]
async fn a_bundle_among_the_referrers_counts_if_it_is_a_signature() {
    let signing = Signing::new().await;
    let (signed, _) = signing.image("signed");
    let sign = "https://sigstore.dev/cosign/sign/v1";
    let put = |name: &str, image: &Descriptor, predicate: &str| {
        let statement = statement(predicate, &image.digest);
        put_bundle(signing.store(), name, image, &statement, &signing.key);
    };
    put("signed", &signed, sign);
    let (attested, _) = signing.image("attested");
    put("attested", &attested, "https://slsa.dev/provenance/v1");
    let ran = signing.run(r#""signed:1", "attested:1""#, REQUIRED).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("1 copied, 1 failed"), "{said}");
    assert!(said.contains("an attestation of the type"), "{said}");
    assert!(signing.arrived("signed"));
}

#[tokio::test]
async fn an_index_is_signed_as_a_whole() {
    let signing = Signing::new().await;
    let builder = ImageBuilder::new(signing.store());
    for name in ["whole", "parts"] {
        let repository = repository(name);
        let children: Vec<Descriptor> = ["linux/amd64", "linux/arm64"]
            .into_iter()
            .zip(1..)
            .map(|(platform, seed)| {
                let layer = builder.layer(&repository, seed, 1000).unwrap();
                let platform = platform.parse().unwrap();
                builder
                    .image(&repository, None, &platform, &[layer])
                    .unwrap()
            })
            .collect();
        let tag = "1".parse().unwrap();
        let index = builder.index(&repository, &tag, &children).unwrap();
        let signed = match name {
            "whole" => vec![index],
            _ => children,
        };
        for image in signed {
            signing.sign(name, &image.digest, &signing.key, &payload(&image.digest));
        }
    }
    let platforms = format!("{REQUIRED}platforms = [\"linux/arm64\"]\n");
    let ran = signing.run(r#""whole:1", "parts:1""#, &platforms).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("1 copied, 1 failed"), "{said}");
    assert!(signing.arrived("whole") && !signing.arrived("parts"));
}

#[tokio::test]
async fn a_resumed_batch_verifies_again_and_so_does_an_image_that_is_there_already() {
    let signing = Signing::new().await;
    let (image, _) = signing.image("app");
    signing.run(r#""app:1""#, REQUIRED).await.expect(1);
    let resume = ["resume", "--retry-failed"];
    let again = signing.operator.say(&resume).await;
    assert!(again.expect(1).stdout.contains("not signed with cosign"));
    assert!(!signing.arrived("app"));
    signing.sign("app", &image.digest, &signing.key, &payload(&image.digest));
    let signed = signing.operator.say(&resume).await;
    assert!(signed.expect(0).stdout.contains("is signed by"));
    assert!(signing.arrived("app"));

    let stranger = KeyPair::generate().unwrap();
    let path = signing.operator.path("stranger.pub");
    std::fs::write(path, stranger.public_key_pem()).unwrap();
    let other = "[defaults]\nrequire-signature = { key = \"stranger.pub\" }\n";
    signing.run(r#""app:1""#, other).await.expect(1);
    let either = "[defaults]\nrequire-signature = { key = [\"stranger.pub\", \"cosign.pub\"] }\n";
    let there = signing.run(r#""app:1""#, either).await;
    assert!(there.expect(0).stdout.contains("1 up to date"));
}

#[tokio::test]
async fn one_image_is_copied_from_a_real_registry_that_has_its_signature() {
    let Some(registry) = DockerRegistry::start().await else {
        return;
    };
    let signing = Signing::new().await;
    let (image, _) = signing.image("app");
    signing.sign("app", &image.digest, &signing.key, &payload(&image.digest));
    let middle = format!("{}/app:1", registry.address());
    let first = format!("{}/app:1", signing.source.address());
    signing
        .operator
        .say(&["copy", &first, &middle])
        .await
        .expect(0);
    let last = format!("{}/app:1", signing.destination.address());
    let key = signing.operator.path("cosign.pub");
    let option = ["--require-signature", key.to_str().unwrap()];
    let copy = ["copy", &middle, &last];
    signing
        .operator
        .say(&[&copy[..], &option].concat())
        .await
        .expect(0);
    assert!(signing.arrived("app"));
}

#[tokio::test]
async fn an_image_without_the_key_is_asked_nothing_about_signatures() {
    let signing = Signing::new().await;
    let (image, _) = signing.image("app");
    signing.sign("app", &image.digest, &signing.key, &payload(&image.digest));
    let none = "[defaults]\nreferrers = false\ncosign-tags = false\n";
    signing.run(r#""app:1""#, none).await.expect(0);
    let requests = signing.source.requests();
    let about = ["/tags/list", "/referrers/", "sha256-"];
    let mut asked = requests.iter().map(|request| &request.target);
    assert!(!asked.any(|target| about.iter().any(|part| target.contains(part))));
}

#[tokio::test]
async fn a_key_that_cannot_be_used_ends_the_run_before_it_starts() {
    let signing = Signing::new().await;
    signing.image("app");
    let run = async |content: Option<&str>| {
        let path = signing.operator.path("cosign.pub");
        match content {
            Some(content) => std::fs::write(path, content).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let ran = signing.run(r#""app:1""#, REQUIRED).await;
        ran.expect(2).stderr.clone()
    };
    let private = signing.key.serialize_pem();
    assert!(run(Some(&private)).await.contains("it is a private key"));
    assert!(run(Some("nothing")).await.contains("no public key in PEM"));
    assert!(run(None).await.contains("cannot read"));
    assert_eq!(signing.source.requests(), []);
}
