//! Tags, the catalog and referrers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use transship::oci::{Digest, MediaType};

use super::{REPOSITORY, Served, error_code, header};

async fn list(served: &Served, target: &str) -> (Value, String) {
    let response = served.get(target).await;
    assert_eq!(response.status(), StatusCode::OK);
    let link = header(&response, "link").to_owned();
    let body = serde_json::from_slice(&response.bytes().await.unwrap());
    (body.unwrap(), link)
}

/// The target of a `Link` to the next page.
fn next(link: &str) -> Option<&str> {
    link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")
}

#[tokio::test]
async fn following_the_links_lists_every_tag_once() {
    let served = Served::new().await;
    for tag in ["v10", "latest", "v2", "1.0", "v1"] {
        served.put_image(tag, b"layer");
    }
    let mut target = format!("/v2/{REPOSITORY}/tags/list?n=2");
    let mut tags = Vec::new();
    loop {
        let (page, link) = list(&served, &target).await;
        assert_eq!(page["name"], REPOSITORY);
        let names = page["tags"].as_array().unwrap();
        assert!(names.len() <= 2);
        tags.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
        match next(&link) {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(tags, ["1.0", "latest", "v1", "v10", "v2"]);
    let unknown = served.get("/v2/none/tags/list").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(error_code(unknown).await, "NAME_UNKNOWN");
    let wrong = served
        .get(&format!("/v2/{REPOSITORY}/tags/list?n=many"))
        .await;
    assert_eq!(error_code(wrong).await, "PAGINATION_NUMBER_INVALID");
}

#[tokio::test]
async fn the_catalog_lists_repositories_within_repositories() {
    let served = Served::new().await;
    let store = served.server.store();
    for name in ["b", "a/c/d", "a", "a/c"] {
        let repository = name.parse().unwrap();
        store
            .put_manifest(&repository, None, MediaType::OCI_MANIFEST, b"{}")
            .unwrap();
    }
    let (page, link) = list(&served, "/v2/_catalog?n=3").await;
    assert_eq!(page["repositories"], json!(["a", "a/c", "a/c/d"]));
    let (page, link) = list(&served, next(&link).unwrap()).await;
    assert_eq!(page["repositories"], json!(["b"]));
    assert_eq!(link, "");
}

#[tokio::test]
async fn referrers_are_listed_by_artifact_type() {
    let served = Served::new().await;
    let subject = served.put_image("v1", b"layer");
    let mut digests = Vec::new();
    for kind in ["application/sbom", "application/signature"] {
        let mut manifest = served.image(kind.as_bytes());
        manifest["subject"] = json!(subject);
        manifest["artifactType"] = json!(kind);
        manifest["annotations"] = json!({"made": "today"});
        let bytes = manifest.to_string();
        let digest = Digest::of(bytes.as_bytes());
        let pushed = served
            .request(Method::PUT, &format!("/v2/{REPOSITORY}/manifests/{digest}"))
            .header("content-type", MediaType::OCI_MANIFEST)
            .body(bytes)
            .send()
            .await
            .unwrap();
        assert_eq!(header(&pushed, "oci-subject"), subject.digest.to_string());
        digests.push(digest);
    }
    let referrers = format!("/v2/{REPOSITORY}/referrers/{}", subject.digest);
    let (all, _) = list(&served, &referrers).await;
    assert_eq!(all["mediaType"], MediaType::OCI_INDEX);
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let filtered = format!("{referrers}?artifactType=application/sbom");
    let response = served.get(&filtered).await;
    assert_eq!(header(&response, "oci-filters-applied"), "artifactType");
    assert_eq!(header(&response, "content-type"), MediaType::OCI_INDEX);
    let (sboms, _) = list(&served, &filtered).await;
    assert_eq!(sboms["manifests"][0]["digest"], json!(digests[0]));
    assert_eq!(sboms["manifests"][0]["annotations"]["made"], "today");
    assert_eq!(sboms["manifests"].as_array().unwrap().len(), 1);

    let sbom = format!("/v2/{REPOSITORY}/manifests/{}", digests[0]);
    served.send(Method::DELETE, &sbom).await;
    let (left, _) = list(&served, &referrers).await;
    assert_eq!(left["manifests"][0]["digest"], json!(digests[1]));
}

#[tokio::test]
async fn what_nothing_refers_to_has_an_empty_list() {
    let served = Served::new().await;
    let subject = Digest::of(b"unknown");
    let (list, _) = list(&served, &format!("/v2/{REPOSITORY}/referrers/{subject}")).await;
    assert_eq!(list["manifests"], json!([]));
}
