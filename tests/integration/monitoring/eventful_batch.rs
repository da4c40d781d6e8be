//! A batch of the real program in which everything happens that the dashboard shows, and which does not end by itself.
//!
//! Decides what goes wrong. Invariant: no request is answered before [`EventfulBatch::begin`], so that whoever scrapes
//! sees every counter grow.

use reqwest::Method;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};
use transship::serve::{Action, ActiveFault, Fault, ImageBuilder, Store};

use crate::{
    embedded::Embedded,
    operator::{Operator, list},
    sample_images::{amd64, repository},
};

const SLOW: u64 = 3_000_000;
/// Bytes a second of a connection: the slow image takes 15 s, and after 10 s there is an estimate.
const RATE: u64 = 200_000;
const SMALL: u64 = 20_000;

pub(super) struct EventfulBatch {
    /// Of the metrics.
    pub(super) address: String,
    held: ActiveFault,
    hanging: ActiveFault,
    vanishing: Option<Embedded>,
    _source: Embedded,
    _destination: Embedded,
    _operator: Operator,
    _process: Child,
}

impl EventfulBatch {
    pub(super) async fn start() -> Self {
        let source = Embedded::throttled(RATE).await;
        let vanishing = Embedded::start().await;
        let destination = Embedded::start().await;
        let (from, to) = (source.server.store(), destination.server.store());
        image(from, "team/slow", &[(1, SLOW)]);
        // One of the two uploads the first layer, the other mounts it.
        image(from, "team/sharing", &[(2, SMALL), (3, SMALL)]);
        image(from, "team/sharing-too", &[(2, SMALL), (4, SMALL)]);
        image(from, "team/known", &[(5, SMALL), (6, SMALL)]);
        ImageBuilder::new(to)
            .layer(&repository("team/known"), 5, SMALL)
            .unwrap();
        image(from, "team/unchanged", &[(7, SMALL)]);
        image(to, "team/unchanged", &[(7, SMALL)]);
        image(from, "team/broken", &[(8, SMALL)]);
        image(from, "team/limited", &[(9, SMALL)]);
        image(vanishing.server.store(), "team/vanishing", &[(10, SMALL)]);

        let held = Fault::on_any("", Action::Hang).unwrap();
        let held = source.server.faults().add(held);
        let quota = |name: &str, value: &str| {
            let action = Action::SetHeader {
                name: name.into(),
                value: value.into(),
            };
            let fault = Fault::on(Method::GET, "/manifests/", action).unwrap();
            source.server.faults().add(fault);
        };
        quota("ratelimit-limit", "100;w=21600");
        quota("ratelimit-remaining", "3;w=21600");
        let once = |target: &str, action: Action| {
            let fault = Fault::on(Method::GET, target, action).unwrap();
            source.server.faults().add(fault.times(1));
        };
        once("/team/broken/manifests/", Action::answer(502));
        once(
            "/team/limited/blobs/",
            Action::answer(429).header("retry-after", "5"),
        );
        let hanging = Fault::on(Method::GET, "/blobs/", Action::Hang).unwrap();
        let hanging = vanishing.server.faults().add(hanging);

        let names = [
            "slow",
            "sharing",
            "sharing-too",
            "known",
            "unchanged",
            "broken",
            "limited",
            "missing",
        ];
        let mut images: Vec<_> = names.iter().map(|name| format!("team/{name}:1")).collect();
        images.push(format!("{}/team/vanishing:1", vanishing.address()));
        let operator = Operator::new();
        let path = operator.list(&list(&source.address(), &destination.address(), &images));
        let run = ["run", path.to_str().unwrap(), "--metrics", "127.0.0.1:0"];
        let mut process = operator.command(&run).spawn().unwrap();
        // Full pipes would stop the program.
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap();
            let line = line.expect("the program ended before it served metrics");
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split("/metrics").next().unwrap().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        held.hit_times(1).await;
        Self {
            address,
            held,
            hanging,
            vanishing: Some(vanishing),
            _source: source,
            _destination: destination,
            _operator: operator,
            _process: process,
        }
    }

    /// Lets everything happen. When one of the registries goes away, an image waits for it.
    pub(super) async fn begin(&mut self) {
        self.held.release();
        self.hanging.hit_times(1).await;
        self.vanishing = None;
    }
}

/// An image with the tag 1 and layers by seed and size.
fn image(store: &Store, name: &str, layers: &[(u64, u64)]) {
    let builder = ImageBuilder::new(store);
    let repository = repository(name);
    let layers: Vec<_> = (layers.iter())
        .map(|(seed, size)| builder.layer(&repository, *seed, *size).unwrap())
        .collect();
    let tag = "1".parse().unwrap();
    builder
        .image(&repository, Some(&tag), &amd64(), &layers)
        .unwrap();
}
