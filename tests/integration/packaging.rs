//! What is shipped: the container image, the licences, the files of the packages.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use crate::{
    embedded::Embedded,
    podman::{Podman, copy_with_libraries},
};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const IMAGE: &str = "localhost/transship";

/// The image with this program and the libraries that it loads; a static one loads none.
#[tokio::test]
async fn the_container_image_runs_the_program_and_keeps_its_state() {
    let Some(podman) = Podman::find() else {
        return;
    };
    let program = Path::new(env!("CARGO_BIN_EXE_transship"));
    let root = podman.path("context/rootfs");
    for name in ["state", "tmp", "etc/ssl/certs"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    copy_with_libraries(program, Path::new("/transship"), &root).await;
    let file = format!("{PROJECT}/assets/container/Containerfile");
    let context = podman.path("context").display().to_string();
    podman
        .run(&["build", "-q", "-t", IMAGE, "-f", &file, &context])
        .await;

    let version = podman.run(&["run", "--rm", IMAGE, "--version"]).await;
    assert!(version.starts_with("transship "), "{version}");
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let builder = transship::serve::ImageBuilder::new(source.server.store());
    let name = crate::sample_images::repository("team/app");
    let layer = builder.layer(&name, 1, 1000).unwrap();
    let tag = "1".parse().unwrap();
    builder
        .image(&name, Some(&tag), &crate::sample_images::amd64(), &[layer])
        .unwrap();
    let work = podman.path("work");
    fs::create_dir(&work).unwrap();
    let images = ["team/app:1".to_owned()];
    let list = crate::operator::list(&source.address(), &destination.address(), &images);
    fs::write(work.join("list.toml"), list).unwrap();
    fs::create_dir(podman.path("state")).unwrap();
    let volumes = [
        format!("{}:/work:ro", work.display()),
        format!("{}:/state", podman.path("state").display()),
    ];
    let run = ["run", "--rm", "-v", &volumes[0], "-v", &volumes[1], IMAGE];
    let ran = podman
        .run(&[&run[..], &["run", "list.toml"]].concat())
        .await;
    assert!(ran.contains("1 copied"), "{ran}");
    let tags = destination.server.store().tags(&name).unwrap();
    assert_eq!(tags, ["1"]);
    let batches = podman.run(&[&run[..], &["batches"]].concat()).await;
    assert!(batches.contains("finished: 1 copied"), "{batches}");
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let text = fs::read_to_string(format!("{PROJECT}/deny.toml")).unwrap();
    let deny: toml::Table = text.parse().unwrap();
    let allowed = deny["licenses"]["allow"].as_array().unwrap().iter();
    let allowed: Vec<Licensee> = allowed
        .map(|name| Licensee::parse(name.as_str().unwrap()).unwrap())
        .collect();
    let host = Command::new(env!("CARGO")).args(["-vV"]).output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", host.unwrap(), "--manifest-path"])
        .arg(format!("{PROJECT}/Cargo.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        let (name, licence) = (&package["name"], package["license"].as_str());
        let licence = licence.unwrap_or_else(|| panic!("{name} has no licence"));
        // Older crates write MIT/Apache-2.0.
        let licence = Expression::parse_mode(licence, ParseMode::LAX).unwrap();
        let is_allowed =
            licence.evaluate(|required| allowed.iter().any(|allowed| allowed.satisfies(required)));
        assert!(is_allowed, "{name}: {licence}");
    }
}

#[test]
fn the_files_of_the_debian_package_are_in_the_project_or_made_by_its_script() {
    let text = fs::read_to_string(format!("{PROJECT}/Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array();
    let script = fs::read_to_string(format!("{PROJECT}/assets/debian/build")).unwrap();
    for asset in assets.unwrap() {
        let file = asset[0].as_str().unwrap();
        let made = ["target/dist/transship", "target/debian-files/"];
        if made.iter().any(|made| file.starts_with(made)) {
            continue;
        }
        let pattern = format!("{PROJECT}/{file}");
        assert!(glob::glob(&pattern).unwrap().next().is_some(), "{file}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(script.contains(shell), "{shell}");
    }
}
