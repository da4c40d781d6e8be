//! The front end for everything that is not a terminal: one line per change, or one JSON object per event.
//!
//! Decides which events get a line and how lines are laid out; `present` has the sentences. Invariant: a closed pipe
//! is reported once and loses the lines, not the batch.

mod ci_service;
mod detail;
mod json_lines;
mod line_writer;
mod plain;
mod text;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    batch::{Board, Event, JobId, Stats, TimedEvent},
    present::{self, Commands},
};

pub use ci_service::CiService;
pub use detail::Detail;
pub use line_writer::LineWriter;
use plain::Plain;

/// How often the text output says how far the batch is; in the plain one, how long it may be silent before.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line per change with its time, for people and build logs.
    Text,
    /// `[ 40%] message`: one line per change of the percentage or of the step.
    Plain,
    /// One JSON object per event, as `assets/events.md` describes.
    Json,
}

/// Writes what happens to `output`, a whole line at a time.
#[derive(Debug)]
pub struct Headless<W> {
    output: W,
    format: Format,
    plain: Plain,
    /// How many attempts an image has.
    attempts: Option<u16>,
    commands: Commands,
    detail: Detail,
    service: CiService,
    stats: Stats,
    /// When the attempts of running images started.
    started: BTreeMap<JobId, Timestamp>,
    /// Lines written.
    lines: u64,
    /// When the last line was written.
    last_line: Option<Timestamp>,
    /// When it was last said how far the batch is; at first, when it began.
    last_heartbeat: Option<Timestamp>,
    closed: bool,
}

impl<W: Write> Headless<W> {
    pub fn new(output: W, format: Format, attempts: Option<u16>) -> Self {
        Self {
            output,
            format,
            plain: Plain::default(),
            attempts,
            commands: Commands::default(),
            detail: Detail::default(),
            service: CiService::default(),
            started: BTreeMap::new(),
            stats: Stats::default(),
            lines: 0,
            last_line: None,
            last_heartbeat: None,
            closed: false,
        }
    }

    /// Lets the summary print these commands for what comes next.
    #[must_use]
    pub fn with_commands(self, commands: Commands) -> Self {
        Self { commands, ..self }
    }

    /// How much the text output says, and which service reads it.
    #[must_use]
    pub fn with_detail(self, detail: Detail, service: CiService) -> Self {
        Self {
            detail,
            service,
            ..self
        }
    }

    /// Where the lines go.
    pub fn output(&self) -> &W {
        &self.output
    }

    /// Applies an event that `board` has applied; writes nothing yet.
    pub fn apply(&mut self, event: &TimedEvent, board: &Board) {
        self.stats.apply(event, board);
    }

    /// Writes the line of an event that was applied, if it is worth one.
    ///
    /// # Errors
    /// When the output cannot be written; later calls do nothing.
    pub fn write_event(&mut self, event: &TimedEvent, board: &Board) -> io::Result<()> {
        let took = self.took(event);
        let line = match self.format {
            Format::Text => text::line(event, board, self.attempts, took, self.detail)
                .map(|line| self.service.plain_text(&line).into_owned()),
            Format::Plain => (self.plain.line(&event.event, board, self.attempts))
                .map(|line| self.service.plain_text(&line).into_owned()),
            Format::Json => Some(
                self.service
                    .plain_json(json_lines::line(self.lines + 1, event)?),
            ),
        };
        line.map_or(Ok(()), |line| self.write(&line, event.at))?;
        match &event.event {
            Event::BatchStarted { .. } if self.is_grouped() => {
                let begin = self.service.begin_group(board, event.at);
                begin.map_or(Ok(()), |begin| self.write(&begin, event.at))
            }
            _ => Ok(()),
        }
    }

    /// Whether the lines about images are a group: where there are many.
    fn is_grouped(&self) -> bool {
        self.format == Format::Text && self.detail != Detail::Quiet
    }

    /// How long the attempt took that ends with `event`.
    fn took(&mut self, TimedEvent { at, event }: &TimedEvent) -> Option<Duration> {
        match event {
            Event::JobStarted { job, .. } => {
                self.started.insert(*job, *at);
                None
            }
            Event::JobQueued { job, .. }
            | Event::JobRetryScheduled { job, .. }
            | Event::JobFinished { job, .. } => {
                let started = self.started.remove(job);
                started.map(|started| between(started, *at))
            }
            _ => None,
        }
    }

    /// Prints how far the batch is: in the text output every [`HEARTBEAT`], in the plain one when no line was written for as
    /// long. To be called about once a second. The JSON stream has its samples and prints nothing here.
    ///
    /// # Errors
    /// As [`Headless::write_event`].
    pub fn heartbeat(&mut self, board: &Board, now: Timestamp) -> io::Result<()> {
        self.stats.advance(self.stats.since_start(now));
        let before = match (self.format, self.detail) {
            (Format::Json, _) | (Format::Text, Detail::Quiet) => None,
            (Format::Plain, _) => self.last_line,
            (Format::Text, Detail::Normal | Detail::Verbose) => self.last_heartbeat,
        };
        let silent = before.map(|before| between(before, now));
        if silent.is_none_or(|silent| silent < HEARTBEAT) {
            return Ok(());
        }
        self.last_heartbeat = Some(now);
        let heartbeat = text::heartbeat(board, &self.stats);
        match self.format {
            Format::Text => self.write(&format!("{}  {heartbeat}", text::timestamp(now)), now),
            Format::Plain | Format::Json => self.write_text(&heartbeat, now),
        }
    }

