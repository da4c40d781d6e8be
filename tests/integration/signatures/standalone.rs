//! `standalone-sign` and `standalone-verify` against gpg and skopeo, in both directions.

use std::path::PathBuf;

use tokio::process::Command;
use transship::oci::Digest;

use super::gnupg::{Gnupg, LONG_AGO};
use crate::{
    installed,
    operator::{Ended, Operator},
};

const MANIFEST: &[u8] = br#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
const REFERENCE: &str = "registry.example.com/team/api:1.2";

/// An operator with a keyring and a manifest.
struct Signer {
    operator: Operator,
    gnupg: Gnupg,
    skopeo: PathBuf,
}

impl Signer {
    fn find() -> Option<Self> {
        let operator = Operator::new();
        let gnupg = Gnupg::of(&operator)?;
        let skopeo = installed::program("skopeo")?;
        std::fs::write(operator.path("manifest.json"), MANIFEST).unwrap();
        Some(Self {
            operator,
            gnupg,
            skopeo,
        })
    }

    async fn skopeo(&self, arguments: &[&str]) -> Ended {
        let ran = Command::new(&self.skopeo)
            .args(arguments)
            .current_dir(self.operator.path(""))
            .env("GNUPGHOME", &self.gnupg.home)
            .output();
        ran.await.unwrap().into()
    }

    /// Signs with skopeo into the file `signature`.
    async fn sign_with_skopeo(&self, key: &str) {
        let signed = self
            .skopeo(&[
                "standalone-sign",
                "manifest.json",
                REFERENCE,
                key,
                "--output",
                "signature",
            ])
            .await;
        signed.expect(0);
    }

    /// Runs a command of this program in the operator's directory.
    async fn say(&self, arguments: &[&str]) -> Ended {
        let mut command = self.operator.command(arguments);
        command.current_dir(self.operator.path(""));
        command.output().await.unwrap().into()
    }

    async fn verify(&self, reference: &str, keys: &str, options: &[&str]) -> Ended {
        let verify = [
            "standalone-verify",
            "manifest.json",
            reference,
            keys,
            "signature",
        ];
        self.say(&[&verify[..], options].concat()).await
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.operator.path(name), content).unwrap();
    }
}

fn verified(key: &str) -> String {
    let digest = Digest::of(MANIFEST);
    format!("Signature verified using fingerprint {key}, digest {digest}\n")
}

#[tokio::test]
async fn what_skopeo_signs_is_verified() {
    let Some(signer) = Signer::find() else { return };
    for algorithm in ["ed25519", "rsa2048", "nistp256"] {
        let key = signer.gnupg.make_key(algorithm, algorithm, &[]);
        signer.sign_with_skopeo(&key).await;
        let by_keyring = signer.verify(REFERENCE, &key, &[]).await;
        assert_eq!(by_keyring.expect(0).stdout, verified(&key));
        signer.write("keys.asc", &signer.gnupg.public_keys(&[algorithm]));
        let file = ["--public-key-file", "keys.asc"];
        let by_file = signer.verify(REFERENCE, "any", &file).await;
        assert_eq!(by_file.expect(0).stdout, verified(&key));
        let several = format!("{},{}", "0".repeat(40), key.to_lowercase());
        signer.verify(REFERENCE, &several, &file).await.expect(0);
    }
}

#[tokio::test]
async fn skopeo_verifies_what_is_signed_with_the_keyring_and_with_a_file() {
    let Some(signer) = Signer::find() else { return };
    let expected = format!("Signature verified, digest {}\n", Digest::of(MANIFEST));
    for algorithm in ["ed25519", "rsa2048", "nistp256"] {
        let key = signer.gnupg.make_key(algorithm, algorithm, &[]);
        let export = ["--armor", "--export-secret-keys", algorithm];
        signer.write("secret.asc", &signer.gnupg.run(&export));
        let sign = [
            "standalone-sign",
            "manifest.json",
            REFERENCE,
            &key,
            "-o",
            "signature",
        ];
        for options in [&[][..], &["--key", "secret.asc"]] {
            let signed = signer.say(&[&sign[..], options].concat()).await;
            assert_eq!(signed.expect(0).stdout, "");
            let verify = ["manifest.json", REFERENCE, &key, "signature"];
            let by_skopeo = signer
                .skopeo(&[&["standalone-verify"], &verify[..]].concat())
                .await;
            assert_eq!(by_skopeo.expect(0).stdout, expected);
            signer.verify(REFERENCE, &key, &[]).await.expect(0);
        }
    }
}

