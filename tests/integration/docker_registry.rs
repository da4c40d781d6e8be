//! A real registry: Debian's `docker-registry`, with its content in a temporary directory.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    sync::watch,
};

use crate::{installed, requests::Request};

pub struct DockerRegistry {
    address: String,
    requests: watch::Receiver<Vec<Request>>,
    process: Child,
    directory: tempfile::TempDir,
    environment: Vec<(&'static str, PathBuf)>,
}

impl DockerRegistry {
    /// `None`, with a printed line, if the program is not installed.
    pub async fn start() -> Option<Self> {
        Self::with([]).await
    }

    /// Configured further by `REGISTRY_` variables.
    pub async fn with<const N: usize>(environment: [(&'static str, PathBuf); N]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        Self::serve(directory, "127.0.0.1:0", environment.into()).await
    }

    async fn serve(
        directory: tempfile::TempDir,
        address: &str,
        environment: Vec<(&'static str, PathBuf)>,
    ) -> Option<Self> {
        let program = installed::program("docker-registry")?;
        let content = directory.path().join("content");
        let configuration = directory.path().join("config.yml");
        let text = format!(
            "version: 0.1\n\
             log:\n  level: info\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {address}\n  secret: the same for every upload session\n",
            content.display()
        );
        std::fs::write(&configuration, text).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&configuration)
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (sender, requests) = watch::channel(Vec::new());
        tokio::spawn(follow(process.stdout.take().unwrap(), sender));
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = said.next_line().await.unwrap();
            let line = line.expect("the registry ended before it was ready");
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split([',', '"']).next().unwrap().to_owned();
            }
        };
        // A full pipe would stop the registry.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Some(Self {
            address,
            requests,
            process,
            directory,
            environment,
        })
    }

    /// Kills the process.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again, with its address and content, if it was killed.
    pub async fn mend(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            return;
        }
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        let address = self.address.clone();
        let environment = std::mem::take(&mut self.environment);
        let mended = Self::serve(directory, &address, environment).await;
        *self = mended.unwrap();
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Every request that was answered before this was called, in the order of the answers.
    pub async fn requests(&self) -> Vec<Request> {
        // The log is written before an answer is sent, so what comes before the marker's line is complete.
        let asked = self.requests.borrow().len();
        let marker = format!("/v2/?marker={asked}");
        self.get(&marker).await;
        let mut requests = self.requests.clone();
        let is_marker = |request: &Request| request.target.starts_with("/v2/?marker=");
        let complete = requests
            .wait_for(|all| all.iter().any(|request| request.target == marker))
            .await
            .unwrap();
        complete
            .iter()
            .filter(|request| !is_marker(request))
            .cloned()
            .collect()
    }

    async fn get(&self, target: &str) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    }
}

/// Reads the access log, which is in Apache's combined format.
async fn follow(log: ChildStdout, requests: watch::Sender<Vec<Request>>) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        requests.send_modify(|requests| requests.extend(request(&line)));
    }
}

fn request(line: &str) -> Option<Request> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let mut words = request.split(' ');
    let status = rest.split(' ').next()?.parse().ok();
    Some(Request::new(words.next()?, words.next()?, status))
}
