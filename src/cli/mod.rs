//! The command line: what can be asked for, and the wiring of layers that answers it.
//!
//! Decides names of commands and options, and the exit code: 0 all good, 1 some failed, 2 usage or list
//! error, 3 stopped and resumable. Invariant: data goes to stdout, everything else to stderr.

mod batch_deletion;
mod batches;
mod browse;
mod demo;
mod front_end;
mod inspect;
mod lists;
mod login;
mod output;
mod partial_list;
mod registries;
mod run;
mod run_settings;
mod screen;
mod serve;
mod settings;
mod signals;
mod verify;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use self::lists::TrustArguments;
use crate::{
    batch::{BatchId, BatchResult},
    journal::{Journal, JournalError, JournalLocation},
    list::Mistakes,
    present::{self, Commands},
    serve::{HtpasswdError, ServeError, TlsError},
};

/// Moves container images between registries, in bulk, where an operator can see and steer it.
#[derive(Parser)]
#[command(name = "transship", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy every image of a list.
    Run(RunArguments),
    /// Go on with a batch that was stopped, killed or had failures.
    Resume(ResumeArguments),
    /// List the batches of the journal, the newest first, or delete some.
    Batches(BatchesArguments),
    /// Check a list, or print its schema.
    #[command(subcommand)]
    List(ListCommand),
    /// Show what an image is: platforms, config, layers, history, referrers.
    Inspect(inspect::InspectArguments),
    /// List the tags of a repository.
    Tags(inspect::TagsArguments),
    /// Print the digest of an image or a file.
    Digest(inspect::DigestArguments),
    /// Look around in registries: repositories, tags, images, source against destination.
    Browse(browse::BrowseArguments),
    /// Keep a password for a registry, where docker and podman keep theirs.
    Login(login::LoginArguments),
    /// Forget what is kept for a registry.
    Logout(login::LogoutArguments),
    /// Compare every image of a list or a batch with its source.
    Verify(verify::VerifyArguments),
    /// Serve a directory as a registry.
    Serve(serve::ServeArguments),
    /// Show a migration between two registries that exist only for this demo.
    Demo(DemoArguments),
}

#[derive(Args)]
struct RunArguments {
    /// The TOML list: which images go where.
    list: PathBuf,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    pace: PaceArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Args)]
struct ResumeArguments {
    /// The batch, or a part of its name that no other has; without it the newest one.
    batch: Option<String>,
    /// Try the images again that failed for good.
    #[arg(long)]
    retry_failed: bool,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    pace: PaceArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct BatchesArguments {
    #[command(subcommand)]
    command: Option<BatchesCommand>,
    #[command(flatten)]
    journal: JournalArguments,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum BatchesCommand {
    /// Take batches out of the journal; what they copied stays where it is.
    Delete(DeleteArguments),
}

#[derive(Args)]
struct DeleteArguments {
    /// The batches, each by its name or a part that no other has.
    #[arg(required_unless_present = "older_than")]
    batches: Vec<String>,
    /// Every batch made longer ago than this and ended, such as 30d, "2 weeks" or 12h.
    #[arg(long, value_name = "AGE", conflicts_with = "batches")]
    older_than: Option<jiff::Span>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Also batches with images left, which then cannot be resumed.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    journal: JournalArguments,
}

#[derive(Subcommand)]
enum ListCommand {
    /// Report everything that is wrong with a list, or what it runs, reads and sends where, without asking a registry.
    Check {
        /// The TOML list.
        file: PathBuf,
        #[command(flatten)]
        trust: TrustArguments,
    },
    /// Print the JSON schema of lists, for editors.
    Schema,
}

#[derive(Args)]
struct DemoArguments {
    /// Where the registries and the journal are kept; without it a temporary directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Args)]
struct JournalArguments {
    /// Directory of the journal, instead of the user's state directory.
    #[arg(long, value_name = "DIR", env = "TRANSSHIP_STATE")]
    state: Option<PathBuf>,
    /// PostgreSQL database for the journal, as a postgres:// URL; or a directory.
    #[arg(
        long,
        value_name = "URL",
        env = "TRANSSHIP_JOURNAL",
        hide_env_values = true,
        conflicts_with = "state"
    )]
    journal: Option<String>,
}

/// How hard the batch works; what is written here goes before what the list says.
#[derive(Args, Clone, Copy)]
struct PaceArguments {
    /// Images in flight at once.
    #[arg(long, value_name = "IMAGES", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
    /// Attempts per image, the first included.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u16).range(1..))]
    attempts: Option<u16>,
}

#[derive(Args, Clone)]
struct OutputArguments {
    /// Show the plan first: what is there already, what has to be copied, the largest layers. On the screen b
    /// begins; elsewhere the plan is printed and nothing copied, and `transship resume` goes on.
    #[arg(long)]
    review: bool,
    /// One line per change instead of the screen, as when stdout is no terminal.
    #[arg(long)]
    headless: bool,
    /// One JSON event per line on stdout (the schema is in assets/events.md).
    #[arg(long)]
    json: bool,
}

impl JournalArguments {
    /// Where the journal is; nothing is made or asked there.
    fn place(&self) -> anyhow::Result<JournalLocation> {
        Ok(match (&self.journal, &self.state) {
            (Some(text), _) => text.parse().context("wrong --journal")?,
            (None, Some(directory)) => {
                JournalLocation::directory(directory).context("wrong --state")?
            }
            (None, None) => JournalLocation::standard()
                .ok_or_else(|| anyhow::anyhow!("there is no home directory; say --state DIR"))?,
        })
    }

