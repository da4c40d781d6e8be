//! Referrers and cosign tags.

use futures_util::future::join_all;
use serde_json::json;
use transship::{
    copy::{CopyOutcome, Engine},
    oci::{Attachments, MediaType, Version},
    serve::Action,
};

use super::{
    Pair, count, fallback, fault, order, put_attached, put_image, put_index, put_manifest,
    referrers, refusing, repository, stored, tag,
};
use crate::{docker_registry::DockerRegistry, embedded::Embedded};

const SIGNATURE: &str = "application/vnd.example.signature";
const SBOM: &str = "application/spdx+json";

#[tokio::test]
async fn referrers_of_every_level_go_along_after_their_subject_and_before_the_tag() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    let of_index = put_attached(store, "app", Some(&index[0]), SIGNATURE, None);
    let of_child = put_attached(store, "app", Some(&index[2]), SBOM, None);
    let of_sbom = put_attached(store, "app", Some(&of_child), SIGNATURE, None);
    let copied = pair.copy("app:1").await.unwrap();
    assert_eq!(copied.notes, [""; 0]);

    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "1"), index[0].digest);
    for (subject, referrer) in [
        (&index[0], &of_index),
        (&index[2], &of_child),
        (&of_child, &of_sbom),
    ] {
        assert_eq!(
            referrers(there, "app", subject),
            std::slice::from_ref(&referrer.digest)
        );
    }
    let written: Vec<String> = pair
        .destination
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .filter_map(|request| Some(request.target.split_once("/manifests/")?.1.to_owned()))
        .collect();
    let at = |version: &str| written.iter().position(|one| one == version).unwrap();
    let digest = |descriptor: &transship::oci::Descriptor| descriptor.digest.to_string();
    assert!(at(&digest(&index[0])) < at(&digest(&of_index)));
    assert!(at(&digest(&index[2])) < at(&digest(&of_child)));
    assert!(at(&digest(&of_child)) < at(&digest(&of_sbom)));
    assert_eq!(at("1"), written.len() - 1);
}

#[tokio::test]
async fn attachments_younger_than_their_image_are_found_when_asked_for() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    let old = put_attached(store, "app", Some(&index[2]), SBOM, None);
    pair.copy("app:1").await.unwrap();

    let of_index = put_attached(store, "app", Some(&index[0]), SIGNATURE, None);
    let of_old = put_attached(store, "app", Some(&old), SIGNATURE, None);
    let signature = Attachments::cosign_tags(&index[1].digest).next().unwrap();
    let cosign = put_attached(store, "app", None, SIGNATURE, Some(&signature));
    let mut order = pair.order("app:1");
    order.spec.attachments.recheck = true;
    // A later batch has no state of the first.
    let again = Engine::new(Default::default());
    pair.clear_logs();
    let done = again.copy(&order, &|_| {}).await.unwrap();
    assert!(matches!(done, CopyOutcome::Copied { .. }), "{done:?}");
    let there = pair.destination.server.store();
    assert_eq!(referrers(there, "app", &index[0]), [of_index.digest]);
    assert_eq!(referrers(there, "app", &old), [of_old.digest]);
    assert_eq!(stored(there, "app", signature.as_str()), cosign.digest);
    // What is present is looked up and not written again, the image included.
    assert_eq!(count(&pair.destination.requests(), "PUT", "/manifests/"), 3);
    assert_eq!(count(&pair.source.requests(), "GET", "/manifests/"), 1 + 4);

    let again = Engine::new(Default::default());
    pair.clear_logs();
    let done = again.copy(&order, &|_| {}).await.unwrap();
    assert!(matches!(done, CopyOutcome::UpToDate { .. }), "{done:?}");
    assert_eq!(count(&pair.destination.requests(), "PUT", ""), 0);
    assert_eq!(count(&pair.destination.requests(), "POST", ""), 0);
}