#[tokio::test]
async fn a_locked_key_needs_its_passphrase() {
    let Some(signer) = Signer::find() else { return };
    let make = ["--quick-generate-key", "locked", "ed25519", "sign", "never"];
    let passphrase = ["--passphrase", "a secret"];
    signer.gnupg.run(&[&passphrase[..], &make].concat());
    let key = signer.gnupg.fingerprints("locked").remove(0);
    let export = ["--export-secret-keys", "locked"];
    let secret = signer.gnupg.run(&[&passphrase[..], &export].concat());
    signer.gnupg.end_agent();
    signer.write("secret.gpg", &secret);
    signer.write("right", b"a secret\n");
    signer.write("wrong", b"another\n");
    let sign = [
        "standalone-sign",
        "manifest.json",
        REFERENCE,
        &key,
        "-o",
        "signature",
    ];
    for source in [&[][..], &["--key", "secret.gpg"]] {
        let refused = signer
            .say(&[&sign[..], source, &["--passphrase-file", "wrong"]].concat())
            .await;
        assert!(
            refused.expect(2).stderr.contains(&key),
            "{}",
            refused.stderr
        );
        assert!(!signer.operator.path("signature").exists());
        let signed = signer
            .say(&[&sign[..], source, &["--passphrase-file", "right"]].concat())
            .await;
        signed.expect(0);
        signer.verify(REFERENCE, &key, &[]).await.expect(0);
        std::fs::remove_file(signer.operator.path("signature")).unwrap();
        signer.gnupg.end_agent();
    }
}

#[tokio::test]
async fn a_signing_subkey_counts_as_its_primary_key() {
    let Some(signer) = Signer::find() else { return };
    let primary = signer.gnupg.make_key("team", "ed25519", &[]);
    let add = ["--quick-add-key", &primary, "ed25519", "sign", "1y"];
    signer
        .gnupg
        .run(&[&["--passphrase", ""][..], &add].concat());
    let subkey = signer.gnupg.fingerprints("team").remove(1);
    let export = ["--armor", "--export-secret-keys", "team"];
    signer.write("secret.asc", &signer.gnupg.run(&export));
    for by_file in [false, true] {
        match by_file {
            // gpg takes the newest key that can sign.
            false => signer.sign_with_skopeo(&primary).await,
            true => {
                let sign = ["standalone-sign", "manifest.json", REFERENCE, &subkey];
                let with = ["-o", "signature", "--key", "secret.asc"];
                signer.say(&[&sign[..], &with].concat()).await.expect(0);
            }
        }
        for expected in [&primary, &subkey] {
            let found = signer.verify(REFERENCE, expected, &[]).await;
            assert_eq!(found.expect(0).stdout, verified(&subkey));
        }
    }
}

