//! The lines of `--progress plain`: how far the batch is in percent, and what happens.
//!
//! Decides the percentage: every image has the same share, and within its share its bytes count. A line stands for a
//! change of the percentage or of a step. Invariants: the percentage never goes back; it is 100 only after a batch that
//! ended well.

use crate::{
    batch::{BatchResult, BlobState, Board, Event, JobView, State},
    present::{self, bytes, count},
};

/// What an image is worth, and how much of that its blobs are: the manifests are written after them.
const IMAGE: u128 = 1000;
const BLOBS: u128 = 980;

/// The lines so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plain {
    percent: u8,
    /// Of a batch of one image, how many of its blobs are at the destination.
    settled: usize,
}

impl Plain {
    /// The line for an event that `board` has applied.
    pub(super) fn line(
        &mut self,
        event: &Event,
        board: &Board,
        attempts: Option<u16>,
    ) -> Option<String> {
        let before = *self;
        self.percent = percent(board).max(self.percent);
        let text = match (
            present::sentence(event, board, attempts, None),
            board.jobs(),
        ) {
            (Some(sentence), [_]) => sentence.text,
            (Some(sentence), _) => sentence.line(board),
            (None, [image]) => {
                let text = copying(image)?;
                self.settled = settled(image);
                let is_planned = matches!(event, Event::JobPlanned { .. });
                let is_new = self.percent > before.percent || self.settled != before.settled;
                (is_new || is_planned).then_some(text)?
            }
            (None, images) => (self.percent > before.percent).then(|| all(board, images.len()))?,
        };
        Some(self.lines(&text))
    }

    /// `text` with the percentage before every line.
    pub(super) fn lines(self, text: &str) -> String {
        let line = |line: &str| format!("[{:>3}%] {line}\n", self.percent);
        text.lines().map(line).collect()
    }
}

fn percent(board: &Board) -> u8 {
    if BatchResult::of(board) == BatchResult::AllGood {
        return 100;
    }
    // A review copies nothing.
    if board.is_reviewing() || board.jobs().is_empty() {
        return 0;
    }
    let share = |view: &JobView| match view.bytes_total {
        0 => 0,
        total => BLOBS * u128::from(view.bytes_done.min(total)) / u128::from(total),
    };
    let running = board.running().filter_map(|job| board.job(job));
    let done = IMAGE * (ended(board) as u128) + running.map(share).sum::<u128>();
    let percent = done * 100 / (IMAGE * board.jobs().len() as u128);
    u8::try_from(percent.min(99)).unwrap_or_default()
}

/// How many images have ended.
fn ended(board: &Board) -> usize {
    let counts = board.counts();
    counts.copied + counts.up_to_date + counts.failed + counts.skipped + counts.kept
}

/// What is said while the blobs of the only image are copied.
fn copying(image: &JobView) -> Option<String> {
    let blobs = image.blobs.len();
    if image.state != State::Running || blobs == 0 {
        return None;
    }
    let (done, total) = (bytes(image.bytes_done), bytes(image.bytes_total));
    Some(match settled(image) {
        all if all == blobs => format!("writing manifests, {total} in {}", count(blobs, "blob")),
        settled => format!("copying blob {} of {blobs}, {done} of {total}", settled + 1),
    })
}

/// What is said while the images of a batch are copied.
fn all(board: &Board, images: usize) -> String {
    let totals = board.totals();
    let (done, planned) = (bytes(totals.done), bytes(totals.planned));
    format!(
        "{} of {}, {done} of {planned}",
        ended(board),
        count(images, "image")
    )
}

