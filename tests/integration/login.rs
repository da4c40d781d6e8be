//! `login` and `logout` of the real binary, against a registry with authentication.

use std::{net::Ipv4Addr, process::Stdio};

use tokio::io::AsyncWriteExt as _;
use transship::serve::{Auth, Credentials, Options, Server, TokenAuth};

use crate::{
    installed,
    operator::{Ended, Operator},
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
    let mut command = operator.command(&["login", registry, "--username", "robot"]);
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
