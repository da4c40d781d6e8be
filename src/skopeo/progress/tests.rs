use proptest::prelude::*;

use super::*;
use crate::{
    batch::BlobKind,
    oci::Digest,
    skopeo::output::{BlobName, OutputParser},
};

fn planned(sizes: &[u64]) -> Vec<PlannedBlob> {
    let to_blob = |(number, size): (usize, &u64)| PlannedBlob {
        digest: Digest::of(&[u8::try_from(number).unwrap()]),
        size: *size,
        kind: BlobKind::Layer,
        media_type: None,
    };
    sizes.iter().enumerate().map(to_blob).collect()
}

fn blob(number: u8, state: BlobState) -> OutputEvent {
    OutputEvent::Blob {
        name: BlobName::Prefix(Digest::of(&[number]).short()),
        kind: BlobKind::Layer,
        state,
    }
}

/// Every progress of recorded output.
fn followed(recording: &[u8], planned: Option<&[PlannedBlob]>) -> Vec<Progress> {
    let mut tracker = ProgressTracker::new(planned);
    let mut parser = OutputParser::new();
    let mut all = Vec::new();
    let mut apply = |event| all.extend(tracker.apply(&event));
    parser.push(recording, &mut apply);
    parser.finish(&mut apply);
    all.push(tracker.finish());
    all
}

fn last_message(planned: &[PlannedBlob], events: &[OutputEvent]) -> Progress {
    let mut tracker = ProgressTracker::new(Some(planned));
    let progress = events.iter().filter_map(|event| tracker.apply(event));
    progress.last().unwrap()
}

#[test]
fn a_message_says_which_blob_and_how_much_of_the_image() {
    const MIB: u64 = 1 << 20;
    let planned = planned(&[10 * MIB, 20 * MIB, 5 * MIB / 2]);
    let moving = BlobState::Moving {
        done: 5 * MIB,
        total: Some(20 * MIB),
    };
    let progress = last_message(&planned, &[blob(0, BlobState::Done), blob(1, moving)]);
    assert_eq!(progress.message, "Copying blob 2 of 3, 15.0 of 32.5 MiB");
    assert_eq!(progress.percent, 44);
}

#[test]
fn a_recorded_terminal_moves_through_the_percent_and_a_pipe_through_the_steps() {
    let terminal = followed(
        include_bytes!("../recordings/copy-1.9.3.terminal.txt"),
        None,
    );
    let between = |progress: &&Progress| (2..90).contains(&progress.percent);
    assert!(terminal.iter().filter(between).count() >= 2, "{terminal:?}");
    let pipe = followed(include_bytes!("../recordings/index-1.22.pipe.txt"), None);
    let percent: Vec<u8> = pipe.iter().map(|progress| progress.percent).collect();
    let mut steps = percent.clone();
    steps.dedup();
    assert_eq!(steps, [1, 48, 97, 98, 99, 100], "{pipe:?}");
    assert!(
        pipe.iter()
            .any(|progress| progress.message == "Copying image 2 of 2")
    );
}

#[test]
fn amounts_share_a_unit() {
    assert_eq!(amounts(0, 1023), "0 of 1023 B");
    assert_eq!(amounts(512, 1024), "0.5 of 1.0 KiB");
    assert_eq!(amounts(u64::MAX, u64::MAX), "16777215.9 of 16777215.9 TiB");
}

fn any_state() -> impl Strategy<Value = BlobState> {
    prop_oneof![
        Just(BlobState::Started),
        (any::<u64>(), any::<Option<u64>>())
            .prop_map(|(done, total)| BlobState::Moving { done, total }),
        Just(BlobState::Skipped),
        Just(BlobState::Done),
    ]
}

fn any_event() -> impl Strategy<Value = OutputEvent> {
    let step = prop_oneof![
        Just(Step::ReadingSignatures),
        Just(Step::ReadingIndexSignatures),
        (0..4_u32).prop_map(|images| Step::Index { images }),
        (0..5_u32, 0..4_u32).prop_map(|(number, images)| Step::Image {
            digest: Digest::of(b"image"),
            number,
            images,
        }),
        Just(Step::WritingManifest),
        Just(Step::WritingIndex),
        Just(Step::Signing),
        Just(Step::StoringSignatures),
    ];
    prop_oneof![
        step.prop_map(OutputEvent::Step),
        (0..6_u8, any_state()).prop_map(|(number, state)| blob(number, state)),
        Just(OutputEvent::Line("text".into())),
    ]
}

proptest! {
    #[test]
    fn the_percentage_never_goes_back_and_ends_at_a_hundred(
        sizes in prop::option::of(prop::collection::vec(any::<u64>(), 0..5)),
        events in prop::collection::vec(any_event(), 0..60),
    ) {
        let planned = sizes.map(|sizes| planned(&sizes));
        let mut tracker = ProgressTracker::new(planned.as_deref());
        let mut last = 0;
        for event in &events {
            if let Some(progress) = tracker.apply(event) {
                prop_assert!((last..100).contains(&progress.percent), "{progress:?} after {last}");
                last = progress.percent;
            }
        }
        prop_assert_eq!(tracker.finish().percent, 100);
    }
}
