//! Batches that end before their last image, and processes that use one batch at the same time.

use reqwest::Method;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};
use transship::{
    batch::Event,
    serve::{Action, ActiveFault, Fault, ImageBuilder},
};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::{Ended, list, signal},
    sample_images::{amd64, repository},
};

/// Runs one image at a time, until the first one hangs on its blobs.
async fn hang(fixture: &Fixture) -> (ActiveFault, Child) {
    let hanging = fixture.misbehave("team/first", Action::Hang);
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--parallel=1"];
    let process = fixture.operator.command(&run).spawn().unwrap();
    hanging.hit_times(1).await;
    (hanging, process)
}

async fn end(process: Child) -> Ended {
    process.wait_with_output().await.unwrap().into()
}

#[tokio::test]
async fn a_signal_to_end_leaves_a_batch_that_resumes() {
    for name in ["TERM", "HUP"] {
        let fixture = Fixture::new().await;
        let (hanging, process) = hang(&fixture).await;
        signal(process.id().unwrap(), name).await;
        let ended = end(process).await;
        let stdout = &ended.expect(3).stdout;
        assert!(stdout.contains("3 images: 3 left"), "{stdout}");
        assert!(stdout.contains("transship resume"), "{stdout}");
        let batches = fixture.operator.say(&["batches"]).await;
        assert!(batches.expect(0).stdout.contains("interrupted: 3 left"));

        hanging.release();
        fixture.operator.say(&["resume"]).await.expect(0);
        assert_eq!(fixture.arrived(), IMAGES);
        let batches = fixture.operator.say(&["batches"]).await;
        assert!(batches.expect(0).stdout.contains("finished: 3 copied"));
    }
}

#[tokio::test]
async fn an_interrupt_finishes_what_is_in_flight_and_a_second_one_does_not() {
    for interrupts in [1, 2] {
        let fixture = Fixture::new().await;
        let (hanging, mut process) = hang(&fixture).await;
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        for number in 1..=interrupts {
            signal(process.id().unwrap(), "INT").await;
            let word = ["draining", "stopping"][number - 1];
            while let Some(line) = lines.next_line().await.unwrap() {
                let heard = line.contains(word);
                said.push(line);
                if heard {
                    break;
                }
            }
        }
        hanging.release();
        while let Some(line) = lines.next_line().await.unwrap() {
            said.push(line);
        }
        let said = said.join("\n");
        assert_eq!(process.wait().await.unwrap().code(), Some(3), "{said}");
        let (counts, arrived) = match interrupts {
            1 => ("3 images: 1 copied, 2 left", &IMAGES[..1]),
            _ => ("3 images: 3 left", &[][..]),
        };
        assert!(said.contains(counts), "{said}");
        assert_eq!(fixture.arrived(), arrived);
    }
}

/// Another program writes the batch's journal, and is not done.
async fn lock_journal(fixture: &Fixture) -> sqlx::SqliteConnection {
    let file = fixture.operator.path("state/journal.sqlite3");
    let url = format!("sqlite://{}", file.display());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
    begin.execute(&mut other).await.unwrap();
    other
}

async fn says(
    process: &mut Child,
    what: &str,
) -> tokio::io::Lines<BufReader<tokio::process::ChildStdout>> {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(what) {
            return lines;
        }
    }
    panic!("it ended without saying: {what}");
}

#[tokio::test]
async fn a_locked_journal_is_told_and_the_batch_goes_on() {
    let fixture = Fixture::new().await;
    let (hanging, mut process) = hang(&fixture).await;
    let other = lock_journal(&fixture).await;
    hanging.release();
    let waiting = "the journal is locked by another program; waiting up to 10 min";
    let mut lines = says(&mut process, waiting).await;
    assert_eq!(fixture.arrived(), IMAGES, "the images did not wait");
    drop(other);
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said += &format!("{line}\n");
    }
    let ended = end(process).await;
    ended.expect(0);
    assert!(said.contains("the journal works again"), "{said}");
    assert!(said.contains("3 images: 3 copied"), "{said}");
    let batches = fixture.operator.say(&["batches"]).await;
    assert!(batches.expect(0).stdout.contains("finished: 3 copied"));
}

#[tokio::test]
async fn nobody_has_to_wait_for_a_locked_journal() {
    let fixture = Fixture::new().await;
    let (hanging, mut process) = hang(&fixture).await;
    let _other = lock_journal(&fixture).await;
    hanging.release();
    let waiting = "the journal is locked by another program; waiting up to 10 min";
    let lines = says(&mut process, waiting).await;
    signal(process.id().unwrap(), "INT").await;
    let ended = end(process).await;
    drop(lines);
    let said = &ended.expect(0).stderr;
    assert!(
        said.contains("write the last results before the program ended"),
        "{said}"
    );
}

