//! `prune = true`: tags at the destination that no image of the list has.

use serde_json::Value;
use transship::serve::{ImageBuilder, Store};

use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Ended, Operator},
    sample_images::{amd64, repository},
};

const NAME: &str = "team/app";

/// Puts an image of one layer that depends on `seed`.
fn put(store: &Store, name: &str, tag: &str, seed: u64) {
    let builder = ImageBuilder::new(store);
    let (name, tag) = (repository(name), tag.parse().unwrap());
    let layer = builder.layer(&name, seed, 1000).unwrap();
    builder
        .image(&name, Some(&tag), &amd64(), &[layer])
        .unwrap();
}

/// A source with the tags `1` and `2`, and an operator.
struct Mirror {
    source: Embedded,
    operator: Operator,
}

impl Mirror {
    async fn new() -> Self {
        let source = Embedded::start().await;
        put(source.server.store(), NAME, "1", 1);
        put(source.server.store(), NAME, "2", 2);
        Self {
            source,
            operator: Operator::new(),
        }
    }

    /// Runs the list that copies every tag and prunes.
    async fn run(&self, destination: &str, keys: &str, options: &[&str]) -> Ended {
        self.operator
            .run(&self.list(destination, keys), options)
            .await
    }

    fn list(&self, destination: &str, keys: &str) -> String {
        let source = self.source.address();
        format!(
            "version = 1\n[source]\nregistry = \"{source}\"\n\
             [destination]\nregistry = \"{destination}\"\nprune = true\n{keys}\n\
             [[images]]\nname = \"{NAME}\"\ntag-pattern = \".*\"\n"
        )
    }
}

fn tags(registry: &Embedded, name: &str) -> Vec<String> {
    registry.server.store().tags(&repository(name)).unwrap()
}

const HALF: &str = "prune-limit = \"50%\"";

#[tokio::test]
async fn tags_that_no_image_of_the_list_has_are_deleted_and_named() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    let store = destination.server.store();
    put(store, NAME, "old", 7);
    put(store, "team/other", "old", 7);
    let signature = format!("sha256-{}.sig", "ab".repeat(32));
    put(store, NAME, &signature, 8);
    let ended = mirror.run(&destination.address(), HALF, &[]).await;
    let place = format!("{}/{NAME}", destination.address());
    assert!(
        ended
            .expect(0)
            .stdout
            .ends_with(&format!("{place}:old: deleted\n")),
        "{}",
        ended.stdout
    );
    let said = &ended.stderr;
    assert!(
        said.contains(&format!("{place}:old: delete the tag")),
        "{said}"
    );
    assert!(said.contains("1 tag pruned at"), "{said}");
    assert_eq!(tags(&destination, NAME), ["1", "2", &signature]);
    // The list writes nothing there.
    assert_eq!(tags(&destination, "team/other"), ["old"]);
}

#[tokio::test]
async fn more_than_the_limit_needs_a_yes() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    put(destination.server.store(), NAME, "old", 7);
    let to = destination.address();
    let refused = mirror.run(&to, "", &[]).await;
    let said = &refused.expect(1).stderr;
    assert!(
        said.contains("1 tag of 3 is more than 10% of the tags"),
        "{said}"
    );
    assert!(said.contains(&format!("{NAME}:old")), "{said}");
    assert_eq!(tags(&destination, NAME), ["1", "2", "old"]);
    mirror.run(&to, "", &["--yes"]).await.expect(0);
    assert_eq!(tags(&destination, NAME), ["1", "2"]);
    // Nothing is stale any more.
    let again = mirror.run(&to, "", &[]).await;
    assert!(
        !again.expect(0).stderr.contains("prune"),
        "{}",
        again.stderr
    );
}

