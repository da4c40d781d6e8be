//! The commands that read images, on stores of this machine.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use transship::{
    batch::{Job, JobId},
    copy::Engine,
    oci::{CopySpec, Digest, Location, MediaType, Repository},
    serve::ImageBuilder,
};

use crate::{
    docker_archives::images::docker_save,
    embedded::Embedded,
    operator::{Ended, Operator},
    terminal::pseudo::Terminal,
};

/// Stores that keep manifests, and then one that does not. `~` is the operator's directory.
const STORES: [&str; 4] = [
    "oci:~layout:team/app:1",
    "oci-archive:~packed.tar:team/app:1",
    "dir:~directory",
    "docker-archive:~saved.tar:localhost/team/app:1",
];

/// An image in a registry, which came from an archive of `docker save`.
struct Estate {
    registry: Embedded,
    operator: Operator,
    config: Digest,
}

impl Estate {
    async fn new() -> Self {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let operator = Operator::new();
        let config = docker_save(&operator.path("app.tar"), "localhost/team/app:1");
        let estate = Self {
            registry: Embedded::start().await,
            operator,
            config,
        };
        estate
            .copy(&[("docker-archive:~app.tar", &estate.image())])
            .await;
        estate
    }

    /// The image in the registry.
    fn image(&self) -> String {
        format!("{}/team/app:1", self.registry.address())
    }

    fn at(&self, location: &str) -> String {
        let directory = self.operator.path("");
        location.replace('~', directory.to_str().unwrap())
    }

    /// Copies from each first to each second location, in one batch.
    async fn copy(&self, images: &[(&str, &str)]) {
        let engine = Engine::new(Default::default());
        for (id, (source, destination)) in (0..).zip(images) {
            let location = |text: &str| self.at(text).parse::<Location>().unwrap();
            let spec = CopySpec::new(location(source), location(destination));
            let job = Job {
                id: JobId(id),
                spec,
            };
            engine.copy(&job, &|_| ()).await.unwrap();
        }
        for finished in engine.stores().finish(true).await {
            finished.result.unwrap();
        }
    }

    async fn copy_to_every_store(&self) {
        let image = self.image();
        self.copy(&STORES.map(|store| (image.as_str(), store)))
            .await;
    }

