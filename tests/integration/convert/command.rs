//! `list convert`, `run -` and `list check -` at the real binary.

use std::{fs, process::Stdio};

use tokio::io::AsyncWriteExt as _;

use crate::{
    fixture::{Fixture, IMAGES},
    operator::{Ended, Operator},
};

/// Runs the program with a text as its standard input.
async fn say_with_input(operator: &Operator, arguments: &[&str], input: &str) -> Ended {
    let mut command = operator.command(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap().into()
}

/// Converts a file, and runs the list.
async fn convert_and_run(fixture: &Fixture, name: &str, text: &str, options: &[&str]) {
    let input = fixture.operator.path(name);
    fs::write(&input, text).unwrap();
    let list = fixture.operator.path("converted.toml");
    let (input, list) = (input.to_str().unwrap(), list.to_str().unwrap());
    let convert = ["list", "convert", input, "-o", list, "--force"];
    let converted = fixture
        .operator
        .say(&[&convert[..], options].concat())
        .await;
    converted.expect(0);
    let ran = fixture.operator.say(&["run", list]).await;
    let said = &ran.expect(0).stdout;
    assert!(said.contains("3 images: 3 copied"), "{name}: {said}");
}

/// The targets of the tags that were written.
fn written(fixture: &Fixture) -> Vec<String> {
    let requests = fixture.destination.requests();
    let mut written: Vec<String> = (requests.into_iter())
        .filter(|request| request.method == "PUT" && request.target.contains("/manifests/"))
        .map(|request| request.target)
        .collect();
    written.sort();
    written.dedup();
    written
}

#[tokio::test]
async fn a_list_of_skopeo_sync_runs() {
    let fixture = Fixture::new().await;
    let [first, second, third] = IMAGES;
    let text = format!(
        "{}:\n  images:\n    {first}: [\"1\"]\n    {second}: []\n  images-by-tag-regex:\n    {third}: ^1\n",
        fixture.source.address()
    );
    let to = format!("{}/mirror", fixture.destination.address());
    convert_and_run(&fixture, "sync.yaml", &text, &["--to", &to]).await;
    let expected = IMAGES.map(|name| format!("/v2/mirror/{name}/manifests/1"));
    assert_eq!(written(&fixture), expected);
}

#[tokio::test]
async fn a_list_of_regsync_runs() {
    let fixture = Fixture::new().await;
    let (source, target) = (fixture.source.address(), fixture.destination.address());
    let [first, second, third] = IMAGES;
    let text = format!(
        "version: 1\ncreds: [{{ registry: \"{target}\", tls: disabled }}]\nsync:\n\
         - {{ source: \"{source}/{first}:1\", target: \"{target}/x/first:one\", type: image }}\n\
         - {{ source: \"{source}/{second}\", target: \"{target}/x/second\", type: repository }}\n\
         - {{ source: \"{source}/{third}\", target: \"{target}/x/third\", type: repository, tags: {{ allow: [\"\\\\d\"] }} }}\n"
    );
    convert_and_run(&fixture, "regsync.yaml", &text, &[]).await;
    let expected = [
        "first/manifests/one",
        "second/manifests/1",
        "third/manifests/1",
    ];
    assert_eq!(written(&fixture), expected.map(|it| format!("/v2/x/{it}")));
}

#[tokio::test]
async fn a_mapping_and_image_syncers_json_run() {
    let fixture = Fixture::new().await;
    let (source, target) = (fixture.source.address(), fixture.destination.address());
    let lines = IMAGES.map(|name| format!("{source}/{name}:1={target}/{name}:1\n"));
    convert_and_run(&fixture, "mapping.txt", &lines.concat(), &[]).await;
    assert_eq!(fixture.arrived(), IMAGES);
    let entries = IMAGES.map(|name| format!("\t\"{source}/{name}:1\": \"{target}/syncer/{name}\""));
    let json = format!("{{\n{}\n}}\n", entries.join(",\n"));
    convert_and_run(&fixture, "images.json", &json, &[]).await;
    assert!(written(&fixture).contains(&"/v2/syncer/team/first/manifests/1".to_owned()));
}

#[tokio::test]
async fn manifests_of_kubernetes_run() {
    let fixture = Fixture::new().await;
    let image = |name| {
        let source = fixture.source.address();
        format!("    - {{ name: x, image: \"{source}/{name}:1\" }}\n")
    };
    let text = format!(
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{}",
        IMAGES.map(image).concat()
    );
    let to = fixture.destination.address();
    convert_and_run(&fixture, "pod.yaml", &text, &["--to", &to]).await;
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn a_file_is_not_replaced_unless_it_is_asked_for() {
    let operator = Operator::new();
    let list = operator.path("list.toml");
    fs::write(&list, "mine").unwrap();
    let path = list.to_str().unwrap();
    let convert = ["list", "convert", "-", "--to", "b.example", "-o", path];
    let refused = say_with_input(&operator, &convert, "nginx:1.27\n").await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("exists; --force replaces it"), "{said}");
    assert_eq!(fs::read_to_string(&list).unwrap(), "mine");
    let forced = [&convert[..], &["--force"]].concat();
    let said = say_with_input(&operator, &forced, "nginx:1.27\n").await;
    assert_eq!(said.expect(0).stdout, "");
    assert!(
        said.stderr.contains("from references: 1 entry"),
        "{}",
        said.stderr
    );
    let text = fs::read_to_string(&list).unwrap();
    assert!(text.contains("\"docker.io/library/nginx:1.27\""), "{text}");
    let checked = operator.say(&["list", "check", path]).await;
    checked.expect(0);
}

#[tokio::test]
async fn references_from_standard_input_run_and_are_resumed() {
    let fixture = Fixture::new().await;
    let failing = fixture.misbehave("team/second", transship::serve::Action::answer(404));
    let lines = IMAGES.map(|name| format!("{}/{name}:1\n", fixture.source.address()));
    let to = fixture.destination.address();
    let run = ["run", "-", "--to", &to];
    let ran = say_with_input(&fixture.operator, &run, &lines.concat()).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("2 copied, 1 failed"), "{said}");
    drop(failing);
    fixture.source.server.faults().clear();
    let resumed = fixture
        .operator
        .say(&["resume", "stdin", "--retry-failed"])
        .await;
    let said = &resumed.expect(0).stdout;
    assert!(said.contains("3 images: 3 copied"), "{said}");
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn a_list_from_standard_input_is_checked_and_runs() {
    let fixture = Fixture::new().await;
    let text = fs::read_to_string(fixture.list()).unwrap();
    let checked = say_with_input(&fixture.operator, &["list", "check", "-"], &text).await;
    assert_eq!(
        checked.expect(0).stdout.lines().next(),
        Some("stdin: 3 images")
    );
    let ran = say_with_input(&fixture.operator, &["run", "-"], &text).await;
    assert!(ran.expect(0).stdout.contains("3 images: 3 copied"));
    let wrong = say_with_input(
        &fixture.operator,
        &["run", "-"],
        "version = 1\nimages = [1]\n",
    )
    .await;
    assert!(
        wrong.expect(2).stderr.contains("stdin:2:11"),
        "{}",
        wrong.stderr
    );
}

#[tokio::test]
async fn standard_input_that_cannot_be_converted_completely_does_not_run() {
    let operator = Operator::new();
    for (arguments, input, expected) in [
        (
            &["run", "-"][..],
            "nginx:1.27\n",
            "add --to REGISTRY[/PREFIX]",
        ),
        (
            &["run", "-", "--to", "b.example"],
            "nginx:1.27\nTeam/Wrong\n",
            "line 2: \"Team/Wrong\"",
        ),
        (
            &["list", "check", "-", "--to", "b.example"],
            "version = 1\n",
            "which has its own [destination]",
        ),
        (
            &["list", "check", "x.toml", "--to", "b.example"],
            "",
            "transship list convert",
        ),
        (&["run", "-"], "", "this list has no version"),
    ] {
        let ended = say_with_input(&operator, arguments, input).await;
        let said = &ended.expect(2).stderr;
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let batches = operator.say(&["batches"]).await;
    assert_eq!(batches.expect(0).stdout, "");
}

#[tokio::test]
async fn references_from_standard_input_are_verified() {
    let fixture = Fixture::new().await;
    let lines = IMAGES.map(|name| format!("{}/{name}:1\n", fixture.source.address()));
    let to = fixture.destination.address();
    let input = lines.concat();
    let before = say_with_input(&fixture.operator, &["verify", "-", "--to", &to], &input).await;
    before.expect(1);
    let ran = say_with_input(&fixture.operator, &["run", "-", "--to", &to], &input).await;
    ran.expect(0);
    let after = say_with_input(&fixture.operator, &["verify", "-", "--to", &to], &input).await;
    let told = &after.expect(0).stderr;
    assert!(told.contains("3 images: 3 equal"), "{told}");
}
