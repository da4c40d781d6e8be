//! What the parser makes of recorded output. `recordings/README.md` says how it was recorded.

use proptest::prelude::*;

use super::{line_splitter::MAX_LINE, parser::MAX_BLOBS, *};
use crate::{batch::BlobKind, oci::Digest};

const RECORDINGS: [&[u8]; 9] = [
    include_bytes!("../recordings/copy-1.9.3.terminal.txt"),
    include_bytes!("../recordings/copy-1.22.terminal.txt"),
    include_bytes!("../recordings/narrow-1.9.3.terminal.txt"),
    include_bytes!("../recordings/present-1.9.3.terminal.txt"),
    include_bytes!("../recordings/index-1.9.3.terminal.txt"),
    include_bytes!("../recordings/killed-1.9.3.terminal.txt"),
    include_bytes!("../recordings/digest-1.9.3.pipe.txt"),
    include_bytes!("../recordings/index-1.9.3.pipe.txt"),
    include_bytes!("../recordings/index-1.22.pipe.txt"),
];

/// The events of output that comes in these pieces.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<OutputEvent> {
    let mut events = Vec::new();
    let mut parser = OutputParser::new();
    for piece in pieces {
        parser.push(piece, &mut |event| events.push(event));
    }
    parser.finish(&mut |event| events.push(event));
    events
}

fn steps(events: &[OutputEvent]) -> Vec<&Step> {
    let steps = events.iter().filter_map(|event| match event {
        OutputEvent::Step(step) => Some(step),
        _ => None,
    });
    steps.collect()
}

/// The states of the blobs whose digests begin like this.
fn states(events: &[OutputEvent], prefix: &str) -> Vec<BlobState> {
    let states = events.iter().filter_map(|event| match event {
        OutputEvent::Blob { name, state, .. } if name.hex().starts_with(prefix) => Some(*state),
        _ => None,
    });
    states.collect()
}

fn lines(events: &[OutputEvent]) -> Vec<&str> {
    let lines = events.iter().filter_map(|event| match event {
        OutputEvent::Line(line) => Some(&**line),
        _ => None,
    });
    lines.collect()
}

/// How many blobs ended in this state.
fn ended(events: &[OutputEvent], end: BlobState) -> usize {
    let is_end =
        |event: &&OutputEvent| matches!(event, OutputEvent::Blob { state, .. } if *state == end);
    events.iter().filter(is_end).count()
}

#[test]
fn a_terminal_shows_the_bytes_of_every_blob() {
    for recording in &RECORDINGS[..3] {
        let events = events([*recording]);
        assert_eq!(
            ended(&events, BlobState::Done),
            5,
            "four layers and a config"
        );
        let moved = |event: &&OutputEvent| {
            matches!(
                event,
                OutputEvent::Blob {
                    state: BlobState::Moving { done: 1.., .. },
                    ..
                }
            )
        };
        assert!(events.iter().filter(moved).count() >= 5);
        assert!(lines(&events).is_empty(), "{:?}", lines(&events));
        assert_eq!(
            steps(&events)[..2],
            [&Step::ReadingSignatures, &Step::WritingManifest]
        );
    }
}

#[test]
fn what_version_1_22_draws_is_read_with_sizes_and_in_order() {
    const MIB: f64 = 1_048_576.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let mib = |amount: f64| (amount * MIB) as u64;
    let moving = |done, total| BlobState::Moving {
        done,
        total: Some(mib(total)),
    };
    let events = events([RECORDINGS[1]]);
    assert_eq!(
        states(&events, "9826d6a9ad5e"),
        [
            moving(mib(3.0), 26.7),
            moving(mib(15.9), 26.7),
            BlobState::Done
        ]
    );
    assert_eq!(states(&events, "0c59126efa3d"), [BlobState::Done]);
    assert_eq!(
        events.last(),
        Some(&OutputEvent::Step(Step::WritingManifest)),
        "no step for signatures"
    );
}

#[test]
fn what_is_there_already_is_skipped_after_a_spinner() {
    let events = events([RECORDINGS[3]]);
    assert_eq!(ended(&events, BlobState::Skipped), 4);
    assert_eq!(
        states(&events, "b66b299cc458"),
        [BlobState::Started, BlobState::Skipped]
    );
    assert!(lines(&events).is_empty());
}

