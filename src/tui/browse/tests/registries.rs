//! The registries that the pictures show.

use serde_json::{Value, json};

use crate::{
    inspect::{ErrorKind, Request},
    oci::{Descriptor, Digest, MediaType},
    tui::browse::{
        Pair, Start,
        fixtures::{Browsing, Content, REGISTRY, content_of, failure, image, repository},
    },
};

pub fn registry() -> Start {
    Start::Registry(REGISTRY.parse().unwrap())
}

fn start(name: &str) -> Start {
    Start::Image(image(name))
}

fn read(start: Start, content: &Content) -> Browsing {
    let mut browsing = Browsing::new(start);
    browsing.answer(content);
    browsing
}

/// Without any answer.
pub fn reading() -> (Browsing, Content) {
    (Browsing::new(start("team/api:1.10")), Content::new())
}

pub fn empty() -> (Browsing, Content) {
    let mut content = Content::new();
    content.repositories(&[]);
    (read(registry(), &content), content)
}

/// An index of two platforms, with a signature, in a registry of four repositories.
pub fn whole() -> (Browsing, Content) {
    let mut content = Content::new();
    let index = content.manifest_digest("team/api:1.10");
    let signature: Descriptor = serde_json::from_value(json!({
        "mediaType": MediaType::OCI_MANIFEST, "digest": Digest::of(b"signature"), "size": 820,
        "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"
    }))
    .unwrap();
    content.referrers("team/api", &index, vec![signature]);
    let mut browsing = read(registry(), &content);
    browsing.press("j");
    browsing.press_and_read("enter j enter", &content);
    (browsing, content)
}

/// Every request is refused.
pub fn failing() -> (Browsing, Content) {
    let mut content = Content::new();
    let message = "said 401 (UNAUTHORIZED: authentication required to read from this project)";
    let refused = failure(message, ErrorKind::Auth);
    content.fail(
        Request::Repositories(REGISTRY.parse().unwrap()),
        refused.clone(),
    );
    content.fail(Request::Images(repository("team/api")), refused.clone());
    content.fail(Request::manifest_of(&image("team/api:1.10")), refused);
    let mut browsing = read(start("team/api:1.10"), &content);
    // This also requests the list of the registry.
    browsing.press_and_read("tab tab r tab tab", &content);
    (browsing, content)
}

/// 2,000 repositories, and as many tags.
pub fn thousands() -> (Browsing, Content) {
    let mut content = Content::new();
    let names =
        |what: &str| -> Vec<String> { (0..2_000).map(|at| format!("{what}-{at}")).collect() };
    let repositories = names("team/service");
    let tags = names("2026.11");
    content.repositories(&repositories.iter().map(String::as_str).collect::<Vec<_>>());
    content.tags(
        "team/service-0",
        &tags.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "history": (0..40).map(|step| json!({"created_by": format!("RUN step {step}")})).collect::<Vec<Value>>()
    });
    let layers: Vec<u64> = (1..=40).map(|layer| layer * 1_000_000).collect();
    let described = content.image("team/service-0", &config, &layers);
    content.tag("team/service-0:2026.11-0", &described.digest);
    let mut browsing = read(registry(), &content);
    browsing.press_and_read("enter enter", &content);
    (browsing, content)
}

/// Long names, and text of many cells in every place a registry can write to.
pub fn wide() -> (Browsing, Content) {
    let mut content = Content::new();
    let long = "platform/payments/a-service-with-a-very-long-name-indeed/component";
    let tag = "2026.11.21-build.12345-feature-branch-with-a-long-name";
    let text = "画像レジストリ e\u{301}tage 🚢🚢 の割り当てを超えました ".repeat(4);
    let config = json!({
        "os": "linux", "architecture": "amd64", "author": text, "created": "2026-03-01T12:00:00Z",
        "config": {
            "Env": [format!("TEXT={text}"), "PATH=/usr/local/bin:/usr/bin:/bin"],
            "Labels": {"画像": text, "org.opencontainers.image.description": text},
            "Entrypoint": [text.as_str()]
        },
        "history": [{"created_by": format!("RUN echo {text}")}]
    });
    let described = content.image(long, &config, &[30_000_000]);
    content.tag(&format!("{long}:{tag}"), &described.digest);
    content.repositories(&[long, "web"]);
    content.tags(long, &[tag, "latest"]);
    let refused = failure(&format!("said 403 ({text})"), ErrorKind::Rejected);
    content.fail(
        Request::Referrers(content_of(long), described.digest),
        refused,
    );
    let mut browsing = read(registry(), &content);
    browsing.press_and_read("enter enter", &content);
    (browsing, content)
}

