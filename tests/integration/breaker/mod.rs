//! The breaker: migrations with random faults, and an audit after each.
//!
//! From a seed it decides what breaks and when: the process is killed, either registry is killed and started again or
//! falls silent, connections are cut, answers are lost or drip, tokens expire, 5xx come in bursts, uploads are rolled
//! back, the journal is locked or its disk full, another operator runs the same list. After every run a tag may be absent
//! but never stand for less than its source; after the last, all is there, byte for byte.
//!
//! `TRANSSHIP_BREAKER_ROUNDS`, `_SEED`, `_ONLY` and `_SILENCE` are described in `assets/benchmarks.md`.

mod run;
mod sides;
mod tally;
mod trouble;

use std::{collections::BTreeSet, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus, seq::SliceRandom as _};

use transship::serve::{ImageBuilder, Store};

use self::{
    run::Run,
    sides::{Destination, Source},
    tally::Tally,
    trouble::{Kind, LARGEST_BODY, Trouble},
};
use crate::{
    operator::{Operator, list},
    sample_images::{SampleImages, amd64, repository},
    skopeo::Skopeo,
};

const ROUNDS: usize = 3;
const SEED: u64 = 5;
/// Seconds that a program which is held up says nothing, at most.
const SILENCE: u64 = 2;
/// KiB of a base layer.
const WEIGHT: u64 = 40;
/// Runs with trouble in a round; then nothing breaks any more.
const TROUBLED_RUNS: usize = 4;
/// A batch has to be done after so many runs without trouble. One is enough unless the last trouble left the
/// journal without the batch.
const CALM_RUNS: usize = 2;
/// Images that skopeo looks at after each round.
const WITNESSED: usize = 9;

#[tokio::test]
async fn whatever_breaks_no_tag_stands_for_less_than_its_source_and_in_the_end_all_is_there() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
    };
    let rounds = number("TRANSSHIP_BREAKER_ROUNDS", ROUNDS as u64);
    let seed = number("TRANSSHIP_BREAKER_SEED", SEED);
    let silence = number("TRANSSHIP_BREAKER_SILENCE", SILENCE);
    let only = std::env::var("TRANSSHIP_BREAKER_ONLY");
    let only = only.map_or(Vec::new(), |names| Kind::parse_list(&names));
    let skopeo = Skopeo::find();
    let mut tally = Tally::default();
    for round in 0..rounds {
        tally.round = format!("round {round} of seed {seed}");
        println!("{}", tally.round);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1_000_003) + round);
        Round::new(&mut random, &only, silence)
            .await
            .run(&mut random, skopeo.as_ref(), &mut tally)
            .await;
        tally.rounds += 1;
    }
    println!("{tally}");
    assert_eq!(tally.findings(), [""; 0]);
}

struct Round<'a> {
    only: &'a [Kind],
    silence: u64,
    operator: Operator,
    source: Source,
    destination: Destination,
    images: Vec<String>,
}

impl<'a> Round<'a> {
    async fn new(random: &mut Xoshiro256PlusPlus, only: &'a [Kind], silence: u64) -> Self {
        let source = Source::start(random.random_range(0..2) == 0).await;
        let store = source.store();
        let mut images = SampleImages::new(&store, WEIGHT).images;
        images.push(put_large(&store));
        Self {
            only,
            silence,
            operator: Operator::new(),
            source,
            destination: Destination::start(random.random_range(0..3)).await,
            images,
        }
    }

    async fn run(
        mut self,
        random: &mut Xoshiro256PlusPlus,
        skopeo: Option<&Skopeo>,
        tally: &mut Tally,
    ) {
        let text = list(
            &self.source.address(),
            &self.destination.address(),
            &self.images,
        );
        let text = text
            .replace(
                "[source]\n",
                &format!("[source]\n{}", self.source.credentials()),
            )
            .replace(
                "[destination]\n",
                &format!("[destination]\n{}", self.destination.credentials()),
            );
        let mut done = false;
        for _ in 0..random.random_range(1..=TROUBLED_RUNS) {
            let kind = Kind::any(random, self.only);
            let trouble = Trouble::new(kind, random);
            done = self.run_once(&text, Some(trouble), random, tally).await;
            if done {
                break;
            }
        }
        for _ in 0..CALM_RUNS {
            if !done {
                done = self.run_once(&text, None, random, tally).await;
            }
        }
        assert!(done, "not done although nothing is in the way any more");
        self.audit(tally, "--rehash", true).await;
        if let Some(skopeo) = skopeo {
            self.verifier(skopeo, random, tally).await;
        }
    }

