//! The front end of a batch: the screen or the lines in place of a terminal, one line per change, or nothing.
//!
//! Decides which one, and checks what it needs. Invariant: neither a broken front end (closed pipe, lost terminal) nor a
//! slow one stops the copying.

use std::{
    io::{IsTerminal, Write, stdout},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

use super::{output::tell, running_metrics::PreparedMetrics, screen_options};
use crate::{
    batch::{Board, Event, TimedEvent},
    headless::{CiService, Detail, Format, Headless, LineWriter},
    present::Commands,
    run::{Observer, Signal},
    tui,
};

/// How long to wait for a slow reader of the output after the operator asked to leave.
const LAST_LINES: Duration = Duration::from_secs(2);

#[derive(Args, Clone)]
pub(super) struct OutputArguments {
    /// Show the plan first: images already there, bytes to copy, the largest layers. On the screen b starts the
    /// copying; without a screen the plan is printed, and `transship resume` copies.
    #[arg(long)]
    pub(super) review: bool,
    /// Print one line per change instead of the screen; the default if stdout is no terminal, or TERM=dumb.
    #[arg(long)]
    pub(super) headless: bool,
    /// Print only the lines of failures, and the summary.
    #[arg(long, short, conflicts_with_all = ["json", "verbose"])]
    pub(super) quiet: bool,
    /// Print lines for starts and single blobs, too.
    #[arg(long, short, conflicts_with = "json")]
    pub(super) verbose: bool,
    /// Print one JSON event per line on stdout (schema: assets/events.md).
    #[arg(long)]
    pub(super) json: bool,
    /// How to show progress. --log-format is another name for this option.
    #[arg(
        long,
        visible_alias = "log-format",
        value_enum,
        value_name = "HOW",
        conflicts_with_all = ["headless", "json"]
    )]
    pub(super) progress: Option<ProgressChoice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrontEnd {
    Screen,
    /// A few lines in place, for a batch of few images.
    Inline,
    Lines,
    /// Lines with a percentage.
    Plain,
    Json,
    /// Only what went wrong.
    Quiet,
}

/// The values of `--progress`; `--headless`, `--json` and `--quiet` are other names for some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressChoice {
    /// On a terminal what is drawn there, else lines.
    Auto,
    /// Lines such as `[ 40%] message`.
    Plain,
    /// One line per change, as --headless; text is another name.
    #[value(alias = "text")]
    Lines,
    /// One JSON event per line, as --json.
    Json,
    /// Nothing, unless something fails.
    None,
}

impl ProgressChoice {
    /// `None` leaves the choice to the terminal.
    pub(super) fn front_end(self) -> Option<FrontEnd> {
        match self {
            Self::Auto => None,
            Self::Plain => Some(FrontEnd::Plain),
            Self::Lines => Some(FrontEnd::Lines),
            Self::Json => Some(FrontEnd::Json),
            Self::None => Some(FrontEnd::Quiet),
        }
    }
}

fn choose(output: &OutputArguments) -> FrontEnd {
    let chosen = output.progress.and_then(ProgressChoice::front_end);
    let is_lines = output.headless || output.quiet || output.verbose;
    match (chosen, output.json, is_lines) {
        (Some(front_end), ..) => front_end,
        (None, true, _) => FrontEnd::Json,
        (None, false, true) => FrontEnd::Lines,
        (None, false, false) if stdout().is_terminal() && !tui::is_dumb() => FrontEnd::Screen,
        (None, false, false) => FrontEnd::Lines,
    }
}

/// A front end that was checked and has written nothing yet.
pub(super) struct Prepared {
    pub front_end: FrontEnd,
    /// How much lines say.
    pub detail: Detail,
    /// For a terminal only.
    pub screen: Option<tui::Options>,
    pub review: bool,
    /// Commands that the summary suggests.
    pub commands: Commands,
    pub metrics: PreparedMetrics,
}

impl Prepared {
    pub(super) fn with_metrics(self, metrics: PreparedMetrics) -> Self {
        Self { metrics, ..self }
    }
}