/// A destination that lost a platform and got another layer and user.
pub fn compared() -> (Browsing, Content) {
    let mut content = Content::new();
    let built = |content: &mut Content, repository: &str, user: &str, layers: &[u64]| {
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "config": {"User": user, "Env": ["LANG=C.UTF-8"], "Labels": {"team": "payments"}}
        });
        let mut image = json!(content.image(repository, &config, layers));
        image["platform"] = json!({"os": "linux", "architecture": "amd64"});
        image
    };
    let source = built(&mut content, "team/pay", "1000", &[30_000_000, 4_200_000]);
    let mut arm64 = json!(content.image("team/pay", &json!({}), &[8]));
    arm64["platform"] = json!({"os": "linux", "architecture": "arm64"});
    let destination = built(&mut content, "mirror/pay", "0", &[30_000_000, 5_000]);
    content.index("team/pay:1", &json!([source, arm64]));
    content.index("mirror/pay:1", &json!([destination]));
    let pair = Pair {
        source: image("team/pay:1"),
        destination: image("mirror/pay:1"),
    };
    let other = Pair {
        source: image("team/worker:7"),
        destination: image("mirror/worker:7"),
    };
    let mut browsing = read(Start::Images(vec![pair, other]), &content);
    browsing.press_and_read("enter", &content);
    (browsing, content)
}

/// A layout with three images, one of which has no name, and a registry that has one of them.
pub fn local() -> (Browsing, Content) {
    let mut content = Content::new();
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["serve"]},
        "history": [{"created_by": "ADD rootfs.tar /"}]
    });
    let layout = "oci:/srv/estate";
    content.tags(layout, &["team/api:1.10", "@2", "team/api:1.9"]);
    for name in ["oci:/srv/estate:team/api:1.10", "team/api:2"] {
        let described = content.image(name, &config, &[30_000_000]);
        content.tag(name, &described.digest);
    }
    let pair = Pair {
        source: image("team/api:2"),
        destination: image("oci:/srv/estate:team/api:1.10"),
    };
    let mut browsing = read(Start::Images(vec![pair]), &content);
    browsing.press_and_read("s", &content);
    (browsing, content)
}

/// Labels, tags, history and errors that contain escape sequences.
pub fn hostile() -> Content {
    let mut content = Content::new();
    content.repositories(&["team/api", "\x1b[2Jgone", "\u{202e}txt"]);
    content.tags("team/api", &["ok", "\x1b[2Jgone", "\u{202e}txt"]);
    let config = json!({
        "os": "linux\x1b[31m", "architecture": "amd64", "author": "\x1b]52;c;aGk=\x07",
        "config": {"Labels": {"\x1b[2J": "a\r\nb", "wide": "画像".repeat(60)}},
        "history": [{"created_by": "RUN \x1b[?1049h \u{9b}31m \u{200b}"}]
    });
    let described = content.image("team/api", &config, &[1]);
    content.tag("team/api:ok", &described.digest);
    let message = "said 500 (\x1b[2J\x1b]0;owned\x07)";
    let request = Request::Referrers(content_of("team/api"), described.digest.clone());
    content.fail(request, failure(message, ErrorKind::Rejected));
    let evil = "\x1b]0;owned\x07\u{202e}\u{200b}x";
    let mut child = json!(described);
    child["platform"] = json!({"os": evil, "architecture": evil, "os.version": evil});
    child["artifactType"] = json!(evil);
    child["annotations"] = json!({evil: evil});
    let index = content.index("team/api:index", &json!([child]));
    let referrer = serde_json::from_value(json!({
        "mediaType": evil, "artifactType": evil, "digest": index.digest, "size": 1,
        "annotations": {evil: evil}
    }));
    content.referrers("team/api", &index.digest, vec![referrer.unwrap()]);
    content
}
