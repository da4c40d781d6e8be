//! The commands `inspect`, `tags` and `digest`.

use serde_json::{Value, json};
use transship::{
    oci::{Digest, MediaType},
    serve::ImageBuilder,
};

use super::{REPOSITORY, Registries, repository, tag};
use crate::operator::Operator;

#[tokio::test]
async fn inspect_tells_a_person_what_an_image_is() {
    let registries = Registries::new().await;
    let index = registries.put_index();
    let image = registries.image(":1").to_string();
    let inspect = ["inspect", &image, "--platform", "linux/arm64"];
    let output = Operator::new().say(&inspect).await;
    output.expect(0);
    for text in [
        index.digest.to_string().as_str(),
        "linux/arm64/v8",
        "entrypoint    /api",
        "in 2 layers",
        "RUN step 2",
    ] {
        assert!(output.stdout.contains(text), "{text}\n{}", output.stdout);
    }
}

#[tokio::test]
async fn inspect_prints_json_for_scripts_and_the_manifest_byte_for_byte() {
    let registries = Registries::new().await;
    let index = registries.put_index();
    let image = registries.image(":1").to_string();
    let operator = Operator::new();
    let output = operator.say(&["inspect", &image, "--json"]).await;
    let inspection: Value = serde_json::from_str(&output.expect(0).stdout).unwrap();
    assert_eq!(inspection["digest"], json!(index.digest));
    assert_eq!(inspection["images"][1]["config"]["user"], "1000");
    assert_eq!(inspection["images"][1]["history"][1]["layer"], 1);
    let output = operator.say(&["inspect", &image, "--raw"]).await;
    assert_eq!(Digest::of(output.expect(0).stdout.as_bytes()), index.digest);
}

#[tokio::test]
async fn labels_cannot_steer_the_terminal() {
    let registries = Registries::new().await;
    let store = registries.store();
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "config": {"Labels": {"\x1b[2J": "\x1b]52;c;aGk=\x07"}}
    });
    let media_type = MediaType::OCI_CONFIG;
    let config = store.put_blob(&repository(), media_type, config.to_string().as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": config.unwrap(), "layers": []
    });
    let bytes = manifest.to_string();
    store
        .put_manifest(
            &repository(),
            Some(&tag("1")),
            MediaType::OCI_MANIFEST,
            bytes.as_bytes(),
        )
        .unwrap();
    let image = registries.image(":1").to_string();
    let output = Operator::new().say(&["inspect", &image]).await;
    assert!(output.expect(0).stdout.contains("52;c;aGk="));
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!output.stdout.contains(control), "{:?}", output.stdout);
}

#[tokio::test]
async fn tags_are_listed_in_the_order_of_their_numbers() {
    let registries = Registries::new().await;
    let estate = ImageBuilder::new(registries.store());
    let platform = "linux/amd64".parse().unwrap();
    for name in ["1.10", "1.9", "latest"] {
        estate
            .image(&repository(), Some(&tag(name)), &platform, &[])
            .unwrap();
    }
    let repository = format!("{}/{REPOSITORY}", registries.server.address());
    let output = Operator::new().say(&["tags", &repository]).await;
    assert_eq!(output.expect(0).stdout, "1.9\n1.10\nlatest\n");
}

#[tokio::test]
async fn digest_knows_images_and_files() {
    let registries = Registries::new().await;
    let index = registries.put_index();
    let operator = Operator::new();
    let image = registries.image(":1").to_string();
    let output = operator.say(&["digest", &image]).await;
    assert_eq!(output.expect(0).stdout.trim(), index.digest.to_string());
    let file = operator.list("content");
    let output = operator.say(&["digest", file.to_str().unwrap()]).await;
    let expected = Digest::of(b"content").to_string();
    assert_eq!(output.expect(0).stdout.trim(), expected);
}

#[tokio::test]
async fn what_is_not_there_says_what_to_check() {
    let registries = Registries::new().await;
    let image = registries.image(":nothing").to_string();
    let output = Operator::new().say(&["inspect", &image]).await;
    assert_ne!(output.code, Some(0));
    assert!(
        output.stderr.contains("check the name"),
        "{}",
        output.stderr
    );
}
