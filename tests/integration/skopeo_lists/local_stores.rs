//! Images of this machine that skopeo copies to a registry.

use std::path::Path;

use tokio::process::Command;
use transship::batch::{Event, Outcome};

use super::{outcomes, settings};
use crate::{
    docker_archives::images::docker_save, embedded::Embedded, installed, operator::Operator,
};

#[tokio::test]
async fn an_archive_of_docker_save_goes_to_a_registry() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    operator.configure(&settings(&program));
    docker_save(&operator.path("app.tar"), "app:1");
    let destination = format!("{}/project/app:1", registry.address());
    let archive = format!("docker-archive:{}", operator.path("app.tar").display());
    let copy = [
        "copy",
        &archive,
        &destination,
        "--engine",
        "skopeo",
        "--json",
    ];
    let copied = operator.say(&copy).await;
    let outcomes_of = |ended: &crate::operator::Ended| outcomes(&ended.events());
    let [(0, Outcome::Copied { root })] = &outcomes_of(copied.expect(0))[..] else {
        panic!("{}", copied.stdout);
    };
    let there = super::digest(&registry, "project/app");
    assert_eq!(there.as_ref(), Some(root));
    let again = operator.say(&copy).await;
    assert_eq!(
        outcomes_of(again.expect(0)),
        [(0, Outcome::UpToDate { root: root.clone() })]
    );
}

#[tokio::test]
async fn podmans_storage_without_a_socket_is_read_by_skopeo_without_being_asked() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    if Path::new("/run/podman/podman.sock").exists() {
        println!("skipped: podman has a socket here");
        return;
    }
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    operator.configure(&settings(&program));
    docker_save(&operator.path("app.tar"), "app:1");
    let place = |name: &str| operator.path(name).display().to_string();
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
        place("graph"),
        place("run")
    );
    std::fs::write(operator.path("storage.conf"), storage).unwrap();
    let stored = Command::new(&program)
        .args([
            "--insecure-policy",
            "copy",
            "docker-archive:app.tar",
            "containers-storage:localhost/app:1",
        ])
        .current_dir(operator.path("."))
        .env("CONTAINERS_STORAGE_CONF", operator.path("storage.conf"))
        .output();
    let stored = stored.await.unwrap();
    let said = String::from_utf8_lossy(&stored.stderr).into_owned();
    if !stored.status.success() {
        // Storage needs mounts, which some sandboxes forbid.
        println!("skipped: this machine has no containers-storage: {said}");
        return;
    }
    let destination = format!("{}/project/app:1", registry.address());
    let mut command = operator.command(&[
        "copy",
        "containers-storage:localhost/app:1",
        &destination,
        "--json",
    ]);
    command.env("CONTAINERS_STORAGE_CONF", operator.path("storage.conf"));
    let ended: crate::operator::Ended = command.output().await.unwrap().into();
    let events = ended.expect(0).events();
    assert!(
        matches!(outcomes(&events)[..], [(0, Outcome::Copied { .. })]),
        "{}",
        ended.stdout
    );
    let notes = events.iter().filter_map(|event| match event {
        Event::Noted { job, text } => Some((job.map(|job| job.0), text.as_str())),
        _ => None,
    });
    let notes: Vec<_> = notes.collect();
    let socket = "podman has no socket at /run/podman/podman.sock, so skopeo copies";
    assert!(
        notes.contains(&(None, &*format!("{socket} 1 image"))),
        "{notes:?}"
    );
    assert!(
        notes.contains(&(Some(0), &*format!("{socket} this image"))),
        "{notes:?}"
    );
    assert!(super::digest(&registry, "project/app").is_some());
}

#[tokio::test]
async fn an_archive_that_exists_is_not_replaced() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    operator.configure(&settings(&program));
    docker_save(&operator.path("app.tar"), "app:1");
    let image = format!("{}/project/app:1", registry.address());
    let by_skopeo = async |from: &str, to: &str| {
        let ended = operator
            .say(&["copy", from, to, "--engine", "skopeo", "--json"])
            .await;
        outcomes(&ended.events())
    };
    let archive = format!("docker-archive:{}", operator.path("app.tar").display());
    by_skopeo(&archive, &image).await;
    let written = |name: &str| format!("oci-archive:{}:{name}", operator.path("out.tar").display());
    let first = by_skopeo(&image, &written("one")).await;
    assert!(
        matches!(first[..], [(0, Outcome::Copied { .. })]),
        "{first:?}"
    );
    let before = std::fs::read(operator.path("out.tar")).unwrap();
    let second = by_skopeo(&image, &written("two")).await;
    let [(0, Outcome::Failed { cause })] = &second[..] else {
        panic!("{second:?}");
    };
    assert!(
        cause.summary.contains("skopeo adds no image to an archive"),
        "{cause:?}"
    );
    assert!(std::fs::read(operator.path("out.tar")).unwrap() == before);
}
