//! What lists mean.

use super::{list, parse};
use crate::list::{Credentials, List, PasswordSource, Proxy};

/// The images of a list without filters, as `source -> destination`.
fn jobs(list: &List) -> Vec<String> {
    let expansion = list.expand(&Default::default()).unwrap();
    let images = expansion.images.iter();
    images
        .map(|image| format!("{} -> {}", image.spec.source, image.spec.destination))
        .collect()
}

#[test]
fn names_are_completed_from_both_sides() {
    let list = parse(
        r#"
        version = 1
        images = ["api:1", "web", "quay.io/team/tool:2"]
        source = { registry = "from.example:5000", prefix = "team" }
        destination = { registry = "to.example", prefix = "mirror/team" }
        "#,
    );
    assert_eq!(
        jobs(&list.unwrap()),
        [
            "from.example:5000/team/api:1 -> to.example/mirror/team/api:1",
            "from.example:5000/team/web:latest -> to.example/mirror/team/web:latest",
            "quay.io/team/tool:2 -> to.example/mirror/team/team/tool:2",
        ]
    );
}

#[test]
fn docker_hub_has_one_name_for_an_official_image() {
    let list = list(
        r#"
        [[images]]
        names = ["docker.io/nginx:1", "docker.io/library/redis:7"]
        "#,
    );
    assert_eq!(
        jobs(&list),
        [
            "docker.io/library/nginx:1 -> to.example/library/nginx:1",
            "docker.io/library/redis:7 -> to.example/library/redis:7",
        ]
    );
}

#[test]
fn rewrites_apply_in_order_and_to_has_the_last_word() {
    let list = list(
        r#"
        [[rewrite]]
        from = "^library/"
        to = "base/"
        [[rewrite]]
        from = "base/(?<name>n.*)"
        to = "web/${name}/$1"
        [[images]]
        names = ["library/nginx:1", "library/redis:1", "other/library/x:1"]
        [[images]]
        name = "library/nginx:2"
        to = "library/nginx"
        [[images]]
        name = "library/nginx:3"
        to = "elsewhere.example/nginx:three"
        "#,
    );
    let destinations: Vec<String> = jobs(&list)
        .iter()
        .filter_map(|job| Some(job.split_once(" -> ")?.1.to_owned()))
        .collect();
    assert_eq!(
        destinations,
        [
            "to.example/web/nginx/nginx:1",
            "to.example/base/redis:1",
            "to.example/other/library/x:1",
            "to.example/library/nginx:2",
            "elsewhere.example/nginx:three",
        ]
    );
}

#[test]
fn a_digest_chooses_what_is_read_and_a_tag_what_is_written() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let list = list(&format!(
        "[[images]]\nnames = [\"a@{digest}\", \"b:1@{digest}\"]\n\
         [[images]]\nname = \"c@{digest}\"\nto = \"c:fixed\"\n"
    ));
    assert_eq!(
        jobs(&list),
        [
            format!("from.example/a@{digest} -> to.example/a@{digest}"),
            format!("from.example/b:1@{digest} -> to.example/b:1"),
            format!("from.example/c@{digest} -> to.example/c:fixed"),
        ]
    );
}

#[test]
fn defaults_hold_where_an_image_says_nothing() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let list = list(&format!(
        r#"
        [defaults]
        platforms = ["linux/amd64", "linux/amd64"]
        cosign-tags = false
        recheck-attachments = true
        parallel = 3
        [[images]]
        names = ["a:1", "b@{digest}"]
        [[images]]
        name = "c:1"
        platforms = []
        referrers = false
        cosign-tags = true
        recheck-attachments = false
        "#
    ));
    assert_eq!(list.defaults.parallel.map(u16::from), Some(3));
    let images = list.expand(&Default::default()).unwrap().images;
    let said: Vec<_> = images
        .iter()
        .map(|image| {
            let attachments = image.spec.attachments;
            let flags = [
                attachments.referrers,
                attachments.cosign_tags,
                attachments.recheck,
            ];
            (image.spec.platforms.len(), flags)
        })
        .collect();
    let expected = [
        (1, [true, false, true]),
        (0, [true, false, true]),
        (0, [false, true, false]),
    ];
    assert_eq!(said, expected);
    assert_eq!(images[0].line + 1, images[2].line - 1);
}

#[test]
fn settings_are_found_by_registry() {
    let list = list(
        r#"
        username = "me"
        password-command = ["pass", "show", "to"]
        bytes-per-second = "1MiB"
        client-certificate = "c.pem"
        client-key = "k.pem"
        [registries."localhost:5000"]
        anonymous = true
        proxy = "socks5://proxy:1080"
        allow-private-redirects = true
        verify = false
        [[images]]
        name = "localhost:5000/a:1"
        "#,
    );
    let to = "to.example".parse().unwrap();
    let settings = list.settings(&to);
    let Credentials::Password {
        username,
        from: PasswordSource::Command(password),
    } = &settings.credentials
    else {
        panic!("{:?}", settings.credentials);
    };
    assert_eq!(
        (&**username, &password.words[..]),
        ("me", &["pass", "show", "to"].map(String::from)[..])
    );
    assert_eq!(settings.limits.bytes_per_second, Some(1 << 20));
    assert!(settings.tls.client.is_some() && !settings.plain_http(&to));

    let local = "localhost:5000".parse().unwrap();
    let settings = list.settings(&local);
    assert!(settings.plain_http(&local) && settings.tls.insecure);
    assert_eq!(settings.credentials, Credentials::Anonymous);
    assert!(matches!(settings.proxy, Proxy::Address(_)) && settings.allow_private_redirects);

    let unwritten = list.settings(&"quay.io".parse().unwrap());
    assert_eq!(unwritten.credentials, Credentials::Stored);
    assert!(!unwritten.allow_private_redirects);
}

