//! What a list says about groups, and which images cannot be in one.

use crate::operator::Operator;

fn list(images: &str, rest: &str) -> String {
    format!("version = 1\nimages = [{images}]\n[source]\nregistry = \"a.example\"\n{rest}")
}

const DESTINATION: &str = "[destination]\nregistry = \"b.example\"\n";

async fn check(text: &str) -> crate::operator::Ended {
    let operator = Operator::new();
    let path = operator.list(text);
    operator
        .say(&["list", "check", path.to_str().unwrap()])
        .await
}

#[tokio::test]
async fn a_checked_list_counts_its_groups() {
    let images = r#"{ name = "team/app:1", group = "one" }, { name = "team/api:1", group = "two" }, "team/web:1""#;
    let checked = check(&list(images, DESTINATION)).await;
    let said = &checked.expect(0).stdout;
    assert!(said.contains("3 images, 2 groups"), "{said}");
}

#[tokio::test]
async fn a_list_is_told_which_images_cannot_be_in_a_group() {
    let named = |name: &str| format!(r#"{{ name = "team/app:1", {name} }}"#);
    let cases = [
        (
            list(&named(r#"group = "a b""#), DESTINATION),
            "\"a b\" is no name of a group",
        ),
        (
            list(
                &named(r#"group = "x""#),
                "[destination]\noci = \"estate\"\n",
            ),
            "an image of a group goes to a registry, and this one goes to a store of this machine",
        ),
        (
            list(&named(r#"group = "x", engine = "skopeo""#), DESTINATION),
            "skopeo copies this image, and an image of a group is copied by this program",
        ),
    ];
    for (text, message) in cases {
        let checked = check(&text).await;
        let said = &checked.expect(2).stderr;
        assert!(said.contains(message), "{said}");
        assert!(said.contains("help:"), "{said}");
    }
}
