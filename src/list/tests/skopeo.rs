//! The engine of images, and `[skopeo]`.

use std::{path::Path, time::Duration};

use super::{list, parse, told};
use crate::{
    list::{ContainerRuntime, Directories, List, SharedDirectory, SkopeoMethod, SkopeoSettings},
    oci::CopyEngine,
};

/// The engine of each image.
fn engines(list: &List) -> Vec<&'static str> {
    let images = list.expand(&Default::default()).unwrap().images;
    let engines = images.iter().map(|image| image.spec.engine.word());
    engines.collect()
}

const IMAGES: &str = "[[images]]\nname = \"a:1\"\n[[images]]\nname = \"quay.io/b:1\"\nto = \"edge.example/b\"\n\
                      [[images]]\nname = \"c:1\"\nengine = \"native\"\n[[images]]\nname = \"d:1\"\nengine = \"skopeo\"\n";

#[test]
fn the_key_of_an_image_wins_then_a_side_then_the_defaults() {
    let of = |more: &str| engines(&list(&format!("{more}\n{IMAGES}"))).join(" ");
    assert_eq!(of(""), "native native native skopeo");
    // The last table of the usual list is [destination].
    assert_eq!(of("engine = \"skopeo\""), "skopeo native native skopeo");
    let defaults = "[defaults]\nengine = \"skopeo\"";
    assert_eq!(of(defaults), "skopeo skopeo native skopeo");
    let native = format!("engine = \"native\"\n{defaults}");
    assert_eq!(of(&native), "native skopeo native skopeo");
}

#[test]
fn a_side_that_says_skopeo_wins_over_one_that_says_native() {
    let text = "version = 1\nimages = [\"a:1\"]\n[source]\nregistry = \"a.example\"\nengine = \"skopeo\"\n\
                [destination]\nregistry = \"b.example\"\nengine = \"native\"\n";
    assert_eq!(engines(&parse(text).unwrap()), ["skopeo"]);
}

#[test]
fn a_side_is_meant_by_its_store_however_the_image_is_written() {
    let more = "engine = \"skopeo\"\n[[images]]\nname = \"quay.io/a:1\"\nto = \"to.example/deep/a\"\n\
                [[images]]\nname = \"from.example/b:1\"\nto = \"edge.example/b\"\n";
    assert_eq!(engines(&list(more)), ["skopeo", "native"]);
}

