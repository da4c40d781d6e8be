//! Failures by cause: which images failed for the same reason, and which of the reasons is meant.
//!
//! Decides what counts as the same: side, registry and what was said, without the names and digests that
//! differ from image to image. Invariant: the cursor is a cause, so it stays on it while others come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::order::Show;
use crate::{
    batch::{Board, Event, Failure, JobId, JobView, Side},
    oci::Registry,
    present::plain,
};

/// Groups change at most this often: a person has to read them.
const REGROUP: Duration = Duration::from_millis(500);

/// What images that failed for the same reason have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The registry to blame; none when it is this machine.
    pub registry: Option<Registry>,
    pub side: Side,
    /// What was said, with `…` for what differs from image to image.
    pub said: String,
}

/// Images that stand at the same cause.
#[derive(Clone, Debug)]
pub struct Group {
    pub cause: Arc<Cause>,
    /// In list order.
    pub jobs: Vec<JobId>,
    /// How many of them are tried again by themselves.
    pub waiting: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Failures {
    groups: Vec<Group>,
    stale: bool,
    grouped: Duration,
    cursor: Option<Arc<Cause>>,
    at: usize,
    /// The first group on the screen.
    pub offset: usize,
}

impl Cause {
    /// The cause `view` stands at, if it failed or waits to be tried again.
    #[must_use]
    pub fn of(view: &JobView) -> Option<Self> {
        let failure = view.cause()?;
        let registry = match failure.side {
            Side::Source => Some(&view.job.source.registry),
            Side::Destination => Some(&view.job.destination.registry),
            Side::Local => None,
        };
        Some(Self {
            registry: registry.cloned(),
            side: failure.side,
            said: said(view, failure),
        })
    }

    /// Who is to blame, by name.
    #[must_use]
    pub fn blamed(&self) -> &str {
        self.registry
            .as_ref()
            .map_or("this machine", Registry::as_str)
    }
}

/// The summary without what differs from image to image: its repositories, and digests.
fn said(view: &JobView, failure: &Failure) -> String {
    let mut text = plain(&failure.summary).into_owned();
    for reference in [&view.job.source, &view.job.destination] {
        let repository = reference.repository.as_str();
        // A repository of one or two letters stands in half of all words.
        if repository.len() > 2 {
            text = text.replace(repository, "…");
        }
    }
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("sha256:") {
        let (before, digest) = rest.split_at(at + "sha256:".len());
        let hex = digest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digest.len());
        kept.push_str(before);
        if hex > 0 {
            kept.push('…');
        }
        rest = &digest[hex..];
    }
    kept + rest
}

/// Every cause images stand at, the most frequent first.
fn groups(board: &Board) -> Vec<Group> {
    let mut found: BTreeMap<Cause, (Vec<JobId>, usize)> = BTreeMap::new();
    let failed = board.failed().map(|job| (job, 0));
    let waiting = board.waiting().map(|job| (job, 1));
    for (job, waits) in failed.chain(waiting) {
        if let Some(cause) = board.job(job).and_then(Cause::of) {
            let (jobs, waiting) = found.entry(cause).or_default();
            jobs.push(job);
            *waiting += waits;
        }
    }
    let mut groups: Vec<Group> = found
        .into_iter()
        .map(|(cause, (mut jobs, waiting))| {
            jobs.sort_unstable();
            Group {
                cause: Arc::new(cause),
                jobs,
                waiting,
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.jobs.len()));
    groups
}

impl Failures {
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The row under the cursor.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    #[must_use]
    pub fn selected(&self) -> Option<&Group> {
        self.groups.get(self.at)
    }

    /// The images of the selected cause.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<JobId> {
        self.selected()
            .map(|group| group.jobs.iter().copied().collect())
            .unwrap_or_default()
    }

    /// What shows only the images of the selected cause.
    #[must_use]
    pub fn show(&self) -> Option<Show> {
        self.selected()
            .map(|group| Show::Cause(Arc::clone(&group.cause)))
    }

    pub fn note(&mut self, event: &Event) {
        self.stale |= matches!(
            event,
            Event::BatchStarted { .. }
                | Event::JobRestored { .. }
                | Event::JobQueued { .. }
                | Event::JobStarted { .. }
                | Event::JobRetryScheduled { .. }
                | Event::JobFinished { .. }
        );
    }

    pub fn tick(&mut self, now: Duration, board: &Board) {
        if now.saturating_sub(self.grouped) >= REGROUP {
            self.catch_up(board);
            self.grouped = now;
        }
    }

    /// Groups anew if anything changed: before a key that depends on it.
    pub fn catch_up(&mut self, board: &Board) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.groups = groups(board);
        let kept = (self.cursor.as_ref())
            .and_then(|cause| self.groups.iter().position(|group| group.cause == *cause));
        self.go(kept.unwrap_or(self.at));
    }

    /// Moves the cursor to a row, or to the last one.
    pub fn go(&mut self, row: usize) {
        self.at = row.min(self.groups.len().saturating_sub(1));
        self.cursor = self.selected().map(|group| Arc::clone(&group.cause));
    }

    pub fn keep_in_sight(&mut self, height: usize) {
        self.offset = self
            .offset
            .min(self.groups.len().saturating_sub(height))
            .min(self.at)
            .max((self.at + 1).saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures;

    fn board(events: impl IntoIterator<Item = Event>) -> Board {
        let mut board = Board::default();
        for event in fixtures::listed(9).into_iter().chain(events) {
            board.apply(&event);
        }
        board
    }

    #[test]
    fn names_and_digests_do_not_make_another_cause() {
        let board = board((0..3).map(|job| {
            let said = format!(
                "said 404: team/app-{job} has no blob sha256:{}",
                format!("{job}").repeat(64)
            );
            fixtures::failed(job, &said)
        }));
        let groups = groups(&board);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].cause.said, "said 404: … has no blob sha256:…");
        assert_eq!(groups[0].jobs.len(), 3);
    }

    #[test]
    fn the_most_frequent_cause_comes_first_and_waiting_images_count() {
        let board = board([
            fixtures::failed(0, "said 401"),
            fixtures::failed(4, "said 403"),
            fixtures::retry_scheduled(2, 1, "said 403"),
        ]);
        let counts: Vec<_> = groups(&board)
            .iter()
            .map(|group| (group.cause.said.clone(), group.jobs.len(), group.waiting))
            .collect();
        assert_eq!(
            counts,
            [("said 403".into(), 2, 1), ("said 401".into(), 1, 0)]
        );
    }

    #[test]
    fn the_cursor_stays_on_its_cause_while_others_overtake_it() {
        let mut failures = Failures {
            stale: true,
            ..Failures::default()
        };
        let before = [fixtures::failed(0, "said 401")];
        failures.catch_up(&board(before.clone()));
        let more = [
            fixtures::failed(1, "said 403"),
            fixtures::failed(2, "said 403"),
        ];
        failures.stale = true;
        failures.catch_up(&board(before.into_iter().chain(more)));
        assert_eq!(
            failures.selected().map(|group| group.cause.said.as_str()),
            Some("said 401")
        );
        assert_eq!(failures.at(), 1);
    }
}
