//! What can break during a run.
//!
//! Decides what and how often, from the seed. Invariant: every kind has a name, by which a run can be narrowed to it
//! and by which the tally says how often it was announced and how often it really happened.

use axum::http::{Method, header::CONTENT_RANGE};
use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};
use transship::serve::{Action, Fault};

use crate::cutting_proxy::{Cuts, Direction};

/// Events after the first image was started; a whole run has some 700.
const LATEST: u64 = 500;
/// Events after which most of a run is still to come.
const EARLY: u64 = 30;
/// Requests that a scripted fault lets pass first, at most.
const PASSED: u64 = 150;
/// Bytes of requests between two cuts, at most; the samples needs some 700,000 without its large layer.
const MOST_SENT: u64 = 200_000;
/// Bytes of answers between two cuts, at most; the samples gets some 100,000.
const MOST_ANSWERED: u64 = 20_000;
/// Bodies above this are refused where chunks are wanted; the samples's large layer then goes in several.
pub const LARGEST_BODY: u64 = 1 << 20;

/// What breaks, and how often among all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    KillProcess,
    KillSource,
    KillDestination,
    ExpireTokens,
    FullDisk,
    Bursts,
    LostAnswers,
    Cuts,
    Silence,
    DrippingErrors,
    RollBacks,
    LockedJournal,
    TwoBatches,
}

const KINDS: [(Kind, u32, &str); 13] = [
    (Kind::KillProcess, 3, "process killed"),
    (Kind::KillSource, 1, "source killed and started again"),
    (
        Kind::KillDestination,
        1,
        "destination killed and started again",
    ),
    (Kind::ExpireTokens, 1, "tokens expired"),
    (Kind::FullDisk, 1, "journal's disk full"),
    (Kind::Bursts, 1, "bursts of 429 and 5xx"),
    (Kind::LostAnswers, 1, "lost answers"),
    (Kind::Cuts, 1, "cut bodies"),
    (Kind::Silence, 1, "silent registry"),
    (Kind::DrippingErrors, 1, "dripping errors"),
    (Kind::RollBacks, 1, "rolled back uploads"),
    (Kind::LockedJournal, 1, "journal locked by another program"),
    (Kind::TwoBatches, 1, "two batches at once"),
];

#[derive(Clone, Debug)]
pub enum Trouble {
    KillProcess {
        after: u64,
    },
    /// It comes back after the first image has failed or has to wait, or when the run is over.
    KillSource {
        after: u64,
    },
    KillDestination {
        after: u64,
    },
    ExpireTokens {
        after: u64,
    },
    /// No file of the process may become larger.
    FullDisk {
        blocks: u64,
    },
    Script(Script),
    /// Another program holds the lock until this one, whose events come before they are durable, says nothing more.
    LockedJournal {
        after: u64,
    },
    /// Another operator runs the same list, with a journal of their own.
    TwoBatches,
}

/// Requests that fail on the wire or by their answer.
#[derive(Clone, Debug)]
pub struct Script {
    pub kind: Kind,
    /// What makes the faults possible and is none of them.
    pub setting: Vec<(Side, Fault)>,
    /// A registry that cannot be told gets what is on the way to it instead.
    pub faults: Vec<(Side, Fault)>,
    pub cuts: Option<Cuts>,
    /// Bytes of requests after which the way to the destination falls silent.
    pub silent_after: Option<u64>,
    /// Ended once the program has said nothing for a while, or with the run.
    pub holds_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

impl Kind {
    /// The kinds named in a list with commas between; a part of a name will do, if no other has it.
    pub fn parse_list(text: &str) -> Vec<Self> {
        let find = |part: &str| {
            let found = KINDS.iter().filter(|(.., name)| name.contains(part.trim()));
            match found.collect::<Vec<_>>()[..] {
                [(kind, ..)] => *kind,
                ref found => panic!("{part:?} stands for {found:?}; there are {KINDS:?}"),
            }
        };
        text.split(',').map(find).collect()
    }

    pub fn name(self) -> &'static str {
        let mut kinds = KINDS.iter();
        kinds.find(|(kind, ..)| *kind == self).unwrap().2
    }

    /// One of those that are `allowed`; all are if that is empty.
    pub fn any(random: &mut Xoshiro256PlusPlus, allowed: &[Self]) -> Self {
        let is_allowed = |kind: &Self| allowed.is_empty() || allowed.contains(kind);
        let kinds = KINDS.iter().filter(|(kind, ..)| is_allowed(kind));
        let weights = kinds.clone().map(|(_, weight, _)| weight).sum();
        let mut at = random.random_range(0..weights);
        for (kind, weight, _) in kinds {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return *kind,
            }
        }
        unreachable!("the weights are those of the kinds")
    }
}

