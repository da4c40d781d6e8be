//! The screen of the real binary in a pseudo-terminal, on registries that misbehave when told to.

mod pseudo;

use reqwest::Method;
use transship::serve::{Action, ActiveFault, Estate, Fault};

use crate::{
    embedded::Embedded,
    fleet::{amd64, repository},
    operator::{Operator, list, signal},
};
use pseudo::Terminal;

const CTRL_C: &str = "\x03";

const IMAGES: [&str; 3] = ["team/first", "team/second", "team/third"];

/// Two registries; the source holds an image of one layer in each of three repositories.
struct Scene {
    source: Embedded,
    destination: Embedded,
    operator: Operator,
}

impl Scene {
    async fn new() -> Self {
        let source = Embedded::start().await;
        let estate = Estate::new(source.server.store());
        for (seed, name) in (0..).zip(IMAGES) {
            let repository = repository(name);
            let layer = estate.layer(&repository, seed, 50_000).unwrap();
            let tag = "1".parse().unwrap();
            estate
                .image(&repository, Some(&tag), &amd64(), &[layer])
                .unwrap();
        }
        Self {
            source,
            destination: Embedded::start().await,
            operator: Operator::new(),
        }
    }

    /// Lets the source misbehave whenever blobs of a repository are read.
    fn misbehave(&self, repository: &str, action: Action) -> ActiveFault {
        let target = format!("/{repository}/blobs/");
        let fault = Fault::on(Method::GET, &target, action).unwrap();
        self.source.server.faults().add(fault)
    }

    fn run(&self, options: &[&str]) -> Terminal {
        let images = IMAGES.map(|name| format!("{name}:1"));
        let (source, destination) = (self.source.address(), self.destination.address());
        let list = self.operator.list(&list(&source, &destination, &images));
        let run = ["run", list.to_str().unwrap()];
        Terminal::run(&self.operator, &[&run[..], options].concat())
    }

    /// Runs one image at a time, until the first one hangs on its blobs before the operator's eyes.
    async fn hang(&self) -> (ActiveFault, Terminal) {
        let hanging = self.misbehave("team/first", Action::Hang);
        let mut terminal = self.run(&["--parallel=1"]);
        hanging.hit_times(1).await;
        terminal.says("Image team/first:1").await;
        (hanging, terminal)
    }

    /// The repositories whose tag the destination was given.
    fn arrived(&self) -> Vec<&str> {
        let requests = self.destination.requests();
        let was_given = |name: &&str| {
            let target = format!("/v2/{name}/manifests/1");
            let mut requests = requests.iter();
            requests.any(|request| {
                request.method == "PUT" && request.target == target && request.status == Some(201)
            })
        };
        IMAGES.into_iter().filter(was_given).collect()
    }
}

#[tokio::test]
async fn r_copies_a_failed_image_once_its_cause_is_gone() {
    let scene = Scene::new().await;
    scene.misbehave("team/first", Action::answer(404));
    let mut terminal = scene.run(&[]);
    terminal.shows("failed", "team/first:1").await;
    terminal.shows("copied", "team/second:1").await;
    terminal.shows("copied", "team/third:1").await;
    assert_eq!(scene.arrived(), ["team/second", "team/third"]);

    scene.source.server.faults().clear();
    terminal.press("g");
    terminal.says("Image team/first:1").await;
    terminal.press("r");
    terminal.shows("copied", "team/first:1").await;
    assert_eq!(scene.arrived(), IMAGES);

    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    assert!(left.text.contains("3 images: 3 copied"), "{}", left.text);
}

#[tokio::test]
async fn s_gives_an_image_up_that_hangs() {
    let scene = Scene::new().await;
    let hanging = scene.misbehave("team/second", Action::Hang);
    let mut terminal = scene.run(&[]);
    hanging.hit_times(1).await;
    terminal.shows("copied", "team/first:1").await;
    terminal.shows("copied", "team/third:1").await;

    terminal.press("gj");
    terminal.says("Image team/second:1").await;
    terminal.press("s");
    terminal.says("Skip 1 image?").await;
    terminal.press("y");
    terminal.shows("skipped", "team/second:1").await;
    assert_eq!(scene.arrived(), ["team/first", "team/third"]);

    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0, "{}", left.text);
    let counts = "3 images: 2 copied, 1 skipped";
    assert!(left.text.contains(counts), "{}", left.text);
}

#[tokio::test]
async fn q_names_what_is_in_flight_and_d_finishes_it() {
    let scene = Scene::new().await;
    let (hanging, mut terminal) = scene.hang().await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    terminal.press("d");
    terminal.says("draining").await;
    hanging.release();
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("1 copied, 2 left"), "{}", left.text);
    assert!(left.text.contains("transship resume"), "{}", left.text);
    assert_eq!(scene.arrived(), ["team/first"]);
}

#[tokio::test]
async fn stopping_now_waits_for_nothing_and_the_rest_is_resumed() {
    let scene = Scene::new().await;
    let (hanging, mut terminal) = scene.hang().await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    // Staying is one of the answers.
    terminal.press("n");
    terminal
        .until(|screen| !screen.contents().contains("is in flight"))
        .await;
    terminal.press("q");
    terminal.says("1 image is in flight").await;
    terminal.press("s");
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
    assert!(scene.arrived().is_empty());

    hanging.release();
    scene.operator.say(&["resume"]).await.expect(0);
    assert_eq!(scene.arrived(), IMAGES);
}

#[tokio::test]
async fn ctrl_c_finishes_what_is_in_flight() {
    let scene = Scene::new().await;
    let (hanging, mut terminal) = scene.hang().await;
    terminal.press(CTRL_C);
    terminal.says("draining").await;
    hanging.release();
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("1 copied, 2 left"), "{}", left.text);
}

#[tokio::test]
async fn ctrl_c_twice_stops_now() {
    let scene = Scene::new().await;
    let (_hanging, mut terminal) = scene.hang().await;
    terminal.press(CTRL_C);
    terminal.says("draining").await;
    terminal.press(CTRL_C);
    let left = terminal.end().await;
    assert_eq!(left.code, 3, "{}", left.text);
    assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
}

#[tokio::test]
async fn a_signal_to_end_gives_the_terminal_back() {
    for name in ["TERM", "HUP"] {
        let scene = Scene::new().await;
        let (_hanging, terminal) = scene.hang().await;
        signal(terminal.process(), name).await;
        let left = terminal.end().await;
        assert_eq!(left.code, 3, "{}", left.text);
        assert!(left.text.contains("3 images: 3 left"), "{}", left.text);
    }
}