    /// How printed commands reach this journal. What a variable says holds for them as well.
    fn commands(&self) -> anyhow::Result<Commands> {
        let in_environment =
            |name, value: &OsStr| std::env::var_os(name).is_some_and(|set| set == value);
        let given = self.journal.as_ref().map(OsStr::new);
        let is_given = match (given, &self.state) {
            (Some(text), _) => !in_environment("TRANSSHIP_JOURNAL", text),
            (None, Some(directory)) => !in_environment("TRANSSHIP_STATE", directory.as_os_str()),
            (None, None) => false,
        };
        let place = self.place()?;
        Ok(match (is_given, place.address(), place) {
            (false, ..) => Commands::default(),
            (true, Some((address, had_password)), _) => {
                Commands::with_journal(&address, had_password)
            }
            (true, None, JournalLocation::Directory(directory)) => {
                Commands::with_state(&shown(&std::path::absolute(directory)?))
            }
            (true, None, JournalLocation::Postgres(_)) => Commands::default(),
        })
    }

    /// The batch an operator means.
    async fn find(&self, journal: &Journal, name: &str) -> anyhow::Result<BatchId> {
        match journal.find(name).await {
            Err(error @ JournalError::Unknown { .. }) => {
                let batches = self.commands()?.line(&["batches"]);
                anyhow::bail!("failed to {error}; see `{batches}`")
            }
            found => Ok(found?),
        }
    }

    /// The journal, not asked yet.
    fn journal(&self) -> anyhow::Result<Journal> {
        Ok(Journal::at(self.place()?).on_wait(|obstacle| {
            output::tell(format_args!(
                "transship: {obstacle}; waiting for it up to 1 min"
            ));
        }))
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Good,
    /// Wrong arguments, a wrong list, or nothing that could be started.
    Usage,
    Run(BatchResult),
}

impl From<BatchResult> for Exit {
    fn from(verdict: BatchResult) -> Self {
        Self::Run(verdict)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Good => Self::SUCCESS,
            Exit::Usage => Self::from(2),
            Exit::Run(verdict) => Self::from(verdict.exit_code()),
        }
    }
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    // Exits with 2 on wrong arguments, with 0 on --help.
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(format_args!("transship: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(execute(arguments.command));
    // A reader of the terminal may still block a thread; it has nothing left to do.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
                return lists::report(mistakes).into();
            }
            output::tell(format_args!("transship: {}", sentence(&error)));
            Exit::Usage.into()
        }
    }
}

/// What went wrong, fit to print. Errors of the layers fit after "failed to"; those made here are sentences.
fn sentence(error: &anyhow::Error) -> String {
    let outermost = error.chain().next();
    let of_a_layer = outermost.is_some_and(|error| {
        error.is::<JournalError>()
            || error.is::<ServeError>()
            || error.is::<HtpasswdError>()
            || error.is::<TlsError>()
    });
    let before = if of_a_layer { "failed to " } else { "" };
    present::sanitize(&format!("{before}{error:#}")).into_owned()
}

async fn execute(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => run::run(arguments).await,
        Command::Resume(arguments) => run::resume(arguments).await,
        Command::Batches(arguments) => batches::batches(arguments).await,
        Command::List(ListCommand::Check { file, trust }) => lists::check(&file, trust),
        Command::List(ListCommand::Schema) => lists::schema(),
        Command::Inspect(arguments) => inspect::inspect(arguments).await,
        Command::Tags(arguments) => inspect::tags(arguments).await,
        Command::Digest(arguments) => inspect::digest(arguments).await,
        Command::Browse(arguments) => browse::browse(arguments).await,
        Command::Login(arguments) => login::login(arguments).await,
        Command::Logout(arguments) => login::logout(arguments).await,
        Command::Verify(arguments) => verify::verify(arguments).await,
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Demo(arguments) => demo::demo(arguments).await,
    }
}

/// A path as it is shown to a person.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
