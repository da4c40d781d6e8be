//! Draws the pictures of the README: a recording of a run, and single frames of its panes.
//!
//! ```sh
//! cargo run --release --example pictures                        # the demo, into assets
//! cargo run --release --example pictures -- DIR run LIST.toml   # any run or resume, into DIR
//! ```
//!
//! Runs the program as a child process and draws its event stream with the real views.

mod record;
mod svg;

use std::{
    env, fs,
    process::{ExitCode, Stdio},
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

/// Set for the child process, which is the same executable.
const CHILD: &str = "TRANSSHIP_PICTURES_CHILD";

fn main() -> ExitCode {
    if env::var_os(CHILD).is_some() {
        return transship::cli::main();
    }
    match draw() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pictures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn draw() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "assets".into());
    let mut command: Vec<_> = arguments.collect();
    if command.is_empty() {
        command.push("demo".into());
    }
    let mut child = Command::new(env::current_exe()?)
        .args(&command)
        .arg("--json")
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let events = child.stdout.take().context("no output to read")?;
    let pictures = record::record(BufReader::new(events).lines()).await?;
    // Its output has been read, so it can end.
    child.wait().await?;
    fs::create_dir_all(&directory)?;
    for (name, picture) in pictures {
        let file = std::path::Path::new(&directory).join(format!("{name}.svg"));
        fs::write(&file, picture).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
