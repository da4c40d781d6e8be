//! What skopeo prints about one image, as the reports of its copy.
//!
//! Decides which planned blob a line is about, and when it is settled. Invariants: a blob is settled at most once, and an
//! image that skopeo copied has no open blobs.

use std::sync::Arc;

use crate::{
    batch::{PlannedBlob, Settled},
    copy::Report,
    skopeo::{BlobName, BlobState, OutputEvent, Step},
    transport::ByteCounter,
};

/// Further lines of one image that skopeo prints without a known meaning are not in the log.
const MAX_NOTED_LINES: usize = 20;

/// The blobs of one image while skopeo copies it. Blobs that were not planned have no reports: their size is unknown.
pub(super) struct SkopeoProgress<'a> {
    blobs: Vec<Blob>,
    noted: usize,
    report: &'a (dyn Fn(Report) + Send + Sync),
}

struct Blob {
    planned: PlannedBlob,
    state: State,
}

enum State {
    Open,
    Started(Arc<ByteCounter>),
    Settled,
}

impl<'a> SkopeoProgress<'a> {
    pub(super) fn new(planned: &[PlannedBlob], report: &'a (dyn Fn(Report) + Send + Sync)) -> Self {
        let blobs = planned.iter().cloned().map(|planned| Blob {
            planned,
            state: State::Open,
        });
        Self {
            blobs: blobs.collect(),
            noted: 0,
            report,
        }
    }

    pub(super) fn apply(&mut self, event: OutputEvent) {
        match event {
            OutputEvent::Blob { name, state, .. } => self.apply_blob(&name, state),
            OutputEvent::Step(step) => match step {
                // On a pipe, nothing else says that the blobs before it are done.
                Step::Image { .. } | Step::WritingManifest | Step::WritingIndex => {
                    self.settle_started();
                }
                Step::ReadingSignatures
                | Step::ReadingIndexSignatures
                | Step::Index { .. }
                | Step::Signing
                | Step::StoringSignatures => {}
            },
            OutputEvent::Line(line) => self.note(line),
            OutputEvent::Digest(_) => {}
        }
    }

    /// The image is at its destination.
    pub(super) fn finish(mut self) {
        self.settle_started();
        // Skopeo does not mention what it need not copy.
        for blob in &mut self.blobs {
            blob.settle(Settled::Present, self.report);
        }
    }

    fn apply_blob(&mut self, name: &BlobName, state: BlobState) {
        let mut matching =
            (self.blobs.iter_mut()).filter(|blob| name.matches(&blob.planned.digest));
        let (Some(blob), None) = (matching.next(), matching.next()) else {
            return;
        };
        match state {
            BlobState::Started => {
                blob.start(self.report);
            }
            BlobState::Moving { done, .. } => {
                let done = done.min(blob.planned.size);
                if let Some(counter) = blob.start(self.report) {
                    counter.set(done);
                }
            }
            BlobState::Skipped => blob.settle(Settled::Present, self.report),
            BlobState::Done => blob.settle(Settled::Copied, self.report),
        }
    }

    fn settle_started(&mut self) {
        for blob in &mut self.blobs {
            if let State::Started(_) = blob.state {
                blob.settle(Settled::Copied, self.report);
            }
        }
    }

    fn note(&mut self, line: String) {
        self.noted += 1;
        if self.noted <= MAX_NOTED_LINES {
            (self.report)(Report::Noted(format!("skopeo: {line}")));
        } else if self.noted == MAX_NOTED_LINES + 1 {
            (self.report)(Report::Noted("skopeo: further lines are left out".into()));
        }
    }
}

impl Blob {
    /// The counter of a blob that is not settled.
    fn start(&mut self, report: &(dyn Fn(Report) + Send + Sync)) -> Option<&ByteCounter> {
        if let State::Open = self.state {
            let counter = Arc::new(ByteCounter::default());
            report(Report::Started {
                digest: self.planned.digest.clone(),
                offset: 0,
                counter: Arc::clone(&counter),
            });
            self.state = State::Started(counter);
        }
        match &self.state {
            State::Started(counter) => Some(counter),
            State::Open | State::Settled => None,
        }
    }

