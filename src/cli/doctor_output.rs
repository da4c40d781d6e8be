//! What `transship doctor` prints: a table for a person, or JSON.
//!
//! Decides the columns, and where lines are broken. Invariant: everything that came from a registry is sanitized.

use std::io::{self, IsTerminal as _, Write as _, stdout};

use serde::Serialize;

use super::output::{print, tell};
use crate::{
    doctor::{Finding, ScratchRepositories, Status},
    oci::Store,
    present::{count, sanitize, wrap},
};

/// Cells before the detail.
const INDENT: usize = 20;
/// Narrower terminals get broken lines of this length.
const MIN_WIDTH: usize = 40;

#[derive(Serialize)]
pub(super) struct Report {
    /// The version of this schema.
    version: u32,
    stores: Vec<Examined>,
}

/// A registry or a store of this machine, and what was found.
#[derive(Serialize)]
pub(super) struct Examined {
    pub(super) store: Store,
    pub(super) role: &'static str,
    /// The repositories that were written to.
    pub(super) scratch: Option<ScratchRepositories>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(stores: Vec<Examined>) -> Self {
        Self { version: 1, stores }
    }

    /// Whether nothing keeps a migration from working.
    pub(super) fn is_good(&self) -> bool {
        self.count(Status::Bad) == 0
    }

    fn count(&self, status: Status) -> usize {
        let findings = self.stores.iter().flat_map(|store| &store.findings);
        findings.filter(|finding| finding.status == status).count()
    }

    pub(super) fn print(&self) -> io::Result<()> {
        let width = terminal_width();
        print(|output| {
            for store in &self.stores {
                writeln!(output, "{} ({})", store.store, store.role)?;
                for finding in &store.findings {
                    output.write_all(row(finding, width).as_bytes())?;
                }
            }
            Ok(())
        })?;
        tell(format_args!(
            "{}, {}",
            count(self.count(Status::Bad), "problem"),
            count(self.count(Status::Warning), "warning")
        ));
        Ok(())
    }
}

/// Lines of text are not broken for a file.
fn terminal_width() -> Option<usize> {
    let (columns, _) = stdout()
        .is_terminal()
        .then(crossterm::terminal::size)?
        .ok()?;
    Some(usize::from(columns).max(MIN_WIDTH))
}

/// `  ok    round trip   12 ms`, and below it what to do.
fn row(finding: &Finding, width: Option<usize>) -> String {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(INDENT));
    let detail = wrap(&sanitize(&finding.detail), room);
    let advice =
        (finding.advice.iter()).flat_map(|advice| wrap(&format!("-> {}", sanitize(advice)), room));
    let mut text = format!(
        "  {:<5} {:<11} ",
        word(finding.status),
        finding.check.word()
    );
    for (at, line) in detail.into_iter().chain(advice).enumerate() {
        if at > 0 {
            text += &" ".repeat(INDENT);
        }
        text += &line;
        text.push('\n');
    }
    text
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Good => "ok",
        Status::Note => "note",
        Status::Warning => "warn",
        Status::Bad => "FAIL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    fn finding() -> Finding {
        Finding {
            check: Check::Credentials,
            status: Status::Bad,
            detail: "refused the credentials: said 401\u{1b}[2J (UNAUTHORIZED)".into(),
            advice: Some("`transship login b.example` stores another password".into()),
            measured: None,
        }
    }

    #[test]
    fn a_row_is_broken_for_a_terminal_and_says_below_what_to_do() {
        assert_eq!(
            row(&finding(), Some(60)),
            "  FAIL  credentials refused the credentials: said 401\u{fffd}[2J\n                    \
             (UNAUTHORIZED)\n                    \
             -> `transship login b.example` stores\n                    \
             another password\n"
        );
        assert_eq!(row(&finding(), None).lines().count(), 2);
    }

    #[test]
    fn only_a_failure_makes_the_report_bad() {
        let store = |status| Examined {
            store: "b.example".parse().unwrap(),
            role: "source",
            scratch: None,
            findings: vec![Finding {
                status,
                ..finding()
            }],
        };
        assert!(Report::of(vec![store(Status::Warning)]).is_good());
        assert!(!Report::of(vec![store(Status::Good), store(Status::Bad)]).is_good());
    }
}