#[tokio::test]
async fn an_image_with_attachments_that_is_there_costs_one_head_a_side() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    put_attached(store, "app", Some(&image), SIGNATURE, None);
    pair.copy("app:1").await.unwrap();
    pair.clear_logs();
    // Another run has no state of the first.
    let warm = Pair {
        engine: Engine::new(Default::default()),
        ..pair
    };
    let copied = warm.copy("app:1").await.unwrap();
    assert!(matches!(copied.done, CopyOutcome::UpToDate { .. }));
    for side in [&warm.source, &warm.destination] {
        let requests = side.requests();
        let asked: Vec<_> = requests
            .iter()
            .filter(|request| request.target != "/v2/")
            .collect();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].method, "HEAD");
    }
}

#[tokio::test]
async fn looking_for_attachments_costs_a_list_per_manifest_and_one_per_repository() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    for (seed, version) in [(1, "2"), (2, "3")] {
        put_image(store, "app", version, seed);
    }
    for image in ["app:1", "app:2", "app:3"] {
        pair.copy(image).await.unwrap();
    }
    let requests = pair.source.requests();
    assert_eq!(count(&requests, "GET", "/referrers/"), 3 + 1 + 1);
    assert_eq!(count(&requests, "GET", "/tags/list"), 1);
    // Without attachments the destination gets no extra request.
    let requests = pair.destination.requests();
    assert_eq!(count(&requests, "PUT", "/manifests/"), 3 + 1 + 1);
    assert_eq!(count(&requests, "GET", "/manifests/"), 0);
}

#[tokio::test]
async fn cosign_tags_go_along_with_their_image() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    let mut expected = Vec::new();
    for (subject, kind) in [(&index[0], 0), (&index[0], 1), (&index[1], 2)] {
        let name = Attachments::cosign_tags(&subject.digest).nth(kind).unwrap();
        let attached = put_attached(
            store,
            "app",
            None,
            &format!("{SIGNATURE}{kind}"),
            Some(&name),
        );
        expected.push((name, attached.digest));
    }
    pair.copy("app:1").await.unwrap();
    for (name, digest) in expected {
        let there = stored(pair.destination.server.store(), "app", name.as_str());
        assert_eq!(there, digest);
    }
    assert_eq!(count(&pair.source.requests(), "HEAD", "sha256-"), 0);
}

#[tokio::test]
async fn cosign_tags_are_asked_for_one_by_one_where_tags_are_not_listed() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let name = Attachments::cosign_tags(&image.digest).next().unwrap();
    let signature = put_attached(store, "app", None, SIGNATURE, Some(&name));
    fault(&pair.source, "GET", "/tags/list", Action::answer(403));
    pair.copy("app:1").await.unwrap();
    let there = stored(pair.destination.server.store(), "app", name.as_str());
    assert_eq!(there, signature.digest);
}

#[tokio::test]
async fn attachments_stay_behind_where_they_are_not_wanted() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    put_attached(store, "app", Some(&image), SIGNATURE, None);
    let name = Attachments::cosign_tags(&image.digest).next().unwrap();
    put_attached(store, "app", None, SIGNATURE, Some(&name));
    let mut order = pair.order("app:1");
    order.spec.attachments = Attachments::NONE;
    pair.carry_out(&order).await.unwrap();
    let there = pair.destination.server.store();
    assert_eq!(there.tags(&repository("app")).unwrap(), ["1"]);
    assert_eq!(referrers(there, "app", &image), []);
    let requests = pair.source.requests();
    assert_eq!(count(&requests, "GET", "/referrers/"), 0);
    assert_eq!(count(&requests, "GET", "/tags/list"), 0);
}

#[tokio::test]
async fn of_chosen_platforms_only_their_own_attachments_go_along() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let index = put_index(store, "app", "1", &platforms);
    put_attached(store, "app", Some(&index[0]), SIGNATURE, None);
    let of_child = put_attached(store, "app", Some(&index[1]), SIGNATURE, None);
    put_attached(store, "app", Some(&index[3]), SIGNATURE, None);
    let mut order = pair.order("app:1");
    order.spec.platforms = platforms[..2]
        .iter()
        .map(|one| one.parse().unwrap())
        .collect();
    let copied = pair.carry_out(&order).await.unwrap();
    copied.noted("its digest changes");
    let there = pair.destination.server.store();
    assert_eq!(referrers(there, "app", &index[1]), [of_child.digest]);
    assert_eq!(referrers(there, "app", &index[0]), []);
    assert_eq!(referrers(there, "app", &index[3]), []);
    order.spec.platforms.truncate(1);
    order.spec.destination = format!("{}/app:2", pair.destination.address())
        .parse()
        .unwrap();
    let copied = pair.carry_out(&order).await.unwrap();
    copied.noted("only one platform is selected");
    assert_eq!(stored(there, "app", "2"), index[1].digest);
}

