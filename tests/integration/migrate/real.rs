//! A migration between two real registries with the real binary, checked with skopeo and access logs.

use std::collections::{BTreeMap, BTreeSet};

use transship::batch::{Event, Outcome};

use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Operator, list},
    requests::Request,
    sample_images::SampleImages,
    skopeo::Skopeo,
};

/// KiB of a base layer.
const WEIGHT: u64 = 300;

#[tokio::test]
async fn a_fleet_moves_between_two_real_registries_with_no_byte_and_no_question_too_many() {
    let (Some(skopeo), Some(source), Some(destination)) = (
        Skopeo::find(),
        DockerRegistry::start().await,
        DockerRegistry::start().await,
    ) else {
        return;
    };
    let made = Embedded::start().await;
    let fleet = SampleImages::new(made.server.store(), WEIGHT);
    assert!(fleet.images.len() >= 40);
    let operator = Operator::new();
    let from = made.address();
    operator
        .run(&list(&from, source.address(), &fleet.images), &[])
        .await
        .expect(0);

    let text = list(source.address(), destination.address(), &fleet.images);
    let text = text + "prefix = \"mirror/of\"\n";
    operator.run(&text, &[]).await.expect(0);
    let requests = destination.requests().await;

    let copies = fleet.at(&format!("{}/mirror/of", destination.address()));
    let origins = skopeo.digests(&fleet.at(source.address())).await;
    assert_eq!(skopeo.digests(&copies).await, origins);

    let uploads: Vec<_> = requests
        .iter()
        .filter_map(Request::accepted_upload)
        .collect();
    assert_eq!(uploads.len(), fleet.digests().len());
    let digests: BTreeSet<_> = uploads.into_iter().map(|(_, digest)| digest).collect();
    assert_eq!(
        digests,
        fleet.digests().iter().map(ToString::to_string).collect()
    );
    let mounts = requests.iter().filter_map(Request::mounted).count();
    assert_eq!(mounts, fleet.blobs().len() - fleet.digests().len());

    nothing_is_copied_twice(&operator, &text, &fleet, &source, &destination).await;
}

/// A second run sends each side one ping and one HEAD an image, and nothing else.
async fn nothing_is_copied_twice(
    operator: &Operator,
    text: &str,
    fleet: &SampleImages<'_>,
    source: &DockerRegistry,
    destination: &DockerRegistry,
) {
    let before = [
        source.requests().await.len(),
        destination.requests().await.len(),
    ];
    let again = operator.run(text, &["--json"]).await;
    let up_to_date = |event: &Event| {
        matches!(
            event,
            Event::JobFinished {
                outcome: Outcome::UpToDate { .. },
                ..
            }
        )
    };
    let events = again.expect(0).events();
    let up_to_date = events.iter().filter(|event| up_to_date(event)).count();
    assert_eq!(up_to_date, fleet.images.len());
    let sides = [
        (source, "", before[0]),
        (destination, "mirror/of/", before[1]),
    ];
    for (registry, prefix, before) in sides {
        let mut expected = BTreeMap::from([("GET /v2/".to_owned(), 1)]);
        for image in &fleet.images {
            let path = image.replace(':', "/manifests/");
            *expected
                .entry(format!("HEAD /v2/{prefix}{path}"))
                .or_default() += 1;
        }
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        for request in &registry.requests().await[before..] {
            let Request { method, target, .. } = request;
            *asked.entry(format!("{method} {target}")).or_default() += 1;
        }
        assert_eq!(asked, expected);
    }
}
