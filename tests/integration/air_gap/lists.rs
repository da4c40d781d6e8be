//! Out of one network and into another one, with the sample lists.

use std::{collections::BTreeSet, fs::File, path::Path};

use super::estate::{Estate, SELECTED};
use crate::{docker_archives::images::docker_save, embedded::Embedded};

const NO_BASE: (&str, &str) = ("base = [\"week-1.tar\"]", "");
const NEW: &str = "platform/ingress:1.5.0";

/// The blobs in an archive.
fn blobs(archive: &Path) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(File::open(archive).unwrap());
    let entries = archive.entries().unwrap();
    let names = entries.map(|entry| entry.unwrap().path().unwrap().display().to_string());
    names.filter(|name| name.starts_with("blobs/")).collect()
}

/// What a selected image is called inside.
fn inside(image: &str) -> String {
    let renamed = image
        .replace("prometheus/", "monitoring/")
        .replace("charts/", "helm/");
    // Only the first part of `prometheus/prometheus` is another one.
    let renamed = renamed.replace("monitoring/monitoring/", "monitoring/");
    format!("mirror/{renamed}")
}

#[tokio::test]
async fn a_second_run_into_the_same_layout_adds_only_what_is_missing() {
    let estate = Estate::new().await;
    let layout = ("oci-archive = \"week-2.tar\"", "oci = \"estate\"");
    let list = estate.sample("air-gap-out.toml", &[layout, NO_BASE]);
    estate.run(&list).await.expect(0);
    let listed = estate.say(&["tags", "oci:estate"]).await;
    assert_eq!(listed.expect(0).stdout.lines().count(), SELECTED.len());
    // A shared layer, for each image a layer and a config, and the chart's content and config.
    let all = 1 + 2 * 6 + 2;
    assert_eq!(estate.blobs_read(), all);
    estate.run(&list).await.expect(0);
    assert_eq!(estate.blobs_read(), all);
    estate.put(NEW, 50);
    estate.run(&list).await.expect(0);
    assert_eq!(estate.blobs_read(), all + 2, "a layer and a config");
    let new = format!("oci:estate:{NEW}");
    let digest = estate.say(&["digest", &new]).await;
    let expected = Estate::digest(&estate.source, NEW).unwrap();
    assert_eq!(digest.expect(0).stdout.trim(), expected);
}

#[tokio::test]
async fn the_second_archive_leaves_out_what_the_first_one_has() {
    let estate = Estate::new().await;
    let week_1 = (
        "oci-archive = \"week-2.tar\"",
        "oci-archive = \"week-1.tar\"",
    );
    let list = estate.sample("air-gap-out.toml", &[NO_BASE, week_1]);
    estate.run(&list).await.expect(0);
    let before = estate.blobs_read();
    estate.put(NEW, 50);
    let list = estate.sample("air-gap-out.toml", &[]);
    estate.run(&list).await.expect(0);
    assert_eq!(estate.blobs_read(), before + 2, "a layer and a config");
    let [first, second] =
        ["week-1.tar", "week-2.tar"].map(|name| blobs(&estate.operator.path(name)));
    let expected = Estate::digest(&estate.source, NEW).unwrap();
    let new = second.difference(&first).count();
    assert_eq!(new, 3, "{second:?}");
    let manifest = format!("blobs/{}", expected.replace(':', "/"));
    assert!(second.contains(&manifest), "{second:?}");

    let registry = Embedded::start().await;
    std::fs::create_dir(estate.operator.path("exports")).unwrap();
    std::fs::create_dir(estate.operator.path("vendor")).unwrap();
    docker_save(
        &estate.operator.path("exports/backup.tar"),
        "localhost/tools/backup:2",
    );
    docker_save(&estate.operator.path("vendor/appliance.tar"), "old/name:1");
    let host = registry.address();
    let host = ("registry.inside.example:5000", host.as_str());
    let week_2 = estate.sample("air-gap-in.toml", &[host]);
    let alone = estate.run(&week_2).await;
    let asks = "because week-1.tar has it: load week-1.tar first";
    assert!(alone.expect(1).stdout.contains(asks), "{}", alone.stdout);
    assert_eq!(Estate::digest(&registry, &inside(NEW)), None);

    let week_1 = (
        "oci-archive = \"week-2.tar\"",
        "oci-archive = \"week-1.tar\"",
    );
    let week_1 = estate.sample("air-gap-in.toml", &[host, week_1]);
    estate.run(&week_1).await.expect(0);
    let week_2 = estate.sample("air-gap-in.toml", &[host]);
    estate.run(&week_2).await.expect(0);
    for image in SELECTED.into_iter().chain([NEW]) {
        let arrived = Estate::digest(&registry, &inside(image));
        assert_eq!(arrived, Estate::digest(&estate.source, image), "{image}");
    }
    for image in ["mirror/tools/backup:2", "mirror/vendor/appliance:7.1"] {
        assert!(Estate::digest(&registry, image).is_some(), "{image}");
    }
}

/// Every archive stays open while a batch reads it. The shell allows fewer files than there are archives.
#[cfg(unix)]
#[test]
fn more_archives_are_read_than_a_shell_allows_open_files() {
    const ARCHIVES: usize = 80;
    let room = tempfile::tempdir().unwrap();
    docker_save(&room.path().join("0.tar"), "team/app:1");
    let mut list = "version = 1\n[destination]\noci = \"estate\"\n".to_owned();
    for number in 0..ARCHIVES {
        if number > 0 {
            let copy = room.path().join(format!("{number}.tar"));
            std::fs::hard_link(room.path().join("0.tar"), copy).unwrap();
        }
        list += &format!(
            "[[images]]\nname = \"docker-archive:{number}.tar\"\nto = \"team/app:{number}\"\n"
        );
    }
    std::fs::write(room.path().join("list.toml"), list).unwrap();
    let run = |limit: &str| {
        let script = format!(
            "ulimit {limit} 64; exec \"$0\" run list.toml --headless --state state --attempts 1"
        );
        let ended = std::process::Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_transship")])
            .current_dir(room.path())
            .output();
        ended.unwrap()
    };
    // The administrator's limit stays, and an image that does not fit says why.
    let refused = run("-n");
    let said = String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("Too many open files"), "{said}");
    let ended = run("-Sn");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{said}");
}