/// How many blobs of an image are at the destination.
fn settled(image: &JobView) -> usize {
    let is_settled = |state: &BlobState| matches!(state, BlobState::Settled(_));
    image
        .blobs
        .iter()
        .filter(|blob| is_settled(&blob.state))
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        batch::{
            Attempt, BatchId, BlobKind, BlobProgress, Failure, FailureClass, Job, JobId, Millis,
            Outcome, PlannedBlob, Settled, Side,
        },
        oci::{CopySpec, Digest},
    };

    const MIB: u64 = 1 << 20;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    fn listed(images: u32) -> Vec<Event> {
        let mut events = vec![Event::BatchStarted {
            batch: BatchId("first".into()),
            list: "prod.toml".into(),
            jobs: images,
            parallel: 4,
            resumed: false,
        }];
        events.extend((0..images).map(|number| Event::JobListed {
            job: Box::new(Job {
                id: JobId(number),
                spec: CopySpec::new(
                    format!("a.example/app:{number}").parse().unwrap(),
                    format!("b.example/app:{number}").parse().unwrap(),
                ),
            }),
        }));
        events
    }

    fn planned(job: JobId, sizes: &[u64]) -> Event {
        let to_blob = |(number, size): (u8, &u64)| PlannedBlob {
            digest: digest(number),
            size: *size,
            kind: BlobKind::Layer,
            media_type: None,
        };
        Event::JobPlanned {
            job,
            root: digest(255),
            manifests: Vec::new(),
            blobs: (0..).zip(sizes).map(to_blob).collect(),
            replaces: None,
        }
    }

    fn progress(job: JobId, attempt: Attempt, number: u8, done: u64) -> Event {
        Event::Progress {
            blobs: vec![BlobProgress {
                job,
                attempt,
                digest: digest(number),
                done,
            }],
        }
    }

    fn settled(job: JobId, number: u8) -> Event {
        Event::BlobSettled {
            job,
            digest: digest(number),
            bytes: 0,
            how: Settled::Copied,
        }
    }

    fn begun(job: JobId, number: u8) -> Event {
        Event::BlobStarted {
            job,
            digest: digest(number),
            offset: 0,
        }
    }

    fn finished(job: JobId) -> Event {
        let root = digest(255);
        Event::JobFinished {
            job,
            outcome: Outcome::Copied { root },
        }
    }

    fn failed(job: JobId, attempt: Attempt) -> Event {
        Event::JobRetryScheduled {
            job,
            attempt,
            delay_ms: Millis(1000),
            cause: Failure {
                side: Side::Source,
                class: FailureClass::Transient {
                    retry_after_ms: None,
                },
                summary: "said 503".into(),
                chain: Vec::new(),
            },
        }
    }

    fn lines(events: &[Event]) -> Vec<String> {
        let (mut board, mut plain) = (Board::default(), Plain::default());
        let lines = events.iter().filter_map(|event| {
            board.apply(event);
            plain.line(event, &board, Some(5))
        });
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    const FIRST: Attempt = Attempt(1);

    fn started(job: JobId) -> Event {
        Event::JobStarted {
            job,
            attempt: FIRST,
        }
    }

    #[test]
    fn one_image_is_told_blob_by_blob() {
        let job = JobId(0);
        let mut events = listed(1);
        events.extend([
            started(job),
            planned(job, &[10 * MIB, 30 * MIB]),
            begun(job, 0),
            progress(job, FIRST, 0, 5 * MIB),
            progress(job, FIRST, 0, 5 * MIB + 1),
            settled(job, 0),
            begun(job, 1),
            settled(job, 1),
            finished(job),
            Event::BatchFinished { stopped_by: None },
        ]);
        assert_eq!(
            lines(&events),
            [
                "[  0%] batch first started: 1 image of prod.toml",
                "[  0%] started",
                "[  0%] copying blob 1 of 2, 0 B of 40.0 MiB",
                "[ 12%] copying blob 1 of 2, 5.0 MiB of 40.0 MiB",
                "[ 24%] copying blob 2 of 2, 10.0 MiB of 40.0 MiB",
                "[ 98%] writing manifests, 40.0 MiB in 2 blobs",
                "[ 99%] copied, 40.0 MiB",
                "[100%] batch finished: 1 copied",
            ]
        );
    }

    #[test]
    fn several_images_are_told_by_their_names_and_the_percentage_of_the_batch() {
        let mut events = listed(4);
        let (first, second) = (JobId(0), JobId(1));
        events.extend([
            started(first),
            planned(first, &[10 * MIB]),
            begun(first, 0),
            progress(first, FIRST, 0, 5 * MIB),
            settled(first, 0),
            finished(first),
            started(second),
        ]);
        assert_eq!(
            lines(&events),
            [
                "[  0%] batch first started: 4 images of prod.toml",
                "[  0%] a.example/app:0: started",
                "[ 12%] 0 of 4 images, 5.0 MiB of 10.0 MiB",
                "[ 24%] 0 of 4 images, 10.0 MiB of 10.0 MiB",
                "[ 25%] a.example/app:0: copied, 10.0 MiB",
                "[ 25%] a.example/app:1: started",
            ]
        );
    }

    #[test]
    fn a_retry_does_not_go_back() {
        let job = JobId(0);
        let mut events = listed(1);
        events.extend([
            started(job),
            planned(job, &[10 * MIB]),
            begun(job, 0),
            progress(job, FIRST, 0, 5 * MIB),
            failed(job, FIRST),
        ]);
        let last = lines(&events).pop().unwrap();
        assert_eq!(last, "[ 49%] source said 503; retrying in 1 s (2 of 5)");
    }

    #[test]
    fn a_batch_with_failures_does_not_reach_a_hundred() {
        let mut events = listed(1);
        let Event::JobRetryScheduled { cause, .. } = failed(JobId(0), FIRST) else {
            unreachable!("it was made so");
        };
        events.push(Event::JobFinished {
            job: JobId(0),
            outcome: Outcome::Failed { cause },
        });
        events.push(Event::BatchFinished { stopped_by: None });
        let last = lines(&events).pop().unwrap();
        assert_eq!(last, "[ 99%] batch finished: 1 failed");
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let job = (0..3_u32).prop_map(JobId);
        let attempt = (1..3_u16).prop_map(Attempt);
        (job, attempt, 0..3_u8, any::<u64>(), 0..8_u8).prop_map(
            |(job, attempt, number, done, what)| match what {
                0 => Event::JobStarted { job, attempt },
                1 => planned(job, &[done % 1000, 5, 0]),
                2 => begun(job, number),
                3 => progress(job, attempt, number, done % 2000),
                4 => settled(job, number),
                5 => failed(job, attempt),
                6 => finished(job),
                _ => Event::BatchFinished { stopped_by: None },
            },
        )
    }

    proptest! {
        #[test]
        fn the_percentage_never_goes_back(events in prop::collection::vec(any_event(), 0..60)) {
            let all = [listed(3), events].concat();
            let read = |line: String| line[1..4].trim().parse::<u8>().unwrap();
            let percent: Vec<u8> = lines(&all).into_iter().map(read).collect();
            prop_assert!(percent.is_sorted(), "{percent:?}");
        }
    }
}
