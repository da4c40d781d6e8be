//! `login` and `logout` of the real binary, against a registry with authentication.

use std::{net::Ipv4Addr, process::Stdio};

use tokio::io::AsyncWriteExt as _;
use transship::serve::{Auth, Credentials, ImageBuilder, Options, Server, TokenAuth};

use crate::{
    installed,
    operator::{Ended, Operator},
    sample_images::{amd64, repository},
    terminal::pseudo::Terminal,
};

async fn server(directory: &tempfile::TempDir, auth: Auth) -> Server {
    let options = Options {
        auth,
        ..Options::new(directory.path())
    };
    Server::bind((Ipv4Addr::LOCALHOST, 0).into(), options)
        .await
        .unwrap()
}

fn robot() -> Credentials {
    Credentials::new("robot", "hunter2")
}

fn tokens() -> Auth {
    let lifetime = std::time::Duration::from_secs(60);
    Auth::Token(TokenAuth {
        credentials: robot(),
        lifetime,
        anonymous_pull: false,
    })
}

async fn login(operator: &Operator, registry: &str, password: &str) -> Ended {
    login_with(operator, registry, password, &[]).await
}

async fn login_with(
    operator: &Operator,
    registry: &str,
    password: &str,
    options: &[&str],
) -> Ended {
    let login = ["login", registry, "--username", "robot"];
    let mut command = operator.command(&[&login, options].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(format!("{password}\n").as_bytes())
        .await
        .unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap().into()
}

#[tokio::test]
async fn who_logged_in_is_let_in_until_the_logout() {
    for auth in [Auth::Basic(robot()), tokens()] {
        let directory = tempfile::tempdir().unwrap();
        let server = server(&directory, auth).await;
        let registry = server.address().to_string();
        let operator = Operator::new();
        let repository = format!("{registry}/team/app");
        let ask = || async { operator.say(&["tags", &repository]).await.stderr };
        assert!(ask().await.contains("401"), "{}", ask().await);

        let wrong = login(&operator, &registry, "hunter3").await;
        assert_eq!(wrong.code, Some(2));
        assert!(
            wrong.stderr.contains("nothing was stored"),
            "{}",
            wrong.stderr
        );
        assert!(!wrong.stderr.contains("hunter3"), "{}", wrong.stderr);

        login(&operator, &registry, "hunter2").await.expect(0);
        assert!(ask().await.contains("404"), "{}", ask().await);
        operator.say(&["logout", &registry]).await.expect(0);
        assert!(ask().await.contains("401"), "{}", ask().await);
        server.stop().await;
    }
}

#[tokio::test]
async fn skopeo_finds_what_login_keeps() {
    let Some(skopeo) = installed::program("skopeo") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, Auth::Basic(robot())).await;
    let registry = server.address().to_string();
    let operator = Operator::new();
    login(&operator, &registry, "hunter2").await.expect(0);
    let said = tokio::process::Command::new(skopeo)
        .args(["login", "--get-login", &registry])
        .env_clear()
        .envs(operator.environment())
        .output()
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&said.stdout).trim(),
        "robot",
        "{said:?}"
    );
}

#[tokio::test]
async fn password_stdin_asks_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, Auth::Basic(robot())).await;
    let registry = server.address().to_string();
    let operator = Operator::new();
    let option = ["--password-stdin"];
    login_with(&operator, &registry, "hunter2", &option)
        .await
        .expect(0);
    operator.say(&["logout", &registry]).await.expect(0);
    // A terminal is standard input as well: what is typed up to its end.
    let login = ["login", &registry, "--username=robot", "--password-stdin"];
    let mut terminal = Terminal::run(&operator, &login);
    terminal.press("hunter2\n\x04");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    assert!(left.text.contains("logged in at"), "{}", left.text);
    assert!(!left.text.contains("password of"), "{}", left.text);
}

#[tokio::test]
async fn without_a_terminal_nobody_is_asked_for_the_user() {
    let operator = Operator::new();
    let ended = operator.say(&["login", "127.0.0.1:1"]).await;
    let said = &ended.expect(2).stderr;
    assert!(said.contains("--username says as whom to log in"), "{said}");
}

#[tokio::test]
async fn an_authfile_is_used_by_every_command_and_by_the_resumed_batch() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, Auth::Basic(robot())).await;
    let registry = server.address().to_string();
    let estate = ImageBuilder::new(server.store());
    let tag = "1".parse().unwrap();
    (estate.image(&repository("team/app"), Some(&tag), &amd64(), &[])).unwrap();
    let operator = Operator::new();
    let authfile = operator.path("secrets.json");
    let option = format!("--authfile={}", authfile.display());
    login_with(&operator, &registry, "hunter2", &[&option])
        .await
        .expect(0);

    let image = format!("{registry}/team/app:1");
    let tags = format!("{registry}/team/app");
    for command in [["inspect", &image], ["digest", &image], ["tags", &tags]] {
        operator.say(&command).await.expect(6);
        let read = [&command[..], &[&option]].concat();
        operator.say(&read).await.expect(0);
    }
    let layout = format!("oci:{}:app:1", operator.path("layout").display());
    let copy = ["copy", &image, &layout];
    operator.say(&copy).await.expect(1);
    let copied = [&copy[..], &[&option]].concat();
    operator.say(&copied).await.expect(0);
    let verify = ["verify", &image, &layout, &option];
    operator.say(&verify).await.expect(0);

    // The second run of a batch finds the file by itself, wherever it is started.
    let list = format!(
        "version = 1\nimages = [\"team/later:1\"]\n\
         [source]\nregistry = \"{registry}\"\n[destination]\noci = \"layout\"\n"
    );
    let list = operator.list(&list);
    let run = ["run", list.to_str().unwrap(), "--authfile=secrets.json"];
    let mut run = operator.command(&run);
    let ended = run.current_dir(operator.path(".")).output().await.unwrap();
    Ended::from(ended).expect(1);
    (estate.image(&repository("team/later"), Some(&tag), &amd64(), &[])).unwrap();
    let resumed = operator.say(&["resume", "--retry-failed"]).await;
    assert!(
        resumed.expect(0).stdout.contains("1 image: 1 copied"),
        "{}",
        resumed.stdout
    );
}