/// Checks what the front end needs: its configuration and the terminal.
pub(super) fn prepare(output: &OutputArguments, commands: Commands) -> anyhow::Result<Prepared> {
    let front_end = choose(output);
    let detail = detail(front_end, output.quiet, output.verbose)?;
    let prepared = prepare_as(front_end, commands)?;
    Ok(Prepared {
        detail,
        review: output.review,
        ..prepared
    })
}

/// How much lines say, as --quiet and --verbose ask.
pub(super) fn detail(front_end: FrontEnd, quiet: bool, verbose: bool) -> anyhow::Result<Detail> {
    let detail = match (quiet, verbose) {
        (true, _) => Detail::Quiet,
        (false, true) => Detail::Verbose,
        (false, false) => Detail::Normal,
    };
    match (front_end, detail) {
        (FrontEnd::Lines, _) | (_, Detail::Normal) => Ok(detail),
        (
            FrontEnd::Screen
            | FrontEnd::Inline
            | FrontEnd::Plain
            | FrontEnd::Json
            | FrontEnd::Quiet,
            Detail::Quiet | Detail::Verbose,
        ) => anyhow::bail!(
            "--quiet and --verbose change what --progress lines prints, and nothing else"
        ),
    }
}

/// The same for a front end that was chosen.
pub(super) fn prepare_as(front_end: FrontEnd, commands: Commands) -> anyhow::Result<Prepared> {
    let front_end = match front_end {
        FrontEnd::Inline if !tui::can_draw_inline() => FrontEnd::Lines,
        other => other,
    };
    let screen = match front_end {
        FrontEnd::Screen => {
            let options = screen_options::detect()?;
            tui::check_terminal().context("the terminal cannot be used; --headless needs none")?;
            Some(options)
        }
        FrontEnd::Inline => Some(screen_options::detect()?),
        FrontEnd::Lines | FrontEnd::Plain | FrontEnd::Json | FrontEnd::Quiet => None,
    };
    Ok(Prepared {
        front_end,
        detail: Detail::default(),
        screen,
        review: false,
        commands,
        metrics: PreparedMetrics::default(),
    })
}

/// Writes a line per change. Drops samples while the reader is behind.
pub(super) struct Lines(Headless<LineWriter>);

impl Lines {
    /// The receiver reports that the last line was written.
    pub(super) fn new(
        output: impl Write + Send + 'static,
        format: Format,
        attempts: Option<u16>,
        detail: Detail,
        commands: Commands,
    ) -> (Self, oneshot::Receiver<()>) {
        let (writer, written) = LineWriter::new(output, |error| {
            tell(format_args!(
                "transship: the output was closed ({error}); the batch continues"
            ));
        });
        // A person at a terminal reads the lines, not the service.
        let service = match stdout().is_terminal() {
            true => CiService::None,
            false => CiService::detect(|name| std::env::var(name).ok()),
        };
        let headless = Headless::new(writer, format, attempts)
            .with_commands(commands)
            .with_detail(detail, service);
        (Self(headless), written)
    }

    fn is_behind(&self) -> bool {
        self.0.output().is_behind()
    }
}

// Write errors are reported by the `LineWriter`.
impl Observer for Lines {
    fn apply(&mut self, event: &Arc<TimedEvent>, board: &Board) {
        self.0.apply(event, board);
        if event.event.is_sample() && self.is_behind() {
            return;
        }
        let _ = self.0.write_event(event, board);
        if matches!(event.event, Event::BatchFinished { .. }) {
            let _ = self.0.finish(board, event.at);
        }
    }

    fn tick(&mut self, now: Timestamp, board: &Board) {
        if !self.is_behind() {
            let _ = self.0.heartbeat(board, now);
        }
    }
}

/// Waits until a slow reader has the last line; after a signal at most [`LAST_LINES`].
pub(super) async fn drain_output(
    mut written: oneshot::Receiver<()>,
    mut signals: UnboundedReceiver<Signal>,
) {
    tokio::select! {
        _ = &mut written => {}
        _ = signals.recv() => {
            let _ = tokio::time::timeout(LAST_LINES, written).await;
        }
    }
}
