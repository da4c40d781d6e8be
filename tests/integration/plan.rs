//! `transship plan` at the real binary: what copying would do, without a batch.

use serde_json::Value;
use transship::serve::{Action, Fault, ImageBuilder};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::Ended,
    sample_images::{amd64, repository},
};

async fn plan(fixture: &Fixture, options: &[&str]) -> Ended {
    let list = fixture.list();
    let plan = ["plan", list.to_str().unwrap()];
    fixture.operator.say(&[&plan[..], options].concat()).await
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Copies everything, and gives the first image of the destination other content.
async fn copied_and_one_replaced(fixture: &Fixture) {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    fixture.operator.say(&run).await.expect(0);
    let estate = ImageBuilder::new(fixture.destination.server.store());
    let first = repository(IMAGES[0]);
    let layer = estate.layer(&first, 77, 1000).unwrap();
    let tag = "1".parse().unwrap();
    estate
        .image(&first, Some(&tag), &amd64(), &[layer])
        .unwrap();
}

#[tokio::test]
async fn a_plan_names_what_is_copied_and_replaced_and_leaves_no_batch() {
    let fixture = Fixture::new().await;
    copied_and_one_replaced(&fixture).await;
    let batches = fixture.operator.say(&["batches", "--json"]).await.stdout;
    fixture.destination.server.access_log().clear();

    let ended = plan(&fixture, &["--json", "--speed", "1KiB"]).await;
    let report = json(ended.expect(0));
    assert_eq!(report["version"], 1);
    assert_eq!(report["totals"]["images"], 3);
    assert_eq!(report["totals"]["to_copy"], 1);
    assert_eq!(report["totals"]["replacing"], 1);
    assert_eq!(report["totals"]["up_to_date"], 2);
    let image = &report["images"][0];
    assert_eq!(image["outcome"], "copy");
    assert_ne!(image["digest"], image["replaces"]);
    // The blobs of the image are there; only its tag names another one.
    assert_eq!(report["totals"]["bytes_to_copy"], 0);
    assert_eq!(report["time"]["seconds"], 0);

    for request in fixture.destination.requests() {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{request:?}");
    }
    let after = fixture.operator.say(&["batches", "--json"]).await.stdout;
    assert_eq!(after, batches);
}

#[tokio::test]
async fn a_plan_for_a_person_has_sums_and_time() {
    let fixture = Fixture::new().await;
    let ended = plan(&fixture, &["--speed", "1KiB"]).await;
    let said = &ended.expect(0).stdout;
    assert!(said.contains(": 3 images: 3 to copy\n"), "{said}");
    assert!(said.contains("to copy\n  time: about 2 min "), "{said}");
    let unknown = plan(&fixture, &[]).await;
    assert!(unknown.expect(0).stdout.contains("no speed is known"));
    let markdown = plan(&fixture, &["--markdown"]).await;
    let said = &markdown.expect(0).stdout;
    assert!(said.starts_with("## Plan of "), "{said}");
    assert!(said.contains("### Largest layers to copy"), "{said}");
}

#[tokio::test]
async fn an_image_that_cannot_be_planned_is_named_with_what_to_do() {
    let fixture = Fixture::new().await;
    let refused = Fault::on_any("/team/second/manifests/", Action::answer(404)).unwrap();
    let _refused = fixture.source.server.faults().add(refused);
    let ended = plan(&fixture, &[]).await;
    let said = &ended.expect(1).stdout;
    assert!(said.contains("3 images: 2 to copy, 1 failed\n"), "{said}");
    assert!(said.contains("\nImages that cannot be planned\n"), "{said}");
    let report = plan(&fixture, &["--json"]).await;
    let failed = &json(report.expect(1))["images"][1];
    assert_eq!(failed["outcome"], "failed");
    assert_eq!(failed["side"], "source");
}

#[tokio::test]
async fn pulls_that_a_source_counts_are_compared_with_what_is_left() {
    let fixture = Fixture::new().await;
    for (name, value) in [
        ("ratelimit-limit", "100;w=21600"),
        ("ratelimit-remaining", "2;w=21600"),
    ] {
        let (name, value) = (name.to_owned(), value.to_owned());
        let header = Fault::on_any("/manifests/", Action::SetHeader { name, value }).unwrap();
        fixture.source.server.faults().add(header);
    }
    let ended = plan(&fixture, &[]).await;
    let said = &ended.expect(0).stdout;
    let expected =
        "3 pulls are needed, 2 of 100 in 6 h 00 min are left; the rest waits about 3 min 36 s";
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn the_plan_of_a_layout_makes_no_layout() {
    let fixture = Fixture::new().await;
    let layout = fixture.operator.path("estate");
    let list = fixture.operator.path("layout.toml");
    let text = format!(
        "version = 1\n[[images]]\nname = \"{}/team/first:1\"\nto = \"oci:{}:team/first:1\"\n",
        fixture.source.address(),
        layout.display()
    );
    std::fs::write(&list, text).unwrap();
    let ended = fixture
        .operator
        .say(&["plan", list.to_str().unwrap()])
        .await;
    let said = &ended.expect(0).stdout;
    assert!(said.contains("1 image: 1 to copy\n"), "{said}");
    assert!(
        said.contains(&format!("to oci:{}: ", layout.display())),
        "{said}"
    );
    assert!(!layout.exists());
}

#[tokio::test]
async fn the_speed_of_the_last_batch_between_the_registries_is_taken() {
    let fixture = Fixture::new().await;
    let estate = ImageBuilder::new(fixture.source.server.store());
    let first = repository(IMAGES[0]);
    let layer = estate.layer(&first, 7, 2 << 20).unwrap();
    let tag = "1".parse().unwrap();
    estate
        .image(&first, Some(&tag), &amd64(), &[layer])
        .unwrap();
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    fixture.operator.say(&run).await.expect(0);
    let batches = fixture.operator.say(&["batches"]).await.stdout;
    let batch = batches.split_whitespace().next().unwrap();

    let report = plan(&fixture, &["--json"]).await;
    let time = &json(report.expect(0))["time"];
    assert_eq!(time["batch"], batch);
    assert!(time["bytes_per_second"].as_u64().unwrap() > 0, "{time}");
    let given = plan(&fixture, &["--json", "--speed", "1MB"]).await;
    let time = &json(given.expect(0))["time"];
    assert_eq!(time["batch"], Value::Null);
    assert_eq!(time["bytes_per_second"], 1_000_000);
}
