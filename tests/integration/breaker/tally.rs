//! What the breaker did and saw, for the report.

use std::{collections::BTreeMap, fmt};

use super::trouble::Kind;

#[derive(Default)]
pub struct Tally {
    pub rounds: usize,
    pub runs: usize,
    pub audited: usize,
    pub verified: usize,
    /// The round that is being run, for findings.
    pub round: String,
    /// How often each was announced, and how often it happened.
    troubles: BTreeMap<Kind, (usize, usize)>,
    /// How runs ended, by exit code; a killed one has none.
    exits: BTreeMap<String, usize>,
    findings: Vec<String>,
}

impl Tally {
    /// A run with trouble; `happened` if the program really met it.
    pub fn trouble(&mut self, kind: Kind, happened: bool) {
        let (announced, met) = self.troubles.entry(kind).or_default();
        *announced += 1;
        *met += usize::from(happened);
    }

    pub fn ended(&mut self, code: Option<i32>) {
        let code = code.map_or("killed".into(), |code| format!("exit {code}"));
        *self.exits.entry(code).or_default() += 1;
    }

    /// Something that should not be, and does not keep the rounds from going on.
    pub fn found(&mut self, finding: String) {
        let finding = format!("{}: {finding}", self.round);
        println!("FOUND in {finding}");
        self.findings.push(finding);
    }

    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rounds, {} runs, {} images audited by verify, {} by skopeo; {} findings",
            self.rounds,
            self.runs,
            self.audited,
            self.verified,
            self.findings.len()
        )?;
        for (kind, (announced, met)) in &self.troubles {
            writeln!(f, "  {}: {announced} runs, met in {met}", kind.name())?;
        }
        for (code, count) in &self.exits {
            writeln!(f, "  {code}: {count}")?;
        }
        for finding in &self.findings {
            writeln!(f, "  FOUND in {finding}")?;
        }
        Ok(())
    }
}
