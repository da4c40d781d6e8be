//! Index files of this program, of containerd, and of nobody.

use serde_json::Value;

use super::*;

fn image(text: &str) -> Descriptor {
    Descriptor {
        media_type: MediaType::new(MediaType::OCI_MANIFEST),
        digest: Digest::of(text.as_bytes()),
        size: 7,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: BTreeMap::new(),
    }
}

fn entry(text: &str, annotations: &Value) -> Value {
    let mut entry = json!(image(text));
    entry["annotations"] = annotations.clone();
    entry
}

fn index(entries: &[Value]) -> Index {
    let index = json!({"schemaVersion": 2, MANIFESTS: entries});
    Index::parse(index.to_string().as_bytes()).unwrap()
}

fn written(index: &Index) -> Value {
    serde_json::from_slice(&index.to_bytes().unwrap()).unwrap()
}

fn name(name: &str) -> StoredName {
    StoredName::Name(name.into())
}

#[test]
fn a_name_moves_to_the_next_image_and_keeps_its_position() {
    let mut index = Index::empty().unwrap();
    for (name, text) in [("app:1", "first"), ("app:2", "other"), ("app:1", "second")] {
        assert!(index.set_name(name, &image(text)).unwrap());
    }
    assert!(!index.set_name("app:1", &image("second")).unwrap());
    let found = index.find(&name("app:1")).unwrap().unwrap();
    assert_eq!(found.digest, Digest::of(b"second"));
    assert_eq!(index.names().collect::<Vec<_>>(), ["app:1", "app:2"]);
    let first = index.find(&StoredName::Position(0)).unwrap().unwrap();
    assert_eq!(first.digest, Digest::of(b"second"));
}

#[test]
fn what_others_wrote_stays() {
    let theirs = json!({"schemaVersion": 2, "x": {"y": 1.50}, MANIFESTS: [
        {"mediaType": "a/b", "digest": Digest::of(b"a"), "size": 2, "data": "e30=", "z": null}]});
    let mut index = Index::parse(theirs.to_string().as_bytes()).unwrap();
    index.set_name("app", &image("app")).unwrap();
    let now = written(&index);
    assert_eq!(now["x"], theirs["x"]);
    assert_eq!(now[MANIFESTS][0], theirs[MANIFESTS][0]);
    assert_eq!(now[MANIFESTS][1]["annotations"][REF_NAME], "app");
}

#[test]
fn the_full_name_counts_where_the_name_is_only_a_tag() {
    let tags = |full: &str| json!({IMAGE_NAME: full, REF_NAME: "1"});
    let index = index(&[
        entry("nginx", &tags("docker.io/library/nginx:1")),
        entry("redis", &tags("docker.io/library/redis:1")),
        entry("none", &json!({})),
    ]);
    let names: Vec<_> = (index.images().into_iter())
        .map(|image| image.name.to_string())
        .collect();
    let [nginx, redis] = ["docker.io/library/nginx:1", "docker.io/library/redis:1"];
    assert_eq!(names, [nginx, redis, "@2"]);
    let found = index.find(&name(redis)).unwrap().unwrap();
    assert_eq!(found.digest, Digest::of(b"redis"));
    let problem = index.find(&name("1")).unwrap_err().to_string();
    assert!(problem.ends_with("by its position: @0, @1"), "{problem}");
}

#[test]
fn images_are_removed_by_name_position_and_digest_in_one_step() {
    let tagged = |full: &str| json!({IMAGE_NAME: full, REF_NAME: "1"});
    let mut index = index(&[
        entry("app", &json!({REF_NAME: "app:1"})),
        entry("app", &json!({REF_NAME: "app:2"})),
        entry("nginx", &tagged("docker.io/library/nginx:1")),
        entry("redis", &tagged("docker.io/library/redis:1")),
        entry("none", &json!({})),
        entry("other", &json!({})),
    ]);
    assert!(!index.remove(&[name("app:3")], None));
    let removed = [
        name("app:1"),
        name("docker.io/library/redis:1"),
        StoredName::Position(4),
    ];
    assert!(index.remove(&removed, None));
    let left = |index: &Index| -> Vec<String> {
        let images = index.images().into_iter();
        images.map(|image| image.name.to_string()).collect()
    };
    assert_eq!(left(&index), ["app:2", "docker.io/library/nginx:1", "@2"]);
    assert!(index.remove(&[], Some(&Digest::of(b"other"))));
    assert_eq!(left(&index), ["app:2", "docker.io/library/nginx:1"]);
}

#[test]
fn bases_are_recorded_once() {
    let mut index = index(&[]);
    let [one, two] = ["week-1.tar".to_owned(), "week, 2.tar".to_owned()];
    index.add_bases(std::slice::from_ref(&one)).unwrap();
    index.add_bases(&[one.clone(), two.clone()]).unwrap();
    let read = Index::parse(&index.to_bytes().unwrap()).unwrap();
    assert_eq!(read.bases(), [one, two]);
}

#[test]
fn merging_adds_only_names_and_images_that_are_free() {
    let mut ours = index(&[entry("new", &json!({REF_NAME: "app"}))]);
    let theirs = index(&[
        entry("old", &json!({REF_NAME: "app"})),
        entry("new", &json!({})),
        entry("other", &json!({REF_NAME: "other"})),
    ]);
    ours.merge(&theirs);
    let digests: Vec<_> = ours.descriptors().map(|image| &image.digest).collect();
    assert_eq!(digests, [&Digest::of(b"new"), &Digest::of(b"other")]);
}

#[test]
fn what_is_no_index_is_refused_with_the_reason() {
    let parse = |raw: &str| Index::parse(raw.as_bytes()).unwrap_err().to_string();
    assert!(parse("[]").contains("not a JSON object"));
    assert!(parse("{}").contains("no list of manifests"));
    let entry = r#"{"manifests": [{"digest": "sha256:../../etc"}]}"#;
    assert!(parse(entry).contains("no descriptor"));
    assert!(Index::parse(br#"{"manifests": null}"#).is_ok());
}
