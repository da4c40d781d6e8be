//! Lists of somebody else: their actions are printed, commands can be refused, relative paths work from anywhere.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use transship::{
    batch::Event,
    serve::{Action, Auth, Credentials, Options, Server},
};

use crate::{fixture::Fixture, operator::list};

/// A fixture whose destination wants a password, which a program beside the list finds in a file beside the list.
struct Guarded {
    fixture: Fixture,
    destination: Server,
    _registry: tempfile::TempDir,
}

impl Guarded {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let registry = tempfile::tempdir().unwrap();
        let options = Options {
            auth: Auth::Basic(Credentials::new("mirror", "swordfish")),
            ..Options::new(registry.path())
        };
        let destination = Server::bind(([127, 0, 0, 1], 0).into(), options);
        let guarded = Self {
            destination: destination.await.unwrap(),
            fixture,
            _registry: registry,
        };
        guarded.write();
        guarded
    }

    fn write(&self) {
        let directory = self.fixture.operator.path("lists");
        fs::create_dir_all(&directory).unwrap();
        let to = self.destination.address().to_string();
        let images = ["team/first:1".to_owned(), "team/second:1".to_owned()];
        let text = list(&self.fixture.source.address(), &to, &images);
        let text = format!(
            "{text}username = \"mirror\"\npassword-command = [\"./password\", \"secret\"]\n"
        );
        fs::write(directory.join("list.toml"), text).unwrap();
        fs::write(directory.join("secret"), "swordfish\n").unwrap();
        let program = directory.join("password");
        fs::write(&program, "#!/bin/sh\ntouch ran\ncat \"$1\"\n").unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command_ran(&self) -> bool {
        self.fixture.operator.path("lists/ran").exists()
    }

    async fn say_in(&self, directory: &Path, arguments: &[&str]) -> crate::operator::Ended {
        let mut command = self.fixture.operator.command(arguments);
        command.current_dir(directory);
        command.output().await.unwrap().into()
    }
}

#[tokio::test]
async fn files_and_programs_of_a_list_are_found_from_anywhere_also_when_it_is_resumed() {
    let guarded = Guarded::new().await;
    let lists = guarded.fixture.operator.path("lists");
    guarded
        .fixture
        .misbehave("team/second", Action::answer(404));
    let ran = guarded.say_in(&lists, &["run", "list.toml"]).await;
    assert!(
        ran.expect(1).stdout.contains("1 copied, 1 failed"),
        "{}",
        ran.stdout
    );
    assert!(guarded.command_ran());

    guarded.fixture.source.server.faults().clear();
    let elsewhere = tempfile::tempdir().unwrap();
    let batch = guarded
        .say_in(elsewhere.path(), &["resume", "--retry-failed"])
        .await;
    assert!(
        batch.expect(0).stdout.contains("2 copied"),
        "{}",
        batch.stdout
    );
    let verified = guarded.say_in(elsewhere.path(), &["verify", "list-"]).await;
    verified.expect(0);
    let path = lists.join("list.toml");
    let ran = guarded
        .say_in(elsewhere.path(), &["run", path.to_str().unwrap()])
        .await;
    assert!(
        ran.expect(0).stdout.contains("2 up to date"),
        "{}",
        ran.stdout
    );
}

#[tokio::test]
async fn no_verb_runs_a_command_of_a_list_it_was_told_not_to() {
    let guarded = Guarded::new().await;
    let path = guarded.fixture.operator.path("lists/list.toml");
    let list = path.to_str().unwrap();
    let image = format!("{}/team/first:1", guarded.destination.address());
    let repository = format!("{}/team/first", guarded.destination.address());
    let operator = &guarded.fixture.operator;
    let refused = async |arguments: &[&str]| {
        let ended = operator.say(arguments).await;
        let said = &ended.expect(2).stderr;
        let place = "lists/list.toml:13:20";
        assert!(
            said.contains(place) && said.contains("this list runs"),
            "{said}"
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(!guarded.command_ran(), "{arguments:?}");
    };
    for arguments in [
        &["run", list][..],
        &["list", "check", list],
        &["verify", list],
        &["inspect", &image, "--as-in", list],
        &["tags", &repository, "--as-in", list],
        &["digest", &image, "--as-in", list],
    ] {
        refused(&[arguments, &["--no-commands"]].concat()).await;
    }
    // The same list from the journal.
    guarded
        .fixture
        .misbehave("team/second", Action::answer(404));
    operator.say(&["run", list]).await.expect(1);
    fs::remove_file(guarded.fixture.operator.path("lists/ran")).unwrap();
    fs::write(&path, "").unwrap();
    refused(&["resume", "--retry-failed", "--no-commands"]).await;
    refused(&["verify", "list-", "--no-commands"]).await;
}

#[tokio::test]
async fn a_check_tells_what_a_list_runs_reads_and_sends_where() {
    let fixture = Fixture::new().await;
    let checked = fixture
        .operator
        .say(&["list", "check", "sample-lists/credentials.toml"])
        .await;
    let ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let expected = format!(
        "sample-lists/credentials.toml: 3 images\n  \
         runs   aws ecr create-repository --repository-name {{repository}}: for every repository that {ecr} does not have\n  \
         runs   aws ecr get-login-password: password of AWS for {ecr}\n  \
         reads  file /etc/ssl/example-ca.pem: certificate authorities for registry.example.com\n  \
         reads  variable GITHUB_TOKEN: token for ghcr.io\n  \
         reads  variable REGISTRY_PASSWORD: password of robot$reader for registry.example.com\n  \
         sends  the password of AWS to {ecr}, or to the token server it names\n  \
         sends  the password of robot$reader to registry.example.com, or to the token server it names\n  \
         sends  the token in GITHUB_TOKEN to ghcr.io, or to the token server it names\n"
    );
    assert_eq!(checked.expect(0).stdout, expected);
}

#[tokio::test]
async fn a_review_tells_the_same_before_the_plan() {
    let guarded = Guarded::new().await;
    let path = guarded.fixture.operator.path("lists/list.toml");
    let review = ["run", path.to_str().unwrap(), "--review"];
    let said = guarded.fixture.operator.say(&review).await;
    let program = guarded.fixture.operator.path("lists/./password");
    let line = format!(
        "the list runs   {} secret: password of mirror for",
        program.display()
    );
    let at = |text: &str| {
        said.stdout
            .find(text)
            .unwrap_or_else(|| panic!("{}", said.stdout))
    };
    assert!(at(&line) < at("plan: "));
    said.expect(3);
    let events = guarded
        .fixture
        .operator
        .say(&[&review[..], &["--json"]].concat())
        .await;
    let noted = |event: &Event| matches!(event, Event::Noted { job: None, text } if text.starts_with("the list runs"));
    assert!(events.expect(3).events().iter().any(noted));
}

#[tokio::test]
async fn what_a_list_says_cannot_steer_the_terminal_when_it_is_told() {
    let fixture = Fixture::new().await;
    let text = "version = 1\nimages = [\"a.example/x:1\"]\n[destination]\nregistry = \"b.example\"\n\
                username = \"\\u001b[2J\\u202e\"\npassword-command = [\"\\u009b31m\", \"a b\"]\n";
    let path = fixture.operator.list(text);
    let checked = fixture
        .operator
        .say(&["list", "check", path.to_str().unwrap()])
        .await;
    let said = &checked.expect(0).stdout;
    let safe = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(said.contains("runs") && said.chars().all(safe), "{said:?}");
}
