//! `--newer-than` where no API says when an image was pushed: the time is in its config.

use transship::serve::ImageBuilder;

use super::{entries, sample};
use crate::{
    operator::Operator,
    sample_images::{amd64, repository},
};

#[tokio::test]
async fn the_time_in_the_config_decides_and_what_has_none_is_kept_and_named() {
    let (registry, operator) = (sample().await, Operator::new());
    let builder = ImageBuilder::new(registry.server.store());
    let name = repository("tools");
    let [artifact, index] = ["chart", "both"].map(|tag| tag.parse().unwrap());
    builder
        .artifact(&name, &artifact, "application/vnd.x", b"x")
        .unwrap();
    let layer = builder.layer(&name, 7, 100).unwrap();
    let image = builder.image(&name, None, &amd64(), &[layer]).unwrap();
    builder.index(&name, &index, &[image]).unwrap();
    let place = format!("{}/tools", registry.address());
    let newer_than = async |date: &str| {
        let from = ["list", "from", &place, "--newer-than", date];
        let said = operator.say(&from).await;
        let told = &said.expect(0).stderr;
        assert!(told.contains("time is not known: tools:chart\n"), "{told}");
        entries(&said.stdout)
    };
    // The sample images were made on the first day of 2026.
    assert_eq!(newer_than("2025-12-31").await, ["tools: both chart latest"]);
    assert_eq!(newer_than("2026-01-02").await, ["tools: chart"]);
}