#[tokio::test]
async fn a_batch_that_runs_is_refused_to_a_second_process() {
    let fixture = Fixture::new().await;
    let (hanging, process) = hang(&fixture).await;
    let holder = format!("process {} on ", process.id().unwrap());
    let second = fixture.operator.say(&["resume"]).await;
    let said = &second.expect(2).stderr;
    assert!(
        said.starts_with("transship: failed to lock batch "),
        "{said}"
    );
    assert!(said.contains(&holder), "{said}");
    assert!(said.contains("runs it already"), "{said}");
    assert_eq!(second.stdout, "");
    let batches = fixture.operator.say(&["batches"]).await;
    let line = &batches.expect(0).stdout;
    assert!(line.contains(&format!("running in {holder}")), "{line}");

    hanging.release();
    end(process).await.expect(0);
    assert_eq!(fixture.arrived(), IMAGES);
}

/// A run of 100 images, of whose lines nobody reads one before all of them have arrived.
async fn run_unread(fixture: &Fixture) -> Child {
    let images: Vec<String> = (0..100).map(|tag| format!("team/many:{tag}")).collect();
    let estate = ImageBuilder::new(fixture.source.server.store());
    let repository = repository("team/many");
    let layer = estate.layer(&repository, 1, 1000).unwrap();
    for tag in 0..100 {
        let tag = tag.to_string().parse().unwrap();
        let layers = [layer.clone()];
        estate
            .image(&repository, Some(&tag), &amd64(), &layers)
            .unwrap();
    }
    let written = Action::SetHeader {
        name: "seen".into(),
        value: "yes".into(),
    };
    let written = Fault::on(Method::PUT, "/team/many/manifests/[0-9]+$", written).unwrap();
    let written = fixture.destination.server.faults().add(written);
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    let list = fixture.operator.list(&list(&source, &destination, &images));
    let run = ["run", list.to_str().unwrap(), "--json"];
    let process = fixture.operator.command(&run).spawn().unwrap();
    written.hit_times(100).await;
    process
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_no_image_and_misses_no_change() {
    let fixture = Fixture::new().await;
    let process = run_unread(&fixture).await;
    let ended = end(process).await;
    let events = ended.expect(0).events();
    let finished = |event: &&Event| matches!(event, Event::JobFinished { .. });
    assert_eq!(events.iter().filter(finished).count(), 100);
    assert!(matches!(
        events.last(),
        Some(Event::BatchFinished { stopped_by: None })
    ));
}

#[tokio::test]
async fn nobody_has_to_read_to_the_end() {
    let fixture = Fixture::new().await;
    let mut process = run_unread(&fixture).await;
    let stdout = process.stdout.take();
    signal(process.id().unwrap(), "TERM").await;
    process.wait().await.unwrap();
    drop(stdout);
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_end_the_batch() {
    let fixture = Fixture::new().await;
    let (hanging, mut process) = hang(&fixture).await;
    drop(process.stdout.take());
    hanging.release();
    let ended = end(process).await;
    assert!(ended.expect(0).stderr.contains("the batch continues"));
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_mistake() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let list = list.to_str().unwrap();
    let repository = format!("{}/team/first", fixture.source.address());
    let image = format!("{repository}:1");
    fixture.operator.say(&["run", list]).await.expect(0);
    for arguments in [
        &["tags", &repository][..],
        &["inspect", &image],
        &["inspect", &image, "--json"],
        &["inspect", &image, "--raw"],
        &["digest", &image],
        &["list", "check", list],
        &["list", "schema"],
        &["batches"],
        &["batches", "--json"],
        &["verify", list, "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = fixture.operator.command(arguments);
        let ended = end(command.stdout(writer).spawn().unwrap()).await;
        let said = &ended.expect(0).stderr;
        assert!(!said.contains("transship:"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_signal_to_end_cancels_the_uploads_that_are_open() {
    let fixture = Fixture::new().await;
    let taken = Action::StallRequest { after: 1 };
    let stalled = Fault::on(Method::PUT, "/blobs/uploads/", taken).unwrap();
    let stalled = fixture.destination.server.faults().add(stalled);
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--parallel=1"];
    let process = fixture.operator.command(&run).spawn().unwrap();
    stalled.hit_times(2).await;
    signal(process.id().unwrap(), "TERM").await;
    end(process).await.expect(3);
    let requests = fixture.destination.requests();
    let of = |method: &str| {
        let uploads = requests
            .iter()
            .filter(|request| request.target.contains("/uploads/"));
        uploads.filter(|request| request.method == method).count()
    };
    assert!(of("DELETE") > 0);
    assert_eq!(of("DELETE"), of("POST"));
}
