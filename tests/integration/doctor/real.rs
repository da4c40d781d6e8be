//! Debian's docker-registry, which deletes nothing unless that is switched on.

use super::{doctor, finding, json, status};
use crate::{docker_registry::DockerRegistry, operator::Operator};

#[tokio::test]
async fn docker_registry_as_installed_keeps_blobs_that_no_manifest_names() {
    let Some(registry) = DockerRegistry::start().await else {
        return;
    };
    let (operator, address) = (Operator::new(), registry.address());
    let ended = doctor(&operator, &[address, "--push", "--json"]).await;
    let report = json(ended.expect(0));
    for check in ["push", "upload", "download", "chunks", "mount", "software"] {
        assert_eq!(
            status(&report, address, check),
            "good",
            "{check}: {report:#}"
        );
    }
    assert_eq!(status(&report, address, "delete"), "note");
    assert_eq!(status(&report, address, "cleanup"), "note");
    let software = finding(&report, address, "software")["detail"].as_str();
    assert!(software.unwrap().contains("registry/2.0"), "{software:?}");
    let requests = registry.requests().await;
    let is_manifest = |target: &str| target.contains("/manifests/");
    let mut writes = requests.iter().filter(|request| request.method == "PUT");
    assert!(
        writes.all(|request| !is_manifest(&request.target)),
        "{requests:?}"
    );
}

#[tokio::test]
async fn docker_registry_that_deletes_is_left_without_content() {
    let setting = ("REGISTRY_STORAGE_DELETE_ENABLED", "true".into());
    let Some(registry) = DockerRegistry::with([setting]).await else {
        return;
    };
    let (operator, address) = (Operator::new(), registry.address());
    let ended = doctor(&operator, &[&format!("{address}/team"), "--push", "--json"]).await;
    let report = json(ended.expect(0));
    for check in ["delete", "tag_change", "cleanup"] {
        assert_eq!(
            status(&report, address, check),
            "good",
            "{check}: {report:#}"
        );
    }
    let scratch = report["stores"][0]["scratch"]["first"].as_str().unwrap();
    let repository = format!("{address}/{scratch}");
    let tags = operator.say(&["tags", &repository]).await;
    assert_eq!(tags.stdout, "", "{}", tags.stderr);
}
