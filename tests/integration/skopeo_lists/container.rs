//! The service container as an operator uses it: found, started, and left for the local skopeo when it is gone.

use reqwest::Method;
use tokio::process::Command;
use transship::{
    batch::{Event, Outcome},
    serve::{Action, Fault},
};

use super::{digest, outcomes};
use crate::{
    docker_archives::images::docker_save,
    embedded::Embedded,
    fixture::Fixture,
    operator::{Ended, Operator},
    skopeo_container::{NAME, SkopeoContainer},
};

/// `[skopeo]` with the container first, then the skopeo of this machine.
fn settings(container: &SkopeoContainer) -> String {
    let settings = container.settings();
    let shared = container.shared();
    format!(
        "[skopeo]\ncontainer = {NAME:?}\nruntime = \"podman\"\nmethods = [\"container\", \"local\"]\n\
         shared-dir = {:?}\npath = {:?}\nextra-args = [\"--insecure-policy\"]\n",
        shared.host, settings.path
    )
}

/// The program, which finds the podman whose storage has the container.
fn command(operator: &Operator, container: &SkopeoContainer, arguments: &[&str]) -> Command {
    let mut command = operator.command(arguments);
    let programs = container.path("bin");
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command
}

async fn say(operator: &Operator, container: &SkopeoContainer, arguments: &[&str]) -> Ended {
    let output = command(operator, container, arguments).output();
    output.await.unwrap().into()
}

fn methods(events: &[Event]) -> Vec<&str> {
    let methods = events.iter().filter_map(|event| match event {
        Event::MethodSelected { method, .. } => Some(method.as_str()),
        _ => None,
    });
    methods.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tar_goes_to_a_registry_through_the_container_that_was_started_for_it() {
    let Some(container) = SkopeoContainer::start().await else {
        return;
    };
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    operator.configure(&settings(&container));
    container.stop().await;
    let check = ["skopeo", "check"];
    let stopped = say(&operator, &container, &check).await;
    let lines: Vec<&str> = stopped.expect(0).stdout.lines().collect();
    assert!(lines[0].contains("is not running"), "{lines:?}");
    assert!(lines[1].ends_with(&format!("run: podman start {NAME}")));
    assert!(lines[2].starts_with("local      works: skopeo "));
    let started = say(&operator, &container, &["skopeo", "start"]).await;
    let said = &started.expect(0).stderr;
    assert!(said.contains("started the container"), "{said}");
    let checked = say(&operator, &container, &check).await;
    let works = "container  works: skopeo ";
    assert!(checked.expect(0).stdout.starts_with(works), "{checked:?}");

    docker_save(&operator.path("app.tar"), "app:1");
    let archive = format!("docker-archive:{}", operator.path("app.tar").display());
    let destination = format!("{}/project/app:1", registry.address());
    let copy = ["copy", &archive, &destination, "--engine", "skopeo"];
    let plain = [&copy[..], &["--progress", "plain"]].concat();
    let copied = say(&operator, &container, &plain).await;
    let percent = |line: &str| line.get(1..4)?.trim().parse::<u8>().ok();
    let lines = copied.expect(0).stdout.lines();
    let percents: Vec<u8> = lines.filter_map(percent).collect();
    assert!(percents.is_sorted() && percents.len() > 2, "{copied:?}");
    assert_eq!(percents.last(), Some(&100));
    assert!(digest(&registry, "project/app").is_some());

    let json = [&copy[..], &["--json"]].concat();
    let events = say(&operator, &container, &json).await.expect(0).events();
    let methods = methods(&events);
    assert!(methods[0].contains(" in container "), "{methods:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_container_stops_in_the_middle_is_copied_by_the_local_skopeo() {
    let Some(container) = SkopeoContainer::start().await else {
        return;
    };
    let fixture = Fixture::new().await;
    let fault = Fault::on(Method::GET, "/team/first/blobs/", Action::Hang).unwrap();
    let hanging = fixture.source.server.faults().add(fault.times(1));
    let list = format!(
        "version = 1\nimages = [\"team/first:1\"]\n[source]\nregistry = {:?}\n\
         [destination]\nregistry = {:?}\n{}[defaults]\nengine = \"skopeo\"\n",
        fixture.source.address(),
        fixture.destination.address(),
        settings(&container)
    );
    let list = fixture.operator.list(&list);
    let run = ["run", "--json", list.to_str().unwrap()];
    let run = command(&fixture.operator, &container, &run)
        .spawn()
        .unwrap();
    hanging.hit_times(1).await;
    container.stop().await;
    let ended: Ended = run.wait_with_output().await.unwrap().into();
    let events = ended.expect(0).events();
    let [first, second] = methods(&events)[..] else {
        panic!("{events:?}");
    };
    assert!(first.contains(" in container "), "{first}");
    assert!(!second.contains("container"), "{second}");
    let root = digest(&fixture.source, "team/first").unwrap();
    assert_eq!(
        digest(&fixture.destination, "team/first"),
        Some(root.clone())
    );
    assert_eq!(outcomes(&events), [(0, Outcome::Copied { root })]);
}