#[test]
fn a_registry_on_both_sides_has_its_settings_once() {
    let both = |more: &str| {
        parse(&format!(
            "version = 1\nimages = [\"a:1\"]\n[source]\nregistry = \"r.example\"\nstreams = 2\n\
             [destination]\nregistry = \"r.example\"\nprefix = \"p\"\n{more}"
        ))
    };
    let settings = both("").unwrap().settings(&"r.example".parse().unwrap());
    assert_eq!(settings.limits.streams, Some(2));
    assert!(both("streams = 2").is_ok());
    let mistakes = both("streams = 3").unwrap_err();
    assert!(mistakes.iter().any(|m| m.message.contains("one registry")));
}

#[test]
fn the_summary_counts_what_is_known_and_what_is_not() {
    let list = list(
        r#"
        [[rewrite]]
        from = "a"
        to = "b"
        [[images]]
        name = "x"
        tags = ["1", "2"]
        [[images]]
        name = "y"
        semver = "1"
        [[images]]
        name = "y"
        tag-pattern = "nightly"
        "#,
    );
    let summary = list.summary().to_string();
    assert_eq!(
        summary,
        "2 images, 1 rewrite rule, 2 filters need 1 tag list"
    );
}

#[test]
fn what_happens_to_an_existing_tag_is_said_for_the_list_or_for_an_image() {
    use crate::oci::OnExisting;

    let said = |defaults: &str| {
        let list = list(&format!(
            "{defaults}\n[[images]]\nname = \"a:1\"\n[[images]]\nname = \"b:1\"\non-existing = \"fail\"\n"
        ));
        let images = list.expand(&Default::default()).unwrap().images;
        images
            .iter()
            .map(|image| image.spec.on_existing)
            .collect::<Vec<_>>()
    };
    assert_eq!(said(""), [OnExisting::Replace, OnExisting::Fail]);
    let defaults = "[defaults]\non-existing = \"keep\"";
    assert_eq!(said(defaults), [OnExisting::Keep, OnExisting::Fail]);
}

#[test]
fn format_and_compression_are_said_for_the_list_or_for_an_image() {
    use crate::oci::{Compression, ManifestFormat};

    let list = list(
        "[defaults]\nformat = \"docker\"\ncompression = \"zstd\"\n\
         [[images]]\nname = \"a:1\"\n[[images]]\nname = \"b:1\"\nformat = \"oci\"\n",
    );
    let images = list.expand(&Default::default()).unwrap().images;
    let said = images
        .iter()
        .map(|image| (image.spec.format, image.spec.compression));
    let zstd = Some(Compression::Zstd);
    let expected = [
        (Some(ManifestFormat::Docker), zstd),
        (Some(ManifestFormat::Oci), zstd),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[test]
fn keys_that_have_to_sign_are_said_for_the_list_for_a_side_or_for_an_image() {
    let list = parse(
        r#"
        version = 1
        images = [
            "a:1",
            { name = "b:1", require-signature = false },
            { name = "c:1", require-signature = { key = ["c.pub", "d.pub"] } },
            "quay.io/e:1",
        ]
        source = { registry = "from.example", require-signature = { key = "source.pub" } }
        destination = { registry = "to.example" }
        defaults = { require-signature = { key = "all.pub" } }
        "#,
    );
    let images = list.unwrap().expand(&Default::default()).unwrap().images;
    let said = images.iter().map(|image| {
        let paths = image.spec.require_signature.paths();
        let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
        paths.join(" ")
    });
    let expected = ["source.pub", "", "c.pub d.pub", "all.pub"];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[test]
fn a_signature_by_nobody_is_a_mistake() {
    for (written, told) in [
        ("true", "has to say whose signature"),
        ("{}", "has no `key`"),
        ("{ key = [] }", "no key could sign"),
        ("{ key = \"\" }", "has no `key`"),
        (
            "{ key = \"a\", keyless = true }",
            "not a key of `require-signature`",
        ),
        ("\"cosign.pub\"", "is false or a table"),
    ] {
        let text = format!(
            "version = 1\nimages = [\"a:1\"]\nsource = {{ registry = \"from.example\" }}\n\
             destination = {{ registry = \"to.example\" }}\n\
             defaults = {{ require-signature = {written} }}\n"
        );
        let mistakes = parse(&text).unwrap_err().to_string();
        assert!(mistakes.contains(told), "{written}: {mistakes}");
    }
}

#[test]
fn the_keys_of_signatures_are_files_that_a_list_reads() {
    let list = list("[[images]]\nname = \"a:1\"\nrequire-signature = { key = \"cosign.pub\" }\n");
    let actions: Vec<String> = list.actions().iter().map(ToString::to_string).collect();
    let line = "reads  file cosign.pub: public key that has to have signed images";
    assert!(actions.iter().any(|action| action == line), "{actions:?}");
}
