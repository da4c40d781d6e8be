//! Names of skopeo for commands and options.

use crate::fixture::{Fixture, IMAGES};

#[tokio::test]
async fn commands_have_the_names_of_skopeo_too() {
    let fixture = Fixture::new().await;
    let operator = &fixture.operator;
    let repository = format!("{}/team/first", fixture.source.address());
    let image = format!("{repository}:1");
    for (name, alias, argument) in [
        ("tags", "list-tags", &repository),
        ("digest", "manifest-digest", &image),
    ] {
        let [expected, found] = [name, alias].map(|command| [command, argument]);
        let expected = operator.say(&expected).await;
        assert_eq!(
            operator.say(&found).await.expect(0).stdout,
            expected.expect(0).stdout
        );
        let help = operator.say(&[name, "--help"]).await;
        assert!(help.expect(0).stdout.contains(alias), "{}", help.stdout);
    }
    let list = fixture.list();
    operator
        .say(&["sync", list.to_str().unwrap()])
        .await
        .expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
    let help = operator.say(&["run", "--help"]).await;
    assert!(
        help.expect(0).stdout.contains("skopeo sync"),
        "{}",
        help.stdout
    );
}

#[tokio::test]
async fn inspect_never_lists_tags_and_accepts_that() {
    let fixture = Fixture::new().await;
    let image = format!("{}/team/first:1", fixture.source.address());
    let expected = fixture.operator.say(&["inspect", &image]).await;
    for option in ["--no-tags", "-n"] {
        let found = fixture.operator.say(&["inspect", option, &image]).await;
        assert_eq!(found.expect(0).stdout, expected.expect(0).stdout);
    }
    let asked = fixture.source.requests();
    assert!(
        !asked
            .iter()
            .any(|request| request.target.contains("/tags/"))
    );
}

#[tokio::test]
async fn options_with_a_secret_are_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    let image = format!("{}/team/first:1", fixture.source.address());
    let copy = format!("{}/team/copy:1", fixture.destination.address());
    for command in [
        &["copy", &image, &copy][..],
        &["inspect", &image],
        &["tags", "a.example/b"],
        &["digest", &image],
        &["verify", &image, &copy],
        &["browse", "a.example"],
        &["login", "a.example", "--username", "robot"],
    ] {
        for option in ["--creds", "--username", "--password", "--registry-token"] {
            if command[0] == "login" && option != "--password" {
                continue;
            }
            let line = [command, &[option, "hunter2"]].concat();
            let refused = fixture.operator.say(&line).await;
            let said = &refused.expect(2).stderr;
            assert!(said.contains("every user of this machine"), "{said}");
            assert!(said.contains("transship login"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert!(fixture.source.requests().is_empty());
}