#[tokio::test]
async fn nothing_is_pruned_after_a_failure() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    put(destination.server.store(), NAME, "old", 7);
    let fault = transship::serve::Fault::on(
        reqwest::Method::GET,
        "/blobs/",
        transship::serve::Action::answer(404),
    );
    mirror.source.server.faults().add(fault.unwrap());
    let ended = mirror.run(&destination.address(), HALF, &[]).await;
    let said = &ended.expect(1).stderr;
    assert!(said.contains("nothing pruned"), "{said}");
    assert!(tags(&destination, NAME).contains(&"old".to_owned()));
}

#[tokio::test]
async fn a_review_names_the_tags_and_deletes_none() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    put(destination.server.store(), NAME, "1", 1);
    put(destination.server.store(), NAME, "old", 7);
    let ended = mirror.run(&destination.address(), "", &["--review"]).await;
    let place = format!("{}/{NAME}:old", destination.address());
    assert!(ended.expect(3).stdout.contains(&place), "{}", ended.stdout);
    let said = &ended.stderr;
    assert!(said.contains("1 tag of 2 would be pruned"), "{said}");
    assert!(said.contains("--yes is needed"), "{said}");
    assert_eq!(tags(&destination, NAME), ["1", "old"]);
}

#[tokio::test]
async fn json_has_an_object_for_each_tag_after_the_events() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    put(destination.server.store(), NAME, "old", 7);
    let to = destination.address();
    let ended = mirror.run(&to, HALF, &["--json"]).await;
    let last = ended.expect(0).stdout.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["event"], "tag_pruned");
    assert_eq!(last["image"], format!("{to}/{NAME}:old"));
    assert_eq!(last["result"], "deleted");
}

#[tokio::test]
async fn docker_registry_keeps_a_stale_tag_whose_manifest_the_list_needs() {
    let mirror = Mirror::new().await;
    let setting = ("REGISTRY_STORAGE_DELETE_ENABLED", "true".into());
    let Some(registry) = DockerRegistry::with([setting]).await else {
        return;
    };
    // `same` names the manifest of 1; `old` has one of its own.
    put(mirror.source.server.store(), NAME, "old", 7);
    let place = format!("{}/{NAME}", registry.address());
    for (from, to) in [("1", "same"), ("old", "old")] {
        let from = format!("{}/{NAME}:{from}", mirror.source.address());
        let copy = ["copy", &from, &format!("{place}:{to}")];
        mirror.operator.say(&copy).await.expect(0);
    }
    let delete = [
        "delete",
        &format!("{}/{NAME}:old", mirror.source.address()),
        "--yes",
    ];
    mirror.operator.say(&delete).await.expect(0);
    let ended = mirror.run(registry.address(), HALF, &[]).await;
    let said = &ended.expect(0).stderr;
    assert!(said.contains(&format!("{place}:same: stays")), "{said}");
    let listed = mirror.operator.say(&["tags", &place]).await;
    assert_eq!(listed.expect(0).stdout, "1\n2\nsame\n");
}

#[tokio::test]
async fn a_plan_names_the_tags_and_says_whether_they_are_beyond_the_limit() {
    let (mirror, destination) = (Mirror::new().await, Embedded::start().await);
    put(destination.server.store(), NAME, "old", 7);
    let list = mirror.list(&destination.address(), "");
    let path = mirror.operator.list(&list);
    let plan = ["plan", path.to_str().unwrap()];
    let ended = mirror.operator.say(&plan).await;
    let said = &ended.expect(0).stdout;
    let place = format!("{}/{NAME}:old", destination.address());
    assert!(
        said.contains("prune: 1 of 1 tag after the copies, more than"),
        "{said}"
    );
    assert!(
        said.contains(&format!("Tags that are pruned\n  {place}")),
        "{said}"
    );
    let ended = mirror
        .operator
        .say(&[&plan[..], &["--json"]].concat())
        .await;
    let report: Value = serde_json::from_str(&ended.expect(0).stdout).unwrap();
    assert_eq!(report["prune"]["tags"], serde_json::json!([place]));
    assert_eq!(tags(&destination, NAME), ["old"]);
}
