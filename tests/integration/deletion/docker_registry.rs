//! Debian's docker-registry, which deletes manifests only by digest, and only where that is switched on.

use super::{Fixture, NAME};
use crate::docker_registry::DockerRegistry;

/// The registry with the images of the fixture, if the program is installed.
async fn registry(fixture: &Fixture, deletes: bool) -> Option<DockerRegistry> {
    let setting = (
        "REGISTRY_STORAGE_DELETE_ENABLED",
        deletes.to_string().into(),
    );
    let registry = DockerRegistry::with([setting]).await?;
    for tag in ["1", "latest", "2"] {
        let to = image(&registry, tag);
        let copy = ["copy", &fixture.image(tag), &to];
        fixture.operator.say(&copy).await.expect(0);
    }
    Some(registry)
}

fn image(registry: &DockerRegistry, tag: &str) -> String {
    format!("{}/{NAME}:{tag}", registry.address())
}

async fn tags(fixture: &Fixture, registry: &DockerRegistry) -> Vec<String> {
    let repository = format!("{}/{NAME}", registry.address());
    let listed = fixture.operator.say(&["tags", &repository]).await;
    let tags = listed.expect(0).stdout.lines();
    tags.map(str::to_owned).collect()
}

#[tokio::test]
async fn docker_registry_loses_the_manifest_and_the_tags_that_share_it() {
    let fixture = Fixture::new().await;
    let Some(registry) = registry(&fixture, true).await else {
        return;
    };
    let one = image(&registry, "1");
    let asked = fixture.operator.say(&["delete", &one]).await;
    let said = &asked.expect(2).stderr;
    assert!(
        said.contains("has 1 other tag, deleted with it: latest"),
        "{said}"
    );
    assert_eq!(tags(&fixture, &registry).await, ["1", "2", "latest"]);
    let deleted = fixture.operator.say(&["delete", &one, "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, format!("{one}: deleted\n"));
    assert_eq!(tags(&fixture, &registry).await, ["2"]);
}

#[tokio::test]
async fn docker_registry_with_deletes_switched_off_says_what_to_switch_on() {
    let fixture = Fixture::new().await;
    let Some(registry) = registry(&fixture, false).await else {
        return;
    };
    let both = [image(&registry, "1"), image(&registry, "2")];
    let delete = ["delete", &both[0], &both[1], "--yes"];
    let refused = fixture.operator.say(&delete).await;
    let said = &refused.expect(1).stderr;
    assert!(
        said.contains("REGISTRY_STORAGE_DELETE_ENABLED=true"),
        "{said}"
    );
    assert_eq!(tags(&fixture, &registry).await, ["1", "2", "latest"]);
}

#[tokio::test]
async fn docker_registry_gets_a_further_tag_and_no_blob() {
    let fixture = Fixture::new().await;
    let Some(registry) = registry(&fixture, false).await else {
        return;
    };
    let before = registry.requests().await.len();
    let tag = ["tag", &image(&registry, "1"), "stable", "1.0"];
    fixture.operator.say(&tag).await.expect(0);
    let requests = registry.requests().await.split_off(before);
    let blobs = requests
        .iter()
        .filter(|request| request.target.contains("/blobs/"));
    assert_eq!(blobs.count(), 0, "{requests:?}");
    let all = ["1", "1.0", "2", "latest", "stable"];
    assert_eq!(tags(&fixture, &registry).await, all);
}