    /// Ends the output. Lines for people end with the summary, after a review with the plan before it; the JSON stream ends with
    /// the last event.
    ///
    /// # Errors
    /// As [`Headless::write_event`].
    pub fn finish(&mut self, board: &Board, now: Timestamp) -> io::Result<()> {
        if self.format != Format::Json {
            if self.is_grouped()
                && let Some(end) = self.service.end_group(board, now)
            {
                self.write(&end, now)?;
            }
            if board.is_reviewing() {
                self.write_text(&present::plan(board), now)?;
            }
            let elapsed = self.stats.elapsed(self.stats.since_start(now));
            let summary = present::summary(board, elapsed, &self.commands);
            self.write_text(&summary, now)?;
            let failures = self.service.failures(board);
            if let Some(failures) = failures.filter(|_| self.format == Format::Text) {
                self.write(&failures, now)?;
            }
        }
        if self.closed {
            return Ok(());
        }
        self.output.flush()
    }

    /// Writes lines that are about no single event.
    fn write_text(&mut self, text: &str, now: Timestamp) -> io::Result<()> {
        match self.format {
            Format::Plain => {
                let lines = self.plain.lines(text);
                self.write(&self.service.plain_text(&lines), now)
            }
            Format::Text | Format::Json => self.write(&self.service.plain_text(text), now),
        }
    }

    fn write(&mut self, lines: &str, now: Timestamp) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.last_line = Some(now);
        self.last_heartbeat.get_or_insert(now);
        self.lines += 1;
        let written = self.output.write_all(lines.as_bytes());
        self.closed = written.is_err();
        written
    }
}