    fn settle(&mut self, how: Settled, report: &(dyn Fn(Report) + Send + Sync)) {
        if let State::Settled = self.state {
            return;
        }
        self.state = State::Settled;
        report(Report::Settled {
            digest: self.planned.digest.clone(),
            bytes: self.planned.size,
            how,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{batch::BlobKind, oci::Digest};

    fn planned(name: &str, size: u64) -> PlannedBlob {
        PlannedBlob {
            digest: Digest::of(name.as_bytes()),
            size,
            kind: BlobKind::Layer,
            media_type: None,
        }
    }

    fn blob(name: BlobName, state: BlobState) -> OutputEvent {
        let kind = BlobKind::Layer;
        OutputEvent::Blob { name, kind, state }
    }

    fn cut(name: &str) -> BlobName {
        BlobName::Prefix(Digest::of(name.as_bytes()).hex()[..12].to_owned())
    }

    fn whole(name: &str) -> BlobName {
        BlobName::Digest(Digest::of(name.as_bytes()))
    }

    /// What is reported of a copy of `a` (9 bytes) and `b` (5 bytes), in words.
    fn reported(events: Vec<OutputEvent>) -> Vec<String> {
        let reports = Mutex::new(Vec::new());
        let report = |report| reports.lock().unwrap().push(report);
        let mut progress = SkopeoProgress::new(&[planned("a", 9), planned("b", 5)], &report);
        events.into_iter().for_each(|event| progress.apply(event));
        progress.finish();
        let name = |digest: &Digest| match *digest == Digest::of(b"a") {
            true => "a",
            false => "b",
        };
        let words = |report: &Report| match report {
            Report::Started {
                digest, counter, ..
            } => format!("{} started, now at {}", name(digest), counter.position()),
            Report::Settled { digest, bytes, how } => format!("{} {how:?} {bytes}", name(digest)),
            Report::Noted(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        reports.lock().unwrap().iter().map(words).collect()
    }

    #[test]
    fn a_terminal_names_blobs_by_their_first_digits_and_counts_their_bytes() {
        let moving = |done| BlobState::Moving {
            done,
            total: Some(9),
        };
        let events = vec![
            blob(cut("a"), moving(3)),
            blob(cut("b"), BlobState::Skipped),
            blob(cut("a"), moving(10)),
            blob(cut("a"), BlobState::Done),
        ];
        // The counter is read at the end; it never passes the size.
        let expected = ["a started, now at 9", "b Present 5", "a Copied 9"];
        assert_eq!(reported(events), expected);
    }

    #[test]
    fn on_a_pipe_the_manifest_says_that_the_blobs_before_it_are_done() {
        let events = vec![
            blob(whole("a"), BlobState::Started),
            blob(whole("b"), BlobState::Started),
            OutputEvent::Step(Step::WritingManifest),
            blob(whole("a"), BlobState::Started),
        ];
        assert_eq!(
            reported(events),
            [
                "a started, now at 0",
                "b started, now at 0",
                "a Copied 9",
                "b Copied 5"
            ]
        );
    }

    #[test]
    fn what_skopeo_does_not_mention_was_there_and_what_was_not_planned_is_left_out() {
        let events = vec![
            blob(whole("c"), BlobState::Started),
            blob(BlobName::Prefix(String::new()), BlobState::Done),
            blob(whole("a"), BlobState::Started),
        ];
        let expected = ["a started, now at 0", "a Copied 9", "b Present 5"];
        assert_eq!(reported(events), expected);
    }

    #[test]
    fn unknown_lines_are_noted_up_to_a_number() {
        let lines = (0..100).map(|line| OutputEvent::Line(format!("line {line}")));
        let reported = reported(lines.collect());
        assert_eq!(reported[0], "skopeo: line 0");
        let notes = reported.iter().filter(|text| text.starts_with("skopeo"));
        assert_eq!(notes.count(), MAX_NOTED_LINES + 1);
    }
}
