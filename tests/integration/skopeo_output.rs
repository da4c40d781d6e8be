//! What the real skopeo prints is understood, on a terminal and on a pipe, and when it fails.

use std::{io::Read as _, path::PathBuf};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tokio::process::Command;
use transship::{
    batch::{FailureClass, Side},
    oci::{Digest, Location},
    skopeo::{BlobState, OutputEvent, OutputParser, ProgressTracker, Sides, Step, classify},
};

use crate::{fixture::Fixture, installed};

/// Not the policy of this machine.
const COPY: [&str; 5] = [
    "--insecure-policy",
    "copy",
    // The layers are not really compressed, which skopeo would make up for.
    "--preserve-digests",
    "--src-tls-verify=false",
    "--dest-tls-verify=false",
];

fn locations(fixture: &Fixture) -> [String; 2] {
    [
        format!("docker://{}/team/first:1", fixture.source.address()),
        format!("docker://{}/team/first:1", fixture.destination.address()),
    ]
}

/// What skopeo writes to a wide terminal.
fn on_terminal(skopeo: &PathBuf, arguments: &[String]) -> Vec<u8> {
    let size = PtySize {
        rows: 50,
        cols: 200,
        ..PtySize::default()
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(skopeo);
    command.args(COPY);
    command.args(arguments);
    let mut process = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = Vec::new();
    // The end of a terminal is an error on Linux.
    let _ = pair
        .master
        .try_clone_reader()
        .unwrap()
        .read_to_end(&mut output);
    process.wait().unwrap();
    output
}

fn events(output: &[u8]) -> Vec<OutputEvent> {
    let mut events = Vec::new();
    let mut parser = OutputParser::new();
    parser.push(output, &mut |event| events.push(event));
    parser.finish(&mut |event| events.push(event));
    events
}

fn settled(events: &[OutputEvent]) -> Vec<BlobState> {
    let settled = events.iter().filter_map(|event| match event {
        OutputEvent::Blob { state, .. } => state.is_settled().then_some(*state),
        OutputEvent::Step(_) | OutputEvent::Digest(_) | OutputEvent::Line(_) => None,
    });
    settled.collect()
}

#[tokio::test]
async fn a_terminal_tells_blobs_that_are_copied_from_those_that_are_there() {
    let Some(skopeo) = installed::program("skopeo") else {
        return;
    };
    let fixture = Fixture::new().await;
    let arguments = locations(&fixture).to_vec();
    let (first, again) = tokio::task::spawn_blocking(move || {
        let first = on_terminal(&skopeo, &arguments);
        (first, on_terminal(&skopeo, &arguments))
    })
    .await
    .unwrap();
    let (first, again) = (events(&first), events(&again));
    assert_eq!(settled(&first), [BlobState::Done; 2], "{first:?}");
    assert_eq!(settled(&again)[0], BlobState::Skipped, "{again:?}");
    let written = OutputEvent::Step(Step::WritingManifest);
    assert!(first.contains(&written) && again.contains(&written));
    let mut tracker = ProgressTracker::new(None);
    let progress = first.iter().filter_map(|event| tracker.apply(event));
    let percent: Vec<u8> = progress.map(|progress| progress.percent).collect();
    assert!(
        percent.is_sorted() && percent.last() >= Some(&97),
        "{percent:?}"
    );
}

#[tokio::test]
async fn a_pipe_has_steps_and_the_digest_of_the_manifest() {
    let Some(skopeo) = installed::program("skopeo") else {
        return;
    };
    let fixture = Fixture::new().await;
    let copied = Command::new(&skopeo)
        .args(COPY)
        .arg("--digestfile=/dev/stdout")
        .args(locations(&fixture))
        .output()
        .await
        .unwrap();
    let events = events(&copied.stdout);
    let manifest = Command::new(&skopeo)
        .args(["inspect", "--raw", "--tls-verify=false"])
        .arg(&locations(&fixture)[1])
        .output()
        .await
        .unwrap();
    let digest = Digest::of(&manifest.stdout);
    assert_eq!(
        events.last(),
        Some(&OutputEvent::Digest(digest)),
        "{copied:?}"
    );
}

#[tokio::test]
async fn a_missing_image_and_a_closed_port_are_told_apart() {
    let Some(skopeo) = installed::program("skopeo") else {
        return;
    };
    let fixture = Fixture::new().await;
    let [source, destination] = locations(&fixture);
    let missing = source.replace("first:1", "first:none");
    let closed = "docker://127.0.0.1:1/team/first:1".to_owned();
    let not_found = FailureClass::NotFound;
    let transient = FailureClass::Transient {
        retry_after_ms: None,
    };
    for (source, destination, side, class) in [
        (&missing, &destination, Side::Source, not_found),
        (&source, &closed, Side::Destination, transient),
        (&closed, &destination, Side::Source, transient),
    ] {
        let failed = Command::new(&skopeo)
            .args(COPY)
            .args([source, destination])
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(failed.stderr).unwrap();
        let [source, destination] =
            [source, destination].map(|text| text.parse::<Location>().unwrap());
        let sides = Sides {
            source: &source,
            destination: Some(&destination),
        };
        let failure = classify(&said, &sides);
        assert_eq!((failure.side, failure.class), (side, class), "{said}");
    }
}
