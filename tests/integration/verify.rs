//! `transship verify` finds what changed at a destination after the migration.

use axum::http::Method;
use transship::{
    oci::{Descriptor, Digest, MediaType},
    serve::{Action, Fault, ImageBuilder},
};

use crate::{
    embedded::Embedded,
    operator::{Ended, Operator, list},
    sample_images::{SampleImages, amd64, repository},
};

/// Images that were migrated.
struct Moved {
    source: Embedded,
    destination: Embedded,
    operator: Operator,
    list: String,
}

impl Moved {
    async fn new() -> Self {
        let (source, destination) = (Embedded::start().await, Embedded::start().await);
        let images = SampleImages::new(source.server.store(), 4).images;
        Self::of(source, destination, &images).await
    }

    async fn of(source: Embedded, destination: Embedded, images: &[String]) -> Self {
        let list = list(&source.address(), &destination.address(), images);
        let operator = Operator::new();
        operator.run(&list, &["--headless"]).await.expect(0);
        Self {
            source,
            destination,
            operator,
            list,
        }
    }

    async fn verify(&self, options: &[&str]) -> Ended {
        let list = self.operator.list(&self.list);
        let verify = ["verify", list.to_str().unwrap()];
        self.operator.say(&[&verify[..], options].concat()).await
    }
}

#[tokio::test]
async fn what_was_moved_is_found_to_be_the_same_at_every_depth() {
    let moved = Moved::new().await;
    let asked = moved.destination.requests().len();
    moved.verify(&[]).await.expect(0);
    let requests = moved.destination.requests().split_off(asked);
    let heads = requests.iter().filter(|asked| asked.method == "HEAD");
    assert_eq!(heads.count(), 45);
    assert_eq!(requests.len(), 46, "more than a ping and a HEAD an image");
    moved.verify(&["--deep"]).await.expect(0);
    let ended = moved.verify(&["--rehash"]).await;
    assert_eq!(ended.expect(0).stdout, "");
    // The batch's name stands for its list.
    let batches = moved.operator.say(&["batches"]).await.stdout;
    let batch = batches.split(' ').next().unwrap();
    moved.operator.say(&["verify", batch]).await.expect(0);
}

#[tokio::test]
async fn every_damage_is_found_at_the_depth_that_looks_for_it() {
    let moved = Moved::new().await;
    let cart = repository("shop/cart");
    let store = moved.destination.server.store();
    let tags = store.tags(&cart).unwrap();
    let tag = |index: usize| tags[index].parse().unwrap();
    // The tag moved; deleted; a layer lost; a layer damaged.
    store
        .put_manifest(
            &cart,
            Some(&tag(0)),
            MediaType::OCI_MANIFEST,
            b"{\"schemaVersion\":2,\"config\":{}}",
        )
        .unwrap();
    store.delete_tag(&cart, &tag(1)).unwrap();
    let own_layer = |index: usize| {
        let manifest = store
            .manifest(&cart, &transship::oci::Version::Tag(tag(index)))
            .unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.unwrap().bytes).unwrap();
        let layer: Descriptor = serde_json::from_value(manifest["layers"][2].clone()).unwrap();
        layer
    };
    let (lost, rotten) = (own_layer(2), own_layer(3));
    store.delete_blob(&cart, &lost.digest).unwrap();
    let file = store
        .directory()
        .join("repositories/shop/cart/_blobs/sha256")
        .join(rotten.digest.hex());
    let size = usize::try_from(rotten.size).unwrap();
    std::fs::write(file, vec![7; size]).unwrap();

    let name = |index: usize| {
        format!(
            "{}/shop/cart:{}: ",
            moved.destination.address(),
            tags[index]
        )
    };
    let digests = moved.verify(&[]).await;
    let lines: Vec<&str> = digests.expect(1).stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{}the destination has sha256:", name(0))));
    assert_eq!(
        lines[1],
        format!("{}the destination does not have it", name(1))
    );

    let deep = moved.verify(&["--deep"]).await.expect(1).stdout.clone();
    let missing = format!("{}blob {} is missing\n", name(2), lost.digest);
    assert!(
        deep.ends_with(&missing) && deep.lines().count() == 3,
        "{deep}"
    );

    let bytes = moved.verify(&["--rehash", "--json"]).await;
    let got = Digest::of(&vec![7; size]);
    let content = format!("blob {} has other content: {got}", rotten.digest);
    assert_eq!(bytes.expect(1).stdout.matches(&content).count(), 1);
    assert_eq!(bytes.stdout.lines().count(), 45);
}

