//! `transship completions`: prints the script that makes a shell complete this program's arguments.
//!
//! The script asks this program whenever the operator presses tab, so it fits every version. Decides how it asks, not
//! what is offered. Invariant: the script is data on stdout.

use std::io::Write as _;

use clap::{Args, Command, ValueEnum};
use clap_complete::{
    CompleteEnv,
    env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh},
};

use super::{exit::Exit, output::print};

/// Set by the scripts. The default of the crate, `COMPLETE`, could be set for another purpose.
const VARIABLE: &str = "TRANSSHIP_COMPLETE";
const PROGRAM: &str = "transship";

#[derive(Args)]
pub(super) struct CompletionsArguments {
    /// The shell that loads the script.
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

pub(super) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Exit> {
    let shell: &dyn EnvCompleter = match arguments.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Elvish => &Elvish,
        Shell::Powershell => &Powershell,
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    print(|output| output.write_all(&script))?;
    Ok(Exit::Good)
}

/// If a script asks, answers and ends the process. Has to be called before there are threads.
pub(super) fn answer(command: fn() -> Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}
