//! One run of a migration: the program runs or resumes, and something breaks while it does.
//!
//! Invariant: what happens during a run is decided by the seed and by the events of the program. A clock decides only
//! when a program that says nothing any more has been silent for long enough.

use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    time::{Instant, timeout_at},
};
use transship::{
    batch::{Event, Outcome},
    serve::ActiveFault,
};

use super::{
    sides::{Destination, PASSWORD, PASSWORD_IN, Source},
    tally::Tally,
    trouble::{Script, Side, Trouble},
};
use crate::operator::{Ended, Operator, event};

/// No run takes longer that goes on at all.
const LONGEST: Duration = Duration::from_secs(600);
/// SQLite gives up waiting for a lock after so long where nobody says otherwise, and a bit.
const LOCKED: Duration = Duration::from_secs(7);

pub struct Run<'a> {
    pub operator: &'a Operator,
    pub list: &'a str,
    pub resumes: bool,
    pub attempts: u16,
    /// For how long nothing is said before a registry that holds up the program goes on.
    pub silence: Duration,
}

/// What is broken now, and the proof that it was.
#[derive(Default)]
struct Breakage {
    faults: Vec<ActiveFault>,
    cuts: u64,
    is_down: bool,
    holds_up: bool,
    lock: Option<SqliteConnection>,
    happened: bool,
}

impl Run<'_> {
    /// The program's standard output is read here; what is left of it is the lines of images that failed.
    pub async fn run(
        &self,
        trouble: Option<Trouble>,
        source: &mut Source,
        destination: &mut Destination,
        tally: &mut Tally,
    ) -> Ended {
        let mut broken = Breakage::default();
        if let Some(Trouble::Script(script)) = &trouble {
            broken.begin(script, source, destination);
        }
        let other = matches!(trouble, Some(Trouble::TwoBatches)).then(|| self.start_other());
        let mut process = self.start(trouble.as_ref());
        let mut stream = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = process.stderr.take().unwrap();
        let saying = tokio::spawn(async move {
            let mut text = String::new();
            said.read_to_string(&mut text).await.unwrap();
            text
        });
        let deadline = Instant::now() + LONGEST;
        let mut begun = false;
        let mut seen = 0;
        let mut copied = 0;
        let mut failures = Vec::new();
        loop {
            let timeout = if broken.lock.is_some() {
                LOCKED
            } else {
                self.silence
            };
            let until = if broken.is_held_up() {
                deadline.min(Instant::now() + timeout)
            } else {
                deadline
            };
            let line = match timeout_at(until, stream.next_line()).await {
                Ok(line) => line.unwrap(),
                Err(_) if Instant::now() < deadline => {
                    // It waits for the lock, be it with its last event.
                    broken.happened |= broken.lock.is_some();
                    broken.go_on(source, destination).await;
                    continue;
                }
                Err(_) => {
                    tally.found(format!("it did not end within {LONGEST:?}"));
                    process.kill().await.unwrap();
                    break;
                }
            };
            let Some(line) = line else { break };
            let event = event(&line);
            begun |= matches!(event, Event::JobStarted { .. });
            seen += u64::from(begun);
            copied += u64::from(is_copied(&event));
            if is_failed(&event) {
                failures.push(line);
            }
            if broken.is_down && is_noticed(&event) {
                source.mend().await;
                destination.mend().await;
                broken.is_down = false;
            }
            match &trouble {
                // Killing what has ended already does nothing.
                Some(Trouble::KillProcess { after }) if seen == *after => {
                    broken.happened = process.try_wait().unwrap().is_none();
                    process.kill().await.unwrap();
                }
                Some(Trouble::KillSource { after }) if seen == *after => {
                    source.kill();
                    (broken.is_down, broken.happened) = (true, true);
                }
                Some(Trouble::KillDestination { after }) if seen == *after => {
                    destination.kill().await;
                    (broken.is_down, broken.happened) = (true, true);
                }
                Some(Trouble::ExpireTokens { after }) if seen % after == 0 => {
                    let there_were = [source.expire_tokens(), destination.expire_tokens()];
                    broken.happened |= begun && there_were.contains(&true);
                }
                Some(Trouble::LockedJournal { after }) if seen == *after => {
                    broken.lock = Some(self.lock_journal().await);
                }
                _ => {}
            }
        }
        let was_locked = broken.lock.is_some();
        broken.go_on(source, destination).await;
        let status = process.wait().await.unwrap();
        let ended = Ended {
            code: status.code(),
            stdout: failures.join("\n"),
            stderr: saying.await.unwrap(),
        };
        if let Some(other) = other {
            let others = judge_other(&other.await.unwrap(), tally);
            broken.happened = copied > 0 && others > 0;
        }
        tally.ended(ended.code);
        if let Some(trouble) = &trouble {
            broken.happened |= was_locked && has_lost_journal(&ended);
            let happened = match trouble {
                Trouble::Script(_) => broken.was_met(destination),
                Trouble::FullDisk { .. } => has_lost_journal(&ended) || ended.code == Some(2),
                _ => broken.happened,
            };
            tally.trouble(trouble.kind(), happened);
            let is_harmed = ended.code != Some(0) || has_lost_journal(&ended);
            if happened && trouble.costs_nothing() && is_harmed {
                tally.found(format!("{} ended so: {ended:?}", trouble.kind().name()));
            }
        }
        ended
    }

    fn start(&self, trouble: Option<&Trouble>) -> Child {
        let attempts = format!("--attempts={}", self.attempts);
        let arguments = match self.resumes {
            false => vec!["run", self.list, "--json", &attempts],
            true => vec!["resume", "--retry-failed", "--json", &attempts],
        };
        let mut command = match trouble {
            Some(Trouble::FullDisk { blocks }) => {
                self.operator.command_on_full_disk(&arguments, *blocks)
            }
            _ => self.operator.command(&arguments),
        };
        command.env(PASSWORD_IN, PASSWORD).spawn().unwrap()
    }

    /// Another operator runs the same list.
    fn start_other(&self) -> tokio::task::JoinHandle<Ended> {
        let other = Operator::new();
        let attempts = format!("--attempts={}", self.attempts);
        let mut command = other.command(&["run", self.list, "--json", &attempts]);
        let running = command.env(PASSWORD_IN, PASSWORD).output();
        tokio::spawn(async move {
            let ended = tokio::time::timeout(LONGEST, running).await;
            drop(other);
            ended.expect("the other batch does not end").unwrap().into()
        })
    }

    /// Takes the write lock, as a backup does.
    async fn lock_journal(&self) -> SqliteConnection {
        let path = self.operator.path("state").join("journal.sqlite3");
        let options = SqliteConnectOptions::new().filename(path);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let begin = sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection);
        begin.await.unwrap();
        connection
    }
}