#[tokio::test]
async fn a_lost_referrer_is_found() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let store = source.server.store();
    let (estate, app) = (ImageBuilder::new(store), repository("team/app"));
    let layer = estate.layer(&app, 1, 100).unwrap();
    let subject = estate
        .image(&app, Some(&"v1".parse().unwrap()), &amd64(), &[layer])
        .unwrap();
    let signature = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "artifactType": "text/plain",
        "config": store.put_blob(&app, MediaType::OCI_EMPTY, &b"{}"[..]).unwrap(),
        "layers": [], "subject": subject,
    });
    let signature = signature.to_string();
    let moved = Moved::of(source, destination, &["team/app:v1".into()]).await;
    moved.verify(&["--deep"]).await.expect(0);
    let signature = moved
        .source
        .server
        .store()
        .put_manifest(&app, None, MediaType::OCI_MANIFEST, signature.as_bytes())
        .unwrap();
    let found = moved.verify(&["--deep"]).await;
    let missing = format!("referrer {} is missing", signature.digest);
    assert!(found.expect(1).stdout.contains(&missing), "{found:?}");
    moved.verify(&[]).await.expect(0);
}

#[tokio::test]
async fn a_refused_question_is_never_agreement() {
    let moved = Moved::new().await;
    moved.verify(&["--deep"]).await.expect(0);
    let refuse = Fault::on(Method::GET, "/referrers/", Action::answer(403));
    moved.source.server.faults().add(refuse.unwrap());
    let ended = moved.verify(&["--deep"]).await;
    let unknown = format!(
        " could not be compared: source {} said 403 (UNKNOWN: scripted)",
        moved.source.address()
    );
    assert!(ended.expect(1).stdout.contains(&unknown), "{ended:?}");
    assert!(ended.stderr.contains("45 different"), "{ended:?}");
}

#[tokio::test]
async fn what_may_pass_is_asked_again() {
    let moved = Moved::new().await;
    let faults = moved.destination.server.faults();
    let busy = || {
        Fault::on(Method::HEAD, "/manifests/", Action::answer(500))
            .unwrap()
            .times(1)
    };
    let cut = Fault::on(Method::GET, "/blobs/", Action::CutResponse { after: 10 });
    faults.add(busy());
    faults.add(cut.unwrap().times(1));
    let ended = moved.verify(&["--rehash"]).await;
    assert_eq!(ended.expect(0).stdout, "");
    let again = " said 500; retrying in 2 s (2 of 5)\n";
    assert!(ended.stderr.contains(again), "{ended:?}");
    faults.add(busy());
    let once = moved.verify(&["--attempts", "1"]).await;
    assert!(
        once.expect(1)
            .stderr
            .contains("0 different, 1 could not be compared"),
        "{once:?}"
    );
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_no_difference() {
    let moved = Moved::new().await;
    let Moved {
        source,
        operator,
        list,
        destination,
    } = moved;
    let unreachable = format!(
        "could not be compared: destination {} cannot be reached: connection refused\n",
        destination.address()
    );
    drop(destination);
    let list = operator.list(&list);
    let verify = ["verify", "--attempts", "1", list.to_str().unwrap()];
    let ended = operator.say(&verify).await;
    assert_eq!(ended.expect(1).stdout.matches(&unreachable).count(), 45);
    assert!(
        ended
            .stderr
            .contains("0 different, 45 could not be compared")
    );
    drop(source);
}

#[tokio::test]
async fn chosen_platforms_are_the_same_and_others_are_not() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let (estate, app) = (
        ImageBuilder::new(source.server.store()),
        repository("team/app"),
    );
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let children = platforms.map(|platform| {
        let platform = platform.parse().unwrap();
        let layer = estate.layer(&app, 1, 100).unwrap();
        estate.image(&app, None, &platform, &[layer]).unwrap()
    });
    estate
        .index(&app, &"v1".parse().unwrap(), &children)
        .unwrap();
    let mut moved = Moved::of(source, destination, &["team/app:v1".into()]).await;
    let whole = moved.list.clone();
    for chosen in ["'linux/arm64'", "'linux/amd64', 'linux/s390x'"] {
        moved.list = format!("{whole}[defaults]\nplatforms = [{chosen}]\n");
        let list = moved.operator.list(&moved.list);
        let run = ["run", "--headless", list.to_str().unwrap()];
        moved.operator.say(&run).await.expect(0);
        moved.verify(&["--deep"]).await.expect(0);
    }
    moved.list = format!("{whole}[defaults]\nplatforms = ['linux/arm64']\n");
    let other = moved.verify(&[]).await;
    let text = "the destination does not have exactly the selected platforms";
    assert!(other.expect(1).stdout.contains(text));
}