/// Zero where `later` is earlier.
fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    later.duration_since(earlier).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Attempt, BatchId, Event, Failure, FailureClass, Job, JobId, Outcome, Side};
    use crate::oci::CopySpec;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_271_400 + second).unwrap()
    }

    fn tell<W: Write>(
        headless: &mut Headless<W>,
        board: &mut Board,
        second: i64,
        event: &Event,
    ) -> io::Result<()> {
        board.apply(event);
        let event = TimedEvent {
            at: at(second),
            event: event.clone(),
        };
        headless.apply(&event, board);
        headless.write_event(&event, board)
    }

    /// What is written when each event comes a second after the one before.
    fn written(format: Format, events: &[Event]) -> String {
        let mut output = Vec::new();
        let mut board = Board::default();
        let mut headless = Headless::new(&mut output, format, Some(5));
        for (second, event) in (0..).zip(events) {
            tell(&mut headless, &mut board, second, event).unwrap();
        }
        headless.finish(&board, at(65)).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn run(outcomes: Vec<Outcome>) -> Vec<Event> {
        let mut events = vec![Event::BatchStarted {
            batch: BatchId("20261121-1430-prod-7f3a".into()),
            list: "prod.toml".into(),
            jobs: u32::try_from(outcomes.len()).unwrap(),
            parallel: 4,
            resumed: false,
        }];
        for number in 0..outcomes.len() {
            events.push(Event::JobListed {
                job: Box::new(Job {
                    id: JobId(u32::try_from(number).unwrap()),
                    spec: CopySpec::new(
                        format!("a.example/app:{number}").parse().unwrap(),
                        format!("b.example/x/app:{number}").parse().unwrap(),
                    ),
                }),
            });
        }
        for (job, outcome) in (0..).map(JobId).zip(outcomes) {
            let attempt = Attempt(1);
            events.push(Event::JobStarted { job, attempt });
            events.push(Event::JobFinished { job, outcome });
        }
        events.push(Event::BatchFinished { stopped_by: None });
        events
    }

    fn up_to_date() -> Outcome {
        Outcome::UpToDate {
            root: crate::oci::Digest::of(b"root"),
        }
    }

    fn failed(summary: &str) -> Outcome {
        Outcome::Failed {
            cause: Failure {
                side: Side::Source,
                class: FailureClass::Auth,
                summary: summary.into(),
                chain: Vec::new(),
            },
        }
    }

    #[test]
    fn text_is_a_line_per_change_and_a_summary() {
        assert_eq!(
            written(
                Format::Text,
                &run(vec![up_to_date(), failed("said \x1b[31m401")])
            ),
            "2026-11-21T14:30:00Z  batch 20261121-1430-prod-7f3a started: 2 images of prod.toml\n\
             2026-11-21T14:30:04Z  1/2  a.example/app:0 -> b.example/x/app:0  up to date\n\
             2026-11-21T14:30:06Z  2/2  a.example/app:1 -> b.example/x/app:1  \
             failed after 1.0 s: source said \u{fffd}[31m401\n\
             2026-11-21T14:30:07Z  batch finished: 1 up to date, 1 failed\n\
             2 images: 1 up to date, 1 failed in 6 s\n  \
             source said \u{fffd}[31m401 (a.example): a.example/app:1\n    \
             check the credentials for the source registry\n\
             `transship resume 20261121-1430-prod-7f3a --retry-failed` retries the failed images\n"
        );
    }

    #[test]
    fn json_is_a_numbered_line_per_event_and_nothing_else() {
        let events = run(vec![up_to_date()]);
        let output = written(Format::Json, &events);
        assert_eq!(output.lines().count(), events.len());
        for (number, (line, event)) in (1..).zip(output.lines().zip(&events)) {
            let read = json_lines::read(line).unwrap();
            assert_eq!((read.seq, &read.event.event), (number, event));
        }
    }

    #[test]
    fn a_silent_batch_says_that_it_is_alive() {
        let mut output = Vec::new();
        let mut board = Board::default();
        let mut headless = Headless::new(&mut output, Format::Text, None);
        for event in &run(vec![up_to_date(), up_to_date()])[..5] {
            tell(&mut headless, &mut board, 0, event).unwrap();
        }
        for second in [29, 30, 59, 60] {
            headless.heartbeat(&board, at(second)).unwrap();
        }
        let output = String::from_utf8(output).unwrap();
        let beats: Vec<&str> = output.lines().skip(2).collect();
        assert_eq!(
            beats,
            [
                "2026-11-21T14:30:30Z  1/2  1 queued, 0 running, 0 waiting",
                "2026-11-21T14:31:00Z  1/2  1 queued, 0 running, 0 waiting"
            ]
        );
    }

    /// The lines of a batch of two images, the second of which failed.
    fn lines(detail: Detail, service: CiService, summary: &str) -> String {
        let mut output = Vec::new();
        let mut board = Board::default();
        let headless = Headless::new(&mut output, Format::Text, Some(5));
        let mut headless = headless.with_detail(detail, service);
        for (second, event) in (0..).zip(&run(vec![up_to_date(), failed(summary)])) {
            tell(&mut headless, &mut board, second, event).unwrap();
            headless.heartbeat(&board, at(second)).unwrap();
        }
        headless.finish(&board, at(65)).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn quiet_lines_are_failures_and_the_summary() {
        let output = lines(Detail::Quiet, CiService::None, "said 401");
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "2026-11-21T14:30:06Z  2/2  a.example/app:1 -> b.example/x/app:1  \
                 failed after 1.0 s: source said 401",
                "2 images: 1 up to date, 1 failed in 6 s"
            ]
        );
    }

    #[test]
    fn verbose_lines_have_starts() {
        let output = lines(Detail::Verbose, CiService::None, "said 401");
        assert_eq!(output.matches("  started\n").count(), 2, "{output}");
    }

    #[test]
    fn github_gets_a_group_and_an_error_for_each_cause() {
        let output = lines(
            Detail::Normal,
            CiService::GitHub,
            "said 100%\n::add-mask::x ##[error]y",
        );
        let commands: Vec<&str> = (output.lines())
            .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
            .collect();
        assert_eq!(
            commands,
            [
                "::group::Images of prod.toml",
                "::endgroup::",
                "::error title=1 image failed::source said 100%25 ::add-mask::x ##[error]y \
                 (a.example): a.example/app:1%0Acheck the credentials for the source registry"
            ]
        );
        let summary = output.find("\n2 images: ").unwrap();
        assert!(output.find("::endgroup::").unwrap() < summary, "{output}");
    }

    #[test]
    fn gitlab_gets_a_section_that_is_closed_before_the_summary() {
        let output = lines(Detail::Normal, CiService::GitLab, "said 401");
        let name = "transship_20261121_1430_prod_7f3a";
        let begin = format!("\x1b[0Ksection_start:1795271400:{name}\r\x1b[0KImages of prod.toml\n");
        let end = format!("\x1b[0Ksection_end:1795271465:{name}\r\x1b[0K\n2 images: ");
        assert!(output.contains(&begin), "{output:?}");
        assert!(output.contains(&end), "{output:?}");
    }

    #[test]
    fn a_closed_output_is_reported_once() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        for format in [Format::Text, Format::Plain, Format::Json] {
            let mut headless = Headless::new(Closed, format, None);
            let mut board = Board::default();
            let event = Event::BatchPaused;
            let first = tell(&mut headless, &mut board, 0, &event).unwrap_err();
            assert_eq!(first.kind(), io::ErrorKind::BrokenPipe);
            tell(&mut headless, &mut board, 1, &event).unwrap();
            headless.heartbeat(&board, at(60)).unwrap();
            headless.finish(&board, at(61)).unwrap();
        }
    }
}