#[tokio::test]
async fn quirk_45_a_registry_without_a_referrers_list_is_asked_for_the_fallback_tag() {
    let html = Action::answer(200)
        .header("content-type", "text/html")
        .body("<html>hello</html>");
    for (action, asked) in [
        (Action::answer(400), 1),
        (Action::answer(404), 1),
        (Action::answer(406), 1),
        (html, 1),
        // The failure may pass: the registry is asked again, and for the next manifest too.
        (Action::answer(500), 9),
    ] {
        let pair = Pair::new().await;
        let store = pair.source.server.store();
        fault(&pair.source, "GET", "/referrers/", action.clone());
        let image = put_image(store, "app", "1", 1);
        let signature = put_attached(store, "app", Some(&image), SIGNATURE, None);
        let name = Attachments::fallback_tag(&image.digest).unwrap();
        put_manifest(
            store,
            "app",
            Some(&name),
            &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [signature]}),
        );
        put_image(store, "app", "2", 2);
        pair.copy("app:1").await.unwrap();
        let plain = pair.copy("app:2").await.unwrap();
        let there = pair.destination.server.store();
        assert_eq!(
            referrers(there, "app", &image),
            [signature.digest],
            "{action:?}"
        );
        let requests = pair.source.requests();
        assert_eq!(count(&requests, "GET", "/referrers/"), asked, "{action:?}");
        assert_eq!(count(&requests, "GET", "/tags/list"), 1);
        if asked > 1 {
            plain.noted("refused to list the referrers of");
        }
    }
}

#[tokio::test]
async fn quirk_46_the_fallback_index_of_a_subject_is_changed_by_one_at_a_time() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    // A destination without the referrers API does not say `OCI-Subject`.
    let silent = Action::DropHeader {
        name: "OCI-Subject".into(),
    };
    fault(&pair.destination, "PUT", "/manifests/", silent);
    let index = put_index(store, "app", "1", &["linux/amd64"]);
    let shared = &index[1];
    let mut expected: Vec<_> = (0..4)
        .map(|number| {
            put_attached(store, "app", Some(shared), &format!("{SBOM}{number}"), None).digest
        })
        .collect();
    // Artifacts that are images of the list, and refer to the same subject.
    let images: Vec<String> = (0..6)
        .map(|number| {
            let version = tag(&format!("artifact-{number}"));
            let kind = format!("{SIGNATURE}{number}");
            let artifact = put_attached(store, "app", Some(shared), &kind, Some(&version));
            expected.push(artifact.digest);
            format!("app:{version}")
        })
        .chain(["app:1".to_owned()])
        .collect();
    // One that only the destination has.
    let there = pair.destination.server.store();
    put_attached(there, "app", Some(shared), "application/own", None);
    let own = put_attached(there, "app", Some(shared), "application/own", None);
    let name = Attachments::fallback_tag(&shared.digest).unwrap();
    put_manifest(
        there,
        "app",
        Some(&name),
        &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [own]}),
    );
    expected.push(own.digest);
    expected.sort();
    let copies = images.iter().map(|image| pair.copy(image));
    for copied in join_all(copies).await {
        copied.unwrap();
    }
    assert_eq!(fallback(there, "app", &shared.digest), expected);
}

#[tokio::test]
async fn an_image_under_the_fallback_tag_is_kept_and_noted() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let silent = Action::DropHeader {
        name: "OCI-Subject".into(),
    };
    fault(&pair.destination, "PUT", "/manifests/", silent);
    let image = put_image(store, "app", "1", 1);
    put_attached(store, "app", Some(&image), SIGNATURE, None);
    let there = pair.destination.server.store();
    let name = Attachments::fallback_tag(&image.digest).unwrap();
    let own = put_image(there, "app", name.as_str(), 2);
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted(&format!("has a manifest under the fallback tag {name}"));
    assert_eq!(stored(there, "app", name.as_str()), own.digest);
    assert_eq!(stored(there, "app", "1"), image.digest);
}

