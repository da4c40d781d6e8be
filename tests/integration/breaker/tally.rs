//! What the breaker did and saw, for the report.

use std::{collections::BTreeMap, fmt};

use super::leg::Trouble;

#[derive(Default)]
pub struct Tally {
    pub rounds: usize,
    pub legs: usize,
    pub audited: usize,
    pub witnessed: usize,
    troubles: BTreeMap<&'static str, usize>,
    /// How legs ended, by exit code; a killed one has none.
    exits: BTreeMap<String, usize>,
}

impl Tally {
    pub fn trouble(&mut self, trouble: &Trouble) {
        *self.troubles.entry(trouble.name()).or_default() += 1;
    }

    pub fn ended(&mut self, code: Option<i32>) {
        let code = code.map_or("killed".into(), |code| format!("exit {code}"));
        *self.exits.entry(code).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts =
            |f: &mut fmt::Formatter<'_>, name: &str, count: usize| writeln!(f, "  {name}: {count}");
        writeln!(
            f,
            "{} rounds, {} legs, {} images audited by verify, {} by skopeo; nothing found",
            self.rounds, self.legs, self.audited, self.witnessed
        )?;
        self.troubles
            .iter()
            .try_for_each(|(name, count)| counts(f, name, *count))?;
        self.exits
            .iter()
            .try_for_each(|(name, count)| counts(f, name, *count))
    }
}
