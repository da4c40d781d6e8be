//! Referrers and tags that are attached to themselves in a circle.

use serde_json::json;
use transship::{
    copy::CopyOutcome,
    oci::{Attachments, Descriptor, MediaType},
    serve::{Action, Store},
};

use super::{Pair, fault, put_attached, put_image, put_index, referrers, repository, stored};

/// Tags `manifest` as a signature of `subject`.
fn tag_as_signature(store: &Store, subject: &Descriptor, manifest: &Descriptor) -> String {
    let tag = Attachments::cosign_tags(&subject.digest).next().unwrap();
    let version = transship::oci::Version::Digest(manifest.digest.clone());
    let found = store
        .manifest(&repository("app"), &version)
        .unwrap()
        .unwrap();
    let again = store.put_manifest(
        &repository("app"),
        Some(&tag),
        manifest.media_type.as_str(),
        &found.bytes,
    );
    assert_eq!(again.unwrap().digest, manifest.digest);
    tag.to_string()
}

#[tokio::test]
async fn a_signature_tag_that_names_its_own_image_is_copied_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let tag = tag_as_signature(store, &image, &image);
    let copied = pair.copy("app:1").await.unwrap();
    assert!(matches!(copied.done, CopyOutcome::Copied { .. }));
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "1"), image.digest);
    assert_eq!(stored(there, "app", &tag), image.digest);
    assert_eq!(pair.verify("app:1").await.unwrap().differences, []);
}

#[tokio::test]
async fn a_signature_tag_that_names_what_its_subject_is_part_of_is_copied_once() {
    // An image without a tag is written last.
    for by_digest in [false, true] {
        let pair = Pair::new().await;
        let store = pair.source.server.store();
        let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
        let own = put_attached(store, "app", Some(&index[1]), "text/plain", None);
        let tags = [
            (&index[1], &index[0]),
            (&index[2], &index[1]),
            (&index[0], &index[0]),
            (&own, &index[1]),
        ];
        let tags = tags.map(|(subject, named)| (tag_as_signature(store, subject, named), named));
        let image = match by_digest {
            true => format!("app@{}", index[0].digest),
            false => "app:1".to_owned(),
        };
        pair.copy(&image).await.unwrap();
        let there = pair.destination.server.store();
        for (tag, named) in &tags {
            assert_eq!(stored(there, "app", tag), named.digest);
        }
        assert_eq!(referrers(there, "app", &index[1]), [own.digest]);
        assert_eq!(pair.verify(&image).await.unwrap().differences, []);
    }
}

#[tokio::test]
async fn referrers_that_lead_in_a_circle_are_copied_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let one = put_attached(store, "app", Some(&image), "text/one", None);
    let other = put_attached(store, "app", Some(&one), "text/other", None);
    // The registry says that the image and the first one refer to the last one in turn, and it to itself.
    for (subject, listed) in [
        (&image, vec![&one]),
        (&one, vec![&other, &image]),
        (&other, vec![&one, &other, &image]),
    ] {
        let list =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": listed});
        let answer = Action::answer(200)
            .header("content-type", MediaType::OCI_INDEX)
            .body(&list.to_string());
        let target = format!("/referrers/{}", subject.digest);
        fault(&pair.source, "GET", &target, answer.clone());
        fault(&pair.destination, "GET", &target, answer);
    }
    pair.copy("app:1").await.unwrap();
    let there = pair.destination.server.store();
    assert_eq!(
        referrers(there, "app", &image),
        std::slice::from_ref(&one.digest)
    );
    assert_eq!(
        referrers(there, "app", &one),
        std::slice::from_ref(&other.digest)
    );
    assert_eq!(pair.verify("app:1").await.unwrap().differences, []);
}
