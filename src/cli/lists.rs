//! `transship list`: what is wrong with a list, and what a list may say.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    path::Path,
};

use anyhow::Context;

use super::{Exit, output::print, shown};
use crate::list::{self, Colours, List, Mistakes};

pub(super) fn check(file: &Path) -> anyhow::Result<Exit> {
    let text = read(file)?;
    match List::parse(&shown(file), &text) {
        Ok(list) => {
            print(|output| writeln!(output, "{}: {}", shown(file), list.summary()))?;
            Ok(Exit::Good)
        }
        Err(mistakes) => Ok(report(&mistakes)),
    }
}

pub(super) fn schema() -> anyhow::Result<Exit> {
    print(|output| writeln!(output, "{}", list::schema()))?;
    Ok(Exit::Good)
}

/// The text of a list.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read the list {}", shown(file)))
}

/// Shows a person everything that is wrong with a list.
pub(super) fn report(mistakes: &Mistakes) -> Exit {
    let coloured = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let colours = if coloured { Colours::On } else { Colours::Off };
    eprintln!("{}", mistakes.render(colours));
    Exit::Usage
}
