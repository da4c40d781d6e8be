//! Cosign tags at a destination that has signatures of its own.

use futures_util::future::join_all;
use serde_json::{Value, json};
use transship::{
    copy::CopyOutcome,
    oci::{Attachments, Descriptor, Digest, MediaType, Tag, Version},
    serve::{Action, Store},
};

use super::{Pair, count, fault, put_attached, put_image, put_manifest, repository, stored, tag};

const SIGNED: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ATTESTED: &str = "application/vnd.dsse.envelope.v1+json";

/// The suffix of a cosign tag.
const SIG: usize = 0;
const ATT: usize = 1;
const SBOM: usize = 2;

fn cosign(subject: &Descriptor, which: usize) -> Tag {
    let mut tags = Attachments::cosign_tags(&subject.digest);
    tags.nth(which).unwrap()
}

/// Layers as cosign writes them: a payload, and its signature as an annotation.
fn layers(store: &Store, name: &str, kind: &str, signatures: &[(&str, &str)]) -> Vec<Value> {
    let layer = |(payload, signature): &(&str, &str)| {
        let blob = store.put_blob(&repository(name), kind, payload.as_bytes());
        let mut blob = json!(blob.unwrap());
        blob["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
        blob
    };
    signatures.iter().map(layer).collect()
}

/// What cosign stores under `version`.
fn sign(store: &Store, name: &str, version: &Tag, kind: &str, signatures: &[(&str, &str)]) {
    let layers = layers(store, name, kind, signatures);
    let ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({"architecture": "", "created": "2024-01-01T00:00:00Z", "os": "",
        "history": vec![json!({"created": "0001-01-01T00:00:00Z"}); layers.len()],
        "rootfs": {"type": "layers", "diff_ids": ids}});
    let config = config.to_string().into_bytes();
    let config = store.put_blob(&repository(name), MediaType::OCI_CONFIG, &config[..]);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": config.unwrap(), "layers": layers,
    });
    put_manifest(store, name, Some(version), &manifest);
}

fn manifest(store: &Store, name: &str, version: &Tag) -> Value {
    let found = store.manifest(&repository(name), &Version::Tag(version.clone()));
    serde_json::from_slice(&found.unwrap().unwrap().bytes).unwrap()
}

/// The signatures under `version`, in their order; all their content is there.
#[track_caller]
fn signatures(store: &Store, name: &str, version: &Tag) -> Vec<String> {
    let manifest = manifest(store, name, version);
    let read = |blob: &Value| {
        let digest: Digest = blob["digest"].as_str().unwrap().parse().unwrap();
        let (mut file, _) = store
            .open_blob(&repository(name), &digest)
            .unwrap()
            .unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        bytes
    };
    let config: Value = serde_json::from_slice(&read(&manifest["config"])).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    let ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    assert_eq!(config["rootfs"]["diff_ids"], json!(ids));
    assert_eq!(config["history"].as_array().unwrap().len(), layers.len());
    let payloads = layers.iter().map(|layer| {
        let signature = &layer["annotations"]["dev.cosignproject.cosign/signature"];
        let payload = String::from_utf8(read(layer)).unwrap();
        format!("{payload} {}", signature.as_str().unwrap())
    });
    payloads.collect()
}

#[tokio::test]
async fn signatures_of_the_destination_are_kept_and_those_of_the_source_added() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    for (which, kind) in [(SIG, SIGNED), (ATT, ATTESTED)] {
        let tag = cosign(&image, which);
        sign(
            source,
            "app",
            &tag,
            kind,
            &[("image", "by all"), ("image", "by the source")],
        );
        sign(
            there,
            "app",
            &tag,
            kind,
            &[("image", "by the owner"), ("image", "by all")],
        );
    }
    let copied = pair.copy("app:1").await.unwrap();
    let expected = ["image by the owner", "image by all", "image by the source"];
    for which in [SIG, ATT] {
        let tag = cosign(&image, which);
        assert_eq!(signatures(there, "app", &tag), expected);
        let digest = stored(there, "app", tag.as_str());
        copied.noted(&format!(
            "the destination keeps its own 2 under {tag}; 1 of the source's were added, so it names {digest}"
        ));
    }
    let findings = pair.verify("app:1").await.unwrap();
    assert_eq!(findings.differences, []);
    let notes: Vec<String> = findings.notes.iter().map(ToString::to_string).collect();
    let more = [SIG, ATT].map(|which| {
        let tag = cosign(&image, which);
        format!("tag {tag} has all signatures of the source, and 1 more")
    });
    assert_eq!(notes, more);
}

#[tokio::test]
async fn merging_again_writes_nothing() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    let tag = cosign(&image, SIG);
    sign(source, "app", &tag, SIGNED, &[("image", "by the source")]);
    sign(there, "app", &tag, SIGNED, &[("image", "by the owner")]);
    pair.copy("app:1").await.unwrap();
    let merged = stored(there, "app", tag.as_str());
    let pair = pair.forget();
    let mut order = pair.order("app:1");
    order.spec.attachments.recheck = true;
    pair.clear_logs();
    let again = pair.carry_out(&order).await.unwrap();
    assert!(
        matches!(again.done, CopyOutcome::UpToDate { .. }),
        "{again:?}"
    );
    // The same holds for a list that names the tag.
    let again = pair.copy(&format!("app:{tag}")).await.unwrap();
    assert!(
        matches!(again.done, CopyOutcome::UpToDate { .. }),
        "{again:?}"
    );
    let requests = pair.destination.requests();
    for method in ["PUT", "POST", "PATCH"] {
        assert_eq!(count(&requests, method, ""), 0, "{method}");
    }
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", tag.as_str()), merged);
}

