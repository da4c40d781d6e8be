//! Deleting from the embedded registry, which deletes tags alone unless a fault says otherwise.

use reqwest::Method;
use serde_json::json;
use transship::{
    oci::Version,
    serve::{Action, Fault, ImageBuilder},
};

use super::{Fixture, NAME, name, objects};
use crate::terminal::Terminal;

impl Fixture {
    /// Tags cannot be deleted alone from now on.
    fn refuse_tags(&self, status: u16, code: &str) {
        let body = json!({"errors": [{"code": code, "message": "no"}]}).to_string();
        let target = "/manifests/[^:/]+$";
        let fault = Fault::on(Method::DELETE, target, Action::answer(status).body(&body));
        self.registry.server.faults().add(fault.unwrap());
    }
}

#[tokio::test]
async fn a_tag_is_deleted_alone_where_the_registry_can() {
    let fixture = Fixture::new().await;
    let digest = fixture.digest("1");
    let deleted = fixture.say("delete", &["1"], &["--yes"]).await;
    let line = format!("{}: deleted\n", fixture.image("1"));
    assert_eq!(deleted.expect(0).stdout, line);
    assert!(!deleted.stderr.contains("warning"), "{}", deleted.stderr);
    assert_eq!(fixture.tags(), ["2", "latest"]);
    assert_eq!(fixture.digest("latest"), digest);
    assert_eq!(fixture.deleted(), [format!("/v2/{NAME}/manifests/1")]);
}