#[tokio::test]
async fn a_signature_of_something_else_or_by_somebody_else_is_refused() {
    let Some(signer) = Signer::find() else { return };
    let key = signer.gnupg.make_key("me", "ed25519", &[]);
    let other = signer.gnupg.make_key("other", "ed25519", &[]);
    signer.sign_with_skopeo(&key).await;
    let keys = signer.gnupg.public_keys(&["me", "other"]);
    signer.write("keys.asc", &keys);
    let file = ["--public-key-file", "keys.asc"];
    let refused = |ended: Ended, reason: &str| {
        assert_eq!(ended.expect(1).stdout, "");
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    };
    let by_other = signer.verify(REFERENCE, &other, &file).await;
    refused(by_other, &format!("valid, but by {key}"));
    // The keyring of gpg gives only the expected keys.
    let unknown = signer.verify(REFERENCE, &other, &[]).await;
    refused(unknown, "not among the public keys");
    let renamed = "registry.example.com/team/api:1.3";
    let renamed = signer.verify(renamed, &key, &file).await;
    refused(renamed, "is of \"registry.example.com/team/api:1.2\"");
    signer.write("manifest.json", b"{}");
    let replaced = signer.verify(REFERENCE, &key, &file).await;
    refused(replaced, "the manifest in the file is sha256:");
    signer.write("manifest.json", MANIFEST);
    // Signed, but no image.
    signer.write("text", b"{\"critical\": {}}");
    let text = signer.operator.path("text");
    let sign = ["--local-user", &key, "--output", "-", "--sign"];
    let message = signer
        .gnupg
        .run(&[&sign[..], &[text.to_str().unwrap()]].concat());
    signer.write("signature", &message);
    let no_image = signer.verify(REFERENCE, &key, &file).await;
    refused(no_image, "not the JSON of an image signature");
    signer.write("signature", b"nothing");
    let nothing = signer.verify(REFERENCE, &key, &file).await;
    refused(nothing, "the signature cannot be used");
}

#[tokio::test]
async fn revoked_and_expired_keys_verify_nothing() {
    let Some(signer) = Signer::find() else { return };
    let revoked = signer.gnupg.make_key("revoked", "ed25519", &[]);
    signer.sign_with_skopeo(&revoked).await;
    signer.verify(REFERENCE, &revoked, &[]).await.expect(0);
    signer.gnupg.revoke(&revoked);
    let refused = signer.verify(REFERENCE, &revoked, &[]).await;
    let stderr = &refused.expect(1).stderr;
    assert!(stderr.contains("is revoked"), "{stderr}");
    let by_skopeo = ["manifest.json", REFERENCE, &revoked, "signature"];
    let by_skopeo = signer
        .skopeo(&[&["standalone-verify"], &by_skopeo[..]].concat())
        .await;
    by_skopeo.expect(1);

    let expired = signer.gnupg.make_key("expired", "ed25519", &[LONG_AGO]);
    let text = signer.operator.path("text");
    let payload = transship::signature::signing_payload(MANIFEST, REFERENCE, "me", 0).unwrap();
    std::fs::write(&text, payload).unwrap();
    let sign = [
        LONG_AGO,
        "--local-user",
        &expired,
        "--output",
        "-",
        "--sign",
    ];
    let message = signer
        .gnupg
        .run(&[&sign[..], &[text.to_str().unwrap()]].concat());
    signer.write("signature", &message);
    let refused = signer.verify(REFERENCE, &expired, &[]).await;
    let stderr = &refused.expect(1).stderr;
    assert!(stderr.contains("is expired"), "{stderr}");
}

#[tokio::test]
async fn wrong_arguments_are_told_apart_from_wrong_signatures() {
    let Some(signer) = Signer::find() else { return };
    signer.write("signature", b"nothing");
    let any = signer.verify(REFERENCE, "any", &[]).await;
    assert!(any.expect(2).stderr.contains("--public-key-file"));
    let short = signer.verify(REFERENCE, "8BB46CC8", &[]).await;
    assert!(short.expect(2).stderr.contains("no fingerprint"));
    let absent = signer.verify(REFERENCE, &"0".repeat(40), &[]).await;
    assert!(absent.expect(2).stderr.contains("gpg --import"));
    let sign = ["standalone-sign", "manifest.json", REFERENCE];
    let option = [&sign[..], &["--output", "s", "--", "--version"]].concat();
    let refused = signer.say(&option).await;
    assert!(refused.expect(2).stderr.contains("gpg did not sign"));
    let digest = "0".repeat(40);
    let named = [&sign[..], &[&digest, "--output", "s"]].concat();
    signer.write("manifest.json", b"{\"schemaVersion\": 1}");
    let old = signer.say(&named).await;
    assert!(old.expect(2).stderr.contains("the file is no manifest"));
    assert!(!signer.operator.path("s").exists());
}
