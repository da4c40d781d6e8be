//! One leg of a migration: the program runs or resumes, and something breaks while it does.
//!
//! Invariant: what happens during a leg is decided by the seed and by the events of the program, never by a clock.

use axum::http::Method;
use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
};
use transship::{
    batch::{Event, Outcome},
    serve::{Action, Fault},
};

use super::{
    sides::{Destination, PASSWORD, PASSWORD_IN, Source},
    tally::Tally,
};
use crate::knife::{Cuts, Direction};
use crate::operator::{Ended, Operator, event};

/// Events after the first image was started; a whole run has some 700.
const LATEST: u64 = 500;
/// Requests that a scripted fault lets pass first, at most.
const PASSED: u64 = 150;
/// Bytes of requests between two cuts, at most; the fleet needs some 700,000.
const MOST_SENT: u64 = 200_000;
/// Bytes of answers between two cuts, at most; the fleet gets some 100,000.
const MOST_ANSWERED: u64 = 20_000;

#[derive(Clone, Debug)]
pub enum Trouble {
    KillProcess {
        after: u64,
    },
    /// It comes back after the first image has failed or has to wait, or when the leg is over.
    KillSource {
        after: u64,
    },
    KillDestination {
        after: u64,
    },
    ExpireTokens {
        after: u64,
    },
    /// Requests that fail on the wire or by their answer. A registry that cannot be told gets the cuts instead.
    Faults(Vec<(Side, Fault)>, Option<Cuts>, &'static str),
    /// No file of the process may become larger.
    FullDisk {
        blocks: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Side {
    Source,
    Destination,
}

pub struct Leg<'a> {
    pub operator: &'a Operator,
    pub list: &'a str,
    pub resumes: bool,
    pub attempts: u16,
}

impl Trouble {
    pub fn any(random: &mut Xoshiro256PlusPlus) -> Self {
        let after = random.random_range(1..LATEST);
        match random.random_range(0..10) {
            0..3 => Self::KillProcess { after },
            3 => Self::KillSource { after },
            4 => Self::KillDestination { after },
            5 => Self::ExpireTokens { after },
            // In units of 512 bytes: from too small for an empty journal to almost enough.
            6 => Self::FullDisk {
                blocks: random.random_range(10..900),
            },
            7 => Self::burst(random),
            8 => Self::lost_answers(random),
            _ => Self::cuts(random),
        }
    }

    fn burst(random: &mut Xoshiro256PlusPlus) -> Self {
        let mut faults = Vec::new();
        for side in [Side::Source, Side::Destination] {
            let status = [429, 500, 502, 503, 504][random.random_range(0..5)];
            let action = Action::answer(status);
            let fault = Fault::on_any("^/v2/.+", action).unwrap();
            let after = random.random_range(0..PASSED);
            let times = match status {
                // Each closes the lane for twice as long as the one before.
                429 | 503 => random.random_range(1..5),
                _ => random.random_range(1..30),
            };
            faults.push((side, fault.after(after).times(times)));
        }
        Self::Faults(faults, None, "bursts of 429 and 5xx")
    }

    fn cuts(random: &mut Xoshiro256PlusPlus) -> Self {
        let cut = random.random_range(0..40_000);
        let read = Fault::on(Method::GET, "/blobs/", Action::CutResponse { after: cut });
        let sent = Fault::on(Method::PUT, "/uploads/", Action::CutRequest { after: cut });
        let read = read
            .unwrap()
            .after(random.random_range(0..PASSED))
            .times(random.random_range(1..9));
        let sent = sent
            .unwrap()
            .after(random.random_range(0..PASSED))
            .times(random.random_range(1..9));
        let cuts = Cuts {
            of: Direction::Requests,
            every: random.random_range(0..MOST_SENT),
            times: random.random_range(1..9),
        };
        Self::Faults(
            vec![(Side::Source, read), (Side::Destination, sent)],
            Some(cuts),
            "cut bodies",
        )
    }

    fn lost_answers(random: &mut Xoshiro256PlusPlus) -> Self {
        let lost = [
            (Method::PUT, "/manifests/"),
            (Method::PUT, "/uploads/"),
            (Method::POST, "/uploads/"),
        ];
        let faults = lost.map(|(method, target)| {
            let fault = Fault::on(method, target, Action::LoseAnswer).unwrap();
            let fault = fault
                .after(random.random_range(0..PASSED))
                .times(random.random_range(1..5));
            (Side::Destination, fault)
        });
        let cuts = Cuts {
            of: Direction::Answers,
            every: random.random_range(0..MOST_ANSWERED),
            times: random.random_range(1..15),
        };
        Self::Faults(faults.into(), Some(cuts), "lost answers")
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::KillProcess { .. } => "process killed",
            Self::KillSource { .. } => "source killed and started again",
            Self::KillDestination { .. } => "destination killed and started again",
            Self::ExpireTokens { .. } => "tokens expired",
            Self::FullDisk { .. } => "journal's disk full",
            Self::Faults(.., name) => name,
        }
    }
}

impl Leg<'_> {
    pub async fn run(
        &self,
        trouble: Option<Trouble>,
        source: &mut Source,
        destination: &mut Destination,
        tally: &mut Tally,
    ) -> Ended {
        if let Some(Trouble::Faults(faults, cuts, _)) = &trouble {
            destination.cut(*cuts);
            for (side, fault) in faults {
                match side {
                    Side::Source => source.fault(fault.clone()),
                    Side::Destination => destination.fault(fault.clone()),
                }
            }
        }
        let mut process = self.start(trouble.as_ref());
        let mut stream = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = process.stderr.take().unwrap();
        let saying = tokio::spawn(async move {
            let mut text = String::new();
            said.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut begun = false;
        let mut seen = 0;
        let mut is_down = false;
        while let Some(line) = stream.next_line().await.unwrap() {
            let event = event(&line);
            begun |= matches!(event, Event::JobStarted { .. });
            seen += u64::from(begun);
            if is_down && is_noticed(&event) {
                source.mend().await;
                destination.mend().await;
                is_down = false;
            }
            match &trouble {
                // Killing what has ended already does nothing.
                Some(Trouble::KillProcess { after }) if seen == *after => {
                    process.kill().await.unwrap()
                }
                Some(Trouble::KillSource { after }) if seen == *after => {
                    source.kill();
                    is_down = true;
                }
                Some(Trouble::KillDestination { after }) if seen == *after => {
                    destination.kill().await;
                    is_down = true;
                }
                Some(Trouble::ExpireTokens { after }) if seen % after == 0 => {
                    source.expire_tokens();
                    destination.expire_tokens();
                }
                _ => {}
            }
        }
        let status = process.wait().await.unwrap();
        tally.ended(status.code());
        Ended {
            code: status.code(),
            stdout: String::new(),
            stderr: saying.await.unwrap(),
        }
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
}

/// Whether the program has seen that a registry is gone.
fn is_noticed(event: &Event) -> bool {
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. });
    match event {
        Event::JobRetryScheduled { .. } => true,
        Event::JobFinished { outcome, .. } => failed(outcome),
        _ => false,
    }
}
