//! Batches that are scraped while they run.

use reqwest::Method;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{
    batch::Event,
    serve::{Action, Fault},
};

use super::exposition::{Samples, get, printed_url, scrape};
use crate::{
    embedded::Embedded,
    fixture::{Fixture, IMAGES},
    operator::{Operator, event, list},
    sample_images::SampleImages,
};

#[tokio::test]
async fn a_batch_is_scraped_while_it_runs_and_its_counters_never_go_back() {
    let source = Embedded::start().await;
    let samples = SampleImages::new(source.server.store(), 100);
    let destination = Embedded::start().await;
    // One image hangs, so that the batch does not end before the last scrape.
    let hang = Fault::on(Method::GET, "/legacy/app/blobs/", Action::Hang).unwrap();
    let hanging = source.server.faults().add(hang);
    let operator = Operator::new();
    let (from, to) = (source.address(), destination.address());
    let path = operator.list(&list(&from, &to, &samples.images));
    let run = [
        "run",
        path.to_str().unwrap(),
        "--metrics=127.0.0.1:0",
        "--json",
    ];
    let mut process = operator.command(&run).spawn().unwrap();
    let url = printed_url(&mut process).await;
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut last = scrape(&url).await;
    let mut ended = 0;
    while ended < samples.images.len() - 1 {
        let line = lines.next_line().await.unwrap().expect("it ended early");
        if let Event::JobFinished { .. } = event(&line) {
            ended += 1;
            let now = scrape(&url).await;
            let gone_back: Vec<_> = now.gone_back(&last).collect();
            assert!(gone_back.is_empty(), "{gone_back:?}");
            assert!(now.value("transship_images{state=\"copied\"}") >= ended as f64);
            last = now;
        }
    }
    assert_eq!(last.value("transship_images{state=\"running\"}"), 1.0);
    assert_eq!(last.value("transship_batch_running"), 1.0);
    agrees_with_the_registries(&last, &source, &destination);
    let health = url.replace("/metrics", "/healthz");
    let (_, healthy) = get(&health, "*/*").await.unwrap();
    assert_eq!(healthy, "ok\n");
    hanging.release();
    while lines.next_line().await.unwrap().is_some() {}
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    let gone = get(&health, "*/*").await;
    assert!(gone.is_err(), "it ends with the batch");
}

/// What was counted is what the registries were asked and have.
fn agrees_with_the_registries(last: &Samples, source: &Embedded, destination: &Embedded) {
    for (registry, embedded) in [("source", source), ("destination", destination)] {
        let label = format!("registry=\"{}\"", embedded.address());
        let requests = embedded.requests();
        for method in ["GET", "HEAD", "PUT", "POST"] {
            let answered = requests.iter().filter(|request| request.method == method);
            let answered = answered.filter(|request| request.status.is_some()).count();
            let method = format!("method=\"{method}\"");
            let counted = last.sum("transship_requests_total", &[&label, &method]);
            // One request may have been answered since.
            assert!(
                (answered as f64 - counted).abs() <= 1.0,
                "{registry} {method}: {answered}, counted {counted}"
            );
        }
        let answers = last.sum("transship_answer_seconds_count", &[&label]);
        assert!(answers > 0.0, "{registry}");
    }
    let at = |embedded: &Embedded| format!("registry=\"{}\"", embedded.address());
    let bytes = |embedded, how| {
        let how = format!("how=\"{how}\"");
        last.sum("transship_bytes_total", &[&at(embedded), &how])
    };
    assert!(bytes(destination, "copied") > 0.0);
    assert!(bytes(destination, "mounted") > 0.0);
    assert_eq!(bytes(source, "copied"), bytes(destination, "copied"));
    let wire = last.sum("transship_transferred_bytes_total", &[&at(destination)]);
    assert!(wire >= bytes(destination, "copied"));
}

#[tokio::test]
async fn failures_retries_throttling_and_quotas_are_seen() {
    let fixture = Fixture::new().await;
    let missing = Action::answer(404)
        .header("ratelimit-limit", "100;w=21600")
        .header("ratelimit-remaining", "76;w=21600");
    fixture.misbehave("team/first", missing);
    let throttled = Action::answer(429).header("retry-after", "1");
    let once = Fault::on(Method::GET, "/team/second/blobs/", throttled).unwrap();
    fixture.source.server.faults().add(once.times(1));
    let list = fixture.list();
    let file = fixture.operator.path("transship.prom");
    let to = file.to_str().unwrap();
    let run = ["run", list.to_str().unwrap(), "--metrics-file", to];
    fixture.operator.say(&run).await.expect(1);
    let last = Samples::parse(&std::fs::read_to_string(&file).unwrap());
    let source = format!("registry=\"{}\"", fixture.source.address());
    let failed = "transship_failures_total{side=\"source\",class=\"not_found\"}";
    assert_eq!(last.value(failed), 1.0);
    let status = |status| {
        let status = format!("status=\"{status}\"");
        last.sum("transship_requests_total", &[&source, &status])
    };
    assert_eq!(status(429), 1.0);
    assert!(status(404) >= 1.0);
    assert_eq!(
        last.sum("transship_throttling_pauses_total", &[&source]),
        1.0
    );
    assert_eq!(last.sum("transship_rate_limit_remaining", &[&source]), 76.0);
    assert_eq!(last.sum("transship_rate_limit_limit", &[&source]), 100.0);
    assert_eq!(last.value("transship_images{state=\"copied\"}"), 2.0);
    assert_eq!(last.value("transship_batch_running"), 0.0);
    for name in IMAGES {
        assert!(last.series().all(|series| !series.contains(name)), "{name}");
    }
}