    async fn say(&self, words: &[&str]) -> Ended {
        let words: Vec<String> = words.iter().map(|word| self.at(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.operator.say(&words).await
    }

    /// The largest blob of the layout.
    fn layer_of_layout(&self) -> PathBuf {
        let blobs = fs::read_dir(self.operator.path("layout/blobs/sha256")).unwrap();
        let blobs = blobs.map(|blob| blob.unwrap().path());
        let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
        blobs.max_by_key(size).unwrap()
    }
}

fn repository() -> Repository {
    "team/app".parse().unwrap()
}

#[tokio::test]
async fn an_image_is_read_in_every_store() {
    let estate = Estate::new().await;
    estate.copy_to_every_store().await;
    for store in STORES {
        let inspected = estate.say(&["inspect", store, "--json"]).await;
        let inspected: Value = serde_json::from_str(&inspected.expect(0).stdout).unwrap();
        assert_eq!(inspected["location"], json!(estate.at(store)));
        assert_eq!(inspected["images"][0]["config"]["command"], json!(["/app"]));
        assert_eq!(inspected["images"][0]["history"][1]["layer"], 1, "{store}");
        assert_eq!(inspected["errors"], Value::Null, "{store}");
        let config = estate.say(&["inspect", store, "--config"]).await;
        let config = Digest::of(config.expect(0).stdout.as_bytes());
        assert_eq!(config, estate.config, "{store}");
        let raw = estate.say(&["inspect", store, "--raw"]).await;
        let raw = Digest::of(raw.expect(0).stdout.as_bytes());
        let digest = estate.say(&["digest", store]).await;
        assert_eq!(digest.expect(0).stdout.trim(), raw.to_string(), "{store}");
        let text = estate.say(&["inspect", store]).await;
        assert!(text.expect(0).stdout.contains("in 2 layers"), "{store}");
    }
    let image = estate.image();
    let there = estate.say(&["digest", &image]).await.stdout;
    for store in &STORES[..3] {
        assert_eq!(estate.say(&["digest", store]).await.stdout, there);
    }
}

#[tokio::test]
async fn a_store_is_listed_by_its_names_and_asks_for_one() {
    let estate = Estate::new().await;
    let image = estate.image();
    let names = ["oci:~layout:team/app:1.10", "oci:~layout:team/app:1.9"];
    estate.copy(&names.map(|name| (image.as_str(), name))).await;
    let listed = estate.say(&["tags", "oci:~layout"]).await;
    assert_eq!(listed.expect(0).stdout, "team/app:1.9\nteam/app:1.10\n");
    let listed = estate
        .say(&["tags", "docker-archive:~app.tar", "--json"])
        .await;
    assert_eq!(listed.expect(0).stdout, "[\"localhost/team/app:1\"]\n");
    let named = estate.say(&["tags", names[0]]).await;
    assert_eq!(named.code, Some(2), "{named:?}");
    assert!(
        named.stderr.contains("leave out its name to list oci:"),
        "{named:?}"
    );
    let lost = estate.say(&["inspect", "oci:~layout:team/app:2"]).await;
    assert_ne!(lost.code, Some(0));
    assert!(lost.stderr.contains("team/app:1.10"), "{lost:?}");
    assert!(
        lost.stderr.contains("check the name and the path"),
        "{lost:?}"
    );
    let nowhere = estate.say(&["inspect", "oci:~nothing"]).await;
    assert_ne!(nowhere.code, Some(0));
    assert!(nowhere.stderr.contains("nothing"), "{nowhere:?}");
    let directory = estate.say(&["tags", "dir:~layout"]).await;
    assert_eq!(directory.expect(0).stdout, "");
}

#[tokio::test]
async fn every_copy_is_verified_against_its_source_in_both_directions() {
    let estate = Estate::new().await;
    estate.copy_to_every_store().await;
    let image = estate.image();
    for store in STORES {
        for sides in [[&image, store], [store, &image]] {
            for depth in ["--deep", "--rehash"] {
                let ended = estate.say(&["verify", sides[0], sides[1], depth]).await;
                assert_eq!(ended.expect(0).stdout, "", "{sides:?} {depth}");
                let is_noted = ended.stderr.contains("keeps no manifests");
                assert_eq!(is_noted, store == STORES[3], "{ended:?}");
            }
        }
    }
    // The archive's layers are not compressed, those of the layout are.
    let ended = estate
        .say(&["verify", "docker-archive:~app.tar", STORES[0]])
        .await;
    ended.expect(0);
}

#[tokio::test]
async fn damage_of_a_local_copy_is_found() {
    let estate = Estate::new().await;
    estate.copy_to_every_store().await;
    let (image, layout) = (estate.image(), STORES[0]);
    let layer = estate.layer_of_layout();
    let size = usize::try_from(fs::metadata(&layer).unwrap().len()).unwrap();
    fs::write(&layer, vec![7; size]).unwrap();
    estate
        .say(&["verify", &image, layout, "--deep"])
        .await
        .expect(0);
    let ended = estate.say(&["verify", &image, layout, "--rehash"]).await;
    assert!(
        ended.expect(1).stdout.contains(" has other content: "),
        "{ended:?}"
    );
    fs::write(&layer, "short").unwrap();
    let ended = estate.say(&["verify", &image, layout, "--deep"]).await;
    assert!(
        ended.expect(1).stdout.contains(" has 5 bytes instead of "),
        "{ended:?}"
    );
    fs::remove_file(&layer).unwrap();
    let ended = estate.say(&["verify", &image, layout, "--deep"]).await;
    assert!(ended.expect(1).stdout.contains(" is missing"), "{ended:?}");
}

#[tokio::test]
async fn an_archive_is_compared_with_its_platform_of_an_index() {
    let estate = Estate::new().await;
    let builder = ImageBuilder::new(estate.registry.server.store());
    let other = builder
        .image(&repository(), None, &"linux/arm64".parse().unwrap(), &[])
        .unwrap();
    let digest = estate.say(&["digest", &estate.image()]).await.stdout;
    let raw = estate
        .say(&["inspect", &estate.image(), "--raw"])
        .await
        .stdout;
    let own = serde_json::from_value(json!({
        "mediaType": MediaType::OCI_MANIFEST, "digest": digest.trim(), "size": raw.len(),
        "platform": {"os": "linux", "architecture": "amd64"}
    }));
    let index = [other.clone(), own.unwrap()];
    let tag = "index".parse().unwrap();
    builder.index(&repository(), &tag, &index).unwrap();
    let index = format!("{}/team/app:index", estate.registry.address());
    let archive = "docker-archive:~app.tar";
    let same = estate.say(&["verify", &index, archive, "--deep"]).await;
    let note = "config and diff ids of linux/amd64 were compared";
    assert!(same.expect(0).stderr.contains(note), "{same:?}");
    let chosen = ["verify", &index, archive, "--platform", "linux/arm64"];
    let chosen = estate.say(&chosen).await;
    let text = "does not have exactly the selected platforms";
    assert!(chosen.expect(1).stdout.contains(text), "{chosen:?}");
    let arm64 = format!("{}/team/app@{}", estate.registry.address(), other.digest);
    let differs = estate.say(&["verify", &arm64, archive]).await;
    let text = format!(
        "the destination has config {}, the source has",
        estate.config
    );
    assert!(differs.expect(1).stdout.contains(&text), "{differs:?}");
    assert!(
        differs.stdout.contains("do not have the diff ids"),
        "{differs:?}"
    );
}

#[tokio::test]
async fn a_layout_is_browsed_like_a_repository() {
    let estate = Estate::new().await;
    let image = estate.image();
    let names = ["oci:~layout:team/app:1.10", "oci:~layout:team/app:1.9"];
    estate.copy(&names.map(|name| (image.as_str(), name))).await;
    let layout = estate.at("oci:~layout");
    let mut terminal = Terminal::run(&estate.operator, &["browse", &layout]);
    terminal.says("Names 2").await;
    terminal.press("j\r");
    terminal.says("/app").await;
    // Marked here, and compared with the other name.
    terminal.press("mhkc");
    terminal.says("Comparison identical").await;
    terminal.press("qq");
    assert_eq!(terminal.end().await.code, 0);
    let archive = estate.at("docker-archive:~app.tar");
    let mut terminal = Terminal::run(&estate.operator, &["browse", &archive]);
    terminal.says("localhost/team/app:1").await;
    terminal.press("\r");
    terminal.says("/app").await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}
