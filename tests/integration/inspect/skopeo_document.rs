//! `inspect --skopeo` against what skopeo prints.

use serde_json::Value;
use tokio::process::Command;
use transship::oci::Location;

use super::Registries;
use crate::{installed, operator::Operator};

/// What skopeo 1.9 prints of an image, if it is installed.
async fn of_skopeo(image: &Location, options: &[&str]) -> Option<Value> {
    let program = installed::program("skopeo")?;
    let output = Command::new(program)
        .args(options)
        .args(["inspect", "--tls-verify=false"])
        .arg(format!("docker://{image}"))
        .output();
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

async fn of_this_program(image: &Location, options: &[&str]) -> Value {
    let image = format!("docker://{image}");
    let inspect = ["inspect", &image, "--skopeo"];
    let output = Operator::new().say(&[&inspect[..], options].concat()).await;
    serde_json::from_str(&output.expect(0).stdout).unwrap()
}

#[tokio::test]
async fn the_document_of_an_index_is_that_of_skopeo_with_the_sizes_of_layers() {
    let registries = Registries::new().await;
    registries.put_index();
    let image = registries.image(":1");
    let mut own = of_this_program(&image, &["--platform", "linux/arm64"]).await;
    let layers = own.as_object_mut().unwrap().remove("LayersData").unwrap();
    assert_eq!(layers[1]["Digest"], own["Layers"][1]);
    assert!(layers[1]["Size"].as_u64().unwrap() >= 1_000);
    assert_eq!(own["RepoTags"], serde_json::json!(["1"]));
    let arm = ["--override-os=linux", "--override-arch=arm64"];
    if let Some(theirs) = of_skopeo(&image, &arm).await {
        assert_eq!(own, theirs);
    }
}

#[tokio::test]
async fn without_tags_the_repository_is_not_listed() {
    let registries = Registries::new().await;
    registries.put_index();
    let image = registries.image(":1");
    let own = of_this_program(&image, &["--platform=linux/amd64", "--no-tags"]).await;
    assert_eq!(own["RepoTags"], serde_json::json!([]));
    let entries = registries.log.entries();
    assert!(
        entries
            .iter()
            .all(|entry| !entry.target.contains("tags/list"))
    );
}

#[tokio::test]
async fn a_platform_that_an_index_lacks_is_not_found() {
    let registries = Registries::new().await;
    registries.put_index();
    let image = registries.image(":1").to_string();
    let inspect = ["inspect", &image, "--skopeo", "--platform", "linux/s390x"];
    let output = Operator::new().say(&inspect).await;
    assert!(output.expect(4).stderr.contains("no image for linux/s390x"));
}
