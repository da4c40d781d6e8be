//! Local stores as sides, and locations as names.

use super::{list, parse};
use crate::{
    list::{Answers, Directories, List},
    oci::{Location, StoredName},
};

/// A list with these sides and `more`.
fn between(source: &str, destination: &str, more: &str) -> String {
    format!("version = 1\n{more}\n[source]\n{source}\n[destination]\n{destination}\n")
}

/// The images of a list without filters, as `source -> destination`.
fn jobs(text: &str) -> Vec<String> {
    let images = parse(text).unwrap().expand(&Answers::default()).unwrap();
    let images = images.images.iter();
    images
        .map(|image| format!("{} -> {}", image.spec.source, image.spec.destination))
        .collect()
}

/// What is said of a list with these sides and `more`, without the excerpts.
fn messages(text: &str) -> Vec<String> {
    let mistakes = parse(text).unwrap_err();
    mistakes
        .iter()
        .map(|mistake| mistake.message.clone())
        .collect()
}

#[test]
fn in_a_local_destination_an_image_is_called_by_its_repository_and_tag() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let images = format!(
        "images = [\"team/api:1\", \"web\", \"docker://quay.io/tool:2\", \"ghcr.io/b@{digest}\",\n\
         {{ name = \"c:1\", to = \"localhost/crew/c:three\" }}]\n\
         [[rewrite]]\nfrom = \"^team/\"\nto = \"crew/\""
    );
    let text = between(
        "registry = \"r.example\"",
        "oci = \"estate\"\nprefix = \"week\"",
        &images,
    );
    assert_eq!(
        jobs(&text),
        [
            "r.example/team/api:1 -> oci:estate:week/crew/api:1".to_owned(),
            "r.example/web:latest -> oci:estate:week/web:latest".into(),
            "quay.io/tool:2 -> oci:estate:week/tool:2".into(),
            format!("ghcr.io/b@{digest} -> oci:estate:week/b@{digest}"),
            "r.example/c:1 -> oci:estate:week/localhost/crew/c:three".into(),
        ]
    );
    let sides = [
        ("dir = \"images\"", "dir:images/a:1"),
        ("docker-archive = \"x.tar\"", "docker-archive:x.tar:a:1"),
        ("docker-daemon = true", "docker-daemon:a:1"),
        (
            "containers-storage = \"unix:///p.sock\"",
            "containers-storage:[unix:///p.sock]a:1",
        ),
    ];
    for (side, destination) in sides {
        let text = between("registry = \"r.example\"", side, "images = [\"a:1\"]");
        assert_eq!(jobs(&text), [format!("r.example/a:1 -> {destination}")]);
    }
}

#[test]
fn in_a_local_source_a_name_is_the_name_there() {
    let text = between(
        "docker-archive = \"x.tar\"",
        "registry = \"r.example\"\nprefix = \"mirror\"",
        "images = [\"localhost/team/api:1\", \"docker://quay.io/tool:2\",\n\
         { name = \"web\", tags = [\"1\", \"2\"] }, \"@0\", { name = \"@1\", to = \"second:1\" }]",
    );
    assert_eq!(
        jobs(&text),
        [
            "docker-archive:x.tar:localhost/team/api:1 -> r.example/mirror/team/api:1",
            "quay.io/tool:2 -> r.example/mirror/tool:2",
            "docker-archive:x.tar:web:1 -> r.example/mirror/web:1",
            "docker-archive:x.tar:web:2 -> r.example/mirror/web:2",
            "docker-archive:x.tar:@0 -> r.example/mirror/x:latest",
            "docker-archive:x.tar:@1 -> r.example/mirror/second:1",
        ]
    );
}

#[test]
fn a_name_and_a_to_may_be_locations() {
    let list = list(
        "[[images]]\nname = \"oci:estate:team/api:1\"\n\
         [[images]]\nname = \"docker-daemon:docker.io/library/nginx:1\"\nto = \"oci-archive:out.tar:Any Name\"\n\
         [[images]]\nname = \"dir:images/app:2\"\nto = \"docker://quay.io/app\"\n\
         [[images]]\nname = \"docker://a:1\"\nto = \"docker://b:1\"\n\
         [[images]]\nname = \"oci:estate:team/web\"\ntags = [\"1\"]\n\
         [[images]]\nname = \"docker-archive:one.tar\"\nto = \"one:1\"\n",
    );
    let images = list.expand(&Answers::default()).unwrap().images;
    let jobs = images.iter().map(|image| {
        let spec = &image.spec;
        format!("{} -> {}", spec.source, spec.destination)
    });
    assert_eq!(
        jobs.collect::<Vec<_>>(),
        [
            "oci:estate:team/api:1 -> to.example/team/api:1",
            "docker-daemon:docker.io/library/nginx:1 -> oci-archive:out.tar:Any Name",
            "dir:images/app:2 -> quay.io/app:2",
            "from.example/a:1 -> to.example/b:1",
            "oci:estate:team/web:1 -> to.example/team/web:1",
            "docker-archive:one.tar -> to.example/one:1",
        ]
    );
    let Location::Local(image) = &images[1].spec.destination else {
        panic!("it is an archive");
    };
    assert_eq!(image.name, Some(StoredName::Name("Any Name".into())));
}

