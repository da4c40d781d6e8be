//! Batches that end before their last image, and processes that want the same batch.

use reqwest::Method;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};
use transship::{
    batch::Event,
    serve::{Action, ActiveFault, Estate, Fault},
};

use crate::{
    fleet::{amd64, repository},
    operator::{Ended, list, signal},
    scene::{IMAGES, Scene},
};

/// Runs one image at a time, until the first one hangs on its blobs.
async fn hang(scene: &Scene) -> (ActiveFault, Child) {
    let hanging = scene.misbehave("team/first", Action::Hang);
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--parallel=1"];
    let process = scene.operator.command(&run).spawn().unwrap();
    hanging.hit_times(1).await;
    (hanging, process)
}

async fn end(process: Child) -> Ended {
    process.wait_with_output().await.unwrap().into()
}

#[tokio::test]
async fn a_signal_to_end_leaves_a_batch_that_resumes() {
    for name in ["TERM", "HUP"] {
        let scene = Scene::new().await;
        let (hanging, process) = hang(&scene).await;
        signal(process.id().unwrap(), name).await;
        let ended = end(process).await;
        let stdout = &ended.expect(3).stdout;
        assert!(stdout.contains("3 images: 3 left"), "{stdout}");
        assert!(stdout.contains("transship resume"), "{stdout}");
        let batches = scene.operator.say(&["batches"]).await;
        assert!(batches.expect(0).stdout.contains("interrupted: 3 left"));

        hanging.release();
        scene.operator.say(&["resume"]).await.expect(0);
        assert_eq!(scene.arrived(), IMAGES);
        let batches = scene.operator.say(&["batches"]).await;
        assert!(batches.expect(0).stdout.contains("finished: 3 copied"));
    }
}

#[tokio::test]
async fn an_interrupt_finishes_what_is_in_flight_and_a_second_one_does_not() {
    for interrupts in [1, 2] {
        let scene = Scene::new().await;
        let (hanging, mut process) = hang(&scene).await;
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
        assert_eq!(scene.arrived(), arrived);
    }
}

#[tokio::test]
async fn a_batch_that_runs_is_refused_to_a_second_process() {
    let scene = Scene::new().await;
    let (hanging, process) = hang(&scene).await;
    let holder = format!("process {} on ", process.id().unwrap());
    let second = scene.operator.say(&["resume"]).await;
    let said = &second.expect(2).stderr;
    assert!(
        said.starts_with("transship: failed to take batch "),
        "{said}"
    );
    assert!(said.contains(&holder), "{said}");
    assert!(said.contains("runs it already"), "{said}");
    assert_eq!(second.stdout, "");
    let batches = scene.operator.say(&["batches"]).await;
    let line = &batches.expect(0).stdout;
    assert!(line.contains(&format!("run now by {holder}")), "{line}");

    hanging.release();
    end(process).await.expect(0);
    assert_eq!(scene.arrived(), IMAGES);
}

/// A run of 100 images, of whose lines nobody reads one before all of them have arrived.
async fn run_unread(scene: &Scene) -> Child {
    let images: Vec<String> = (0..100).map(|tag| format!("team/many:{tag}")).collect();
    let estate = Estate::new(scene.source.server.store());
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
    let written = scene.destination.server.faults().add(written);
    let (source, destination) = (scene.source.address(), scene.destination.address());
    let list = scene.operator.list(&list(&source, &destination, &images));
    let run = ["run", list.to_str().unwrap(), "--json"];
    let process = scene.operator.command(&run).spawn().unwrap();
    written.hit_times(100).await;
    process
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_no_image_and_misses_no_change() {
    let scene = Scene::new().await;
    let process = run_unread(&scene).await;
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
    let scene = Scene::new().await;
    let mut process = run_unread(&scene).await;
    let stdout = process.stdout.take();
    signal(process.id().unwrap(), "TERM").await;
    process.wait().await.unwrap();
    drop(stdout);
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_end_the_batch() {
    let scene = Scene::new().await;
    let (hanging, mut process) = hang(&scene).await;
    drop(process.stdout.take());
    hanging.release();
    let ended = end(process).await;
    assert!(ended.expect(0).stderr.contains("the batch goes on"));
    assert_eq!(scene.arrived(), IMAGES);
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_mistake() {
    let scene = Scene::new().await;
    let list = scene.list();
    let list = list.to_str().unwrap();
    let repository = format!("{}/team/first", scene.source.address());
    let image = format!("{repository}:1");
    scene.operator.say(&["run", list]).await.expect(0);
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
        let mut command = scene.operator.command(arguments);
        let ended = end(command.stdout(writer).spawn().unwrap()).await;
        let said = &ended.expect(0).stderr;
        assert!(!said.contains("transship:"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_signal_to_end_cancels_the_uploads_that_are_open() {
    let scene = Scene::new().await;
    let taken = Action::StallRequest { after: 1 };
    let stalled = Fault::on(Method::PUT, "/blobs/uploads/", taken).unwrap();
    let stalled = scene.destination.server.faults().add(stalled);
    let list = scene.list();
    let run = ["run", list.to_str().unwrap(), "--parallel=1"];
    let process = scene.operator.command(&run).spawn().unwrap();
    stalled.hit_times(2).await;
    signal(process.id().unwrap(), "TERM").await;
    end(process).await.expect(3);
    let requests = scene.destination.requests();
    let of = |method: &str| {
        let uploads = requests
            .iter()
            .filter(|request| request.target.contains("/uploads/"));
        uploads.filter(|request| request.method == method).count()
    };
    assert!(of("DELETE") > 0);
    assert_eq!(of("DELETE"), of("POST"));
}
