//! There and back at Debian's docker-registry, which cannot delete a tag alone.

use super::{results, rollback, run};
use crate::{docker_registry::DockerRegistry, fixture::IMAGES, groups::Release};

async fn digest(release: &Release, image: &str) -> Option<String> {
    let ended = release.say(&["digest", image]).await;
    (ended.code == Some(0)).then(|| ended.stdout.trim().to_owned())
}

#[tokio::test]
async fn docker_registry_gets_its_old_tags_back_and_keeps_new_ones() {
    let Some(registry) = DockerRegistry::start().await else {
        return;
    };
    let release = Release::new("").await;
    let fixture = &release.fixture;
    // Two of the tags exist there, and name the older images of the embedded registry.
    let embedded = fixture.destination.address();
    let images = IMAGES.map(|name| format!("{}/{name}:1", registry.address()));
    for (name, to) in IMAGES.iter().zip(&images).take(2) {
        let from = format!("{embedded}/{name}:1");
        release.say(&["copy", &from, to]).await.expect(0);
    }
    let path = fixture.operator.path("list.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&embedded, registry.address())).unwrap();
    let mut before = Vec::new();
    for image in &images {
        before.push(digest(&release, image).await);
    }
    run(&release, &[]).await.expect(0);
    let new = digest(&release, &images[2]).await;

    let back = rollback(&release, &["--yes", "--json"]).await;
    assert_eq!(results(back.expect(1)), ["restored", "restored", "left"]);
    assert!(
        back.stderr
            .contains("its registry cannot delete a tag alone"),
        "{}",
        back.stderr
    );
    for (image, before) in images.iter().zip(&before).take(2) {
        assert!(before.is_some());
        assert_eq!(digest(&release, image).await, *before, "{image}");
    }
    assert_eq!(digest(&release, &images[2]).await, new);
}
