//! The programs that are compared: this one, skopeo in two ways, and commands of the operator.
//!
//! A contestant is a command, or a line for `sh`. Invariant: all get the same references, without TLS.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    images::{Image, ImageSet},
    measure::{self, Measured},
};

/// Further contestants, one a line: `name=command`. The command is for `sh`; in it `{source}` and
/// `{destination}` are addresses, `{pairs}` a file of `SOURCE DESTINATION` references; to compare this program
/// with itself there are `{transship}`, `{list}` and `{state}`.
const PEERS: &str = "TRANSSHIP_BENCH_PEERS";

/// The images to copy, in every form that a contestant reads.
pub struct Task {
    pub images: Vec<Image>,
    source: SocketAddr,
    destination: SocketAddr,
    list: PathBuf,
    pairs: PathBuf,
    sync: PathBuf,
    state: PathBuf,
}

pub struct Contestant {
    pub name: String,
    line: Line,
}

enum Line {
    Transship,
    Shell(String),
}

impl Task {
    pub fn write(
        room: &Path,
        images: &ImageSet,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Result<Self> {
        let task = Self {
            images: images.images.clone(),
            source,
            destination,
            list: room.join("list.toml"),
            pairs: room.join("pairs"),
            sync: room.join("sync.yml"),
            state: room.join("state"),
        };
        let names: Vec<String> = images
            .images
            .iter()
            .map(|image| format!("    \"{}:{}\",\n", image.repository, image.tag))
            .collect();
        fs::write(
            &task.list,
            format!(
                "version = 1\nimages = [\n{}]\n[source]\nregistry = \"{source}\"\n\
                 [destination]\nregistry = \"{destination}\"\n",
                names.concat()
            ),
        )?;
        let pairs = images.images.iter().map(|image| {
            let name = format!("{}:{}", image.repository, image.tag);
            format!("docker://{source}/{name} docker://{destination}/{name}\n")
        });
        fs::write(&task.pairs, pairs.collect::<String>())?;
        let mut sync = format!("\"{source}\":\n  tls-verify: false\n  images:\n");
        for image in &images.images {
            let line = format!("    {}:\n", image.repository);
            if !sync.contains(&line) {
                sync += &line;
            }
            sync += &format!("      - \"{}\"\n", image.tag);
        }
        fs::write(&task.sync, sync)?;
        Ok(task)
    }
}

impl Contestant {
    pub fn measure(&self, task: &Task) -> Result<Measured> {
        // A journal of an earlier run would know what is at the destination.
        if task.state.exists() {
            fs::remove_dir_all(&task.state).context("remove the state of the run before")?;
        }
        let command = match &self.line {
            Line::Transship => vec![
                env!("CARGO_BIN_EXE_transship").into(),
                "run".into(),
                "--headless".into(),
                "--state".into(),
                shown(&task.state),
                shown(&task.list),
            ],
            Line::Shell(line) => {
                let line = line
                    .replace("{source}", &task.source.to_string())
                    .replace("{destination}", &task.destination.to_string())
                    .replace("{transship}", env!("CARGO_BIN_EXE_transship"))
                    .replace("{list}", &shown(&task.list))
                    .replace("{state}", &shown(&task.state))
                    .replace("{pairs}", &shown(&task.pairs))
                    .replace("{sync}", &shown(&task.sync));
                vec!["sh".into(), "-c".into(), line]
            }
        };
        measure::run(&command)
    }
}

/// This program.
pub fn transship() -> Contestant {
    Contestant {
        name: "transship".into(),
        line: Line::Transship,
    }
}

/// All contestants, this program first. `TRANSSHIP_BENCH_ONLY=transship` leaves the others out.
pub fn contestants(warm: bool) -> Result<Vec<Contestant>> {
    let mut all = vec![transship()];
    let shell = |name: &str, line: &str| Contestant {
        name: name.into(),
        line: Line::Shell(line.into()),
    };
    if Command::new("skopeo").arg("--version").output().is_ok() {
        let options = "--insecure-policy";
        all.push(shell(
            "skopeo copy x8",
            &format!(
                "xargs -P 8 -L 1 skopeo {options} copy -q --all --preserve-digests --src-tls-verify=false \
                 --dest-tls-verify=false < {{pairs}}"
            ),
        ));
        if !warm {
            all.push(shell(
                "skopeo sync",
                &format!(
                    "skopeo {options} sync --all --preserve-digests --src-tls-verify=false \
                     --dest-tls-verify=false --src yaml --dest docker {{sync}} {{destination}}"
                ),
            ));
        }
    }
    for line in std::env::var(PEERS)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        let (name, command) = line
            .split_once('=')
            .with_context(|| format!("{PEERS} says {line:?}"))?;
        all.push(shell(name.trim(), command.trim()));
    }
    if let Ok(only) = std::env::var("TRANSSHIP_BENCH_ONLY") {
        all.retain(|contestant| contestant.name == only);
    }
    Ok(all)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
