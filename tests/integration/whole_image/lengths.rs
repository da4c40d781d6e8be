//! Destinations that have a blob with the wrong length.

use transship::{
    copy::CopyOutcome,
    oci::Descriptor,
    registry::FailureClass,
    serve::{Action, Fault},
    verify::{Depth, Verifier},
};

use super::{Pair, count, fault, put_image, repository, stored};

/// An image whose blobs are in a repository at the destination that is in use, so that the copy asks for them.
async fn with_blobs_there() -> (Pair, Descriptor) {
    let pair = Pair::new().await;
    let image = put_image(pair.source.server.store(), "app", "1", 1);
    let there = pair.destination.server.store();
    let placed = put_image(there, "app", "other", 1);
    assert_eq!(placed.digest, image.digest);
    there
        .delete_manifest(&repository("app"), &placed.digest)
        .unwrap();
    put_image(there, "app", "other", 2);
    (pair, image)
}

fn another_length() -> Action {
    Action::answer(200).header("content-length", "3")
}

fn uploads(pair: &Pair) -> usize {
    count(&pair.destination.requests(), "PUT", "/blobs/uploads/")
}

#[tokio::test]
async fn a_blob_of_another_length_is_uploaded_anew() {
    let (pair, image) = with_blobs_there().await;
    let head = Fault::on("HEAD".parse().unwrap(), "/blobs/", another_length()).unwrap();
    pair.destination.server.faults().add(head.times(1));
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted("the destination has 3 bytes instead of ");
    assert_eq!(copied.done, CopyOutcome::Copied { root: image.digest });
    assert_eq!(uploads(&pair), 1);
}

#[tokio::test]
async fn a_preflight_leaves_a_blob_of_another_length_to_the_copy() {
    let (pair, _) = with_blobs_there().await;
    fault(&pair.destination, "HEAD", "/blobs/", another_length());
    let (order, report) = (pair.order("app:1"), |_| ());
    pair.engine.preflight(&order, &report).await.unwrap();
    pair.destination.server.faults().clear();
    pair.copy("app:1").await.unwrap();
    assert_eq!(uploads(&pair), 0);
}

#[tokio::test]
async fn a_blob_that_stays_as_it_was_fails_the_image() {
    let (pair, _) = with_blobs_there().await;
    fault(&pair.destination, "HEAD", "/blobs/", another_length());
    let short = Action::answer(200).body("abc");
    fault(&pair.destination, "GET", "/blobs/", short);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
    assert!(error.to_string().starts_with("has 3 bytes"), "{error}");
    let hint = error.chain().pop().unwrap();
    assert!(hint.contains("delete the blob there"), "{hint}");
    let puts = count(&pair.destination.requests(), "PUT", "/manifests/");
    assert_eq!(puts, 0);
}

#[tokio::test]
async fn a_registry_whose_lengths_are_wrong_only_in_answers_to_head_is_copied_to() {
    let (pair, image) = with_blobs_there().await;
    fault(&pair.destination, "HEAD", "/blobs/", another_length());
    pair.copy("app:1").await.unwrap();
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "1"), image.digest);
    assert_eq!(uploads(&pair), 2);
}

#[tokio::test]
async fn a_registry_that_leaves_lengths_out_is_believed() {
    let (pair, _) = with_blobs_there().await;
    let silent = Action::DropHeader {
        name: "content-length".into(),
    };
    fault(&pair.destination, "HEAD", "/blobs/", silent);
    pair.copy("app:1").await.unwrap();
    assert_eq!(uploads(&pair), 0);
    let order = pair.order("app:1");
    let verifier = Verifier::new(Depth::Content);
    let differences = verifier.verify(pair.engine.stores(), &order.spec).await;
    assert_eq!(differences.unwrap().differences, []);
}