impl Breakage {
    fn begin(&mut self, script: &Script, source: &Source, destination: &Destination) {
        let add = |(side, fault): &(Side, _)| match side {
            Side::Source => source.fault(Clone::clone(fault)),
            Side::Destination => destination.fault(Clone::clone(fault)),
        };
        script.setting.iter().for_each(|fault| drop(add(fault)));
        self.faults = script.faults.iter().filter_map(add).collect();
        self.cuts = script.cuts.map_or(0, |cuts| cuts.times);
        self.holds_up = script.holds_up;
        if let Some(way) = destination.way() {
            way.cut(script.cuts);
            way.silence(script.silent_after);
        }
    }

    /// Whether something waits for the program to have said nothing for a while.
    fn is_held_up(&self) -> bool {
        self.holds_up || self.lock.is_some()
    }

    /// Ends what holds up the program.
    async fn go_on(&mut self, source: &mut Source, destination: &mut Destination) {
        if let Some(lock) = self.lock.take() {
            lock.close().await.unwrap();
        }
        if self.holds_up && self.was_met(destination) {
            self.happened = true;
            self.holds_up = false;
            source.mend().await;
            destination.mend().await;
        }
    }

    /// Whether a request came upon what the script has.
    fn was_met(&self, destination: &Destination) -> bool {
        let on_the_way = destination
            .way()
            .is_some_and(|way| way.is_silent() || way.cuts_left() < self.cuts);
        self.happened || on_the_way || self.faults.iter().any(|fault| fault.hits() > 0)
    }
}

/// How many images the other batch copied, all of which should be there.
fn judge_other(other: &Ended, tally: &mut Tally) -> usize {
    let events = other.events();
    if other.code != Some(0) {
        let failed: Vec<_> = events.iter().filter(|event| is_failed(event)).collect();
        let (code, said) = (other.code, &other.stderr);
        tally.found(format!(
            "the other batch ended with {code:?}: {said} {failed:?}"
        ));
    }
    events.iter().filter(|event| is_copied(event)).count()
}

fn has_lost_journal(ended: &Ended) -> bool {
    ended.stderr.contains("the journal could not be written")
}

fn is_copied(event: &Event) -> bool {
    matches!(
        event,
        Event::JobFinished {
            outcome: Outcome::Copied { .. },
            ..
        }
    )
}

/// Whether the program has seen that a registry is gone.
fn is_noticed(event: &Event) -> bool {
    is_failed(event) || matches!(event, Event::JobRetryScheduled { .. })
}

fn is_failed(event: &Event) -> bool {
    matches!(
        event,
        Event::JobFinished {
            outcome: Outcome::Failed { .. },
            ..
        }
    )
}
