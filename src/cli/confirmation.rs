//! Asks the operator before something is lost.
//!
//! Invariant: without a terminal, and without an answer, the answer is no.

use std::io::{self, IsTerminal as _, Write as _, stdin};

use super::output::{stderr, tell};

/// Asks `question`. Without a terminal `refusal` is printed instead.
pub(super) fn confirm(question: &str, refusal: &str) -> io::Result<bool> {
    if !stdin().is_terminal() {
        tell(refusal);
        return Ok(false);
    }
    let mut terminal = stderr();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
