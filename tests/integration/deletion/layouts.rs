//! Names of layouts, and stores that delete nothing.

use std::path::Path;

use super::Fixture;

impl Fixture {
    /// A layout with the images `team/app:1` and `team/app:2`.
    async fn layout(&self) -> String {
        let path = self.operator.path("estate");
        let layout = format!("oci:{}", path.to_str().unwrap());
        for tag in ["1", "2"] {
            let to = format!("{layout}:team/app:{tag}");
            let copy = ["copy", &self.image(tag), &to];
            self.operator.say(&copy).await.expect(0);
        }
        layout
    }

    async fn names(&self, layout: &str) -> String {
        let names = self.operator.say(&["tags", layout]).await;
        names.expect(0).stdout.clone()
    }
}

fn blobs(layout: &str) -> usize {
    let path = Path::new(layout.strip_prefix("oci:").unwrap());
    std::fs::read_dir(path.join("blobs/sha256"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn a_name_is_removed_from_a_layout_and_its_blobs_stay() {
    let fixture = Fixture::new().await;
    let layout = fixture.layout().await;
    let before = blobs(&layout);
    let one = format!("{layout}:team/app:1");
    let asked = fixture.operator.say(&["delete", &one]).await;
    assert!(
        asked.expect(2).stderr.contains("its blobs stay"),
        "{}",
        asked.stderr
    );
    assert_eq!(fixture.names(&layout).await, "team/app:1\nteam/app:2\n");
    let deleted = fixture.operator.say(&["delete", &one, "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, format!("{one}: deleted\n"));
    assert_eq!(fixture.names(&layout).await, "team/app:2\n");
    assert_eq!(blobs(&layout), before);
    let again = fixture.operator.say(&["delete", &one, "--yes"]).await;
    assert!(
        again.expect(1).stderr.contains("is not there"),
        "{}",
        again.stderr
    );
    // Without a name it is the only one.
    fixture
        .operator
        .say(&["delete", &layout, "--yes"])
        .await
        .expect(0);
    assert_eq!(fixture.names(&layout).await, "");
}

#[tokio::test]
async fn an_image_of_a_layout_gets_further_names() {
    let fixture = Fixture::new().await;
    let layout = fixture.layout().await;
    let one = format!("{layout}:team/app:1");
    fixture
        .operator
        .say(&["tag", &one, "stable"])
        .await
        .expect(0);
    let stable = format!("{layout}:team/app:stable");
    let digest = fixture.operator.say(&["digest", &stable]).await;
    assert_eq!(digest.expect(0).stdout.trim(), fixture.digest("1"));
    let refused = fixture.operator.say(&["tag", &one, "2"]).await;
    assert!(refused.expect(2).stderr.contains("names another image"));
    let names = fixture.names(&layout).await;
    assert_eq!(names, "team/app:1\nteam/app:2\nteam/app:stable\n");
}

#[tokio::test]
async fn stores_that_delete_nothing_say_what_to_do_instead_and_stay_as_they_are() {
    let fixture = Fixture::new().await;
    let layout = fixture.layout().await;
    let one = format!("{layout}:team/app:1");
    let archive = format!("oci-archive:{}", fixture.operator.path("a.tar").display());
    let archived = format!("{archive}:team/app:1");
    fixture
        .operator
        .say(&["copy", &one, &archived])
        .await
        .expect(0);
    for (image, delete, tag) in [
        (archived.as_str(), "write a new one", "write a new one"),
        (
            "docker-archive:x.tar:a:1",
            "write a new one",
            "write a new one",
        ),
        ("dir:x", "remove the directory", "copy the directory"),
        ("docker-daemon:app:1", "docker image rm", "docker tag"),
        ("containers-storage:app:1", "podman image rm", "podman tag"),
    ] {
        let refused = fixture
            .operator
            .say(&["delete", image, &one, "--yes"])
            .await;
        assert!(
            refused.expect(1).stderr.contains(delete),
            "{}",
            refused.stderr
        );
        let refused = fixture.operator.say(&["tag", image, "2"]).await;
        assert!(refused.expect(2).stderr.contains(tag), "{}", refused.stderr);
    }
    assert_eq!(fixture.names(&layout).await, "team/app:1\nteam/app:2\n");
    assert_eq!(fixture.names(&archive).await, "team/app:1\n");
}

#[tokio::test]
async fn a_layout_that_is_not_there_is_not_made() {
    let fixture = Fixture::new().await;
    let path = fixture.operator.path("nowhere");
    let image = format!("oci:{}:app:1", path.display());
    for arguments in [&["delete", &image, "--yes"][..], &["tag", &image, "2"]] {
        let ended = fixture.operator.say(arguments).await;
        assert_ne!(ended.code, Some(0));
        assert!(!path.exists());
    }
}
