//! Runs one command and says what it cost: wall time, processor time, peak memory.
//!
//! A command is run by a copy of this program that has no other children, because what the system adds up for
//! children it adds up for all of them. Invariant: the figures include what the command started itself.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// Tells this program to be the copy.
pub const FLAG: &str = "--measure";

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub succeeded: bool,
    pub wall: Duration,
    /// User and system time.
    pub processor: Duration,
    /// The largest resident set of any one process, in bytes.
    pub peak: u64,
}

/// Runs `command`, its output thrown away unless it fails.
pub fn run(command: &[String]) -> Result<Measured> {
    let this = std::env::current_exe().context("find this program")?;
    let output = Command::new(this)
        .arg(FLAG)
        .args(command)
        .stderr(Stdio::piped())
        .output()
        .context("start the measuring process")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the measuring process failed: {stderr}"
    );
    let measured: Measured = serde_json::from_slice(&output.stdout).context("read the figures")?;
    if !measured.succeeded {
        let tail: Vec<&str> = stderr.lines().rev().take(5).collect();
        eprintln!(
            "{command:?} failed:\n{}",
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    }
    Ok(measured)
}

/// What the copy does.
pub fn child(command: Vec<String>) -> Result<()> {
    let (program, arguments) = command.split_first().context("no command")?;
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("start {program}"))?;
    let wall = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("ask what it used")?;
    let time = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(
            u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0),
        )
    };
    let measured = Measured {
        succeeded: status.success(),
        wall,
        processor: time(usage.user_time()) + time(usage.system_time()),
        peak: u64::try_from(usage.max_rss()).unwrap_or(0) * 1024,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