#[test]
fn filters_choose_among_the_tags_of_a_local_store() {
    let images = "[[images]]\nname = \"team/api\"\nsemver = \">=2\"\n";
    let list = parse(
        &between("oci = \"estate\"", "dir = \"out\"", "")
            .replace("[source]", &format!("{images}[source]")),
    )
    .unwrap();
    let mut answers = Answers::default();
    let store = "oci:estate:x".parse::<Location>().unwrap();
    let names = [
        "team/api:1.0.0",
        "team/api:2.1.0",
        "team/api-x:3.0.0",
        "team/api",
    ];
    let names = names.map(|name| StoredName::Name(name.into())).to_vec();
    answers
        .images
        .insert(store.local().unwrap().store.clone(), names);
    assert!(list.questions(&answers).is_empty());
    let images = list.expand(&answers).unwrap().images;
    let [image] = &images[..] else {
        panic!("{images:?}");
    };
    assert_eq!(image.spec.destination.to_string(), "dir:out/team/api:2.1.0");
}

#[test]
fn paths_of_stores_begin_in_the_working_directory() {
    let directories = Directories {
        list: "/lists".into(),
        working: "/home/operator".into(),
    };
    let text = between(
        "oci = \"./estate\"",
        "oci-archive = \"/srv/out.tar\"\nbase = [\"../week-1.tar\"]",
        "images = [\"a:1\", \"dir:images/b:1\"]",
    );
    let list = List::parse_in(&directories, "list.toml", &text).unwrap();
    let images = list.expand(&Answers::default()).unwrap().images;
    assert_eq!(
        images[0].spec.source.to_string(),
        "oci:/home/operator/estate:a:1"
    );
    assert_eq!(
        images[0].spec.destination.to_string(),
        "oci-archive:/srv/out.tar:a:1"
    );
    assert_eq!(
        images[1].spec.source.to_string(),
        "dir:/home/operator/images/b:1"
    );
    let base = list.destination.unwrap().base;
    assert_eq!(
        base,
        [std::path::PathBuf::from("/home/operator/../week-1.tar")]
    );
}

#[test]
fn a_list_says_which_stores_it_reads_and_writes() {
    let text = between(
        "docker-daemon = true",
        "oci-archive = \"out.tar\"\nbase = [\"week-1.tar\"]",
        "images = [\"a:1\", \"docker-archive:x/*.tar\", { name = \"b:1\", to = \"dir:/etc/c\" }]",
    );
    let actions = parse(&text).unwrap().actions();
    let lines: Vec<String> = actions.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "reads  docker-archive:x/*.tar: images are copied from it",
            "reads  docker-daemon:: images are copied from it",
            "reads  file week-1.tar: blobs that the new archive leaves out",
            "writes dir:/etc/c: images are put into it",
            "writes oci-archive:out.tar: images are put into it",
        ]
    );
}

#[test]
fn a_side_is_one_store_with_the_keys_of_that_store() {
    let told = |source: &str, destination: &str| {
        parse(&between(source, destination, "images = [\"a:1\"]")).unwrap_err()
    };
    insta::assert_snapshot!(told(
        "oci = \"a\"\nregistry = \"r.example\"",
        "prefix = \"p\""
    ));
    insta::assert_snapshot!(told(
        "docker-daemon = false\nusername = \"me\"",
        "oci = \"a:b\"\nstreams = 2"
    ));
    insta::assert_snapshot!(told(
        "containers-storage = \"podman.sock\"\nocci = \"x\"",
        "dir = \"out\"\nbase = [\"a.tar\", \"\"]\nplain-http = true\ncreate-command = [\"a\", \"{repository}\"]"
    ));
}

#[test]
fn a_location_is_blamed_to_the_byte() {
    insta::assert_snapshot!(super::told(
        r#"
[[images]]
names = ["docker://Team/api", "oci:", "oci:estate:", "docker-archive:a.tar:@x", "@x", "@0", "sif:x.sif"]
[[images]]
name = "docker-archive:a.tar:Any"
[[images]]
name = "oci:estate:a:1"
tags = ["2"]
[[images]]
name = "docker-archive:x/*.tar:a"
[[images]]
name = "a:1"
to = "oci:estate"
[[images]]
name = "b:1"
to = "oci:estate"
"#
    ));
}

#[test]
fn two_images_do_not_go_into_one_directory_or_name() {
    let conflicts = |destination: &str, more: &str| {
        messages(&between("registry = \"r.example\"", destination, more))
    };
    let dir = conflicts(
        "dir = \"out\"",
        "images = [\"a:1\", { name = \"b:1\", to = \"dir:out/a:1\" }]",
    );
    assert_eq!(dir, ["two different images go to dir:out/a:1"]);
    let nameless =
        "images = [{ name = \"a:1\", to = \"oci:x\" }, { name = \"b:1\", to = \"oci:x\" }]";
    assert_eq!(
        conflicts("dir = \"out\"", nameless),
        ["two different images go to oci:x"]
    );
    let same = "images = [{ name = \"dir:out/a:1\", to = \"a:1\" }]";
    assert_eq!(
        conflicts("dir = \"out\"", same),
        ["source and destination of dir:out/a:1 are the same"]
    );
}

#[test]
fn a_name_that_its_store_cannot_have_is_refused() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let refused = |destination: &str, name: &str| {
        messages(&between(
            "oci = \"estate\"",
            destination,
            &format!("images = [\"{name}\"]"),
        ))
    };
    let by_digest = format!("a@{digest}");
    assert_eq!(
        refused("docker-daemon = true", &by_digest),
        ["an image of docker-daemon needs a tag"]
    );
    assert!(
        parse(&between(
            "oci = \"e\"",
            "dir = \"out\"",
            &format!("images = [\"{by_digest}\"]")
        ))
        .is_ok()
    );
    assert_eq!(
        refused("dir = \"out\"", &format!("a:1@{digest}")),
        ["in a local store, a name has a tag or a digest, not both"]
    );
    assert_eq!(
        refused("dir = \"out\"", "docker://nginx"),
        ["this image has no registry"]
    );
}
