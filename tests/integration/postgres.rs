//! A PostgreSQL server of the machine's own, on a socket in a directory that goes away with it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use transship::journal::JournalLocation;

pub struct Postgres {
    programs: PathBuf,
    directory: tempfile::TempDir,
    server: Child,
}

impl Postgres {
    /// `None`, with a printed line, when the programs are not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = installed() else {
            let missing = "skipped: PostgreSQL's initdb is not installed";
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            println!("{missing}");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(directory.path()));
        }
        let files = directory.path().join("files");
        succeed(
            unprivileged(&programs.join("initdb"))
                .args(["--auth=trust", "--no-sync", "--username=ship", "--pgdata"])
                .arg(&files),
        );
        let mut server = unprivileged(&programs.join("postgres"))
            .arg("-D")
            .arg(&files)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .env("LC_ALL", "C")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
        let ready = log.any(|line| line.unwrap().contains("ready to accept connections"));
        assert!(ready, "the server ended before it was ready");
        // A full pipe would stop the server.
        std::thread::spawn(move || log.for_each(drop));
        Some(Self {
            programs,
            directory,
            server,
        })
    }

    /// A journal in a new database.
    pub fn database(&self, name: &str) -> JournalLocation {
        succeed(
            Command::new(self.programs.join("createdb"))
                .arg("--host")
                .arg(self.directory.path())
                .args(["--username=ship", name]),
        );
        let directory = self.directory.path().display();
        format!("postgres://ship@localhost/{name}?host={directory}")
            .parse()
            .unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Interrupt is PostgreSQL's fast shutdown, which removes its shared memory.
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.server.wait();
    }
}

fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut programs: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    programs.sort();
    programs.pop()
}

/// The server refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program)
        .current_dir("/");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
