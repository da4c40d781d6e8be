//! The registries of a run: `docker-registry` where it is installed, else the embedded one.
//!
//! Decides where they listen (a free loopback port) and how their requests are counted.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{time::ClockId, unistd::Pid};
use tokio::runtime::Runtime;
use transship::{
    oci::Version,
    registry::{Client, Settings},
    serve::{AccessLog, Options, Server},
};

use super::{access::Access, images::Image};

pub struct Registry {
    address: SocketAddr,
    running: Running,
}

enum Running {
    Real {
        process: Child,
        access_log: PathBuf,
    },
    Embedded {
        access_log: AccessLog,
        _server: Server,
        _runtime: Runtime,
    },
}

impl Registry {
    pub fn start(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        if Command::new("docker-registry")
            .arg("--version")
            .output()
            .is_ok()
        {
            Self::real(directory).context("start docker-registry")
        } else {
            Self::embedded(directory)
        }
    }

    fn real(directory: &Path) -> Result<Self> {
        let configuration = directory.join("config.yml");
        let content = directory.join("content");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: false}}}}\n\
             storage: {{filesystem: {{rootdirectory: {content:?}, maxthreads: 100}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:0\"}}\n"
        );
        fs::write(&configuration, text)?;
        let access_log = directory.join("access.log");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdout(File::create(&access_log)?)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(process.stderr.take().context("no stderr")?).lines();
        let address = output
            .by_ref()
            .map_while(|line| line.ok())
            .find_map(|line| {
                line.split_once("listening on ")?
                    .1
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            })
            .context("it printed no address")?;
        // It stops when its output is not read.
        std::thread::spawn(move || output.for_each(drop));
        Ok(Self {
            address,
            running: Running::Real {
                process,
                access_log,
            },
        })
    }

    fn embedded(directory: &Path) -> Result<Self> {
        let runtime = Runtime::new()?;
        let access_log = AccessLog::default();
        let mut options = Options::new(directory);
        options.access_log = Some(access_log.clone());
        let server = runtime.block_on(Server::bind((Ipv4Addr::LOCALHOST, 0).into(), options))?;
        Ok(Self {
            address: server.address(),
            running: Running::Embedded {
                access_log,
                _server: server,
                _runtime: runtime,
            },
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn kind(&self) -> &'static str {
        match self.running {
            Running::Real { .. } => "docker-registry",
            Running::Embedded { .. } => "embedded",
        }
    }

    pub fn access(&self) -> Result<Access> {
        let mut access = Access::default();
        match &self.running {
            Running::Real { access_log, .. } => {
                for line in BufReader::new(File::open(access_log)?).lines() {
                    access.add_line(&line?);
                }
            }
            Running::Embedded { access_log, .. } => {
                for entry in access_log.entries() {
                    access.add(entry.method.as_str(), &entry.target, entry.response_bytes);
                }
            }
        }
        Ok(access)
    }

    /// User and system time it used so far; `None` for the embedded one, which runs in this process.
    pub fn processor(&self) -> Result<Option<Duration>> {
        match &self.running {
            Running::Real { process, .. } => {
                let id = Pid::from_raw(i32::try_from(process.id())?);
                let used = ClockId::pid_cpu_clock_id(id)?.now()?;
                Ok(Some(used.into()))
            }
            Running::Embedded { .. } => Ok(None),
        }
    }

    /// How many of the images this registry has with the right digest.
    pub fn manifests(&self, images: &[Image]) -> Result<usize> {
        let runtime = Runtime::new()?;
        runtime.block_on(async {
            let client = Client::new(self.address.to_string().parse()?, Settings::default())?;
            let mut found = 0;
            for image in images {
                let version = Version::Tag(image.tag.clone());
                let head = client.manifest_head(&image.repository, &version).await?;
                found += usize::from(head.is_some_and(|head| head.digest == image.digest));
            }
            Ok(found)
        })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Running::Real { process, .. } = &mut self.running {
            // It may have ended on its own.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