#[tokio::test]
async fn a_list_that_names_a_cosign_tag_itself_loses_no_signature_either() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    let tag = cosign(&image, SIG);
    sign(source, "app", &tag, SIGNED, &[("image", "by the source")]);
    sign(there, "app", &tag, SIGNED, &[("image", "by the owner")]);
    let name = format!("app:{tag}");
    pair.copy(&name).await.unwrap();
    let expected = ["image by the owner", "image by the source"];
    assert_eq!(signatures(there, "app", &tag), expected);
    let findings = pair.verify(&name).await.unwrap();
    assert_eq!(findings.differences, []);
    assert_eq!(findings.notes.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_merged_stays_and_is_noted() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    let tag = cosign(&image, SBOM);
    sign(source, "app", &tag, "text/spdx", &[("packages", "")]);
    sign(there, "app", &tag, "text/spdx", &[("other packages", "")]);
    let [wanted, own] = [source, there].map(|store| stored(store, "app", tag.as_str()));
    let kept = format!(
        "{tag} is not copied: the destination has {own} under it and the source has {wanted}"
    );
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted(&kept);
    copied.noted("delete the tag at the destination and copy again");
    assert_eq!(stored(there, "app", tag.as_str()), own);
    let findings = pair.verify("app:1").await.unwrap();
    let differences: Vec<String> = findings
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        differences,
        [format!("tag {tag} is not the same as at the source")]
    );
    // A second copy notes it again, and writes nothing.
    let pair = pair.forget();
    let mut order = pair.order("app:1");
    order.spec.attachments.recheck = true;
    let again = pair.carry_out(&order).await.unwrap();
    again.noted(&kept);
    assert!(
        matches!(again.done, CopyOutcome::UpToDate { .. }),
        "{again:?}"
    );
}

#[tokio::test]
async fn images_of_one_batch_add_their_signatures_one_after_another() {
    let pair = Pair::new().await;
    let source = pair.source.server.store();
    // The same image in several repositories, signed by a different team in each.
    let teams: Vec<String> = (0..6).map(|team| format!("team{team}")).collect();
    let (mut orders, mut subject) = (Vec::new(), None);
    for team in &teams {
        let image = put_attached(source, team, None, "text/plain", Some(&tag("1")));
        subject = Some(image.clone());
        sign(
            source,
            team,
            &cosign(&image, SIG),
            SIGNED,
            &[("image", team)],
        );
        let mut order = pair.order(&format!("{team}:1"));
        order.spec.destination = format!("{}/app:{team}", pair.destination.address())
            .parse()
            .unwrap();
        orders.push(order);
    }
    let copies = orders.iter().map(|order| pair.carry_out(order));
    for copied in join_all(copies).await {
        copied.unwrap();
    }
    let there = pair.destination.server.store();
    let mut found = signatures(there, "app", &cosign(&subject.unwrap(), SIG));
    found.sort();
    let expected: Vec<String> = teams.iter().map(|team| format!("image {team}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_tag_that_only_the_source_has_costs_a_head_where_the_repository_is_not_new() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    for (name, heads) in [("new", 0), ("used", 1)] {
        let image = put_image(source, name, "1", 1);
        let tag = cosign(&image, SIG);
        sign(source, name, &tag, SIGNED, &[("image", name)]);
        if heads > 0 {
            put_image(there, name, "other", 2);
        }
        pair.clear_logs();
        pair.copy(&format!("{name}:1")).await.unwrap();
        let requests = pair.destination.requests();
        assert_eq!(count(&requests, "HEAD", tag.as_str()), heads, "{name}");
        assert_eq!(count(&requests, "GET", "/manifests/"), 0, "{name}");
        assert_eq!(count(&requests, "PUT", tag.as_str()), 1, "{name}");
        assert_eq!(
            stored(there, name, tag.as_str()),
            stored(source, name, tag.as_str())
        );
    }
}

#[tokio::test]
async fn a_destination_that_fails_while_signatures_are_merged_keeps_what_it_had() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    let tag = cosign(&image, SIG);
    sign(source, "app", &tag, SIGNED, &[("image", "by the source")]);
    sign(there, "app", &tag, SIGNED, &[("image", "by the owner")]);
    let failing = fault(&pair.destination, "GET", tag.as_str(), Action::answer(503));
    pair.copy("app:1").await.unwrap_err();
    assert!(failing.hits() > 0);
    assert_eq!(signatures(there, "app", &tag), ["image by the owner"]);
    pair.destination.server.faults().clear();
    pair.copy("app:1").await.unwrap();
    let expected = ["image by the owner", "image by the source"];
    assert_eq!(signatures(there, "app", &tag), expected);
}

#[tokio::test]
async fn a_config_that_the_destination_lost_is_made_anew() {
    let pair = Pair::new().await;
    let (source, there) = (pair.source.server.store(), pair.destination.server.store());
    let image = put_image(source, "app", "1", 1);
    let version = cosign(&image, SIG);
    sign(
        source,
        "app",
        &version,
        SIGNED,
        &[("image", "by the source")],
    );
    sign(there, "app", &version, SIGNED, &[("image", "by the owner")]);
    let config = manifest(there, "app", &version)["config"]["digest"].clone();
    let config = config.as_str().unwrap().parse().unwrap();
    there.delete_blob(&repository("app"), &config).unwrap();
    pair.copy("app:1").await.unwrap();
    let expected = ["image by the owner", "image by the source"];
    assert_eq!(signatures(there, "app", &version), expected);
    assert_eq!(stored(there, "app", "1"), image.digest);
}
