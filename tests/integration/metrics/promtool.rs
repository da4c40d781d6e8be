//! Prometheus' own check of what the endpoint and the file say.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt as _, process::Command};
use transship::serve::Action;

use super::exposition::{get, printed_url};
use crate::{fixture::Fixture, installed};

async fn check(promtool: &Path, text: &str) {
    let mut process = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    let ended = process.wait_with_output().await.unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ended.status.success() && said.is_empty(), "{said}\n{text}");
}

#[tokio::test]
async fn promtool_accepts_endpoint_and_file() {
    let Some(promtool) = installed::program("promtool") else {
        return;
    };
    let fixture = Fixture::new().await;
    let hanging = fixture.misbehave("team/second", Action::Hang);
    let (list, file) = (fixture.list(), fixture.operator.path("x.prom"));
    let run = [
        "run",
        list.to_str().unwrap(),
        "--metrics=:0",
        "--metrics-file",
        file.to_str().unwrap(),
    ];
    let mut process = fixture.operator.command(&run).spawn().unwrap();
    let url = printed_url(&mut process).await;
    hanging.hit_times(1).await;
    let (head, text) = get(&url, "text/plain").await.unwrap();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    check(&promtool, &text).await;
    hanging.release();
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    check(&promtool, &std::fs::read_to_string(&file).unwrap()).await;
}