#[test]
fn the_settings_of_skopeo_are_read_and_completed_by_the_configuration() {
    let text = "version = 1\nimages = [\"a.example/a:1\"]\n[destination]\nregistry = \"b.example\"\n[skopeo]\n\
                methods = [\"local\", \"container\", \"local\"]\npath = \"bin/skopeo\"\nshared-dir = \"exchange\"\n\
                timeout = \"1h 30m\"\n";
    let directories = Directories {
        list: "/lists".into(),
        working: "/home/operator".into(),
    };
    let list = List::parse_in(&directories, "list.toml", text).unwrap();
    let configuration = "theme = \"dark\"\n[skopeo]\ncontainer = \"copier\"\nimage = \"mirror.example/skopeo:1\"\n\
                         runtime = \"podman\"\npath = \"skopeo-1.22\"\nextra-args = [\"--insecure-policy\"]\n\
                         shared-dir = { host = \"/srv/x\", inside = \"/x\" }\n";
    let configuration = SkopeoSettings::of_configuration("config.toml", configuration).unwrap();
    let shared = SharedDirectory {
        host: "/srv/x".into(),
        inside: Some("/x".into()),
    };
    assert_eq!(configuration.shared_directory, Some(shared));
    let settings = list.skopeo.or(configuration);
    let methods = [SkopeoMethod::Local, SkopeoMethod::Container];
    assert_eq!(settings.methods.as_deref(), Some(&methods[..]));
    assert_eq!(settings.container(), Some("copier"));
    assert_eq!(settings.image.as_deref(), Some("mirror.example/skopeo:1"));
    assert_eq!(settings.runtime, Some(ContainerRuntime::Podman));
    assert_eq!(settings.path(), Some("/lists/bin/skopeo"));
    assert_eq!(settings.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(
        settings.extra_args(),
        Some(&["--insecure-policy".to_owned()][..])
    );
    let shared = settings.shared_directory.unwrap();
    assert_eq!(
        (&*shared.host, shared.inside),
        (Path::new("/lists/exchange"), None)
    );
}

#[test]
fn every_mistake_about_skopeo_is_told_with_its_place() {
    insta::assert_snapshot!(told(
        r#"
engine = "docker"
[skopeo]
methods = ["docker", "local"]
container = "--privileged"
image = ""
runtime = "nerdctl"
path = "-x"
shared-dir = { inside = "tmp", hots = "/srv" }
timeout = "soon"
extra-args = ["--insecure-policy", "--src-creds", "me:hunter2"]
colour = 1
[[images]]
name = "a:1"
engine = 5
"#
    ));
    insta::assert_snapshot!(told(
        "[skopeo]\nmethods = []\nshared-dir = 1\ntimeout = \"10ms\"\n[[images]]\nname = \"a:1\"\n"
    ));
}

#[test]
fn what_skopeo_cannot_do_is_a_mistake() {
    insta::assert_snapshot!(told(
        r#"
token-env = "TOKEN"
create-command = ["make", "{repository}"]
[registries."quay.io"]
proxy = "none"
[defaults]
engine = "skopeo"
[[images]]
name = "a:1"
platforms = ["linux/amd64", "linux/arm64"]
recheck-attachments = true
compression = "none"
[[images]]
names = ["quay.io/b:1", "quay.io/c:1"]
[[images]]
name = "d:1"
to = "oci-archive:/srv/d.tar"
[[images]]
name = "e:1"
to = "oci-archive:/srv/d.tar:e"
[[images]]
name = "f:1"
to = "oci:/srv/layout:f"
[[images]]
name = "g:1"
to = "oci:/srv/layout:g"
engine = "native"
[[images]]
name = "h:1"
to = "oci:/srv/layout:h"
"#
    ));
}

#[test]
fn a_list_says_which_skopeo_it_runs_and_may_be_refused_for_it() {
    let image = "[[images]]\nname = \"a:1\"\nengine = \"skopeo\"\n";
    let runs = |list: &List| {
        let actions = list.actions().into_iter().map(|action| action.to_string());
        actions
            .filter(|line| line.starts_with("runs"))
            .collect::<Vec<_>>()
    };
    let usual = list(image);
    assert_eq!(
        runs(&usual),
        [
            "runs   skopeo copy: copies images in its container, or on this machine, and gets the credentials for them"
        ]
    );
    assert!(usual.without_commands().is_ok());
    let own = list(&format!(
        "[skopeo]\npath = \"./sk\"\ncontainer = \"other\"\nextra-args = [\"--policy\", \"my policy\"]\n{image}"
    ));
    assert_eq!(
        runs(&own),
        [
            "runs   ./sk copy --policy \"my policy\": copies images in the container other, and gets the credentials for them"
        ]
    );
    assert_eq!(own.without_commands().unwrap_err().count(), 3);
    let unused = list("[skopeo]\nmethods = [\"local\"]\n[[images]]\nname = \"a:1\"\n");
    assert!(runs(&unused).is_empty());
    assert_eq!(
        unused.expand(&Default::default()).unwrap().images[0]
            .spec
            .engine,
        CopyEngine::Native
    );
}

#[test]
fn a_configuration_is_told_its_mistakes_about_skopeo_only() {
    let wrong =
        SkopeoSettings::of_configuration("config.toml", "colour = 1\n[skopeo]\nruntime = 2\n");
    assert_eq!(wrong.unwrap_err().count(), 1);
    assert!(SkopeoSettings::of_configuration("config.toml", "= x\n").is_err());
    assert!(
        SkopeoSettings::of_configuration("", "")
            .unwrap()
            .path()
            .is_none()
    );
}
