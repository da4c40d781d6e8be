//! A destination that goes away in the middle of a batch and comes back, through the real binary.

use std::{net::SocketAddr, time::Duration};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{
    batch::{Event, Outcome, RegistryStatus},
    serve::{Options, Server},
};

use crate::{
    embedded::Embedded,
    installed,
    operator::{Operator, event, list},
    sample_images::SampleImages,
    skopeo_lists,
};

/// Another program may have the address for a moment.
const BINDS: usize = 100;
/// The first pauses are of 1, 2 and 4 s.
const LONG_PAUSE: Duration = Duration::from_secs(3);
/// Attempts of an image when nothing defers it.
const ATTEMPTS: u16 = 2;
const IMAGES: usize = 8;
/// KiB of a base layer, which is in flight when the first image ends.
const WEIGHT: u64 = 300;

async fn serve(directory: &TempDir, address: SocketAddr) -> Server {
    let options = || Options::new(directory.path().join("registry"));
    let mut bound = Server::bind(address, options()).await;
    for _ in 0..BINDS {
        if bound.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        bound = Server::bind(address, options()).await;
    }
    bound.unwrap()
}

#[tokio::test]
async fn a_batch_waits_for_a_registry_that_goes_away_and_fails_no_image() {
    no_image_fails("").await;
}

#[tokio::test]
async fn images_that_skopeo_copies_wait_for_a_registry_that_goes_away() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let skopeo = skopeo_lists::settings(&program);
    no_image_fails(&format!("{skopeo}[defaults]\nengine = \"skopeo\"\n")).await;
}

/// `tables` are further tables of the list.
async fn no_image_fails(tables: &str) {
    let source = Embedded::throttled(300_000).await;
    let samples = SampleImages::new(source.server.store(), WEIGHT);
    let images = &samples.images[..IMAGES];
    let directory = TempDir::new().unwrap();
    let mut destination = Some(serve(&directory, ([127, 0, 0, 1], 0).into()).await);
    let address = destination.as_ref().unwrap().address();
    let operator = Operator::new();
    let text = list(&source.address(), &address.to_string(), images) + tables;
    let path = operator.list(&text);
    let attempts = format!("--attempts={ATTEMPTS}");
    let run = ["run", path.to_str().unwrap(), "--json", &attempts];
    let mut process = operator.command(&run).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();

    let (mut finished, mut unreachable) = (0, false);
    while let Some(line) = lines.next_line().await.unwrap() {
        match event(&line) {
            Event::JobFinished { outcome, .. } => {
                let there = matches!(outcome, Outcome::Copied { .. } | Outcome::UpToDate { .. });
                assert!(there, "{outcome:?}");
                finished += 1;
                if finished == 1 {
                    destination = None;
                }
            }
            Event::RegistriesSampled { registries: lanes } => {
                let down: Vec<_> = lanes.iter().filter(|lane| lane.unreachable).collect();
                unreachable = !down.is_empty();
                // It comes back when it was asked for in vain a few times, and an image would have failed.
                let asked_often =
                    |lane: &&RegistryStatus| lane.throttled_ms > Some(LONG_PAUSE.into());
                if destination.is_none() && down.iter().any(asked_often) {
                    destination = Some(serve(&directory, address).await);
                }
            }
            Event::JobStarted { .. } => {
                assert!(!unreachable, "an image is started that cannot go anywhere");
            }
            _ => {}
        }
    }
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    assert_eq!(finished, IMAGES);
    assert!(destination.is_some());
}
