//! `run --watch`: a list that is run again and again.

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use transship::{batch::Event, serve::ImageBuilder};

use crate::{
    embedded::Embedded,
    operator::{Operator, event, signal},
    sample_images::{amd64, repository},
};

const NAME: &str = "team/app";

fn put(registry: &Embedded, tag: &str, seed: u64) {
    let builder = ImageBuilder::new(registry.server.store());
    let (name, tag) = (repository(NAME), tag.parse().unwrap());
    let layer = builder.layer(&name, seed, 1000).unwrap();
    builder
        .image(&name, Some(&tag), &amd64(), &[layer])
        .unwrap();
}

fn list(source: &Embedded, destination: &Embedded) -> String {
    format!(
        "version = 1\n[source]\nregistry = \"{}\"\n[destination]\nregistry = \"{}\"\n\
         prune = true\nprune-limit = \"50%\"\n[[images]]\nname = \"{NAME}\"\ntag-pattern = \".*\"\n",
        source.address(),
        destination.address()
    )
}

/// Reads events until the round ends; how many images it had.
async fn round(lines: &mut Lines<impl tokio::io::AsyncBufRead + Unpin>) -> u32 {
    let mut images = 0;
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("tag_pruned") {
            continue;
        }
        match event(&line) {
            Event::BatchStarted { jobs, .. } => images = jobs,
            Event::BatchFinished { stopped_by } => {
                assert_eq!(stopped_by, None);
                return images;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn each_round_copies_what_is_new_and_prunes_what_is_gone() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let operator = Operator::new();
    put(&source, "1", 1);
    let path = operator.list(&list(&source, &destination));
    let run = ["run", path.to_str().unwrap(), "--watch", "1s", "--json"];
    let mut process = operator.command(&run).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert_eq!(round(&mut lines).await, 1);
    put(&source, "2", 2);
    while round(&mut lines).await != 2 {}
    let delete = ["delete", &format!("{}/{NAME}:1", source.address()), "--yes"];
    operator.say(&delete).await.expect(0);
    while round(&mut lines).await != 1 {}
    // The round after it begins only after the one that pruned.
    assert_eq!(round(&mut lines).await, 1);
    let tags = destination.server.store().tags(&repository(NAME));
    assert_eq!(tags.unwrap(), ["2"]);
    signal(process.id().unwrap(), "TERM").await;
    let drained = async { while let Ok(Some(_)) = lines.next_line().await {} };
    let (status, ()) = tokio::join!(process.wait(), drained);
    // 3 if the signal came in the middle of a round.
    assert!(matches!(status.unwrap().code(), Some(0 | 3)));
    // Rounds without anything new leave no batch.
    let batches = operator.say(&["batches"]).await;
    let copied = |line: &&str| line.contains("copied");
    let lines: Vec<&str> = batches.expect(0).stdout.lines().collect();
    assert_eq!(lines.iter().copied().filter(copied).count(), 2, "{lines:?}");
}

#[tokio::test]
async fn a_list_that_becomes_wrong_is_told_and_read_again() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let operator = Operator::new();
    put(&source, "1", 1);
    let right = list(&source, &destination);
    let path = operator.list(&right);
    let run = ["run", path.to_str().unwrap(), "--watch", "1s", "--json"];
    let mut process = operator.command(&run).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(process.stderr.take().unwrap()).lines();
    assert_eq!(round(&mut lines).await, 1);
    operator.list("version = 1\n");
    loop {
        let line = errors.next_line().await.unwrap().unwrap();
        if line.contains("this list has no images") {
            break;
        }
    }
    operator.list(&right);
    assert_eq!(round(&mut lines).await, 1);
    process.kill().await.unwrap();
}

#[tokio::test]
async fn a_list_that_is_wrong_from_the_start_ends_the_watch() {
    let operator = Operator::new();
    let path = operator.list("version = 1\n");
    let run = ["run", path.to_str().unwrap(), "--watch", "1s"];
    operator.say(&run).await.expect(2);
    let piped = operator.say(&["run", "-", "--watch", "1s"]).await;
    assert!(
        piped.expect(2).stderr.contains("it needs a file"),
        "{}",
        piped.stderr
    );
}
