//! Registries that refuse to list attachments: a refusal never counts as "no attachments".

use serde_json::json;
use transship::{
    inspect::{Inspector, Scope},
    oci::{Attachments, Descriptor, MediaType},
    serve::Action,
};

use super::{
    Pair, fault, put_attached, put_image, put_index, put_manifest, refusing, repository, stored,
};
use crate::embedded::Embedded;

const SIGNATURE: &str = "application/vnd.example.signature";

fn fallback(subject: &Descriptor) -> String {
    Attachments::fallback_tag(&subject.digest)
        .unwrap()
        .to_string()
}

/// What `inspect` could not find out of an image.
async fn unknown_to_inspect(pair: &Pair, image: &str) -> Vec<String> {
    let inspector = Inspector::new(pair.engine.stores().clone());
    let inspection = inspector
        .inspect(&pair.order(image).spec.source, &Scope::All)
        .await;
    let errors = inspection.unwrap().errors;
    errors.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_refused_list_of_referrers_is_no_empty_list_for_copy_verify_and_inspect() {
    let no = || refusing(403, "DENIED", "not for you");
    for [api, tag] in [
        [Some(no()), None],
        [Some(Action::answer(500)), None],
        // No API, and the registry refuses to show the fallback tag.
        [Some(Action::answer(404)), Some(no())],
    ] {
        let pair = Pair::new().await;
        let store = pair.source.server.store();
        let image = put_image(store, "app", "1", 1);
        put_attached(store, "app", Some(&image), SIGNATURE, None);
        let name = fallback(&image);
        if let Some(api) = &api {
            fault(&pair.source, "GET", "/referrers/", api.clone());
        }
        if let Some(tag) = &tag {
            // The tag list has the tag, so that it is requested.
            let empty =
                json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []});
            let version = name.parse().unwrap();
            put_manifest(store, "app", Some(&version), &empty);
            fault(&pair.source, "GET", &name, tag.clone());
        }
        let case = format!("{api:?} {tag:?}");
        let copied = pair.copy("app:1").await.unwrap();
        copied.noted(&format!(
            "refused to list the referrers of {}",
            image.digest
        ));
        let findings = pair.verify("app:1").await.unwrap();
        let differences: Vec<String> = findings
            .differences
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(differences.len(), 1, "{case}: {differences:?}");
        let unknown = format!(
            "referrers of {} could not be compared: source ",
            image.digest
        );
        assert!(
            differences[0].starts_with(&unknown),
            "{case}: {differences:?}"
        );
        let unknown = unknown_to_inspect(&pair, "app:1").await;
        assert_eq!(unknown.len(), 1, "{case}: {unknown:?}");
    }
}

#[tokio::test]
async fn a_destination_that_refuses_its_list_is_not_called_the_same() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    put_attached(store, "app", Some(&image), SIGNATURE, None);
    pair.copy("app:1").await.unwrap();
    fault(&pair.destination, "GET", "/referrers/", Action::answer(403));
    let findings = pair.verify("app:1").await.unwrap();
    let differences: Vec<String> = findings
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    let unknown = format!(
        "referrers of {} could not be compared: destination {} said 403 (UNKNOWN: scripted)",
        image.digest,
        pair.destination.address()
    );
    assert_eq!(differences, [unknown]);
}

#[tokio::test]
async fn a_fallback_tag_answers_for_a_list_that_fails() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let signature = put_attached(store, "app", Some(&image), SIGNATURE, None);
    let index =
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [signature]});
    let version = fallback(&image).parse().unwrap();
    put_manifest(store, "app", Some(&version), &index);
    let target = format!("/referrers/{}", image.digest);
    fault(&pair.source, "GET", &target, Action::answer(500));
    assert_eq!(pair.copy("app:1").await.unwrap().notes, [""; 0]);
    assert_eq!(pair.verify("app:1").await.unwrap().differences, []);
    assert_eq!(unknown_to_inspect(&pair, "app:1").await, [""; 0]);
}

#[tokio::test]
async fn a_refused_signature_tag_is_no_missing_one() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    // Like registries that answer 403 for everything that does not exist (quirk 25).
    fault(&pair.source, "GET", "/tags/list", Action::answer(403));
    for method in ["GET", "HEAD"] {
        fault(&pair.source, method, "sha256-", Action::answer(403));
    }
    let copied = pair.copy("app:1").await.unwrap();
    let notes = copied.notes.iter();
    let notes = notes.filter(|note| note.contains("so signatures under such tags are not copied"));
    assert_eq!(notes.count(), 1, "{:?}", copied.notes);
    let findings = pair.verify("app:1").await.unwrap();
    assert_eq!(findings.differences.len(), 3 * index.len());
    let differences = findings.differences[0].to_string();
    assert!(
        differences.contains(".sig could not be compared: source"),
        "{differences}"
    );
}

#[tokio::test]
async fn what_is_attached_to_what_is_attached_is_verified_as_well() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let sbom = put_attached(store, "app", Some(&image), "text/spdx", None);
    pair.copy("app:1").await.unwrap();
    let lost = put_attached(store, "app", Some(&sbom), SIGNATURE, None);
    let tag = Attachments::cosign_tags(&sbom.digest).next().unwrap();
    put_attached(store, "app", None, SIGNATURE, Some(&tag));
    let findings = pair.verify("app:1").await.unwrap();
    let mut differences: Vec<String> = findings
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    differences.sort();
    let expected = [
        format!("referrer {} is missing", lost.digest),
        format!("tag {tag} is not the same as at the source"),
        format!(
            "the destination does not list referrer {} of {}",
            lost.digest, sbom.digest
        ),
    ];
    assert_eq!(differences, expected);
}

#[tokio::test]
async fn what_is_nested_too_deep_to_be_compared_is_not_called_the_same() {
    let there = Embedded::start().await;
    let store = there.server.store();
    let mut below = put_image(store, "app", "0", 1);
    for depth in 1..=8 {
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [below, below]});
        let version = depth.to_string().parse().unwrap();
        below = put_manifest(store, "app", Some(&version), &index);
    }
    let lost = stored(store, "app", "0");
    store.delete_manifest(&repository("app"), &lost).unwrap();
    let pair = Pair {
        destination: Embedded::start().await,
        source: there,
        engine: transship::copy::Engine::new(Default::default()),
    };
    // The same registry is on both sides: only what is below can differ.
    let mut order = pair.order("app:8");
    order.spec.destination = order.spec.source.clone();
    let findings = pair.compare(order).await.unwrap();
    let differences: Vec<String> = findings
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(
        differences[0].contains("it is nested more than 5 deep"),
        "{differences:?}"
    );
}
