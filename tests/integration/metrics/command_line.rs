//! What an operator writes: addresses, the configuration file, and what is wrong with them.

use std::net::TcpListener;

use super::exposition::{printed_url, scrape};
use crate::{fixture::Fixture, operator::Ended};

async fn run(fixture: &Fixture, options: &[&str]) -> Ended {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    fixture.operator.say(&[&run[..], options].concat()).await
}

/// Asserts that a run was refused before it was recorded or sent a request.
async fn is_refused(fixture: &Fixture, options: &[&str], why: &[&str]) {
    let ended = run(fixture, options).await;
    for part in why {
        assert!(ended.expect(2).stderr.contains(part), "{}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    let batches = fixture.operator.say(&["batches"]).await;
    assert_eq!(batches.expect(0).stdout, "");
    assert!(fixture.source.requests().is_empty());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_before_anything_is_copied() {
    let fixture = Fixture::new().await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let why = ["is in use", &port];
    is_refused(&fixture, &["--metrics", &port], &why).await;
    fixture
        .operator
        .configure(&format!("metrics = \":{port}\"\n"));
    is_refused(&fixture, &[], &why).await;
    // The option overrides the key, and a copy does not obey it.
    run(&fixture, &["--metrics=:0"]).await.expect(0);
    let [from, to] = [&fixture.source, &fixture.destination].map(|side| side.address());
    let copy = [
        "copy",
        &format!("{from}/team/first:1"),
        &format!("{to}/x:1"),
    ];
    fixture.operator.say(&copy).await.expect(0);
}

#[tokio::test]
async fn a_wrong_address_or_file_is_told_before_anything_is_copied() {
    let fixture = Fixture::new().await;
    let port = ["write a port such as 9464"];
    is_refused(&fixture, &["--metrics=harbor.example:9464"], &port).await;
    let file = ["cannot write the metrics file nowhere/x.prom"];
    is_refused(&fixture, &["--metrics-file=nowhere/x.prom"], &file).await;
    fixture
        .operator
        .configure("bell = true\nmetrics = \":http\"\n");
    is_refused(&fixture, &[], &["config.toml:2", port[0]]).await;
    fixture.operator.configure("metrics = 9464\n");
    is_refused(&fixture, &[], &["config.toml:1", "string"]).await;
}

#[tokio::test]
async fn the_configuration_serves_a_resumed_batch_too() {
    let fixture = Fixture::new().await;
    fixture.operator.configure("metrics = \":0\"\n");
    let hanging = fixture.misbehave("team/second", transship::serve::Action::Hang);
    let reviewed = run(&fixture, &["--review"]).await;
    assert!(
        reviewed
            .expect(3)
            .stderr
            .contains("metrics: http://127.0.0.1:")
    );
    let mut process = fixture.operator.command(&["resume"]).spawn().unwrap();
    let url = printed_url(&mut process).await;
    hanging.hit_times(1).await;
    let samples = scrape(&url).await;
    assert_eq!(samples.sum("transship_images", &[]), 3.0);
    assert_eq!(samples.sum("transship_batch_info", &[]), 1.0);
    hanging.release();
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn without_an_option_there_are_no_metrics() {
    let fixture = Fixture::new().await;
    let ended = run(&fixture, &[]).await;
    assert_eq!(ended.expect(0).stderr, "");
}
