//! `transship demo` and `transship serve`, with skopeo as a client.

use std::{path::Path, process::Output};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    fixture::Fixture,
    installed,
    operator::{Operator, pasteable, signal},
};

/// Serves a directory on a free port.
async fn serve(operator: &Operator, directory: &Path, options: &[&str]) -> (Child, String) {
    let directory = directory.to_str().unwrap();
    let serve = ["serve", "--dir", directory, "--listen=127.0.0.1:0"];
    let mut process = operator
        .command(&[&serve[..], options].concat())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().unwrap();
    (process, address)
}

async fn end(process: Child) {
    signal(process.id().unwrap(), "TERM").await;
    let output = process.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
}

async fn skopeo(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.arg("--insecure-policy").args(arguments);
    command.output().await.unwrap()
}

fn text(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_demo_without_a_terminal_ends_well_and_what_arrived_can_be_served() {
    let operator = Operator::new();
    let directory = tempfile::Builder::new().prefix("a demo").tempdir();
    let directory = directory.unwrap();
    let dir = directory.path().to_str().unwrap();
    let demo = operator.say(&["demo", "--headless", "--dir", dir]).await;
    let ended = demo.expect(0);
    assert!(ended.stdout.contains("1 failed"), "{}", ended.stdout);
    let destination = directory.path().join("destination");
    let hint = format!("transship serve --dir '{}'", destination.display());
    assert!(ended.stderr.contains(&hint), "{}", ended.stderr);
    // Its registries are gone, so that nothing can be resumed.
    assert!(
        !ended.stdout.contains("transship resume"),
        "{}",
        ended.stdout
    );
    let [_, batches, again] = pasteable(&ended.stderr)[..] else {
        panic!("{}", ended.stderr);
    };
    let batches = operator.paste(batches).await;
    assert!(batches.expect(0).stdout.contains("1 failed"), "{batches:?}");
    let again = operator.paste(&format!("{again} --headless")).await;
    assert!(again.expect(0).stdout.contains("up to date"), "{again:?}");

    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let (server, address) = serve(&operator, &destination, &["--read-only"]).await;
    let image = format!("docker://{address}/mirror/shop/cart");
    let listed = skopeo(&program, &["list-tags", "--tls-verify=false", &image]).await;
    let listed: serde_json::Value = serde_json::from_str(&text(listed)).unwrap();
    assert_eq!(
        listed["Tags"],
        serde_json::json!(["2.4.0", "2.4.1", "2.5.0"])
    );
    end(server).await;
}

#[tokio::test]
async fn a_served_directory_takes_an_image_from_skopeo_and_gives_it_back() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let fixture = Fixture::new().await;
    let directory = tempfile::tempdir().unwrap();
    let (server, address) = serve(&fixture.operator, directory.path(), &[]).await;
    let origin = format!("docker://{}/team/first:1", fixture.source.address());
    let copy = format!("docker://{address}/copy/first:1");
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let copied = ["copy", "--preserve-digests", tls[0], tls[1], &origin, &copy];
    text(skopeo(&program, &copied).await);
    end(server).await;

    let (server, address) = serve(&fixture.operator, directory.path(), &["--read-only"]).await;
    let copy = format!("docker://{address}/copy/first:1");
    let raw = ["inspect", "--raw", "--tls-verify=false"];
    let [origin, kept] = [&origin, &copy].map(|image| [&raw[..], &[image]].concat());
    let origin = text(skopeo(&program, &origin).await);
    assert_eq!(text(skopeo(&program, &kept).await), origin);
    let delete = ["delete", "--tls-verify=false", &copy];
    assert!(!skopeo(&program, &delete).await.status.success());
    end(server).await;
}