#[tokio::test]
async fn quirk_22_a_destination_that_refuses_artifacts_gets_the_image_all_the_same() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let sbom = put_attached(store, "app", Some(&image), SBOM, None);
    let target = format!("/manifests/{}", sbom.digest);
    let refuse = refusing(
        400,
        "MANIFEST_INVALID",
        "manifest invalid: unknown media type",
    );
    let refused = fault(&pair.destination, "PUT", &target, refuse);
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted(&format!("without {} ({SBOM})", sbom.digest));
    copied.noted("MANIFEST_INVALID");
    assert_eq!(refused.hits(), 1);
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        image.digest
    );
}

#[tokio::test]
async fn an_image_named_by_its_digest_comes_after_what_refers_to_it() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let signature = put_attached(store, "app", Some(&image), SIGNATURE, None);
    // This destination refuses referrers of a missing subject.
    let target = format!("/manifests/{}", signature.digest);
    let missing = refusing(400, "MANIFEST_INVALID", "the subject does not exist");
    let fault = transship::serve::Fault::on("PUT".parse().unwrap(), &target, missing).unwrap();
    pair.destination.server.faults().add(fault.times(1));
    let copied = pair.copy(&format!("app@{}", image.digest)).await.unwrap();
    assert_eq!(copied.notes, [""; 0]);
    let there = pair.destination.server.store();
    assert_eq!(referrers(there, "app", &image), [signature.digest]);
}

#[tokio::test]
async fn a_referrer_that_is_listed_but_gone_is_noted() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let signature = put_attached(store, "app", Some(&image), SIGNATURE, None);
    let target = format!("/manifests/{}", signature.digest);
    fault(&pair.source, "GET", &target, Action::answer(404));
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted(&format!(
        "lists {} as a referrer but does not have it",
        signature.digest
    ));
}

#[tokio::test]
async fn a_referrer_of_an_unknown_kind_is_noted() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let unknown = json!({
        "mediaType": "application/vnd.cncf.oras.artifact.manifest.v1+json",
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size},
    });
    put_manifest(store, "app", None, &unknown);
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted("is not a manifest type that can be copied");
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        image.digest
    );
}

#[tokio::test]
async fn referrers_that_lead_on_without_end_are_an_error() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let mut subject = put_image(store, "app", "1", 1);
    for _ in 0..8 {
        subject = put_attached(store, "app", Some(&subject), SIGNATURE, None);
    }
    let error = pair.copy("app:1").await.unwrap_err();
    assert!(error.to_string().contains("nested"), "{error}");
}

/// Debian's registry has neither a referrers list nor `OCI-Subject`.
#[tokio::test]
async fn a_real_registry_without_the_api_gets_and_gives_a_fallback_index() {
    let Some(registry) = DockerRegistry::start().await else {
        return;
    };
    let source = Embedded::start().await;
    let image = put_image(source.server.store(), "app", "1", 1);
    let signature = put_attached(source.server.store(), "app", Some(&image), SIGNATURE, None);
    let sbom = put_attached(source.server.store(), "app", Some(&image), SBOM, None);
    let mut expected = [signature.digest, sbom.digest];
    expected.sort();
    let back = Embedded::start().await;
    let engine = Engine::new(Default::default());
    let mut there = order(&source, &source, "app:1");
    there.spec.destination = format!("{}/app:1", registry.address()).parse().unwrap();
    engine.copy(&there, &|_| ()).await.unwrap();
    let mut home = order(&source, &back, "app:1");
    home.spec.source = there.spec.destination;
    engine.copy(&home, &|_| ()).await.unwrap();
    let listed = referrers(back.server.store(), "app", &image);
    assert_eq!(listed, expected);
    let version = Version::Digest(expected[0].clone());
    let (one, other) = (source.server.store(), back.server.store());
    let bytes = |store: &transship::serve::Store| {
        let found = store.manifest(&repository("app"), &version);
        found.unwrap().unwrap().bytes
    };
    assert_eq!(bytes(one), bytes(other));
}
