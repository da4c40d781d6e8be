//! Every kind of image arrives unchanged, or with the selected platforms.

use transship::{
    copy::CopyOutcome,
    oci::{Descriptor, MediaType, Version},
    serve::ImageBuilder,
};

use super::copier::{Copier, one, tagged};
use crate::sample_images::{manifest, put_docker_list, repository};

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// An index of three platforms, as tag 1; its children.
fn put_index(copier: &Copier, name: &str) -> Vec<Descriptor> {
    let estate = ImageBuilder::new(copier.origin());
    let repository = repository(name);
    let children: Vec<_> = (1..)
        .zip(PLATFORMS)
        .map(|(seed, platform)| {
            let layer = estate.layer(&repository, seed, 20_000).unwrap();
            let platform = platform.parse().unwrap();
            estate
                .image(&repository, None, &platform, &[layer])
                .unwrap()
        })
        .collect();
    estate.index(&repository, &one(), &children).unwrap();
    children
}

#[tokio::test]
async fn oci_docker_and_artifacts_arrive_byte_for_byte() {
    let copier = Copier::new().await;
    copier.put_image("an/image", &[1, 2]);
    put_index(&copier, "an/index");
    put_docker_list(copier.origin(), &repository("a/docker-list"), &one(), 5000);
    let kind = "application/vnd.example.sbom.v1+json";
    ImageBuilder::new(copier.origin())
        .artifact(&repository("an/artifact"), &one(), kind, b"{\"parts\":[]}")
        .unwrap();
    for name in ["an/image", "an/index", "a/docker-list", "an/artifact"] {
        copier
            .copy(&format!("{name}:1"), &format!("new/{name}:1"))
            .await;
        let (from, to) = (repository(name), repository(&format!("new/{name}")));
        let mut versions = vec![Version::Tag(one())];
        while let Some(version) = versions.pop() {
            let origin = manifest(copier.origin(), &from, &version);
            let copy = manifest(copier.home(), &to, &version);
            assert_eq!(copy.raw, origin.raw, "{name}");
            assert_eq!(copy.media_type, origin.media_type, "{name}");
            for blob in origin.blobs() {
                assert!(copier.home().has_blob(&to, &blob.digest), "{name}");
            }
            let children = origin.children().iter();
            versions.extend(children.map(|child| Version::Digest(child.digest.clone())));
        }
    }
}

#[tokio::test]
async fn one_platform_of_an_index_is_its_child() {
    let copier = Copier::new().await;
    let children = put_index(&copier, "team/app");
    let copied = copier
        .copy_platforms("team/app:1", "new/app:1", &["linux/arm64"])
        .await;
    let root = children[1].digest.clone();
    assert_eq!(
        copied.unwrap().0,
        CopyOutcome::Copied { root: root.clone() }
    );
    let copy = tagged(copier.home(), "new/app");
    assert_eq!(copy.digest, root);
    // A config and a layer: nothing of the other platforms was read.
    let reads = copier.asked_of_source();
    assert!(reads.contains(&(2, "GET blob 200".to_owned())), "{reads:?}");
}

#[tokio::test]
async fn two_platforms_of_an_index_are_a_smaller_index_and_that_is_said() {
    let copier = Copier::new().await;
    let children = put_index(&copier, "team/app");
    let asked = ["linux/amd64", "linux/arm/v7"];
    let copied = copier
        .copy_platforms("team/app:1", "new/app:1", &asked)
        .await;
    let (_, notes) = copied.unwrap();
    let index = tagged(copier.home(), "new/app");
    assert!(
        notes
            .iter()
            .any(|note| note.contains(&index.digest.to_string())),
        "{notes:?}"
    );
    assert_eq!(index.media_type.as_str(), MediaType::OCI_INDEX);
    let kept: Vec<_> = index.children().iter().map(|child| &child.digest).collect();
    assert_eq!(kept, [&children[0].digest, &children[2].digest]);
    for child in index.children() {
        let home = repository("new/app");
        manifest(copier.home(), &home, &Version::Digest(child.digest.clone()));
    }
    let again = copier
        .copy_platforms("team/app:1", "new/app:1", &asked)
        .await;
    assert!(matches!(again.unwrap(), (CopyOutcome::UpToDate { .. }, _)));
}

#[tokio::test]
async fn a_platform_an_index_does_not_have_is_an_error_that_says_which_it_has() {
    let copier = Copier::new().await;
    put_index(&copier, "team/app");
    let copied = copier
        .copy_platforms("team/app:1", "new/app:1", &["linux/riscv64"])
        .await;
    let error = copied.unwrap_err().to_string();
    assert!(error.ends_with(&PLATFORMS.join(", ")), "{error}");
}

#[tokio::test]
async fn a_pinned_image_is_copied_whatever_its_tag_says_by_now() {
    let copier = Copier::new().await;
    copier.put_image("team/app", &[1]);
    let pinned = tagged(copier.origin(), "team/app").digest;
    copier.put_image("team/app", &[2]);
    let source = format!("team/app@{pinned}");
    for destination in ["new/app:1".to_owned(), format!("new/untagged@{pinned}")] {
        let done = copier.copy(&source, &destination).await;
        let root = pinned.clone();
        assert_eq!(done, CopyOutcome::Copied { root });
    }
    let untagged = Version::Digest(pinned.clone());
    manifest(copier.home(), &repository("new/untagged"), &untagged);
    assert_eq!(tagged(copier.home(), "new/app").digest, pinned);
    // A digest reference needs no HEAD at the source.
    copier.forget_requests();
    copier
        .copy(&format!("team/app@{pinned}"), "new/app:1")
        .await;
    assert_eq!(copier.asked_of_source(), []);
}
