//! The real binary when the journal's disk is full.

use transship::batch::Event;

use crate::{
    embedded::Embedded,
    operator::{Ended, Operator, event, list},
    sample_images::SampleImages,
};

/// KiB of a base layer.
const WEIGHT: u64 = 4;

/// The outcome of the run by its last event; `None` if it never started.
fn stopped(ended: &Ended) -> Option<bool> {
    match event(ended.stdout.lines().last()?) {
        Event::BatchFinished { stopped_by } => Some(stopped_by.is_some()),
        last => panic!("the last event is {last:?}"),
    }
}

#[tokio::test]
async fn a_run_that_loses_its_journal_ends_with_the_code_of_what_became_of_its_images() {
    let (source, destination) = (Embedded::start().await, Embedded::start().await);
    let images = SampleImages::new(source.server.store(), WEIGHT).images;
    let list = list(&source.address(), &destination.address(), &images);
    let operator = Operator::new();
    let path = operator.list(&list);
    let run = ["run", "--json", path.to_str().unwrap()];
    let (mut unopened, mut lost) = (0, 0);
    // In blocks of 512 bytes: from too small for an empty journal to enough for the whole batch.
    for blocks in (40..400).step_by(40) {
        let limited = operator.command_on_full_disk(&run, blocks).output().await;
        let ended = Ended::from(limited.unwrap());
        match stopped(&ended) {
            // Like a wrong list: nothing was started.
            None => {
                ended.expect(2);
                unopened += 1;
            }
            Some(stopped) => {
                let could_not_be_written =
                    ended.stderr.contains("the journal could not be written");
                assert!(!stopped || could_not_be_written, "{ended:?}");
                ended.expect(if stopped { 3 } else { 0 });
                lost += u32::from(stopped);
            }
        }
        std::fs::remove_dir_all(operator.path("state")).unwrap();
    }
    assert!(unopened > 0 && lost > 0, "{unopened} and {lost}");
    operator.run(&list, &["--headless"]).await.expect(0);
}