#[tokio::test]
async fn where_tags_cannot_be_deleted_the_manifest_goes_with_all_its_tags_and_each_is_named() {
    for (status, code) in [(405, "UNSUPPORTED"), (400, "DIGEST_INVALID")] {
        let fixture = Fixture::new().await;
        fixture.put("stable", 1);
        fixture.refuse_tags(status, code);
        let target = format!("/v2/{NAME}/manifests/{}", fixture.digest("1"));
        let asked = fixture.say("delete", &["1"], &[]).await;
        let said = &asked.expect(2).stderr;
        for part in [
            "has 2 other tags, deleted with it: latest, stable",
            "--yes deletes 1 image and 2 other tags",
        ] {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
        assert_eq!(fixture.tags(), ["1", "2", "latest", "stable"]);
        let deleted = fixture.say("delete", &["1"], &["--yes", "--json"]).await;
        assert!(deleted.expect(0).stderr.contains("latest, stable"));
        let [object] = &objects(&deleted)[..] else {
            panic!("{}", deleted.stdout);
        };
        assert_eq!(object["other_tags"], json!(["latest", "stable"]));
        assert_eq!(
            (&object["by"], &object["result"]),
            (&json!("digest"), &json!("deleted"))
        );
        assert_eq!(fixture.tags(), ["2"]);
        assert_eq!(fixture.deleted(), [target]);
    }
}

#[tokio::test]
async fn tags_of_one_manifest_that_are_all_given_are_one_deletion_without_a_warning() {
    let fixture = Fixture::new().await;
    fixture.refuse_tags(400, "UNSUPPORTED");
    let deleted = fixture
        .say("delete", &["1", "latest", "1"], &["--yes"])
        .await;
    assert!(
        !deleted.expect(0).stderr.contains("warning"),
        "{}",
        deleted.stderr
    );
    assert_eq!(deleted.stdout.lines().count(), 2);
    assert_eq!(fixture.deleted().len(), 1);
    assert_eq!(fixture.tags(), ["2"]);
}

#[tokio::test]
async fn an_index_that_would_become_incomplete_is_named() {
    let fixture = Fixture::new().await;
    let child = fixture.put("1-amd64", 7);
    let builder = ImageBuilder::new(fixture.registry.server.store());
    let tag = "multi".parse().unwrap();
    builder.index(&name(), &tag, &[child]).unwrap();
    fixture.refuse_tags(405, "UNSUPPORTED");
    let planned = fixture.say("delete", &["1-amd64"], &["--dry-run"]).await;
    let said = &planned.expect(0).stdout;
    assert!(
        said.contains("become incomplete, with the tags: multi"),
        "{said}"
    );
    assert!(!said.contains("other tag"), "{said}");
}

#[tokio::test]
async fn a_digest_is_deleted_with_its_tags_which_are_named() {
    let fixture = Fixture::new().await;
    let digest = format!("@{}", fixture.digest("1"));
    let asked = fixture.say("delete", &[&digest], &[]).await;
    assert!(
        asked
            .expect(2)
            .stderr
            .contains("deleted with it: 1, latest"),
        "{}",
        asked.stderr
    );
    fixture
        .say("delete", &[&digest], &["--yes"])
        .await
        .expect(0);
    assert_eq!(fixture.tags(), ["2"]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_deletes_nothing() {
    let fixture = Fixture::new().await;
    let planned = fixture.say("delete", &["1", "2"], &["--dry-run"]).await;
    let lines: Vec<&str> = planned.expect(0).stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(&format!("{}: delete the tag", fixture.image("1"))));
    let planned = fixture
        .say("delete", &["1"], &["--dry-run", "--json"])
        .await;
    let [object] = &objects(planned.expect(0))[..] else {
        panic!("{}", planned.stdout);
    };
    assert_eq!(object["result"], "planned");
    assert_eq!(object["by"], "tag");
    assert!(fixture.deleted().is_empty());
    assert_eq!(fixture.tags(), ["1", "2", "latest"]);
}

#[tokio::test]
async fn nothing_is_deleted_when_one_image_is_not_there_unless_that_is_ignored() {
    let fixture = Fixture::new().await;
    let refused = fixture
        .say("delete", &["1", "3"], &["--yes", "--json"])
        .await;
    let results: Vec<_> = objects(refused.expect(1))
        .into_iter()
        .map(|object| (object["image"].clone(), object["result"].clone()))
        .collect();
    let image = |version: &str| json!(fixture.image(version));
    assert_eq!(
        results,
        [(image("3"), json!("missing")), (image("1"), json!("kept"))]
    );
    assert!(
        refused.stderr.contains("3: is not there"),
        "{}",
        refused.stderr
    );
    assert_eq!(fixture.tags(), ["1", "2", "latest"]);
    let deleted = fixture.say("delete", &["1", "3"], &["--yes", "--ignore-missing"]);
    deleted.await.expect(0);
    assert_eq!(fixture.tags(), ["2", "latest"]);
    let none = fixture
        .say("delete", &["3"], &["--yes", "--ignore-missing"])
        .await;
    assert!(none.expect(0).stderr.contains("nothing to delete"));
}

#[tokio::test]
async fn who_may_not_delete_learns_it_before_anything_is_deleted() {
    let fixture = Fixture::new().await;
    let denied = Fault::on(Method::DELETE, "/manifests/", Action::answer(403)).unwrap();
    fixture.registry.server.faults().add(denied);
    let refused = fixture.say("delete", &["1"], &["--yes"]).await;
    let said = &refused.expect(1).stderr;
    for part in [
        "failed to delete the manifest",
        "403",
        "`transship login`",
        "nothing deleted",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(fixture.deleted().is_empty());
}

#[tokio::test]
async fn a_tag_that_cannot_be_looked_up_is_never_taken_for_one_that_shares_nothing() {
    let fixture = Fixture::new().await;
    fixture.refuse_tags(405, "UNSUPPORTED");
    let target = format!("/{NAME}/manifests/latest$");
    let fault = Fault::on(Method::HEAD, &target, Action::answer(400)).unwrap();
    fixture.registry.server.faults().add(fault);
    let refused = fixture.say("delete", &["1"], &["--yes"]).await;
    let said = &refused.expect(1).stderr;
    assert!(said.contains("failed to look up the manifest"), "{said}");
    let listed = format!(r#"{{"name": "{NAME}", "tags": ["1", "in valid"]}}"#);
    let list = Fault::on(Method::GET, "/tags/list", Action::answer(200).body(&listed));
    fixture.registry.server.faults().add(list.unwrap());
    let refused = fixture.say("delete", &["1"], &["--yes"]).await;
    let said = &refused.expect(1).stderr;
    assert!(
        said.contains("\"in valid\", which is not a valid tag"),
        "{said}"
    );
    assert_eq!(fixture.tags(), ["1", "2", "latest"]);
}

#[tokio::test]
async fn a_deletion_that_fails_is_told_apart_from_those_that_went_well() {
    let fixture = Fixture::new().await;
    let broken = Fault::on(Method::DELETE, "/manifests/2$", Action::answer(500)).unwrap();
    fixture.registry.server.faults().add(broken);
    let ended = fixture.say("delete", &["1", "2"], &["--yes"]).await;
    let lines: Vec<&str> = ended.expect(1).stdout.lines().collect();
    assert_eq!(lines[0], format!("{}: deleted", fixture.image("1")));
    assert!(lines[1].starts_with(&format!("{}: failed: ", fixture.image("2"))));
    assert!(ended.stderr.contains("1 image deleted, 1 failed"));
    assert_eq!(fixture.tags(), ["2", "latest"]);
}

#[tokio::test]
async fn a_terminal_is_asked_and_no_is_the_default() {
    for (answer, code, left) in [("\r", 2, &["1", "2", "latest"][..]), ("y\r", 0, &["2"])] {
        let fixture = Fixture::new().await;
        fixture.refuse_tags(405, "UNSUPPORTED");
        let delete = ["delete", &fixture.image("1")];
        let mut terminal = Terminal::run(&fixture.operator, &delete);
        terminal.says("delete 1 image and 1 other tag? [y/N]").await;
        assert!(fixture.deleted().is_empty());
        terminal.press(answer);
        assert_eq!(terminal.end().await.code, code);
        assert_eq!(fixture.tags(), left);
    }
}

#[tokio::test]
async fn what_is_no_image_ends_with_2_and_no_request() {
    let fixture = Fixture::new().await;
    for arguments in [
        &["delete"][..],
        &["delete", "Team/App:1", "--yes"],
        &["delete", "sif:x", "--yes"],
        &["delete", "a.example/app:1", "--side", "source"],
        &["delete", "a.example/app:1", "--dry-run", "--yes"],
        &["tag", "a.example/app:1"],
        &["tag", "a.example/app:1", "no tag"],
    ] {
        let ended = fixture.operator.say(arguments).await;
        assert_eq!(ended.expect(2).stdout, "", "{arguments:?}");
        assert_ne!(ended.stderr, "", "{arguments:?}");
    }
}

#[tokio::test]
async fn deletions_are_counted_in_the_metrics() {
    let fixture = Fixture::new().await;
    let file = fixture.operator.path("delete.prom");
    let options = ["--yes", "--metrics-file", file.to_str().unwrap()];
    let broken = Fault::on(Method::DELETE, "/manifests/2$", Action::answer(500)).unwrap();
    fixture.registry.server.faults().add(broken);
    fixture.say("delete", &["1", "2"], &options).await.expect(1);
    let metrics = std::fs::read_to_string(file).unwrap();
    for status in ["success", "error"] {
        let line =
            format!("skopeo_operations_total{{operation=\"delete\",status=\"{status}\"}} 1\n");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn a_deleted_manifest_is_gone_also_for_its_digest() {
    let fixture = Fixture::new().await;
    fixture.refuse_tags(405, "UNSUPPORTED");
    let digest = fixture.digest("2").parse().unwrap();
    fixture.say("delete", &["2"], &["--yes"]).await.expect(0);
    let store = fixture.registry.server.store();
    let found = store.manifest(&name(), &Version::Digest(digest));
    assert!(found.unwrap().is_none());
}