impl Trouble {
    pub fn new(kind: Kind, random: &mut Xoshiro256PlusPlus) -> Self {
        let after = random.random_range(1..LATEST);
        let script = match kind {
            Kind::KillProcess => return Self::KillProcess { after },
            Kind::KillSource => return Self::KillSource { after },
            Kind::KillDestination => return Self::KillDestination { after },
            Kind::ExpireTokens => return Self::ExpireTokens { after },
            // Early: a program that has nothing left to write does not mind.
            Kind::LockedJournal => {
                let after = random.random_range(1..EARLY);
                return Self::LockedJournal { after };
            }
            Kind::TwoBatches => return Self::TwoBatches,
            // In units of 512 bytes: from too small for an empty journal to almost enough.
            Kind::FullDisk => {
                let blocks = random.random_range(10..900);
                return Self::FullDisk { blocks };
            }
            Kind::Bursts => Script::bursts(random),
            Kind::LostAnswers => Script::lost_answers(random),
            Kind::Cuts => Script::cuts(random),
            Kind::Silence => Script::silence(random),
            Kind::DrippingErrors => Script::dripping_errors(random),
            Kind::RollBacks => Script::roll_backs(random),
        };
        Self::Script(script)
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::KillProcess { .. } => Kind::KillProcess,
            Self::KillSource { .. } => Kind::KillSource,
            Self::KillDestination { .. } => Kind::KillDestination,
            Self::ExpireTokens { .. } => Kind::ExpireTokens,
            Self::FullDisk { .. } => Kind::FullDisk,
            Self::LockedJournal { .. } => Kind::LockedJournal,
            Self::TwoBatches => Kind::TwoBatches,
            Self::Script(script) => script.kind,
        }
    }

    /// Whether no image may fail for it, however few attempts it has.
    pub fn costs_nothing(&self) -> bool {
        match self.kind() {
            Kind::LockedJournal | Kind::TwoBatches | Kind::RollBacks => true,
            Kind::KillProcess
            | Kind::KillSource
            | Kind::KillDestination
            | Kind::ExpireTokens
            | Kind::FullDisk
            | Kind::Bursts
            | Kind::LostAnswers
            | Kind::Cuts
            | Kind::Silence
            | Kind::DrippingErrors => false,
        }
    }
}

impl Script {
    fn new(kind: Kind, faults: Vec<(Side, Fault)>) -> Self {
        Self {
            kind,
            setting: Vec::new(),
            faults,
            cuts: None,
            silent_after: None,
            holds_up: false,
        }
    }

    fn bursts(random: &mut Xoshiro256PlusPlus) -> Self {
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
        Self::new(Kind::Bursts, faults)
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
        Self {
            cuts: Some(cuts),
            ..Self::new(
                Kind::Cuts,
                vec![(Side::Source, read), (Side::Destination, sent)],
            )
        }
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
        Self {
            cuts: Some(cuts),
            ..Self::new(Kind::LostAnswers, faults.into())
        }
    }

    /// One registry takes connections and requests and answers none.
    fn silence(random: &mut Xoshiro256PlusPlus) -> Self {
        let side = [Side::Source, Side::Destination][random.random_range(0..2)];
        let fault = Fault::on_any("", Action::Hang).unwrap();
        let fault = fault.after(random.random_range(0..PASSED));
        let silent_after = random.random_range(1..MOST_SENT);
        Self {
            silent_after: (side == Side::Destination).then_some(silent_after),
            holds_up: true,
            ..Self::new(Kind::Silence, vec![(side, fault)])
        }
    }

    /// Errors whose bodies take for ever.
    fn dripping_errors(random: &mut Xoshiro256PlusPlus) -> Self {
        let mut setting = Vec::new();
        let mut faults = Vec::new();
        for side in [Side::Source, Side::Destination] {
            let status = [400, 401, 403, 404, 429, 500, 503][random.random_range(0..7)];
            let (after, times) = (random.random_range(0..PASSED), random.random_range(1..5));
            let add = |action| {
                let fault = Fault::on_any("^/v2/.+", action).unwrap();
                (side, fault.after(after).times(times))
            };
            setting.push(add(Action::Drip { rate: 1 }));
            faults.push(add(Action::answer(status).body(&"slowly ".repeat(2000))));
        }
        Self {
            setting,
            holds_up: true,
            ..Self::new(Kind::DrippingErrors, faults)
        }
    }

    /// The destination loses what it acknowledged, between two chunks and after a cut.
    fn roll_backs(random: &mut Xoshiro256PlusPlus) -> Self {
        let cap = Action::BodyCap {
            bytes: LARGEST_BODY,
            status: 413,
        };
        let chunks_only = Fault::on_any("/uploads/", cap).unwrap();
        let cut = Action::CutRequest {
            after: random.random_range(1..40_000),
        };
        let cut = Fault::on(Method::PUT, "/uploads/", cut).unwrap();
        let cut = cut.after(random.random_range(0..30)).times(1);
        // Only what follows something can find it gone.
        let lost = Fault::on_any("/uploads/", Action::RollBack { to: None }).unwrap();
        let lost = lost.with_header(CONTENT_RANGE, "^[1-9]").unwrap();
        let lost = lost.times(random.random_range(1..3));
        let at_destination = |fault| (Side::Destination, fault);
        Self {
            setting: vec![at_destination(chunks_only), at_destination(cut)],
            ..Self::new(Kind::RollBacks, vec![at_destination(lost)])
        }
    }
}