    /// One run or resumption; whether everything was moved in the end.
    async fn run_once(
        &mut self,
        text: &str,
        trouble: Option<Trouble>,
        random: &mut Xoshiro256PlusPlus,
        tally: &mut Tally,
    ) -> bool {
        tally.runs += 1;
        let before = self.batch().await;
        let path = self.operator.list(text);
        let run = Run {
            operator: &self.operator,
            list: path.to_str().unwrap(),
            resumes: before.is_some(),
            attempts: random.random_range(1..=2),
            silence: Duration::from_secs(random.random_range(1..=self.silence)),
        };
        println!(
            "  {}",
            trouble
                .as_ref()
                .map_or("nothing", |trouble| trouble.kind().name())
        );
        let ended = run
            .run(trouble, &mut self.source, &mut self.destination, tally)
            .await;
        self.source.mend().await;
        self.destination.mend().await;
        // The journal opens, and what it calls copied is as it says.
        let batch = self.batch().await;
        if ended.code == Some(0) {
            assert!(batch.is_some(), "a run that went well left no batch");
        }
        let absent = self.audit(tally, "--deep", ended.code == Some(0)).await;
        if let Some(batch) = batch {
            let copied = batch["images"]["copied"].as_u64().unwrap()
                + batch["images"]["up_to_date"].as_u64().unwrap();
            let there = (self.images.len() - absent.len()) as u64;
            assert!(
                copied <= there,
                "{copied} images are recorded, {there} are there"
            );
        }
        ended.code == Some(0)
    }

    /// The batch as the journal knows it.
    async fn batch(&self) -> Option<serde_json::Value> {
        let batches = self.operator.say(&["batches", "--json"]).await;
        let line = batches.expect(0).stdout.lines().next()?.to_owned();
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Compares what is at the destination with the source; which images are absent. Anything else that differs
    /// is a tag that stands for what it should not.
    async fn audit(&self, tally: &mut Tally, depth: &str, complete: bool) -> BTreeSet<String> {
        let (source, destination) = (
            self.source.verifier().await,
            self.destination.verifier().await,
        );
        let list = self
            .operator
            .list(&list(&source.address, &destination.address, &self.images));
        let verified = self
            .operator
            .say(&["verify", list.to_str().unwrap(), depth, "--json"])
            .await;
        let mut absent = BTreeSet::new();
        let mut looked_at = 0;
        for line in verified.stdout.lines() {
            let image: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(image["error"].is_null(), "{line}");
            let differences = image["differences"].as_array().unwrap();
            if differences
                .iter()
                .any(|difference| difference == "the destination does not have it")
            {
                absent.insert(image["destination"].to_string());
            } else {
                assert!(differences.is_empty(), "{line}");
            }
            looked_at += 1;
        }
        assert_eq!(looked_at, self.images.len(), "{}", verified.stderr);
        assert!(
            !complete || absent.is_empty(),
            "said to be there: {absent:?}"
        );
        tally.audited += looked_at;
        absent
    }

    /// Compares digests with skopeo, which shares no code with this program.
    async fn verifier(&self, skopeo: &Skopeo, random: &mut Xoshiro256PlusPlus, tally: &mut Tally) {
        let (source, destination) = (
            self.source.verifier().await,
            self.destination.verifier().await,
        );
        let mut some = self.images.clone();
        some.shuffle(random);
        some.truncate(WITNESSED);
        let at = |place: &str| -> Vec<String> {
            some.iter()
                .map(|image| format!("{place}/{image}"))
                .collect()
        };
        let copies = skopeo.digests(&at(&destination.address)).await;
        assert_eq!(copies, skopeo.digests(&at(&source.address)).await);
        tally.verified += some.len();
    }
}

/// An image with a layer that goes in several chunks where bodies are limited.
fn put_large(store: &Store) -> String {
    let estate = ImageBuilder::new(store);
    let repository = repository("data/model");
    let layer = estate.layer(&repository, 9000, 3 * LARGEST_BODY).unwrap();
    let tag = "1".parse().unwrap();
    estate
        .image(&repository, Some(&tag), &amd64(), &[layer])
        .unwrap();
    format!("{repository}:{tag}")
}
