//! The file, as a collector reads it while a batch writes it.

use transship::serve::{Action, Fault};

use super::exposition::Samples;
use crate::{
    embedded::Embedded,
    operator::{Operator, list},
    sample_images::SampleImages,
};

/// What every text begins and ends with.
const FIRST: &str = "# HELP transship_build_info ";
const LAST: &str = "transship_upload_mode{";

#[tokio::test]
async fn the_file_is_never_half_and_keeps_the_final_values() {
    let source = Embedded::start().await;
    let samples = SampleImages::new(source.server.store(), 50);
    let destination = Embedded::start().await;
    // The batch lasts a second or two.
    let refused = Action::answer(503).header("retry-after", "2");
    let fault = Fault::on_any("/legacy/app/manifests/9", refused).unwrap();
    source.server.faults().add(fault.times(1));
    let operator = Operator::new();
    let (from, to) = (source.address(), destination.address());
    let path = operator.list(&list(&from, &to, &samples.images));
    let file = operator.path("metrics.prom");
    let arguments = ["run", path.to_str().unwrap(), "--metrics-file=metrics.prom"];
    let mut command = operator.command(&arguments);
    command.current_dir(operator.path("."));
    let mut process = command.spawn().unwrap();
    let mut seen = 0;
    let status = loop {
        if let Ok(text) = std::fs::read_to_string(&file) {
            assert!(text.starts_with(FIRST), "{text}");
            let last = text.lines().last().unwrap();
            assert!(text.ends_with('\n') && last.starts_with(LAST), "{last}");
            seen += 1;
        }
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status.code(), Some(0));
    assert!(seen > 0, "it was never read while the batch ran");
    let last = Samples::parse(&std::fs::read_to_string(&file).unwrap());
    let all = samples.images.len() as f64;
    assert_eq!(last.value("transship_images{state=\"copied\"}"), all);
    assert_eq!(last.value("transship_batch_running"), 0.0);
    let retried = "transship_retries_total{side=\"source\",class=\"transient\"}";
    assert_eq!(last.value(retried), 1.0);
    let names = std::fs::read_dir(operator.path(".")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    let is_left = |name: &std::ffi::OsString| name.to_string_lossy().contains("transship-metrics");
    assert!(!names.iter().any(is_left), "{names:?}");
}