#[test]
fn an_index_is_told_image_by_image_by_every_version() {
    for recording in [RECORDINGS[4], RECORDINGS[7], RECORDINGS[8]] {
        let events = events([recording]);
        let steps = steps(&events);
        assert_eq!(
            steps[..2],
            [&Step::ReadingIndexSignatures, &Step::Index { images: 2 }]
        );
        let numbers: Vec<_> = (steps.iter())
            .filter_map(|step| match step {
                Step::Image { number, images, .. } => Some((*number, *images)),
                _ => None,
            })
            .collect();
        assert_eq!(numbers, [(1, 2), (2, 2)]);
        assert_eq!(
            steps[steps.len() - 2..],
            [&Step::WritingIndex, &Step::StoringSignatures]
        );
        assert!(lines(&events).is_empty());
    }
}

#[test]
fn a_pipe_has_whole_digests_and_the_digest_of_the_manifest_last() {
    let events = events([RECORDINGS[6]]);
    let OutputEvent::Blob {
        name: BlobName::Digest(digest),
        kind,
        state,
    } = &events[3]
    else {
        panic!("{:?}", events[3]);
    };
    assert_eq!((*kind, *state), (BlobKind::Config, BlobState::Started));
    assert!(BlobName::Prefix(digest.short()).matches(digest));
    assert!(matches!(events.last(), Some(OutputEvent::Digest(_))));
}

#[test]
fn an_error_between_the_bars_of_a_terminal_is_a_line() {
    let events = events([RECORDINGS[5]]);
    let lines = lines(&events);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("FATA[0000] writing blob: Post"),
        "{}",
        lines[0]
    );
}

#[test]
fn blobs_begin_anew_with_the_next_attempt() {
    let attempt: &[u8] = b"Getting image source signatures\nCopying blob 3c0e4669d095 done\n";
    let events = events([attempt, attempt]);
    assert_eq!(states(&events, "3c0e"), [BlobState::Done, BlobState::Done]);
}

#[test]
fn a_glued_digest_hides_no_step() {
    let digest = Digest::of(b"manifest");
    let output = format!("Storing signatures\n{digest}{digest}Getting image source signatures\n");
    assert_eq!(
        events([output.as_bytes()])[1..],
        [
            OutputEvent::Digest(digest.clone()),
            OutputEvent::Digest(digest),
            OutputEvent::Step(Step::ReadingSignatures)
        ]
    );
}

#[test]
fn a_million_blobs_and_a_line_without_end_are_bounded() {
    let mut parser = OutputParser::new();
    let (mut blobs, mut longest) = (0, 0);
    let mut take = |event| match event {
        OutputEvent::Blob { .. } => blobs += 1,
        OutputEvent::Line(line) => longest = longest.max(line.len()),
        OutputEvent::Step(_) | OutputEvent::Digest(_) => {}
    };
    for number in 0..1_000_000 {
        parser.push(
            format!("Copying blob {number:012x} done\n").as_bytes(),
            &mut take,
        );
    }
    for _ in 0..10_000 {
        parser.push(&[b'x'; 1024], &mut take);
    }
    parser.finish(&mut take);
    assert_eq!((blobs, longest), (MAX_BLOBS, MAX_LINE));
}

proptest! {
    #[test]
    fn recordings_may_arrive_in_any_pieces(
        recording in 0..RECORDINGS.len(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let recording = RECORDINGS[recording];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(recording.len())).collect();
        cuts.extend([0, recording.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &recording[cut[0]..cut[1]]);
        prop_assert_eq!(events(pieces), events([recording]));
    }

    #[test]
    fn any_bytes_are_read_and_no_line_steers_a_terminal(
        parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..30),
                prop::sample::select(vec![
                    &b"Copying blob "[..], b"3c0e4669d095 ", b"[=>-] 3.0MiB / 9.9", b"\xe2\x80\xa6",
                    b"\x1b[2A\x1b[J", b"\r\n", b"Copying image sha256:", b"\x1b]0;", b"Copying config ",
                ]).prop_map(<[u8]>::to_vec),
            ],
            0..30,
        ),
    ) {
        let whole = parts.concat();
        let once = events([&whole[..]]);
        prop_assert_eq!(&events(whole.chunks(1)), &once);
        for line in lines(&once) {
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}
