//! A real Prometheus with the configuration and the alerts of `assets/monitoring`, in a temporary directory.
//!
//! Decides where it listens and how often it scrapes. Invariant: everything else is as the assets say.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// Another program may take the port before Prometheus has it.
const STARTS: usize = 10;

pub(super) struct Prometheus {
    url: String,
    client: reqwest::Client,
    started: SystemTime,
    _process: Child,
    _directory: tempfile::TempDir,
}

/// An alert and its expression.
#[derive(Deserialize)]
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) query: String,
    health: String,
}

impl Prometheus {
    /// Starts `program`, which scrapes `target`.
    pub(super) async fn start(program: &Path, target: &str) -> Self {
        for _ in 0..STARTS {
            let directory = tempfile::tempdir().unwrap();
            fs::write(
                directory.path().join("prometheus.yml"),
                configuration(target),
            )
            .unwrap();
            fs::copy(
                "assets/monitoring/alerts.yml",
                directory.path().join("alerts.yml"),
            )
            .unwrap();
            let address = free_address();
            let mut process = Command::new(program)
                .arg("--config.file=prometheus.yml")
                .arg("--storage.tsdb.path=data")
                .arg(format!("--web.listen-address={address}"))
                .current_dir(directory.path())
                .env_clear()
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
            let is_ready = loop {
                match log.next_line().await.unwrap() {
                    Some(line) if line.contains("ready to receive web requests") => break true,
                    Some(line) if line.contains("address already in use") => break false,
                    Some(_) => {}
                    None => panic!("Prometheus ended before it was ready"),
                }
            };
            if is_ready {
                // A full pipe would stop it.
                tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
                // A client is made with TLS even where it speaks none.
                let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
                let client = reqwest::Client::builder().no_proxy().build();
                return Self {
                    url: format!("http://{address}/api/v1"),
                    client: client.unwrap(),
                    started: SystemTime::now(),
                    _process: process,
                    _directory: directory,
                };
            }
        }
        panic!("no free port for Prometheus");
    }

    /// Whether an instant query returns a number now.
    pub(super) async fn has(&self, query: &str) -> bool {
        let answer = self.get("query", &[("query", query)]).await;
        let series = answer["result"].as_array().unwrap();
        series.iter().any(|series| is_finite(&series["value"]))
    }

    /// Whether a range query returns a number since the start.
    pub(super) async fn had(&self, query: &str) -> bool {
        let (start, end) = (seconds(self.started), seconds(SystemTime::now()));
        let range = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", "1"),
        ];
        let answer = self.get("query_range", &range).await;
        let series = answer["result"].as_array().unwrap();
        let mut values = series
            .iter()
            .flat_map(|series| series["values"].as_array().unwrap());
        values.any(is_finite)
    }

    /// Whether series that match the selector have the label.
    pub(super) async fn has_label(&self, selector: &str, label: &str) -> bool {
        let path = format!("label/{label}/values");
        let values = self.get(&path, &[("match[]", selector)]).await;
        !values.as_array().unwrap().is_empty()
    }

    /// The names of all metrics.
    pub(super) async fn names(&self) -> Vec<String> {
        let names = self.get("label/__name__/values", &[]).await;
        serde_json::from_value(names).unwrap()
    }

    /// The alerts, each of which has been evaluated.
    pub(super) async fn alerts(&self) -> Vec<Alert> {
        let answer = self.get("rules", &[("type", "alert")]).await;
        let groups = answer["groups"].as_array().unwrap();
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        rules
            .map(|rule| serde_json::from_value(rule.clone()).unwrap())
            .collect()
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let mut url = url::Url::parse(&format!("{}/{path}", self.url)).unwrap();
        url.query_pairs_mut().extend_pairs(parameters);
        let response = self.client.get(url).send().await.unwrap();
        let text = response.text().await.unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["status"], "success", "{parameters:?}: {text}");
        answer["data"].take()
    }
}

impl Alert {
    /// Whether Prometheus could evaluate it.
    pub(super) fn is_evaluated(&self) -> bool {
        assert_ne!(self.health, "err", "{}", self.name);
        self.health == "ok"
    }
}

/// The configuration of the assets, but faster and with another target.
fn configuration(target: &str) -> String {
    let mut text = fs::read_to_string("assets/monitoring/prometheus.yml").unwrap();
    for (asset, test) in [
        ("scrape_interval: 15s", "scrape_interval: 250ms"),
        ("evaluation_interval: 15s", "evaluation_interval: 250ms"),
        (
            r#"  - job_name: transship
    static_configs:
      - targets: ["127.0.0.1:9464"]"#,
            &format!(
                "  - job_name: transship\n    static_configs:\n      - targets: [\"{target}\"]"
            ),
        ),
    ] {
        assert!(text.contains(asset), "{asset} is not in\n{text}");
        text = text.replacen(asset, test, 1);
    }
    text
}

/// Prometheus cannot choose a port by itself.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Whether a sample, a time and a text, is a number: a quantile of nothing is not.
fn is_finite(sample: &Value) -> bool {
    let value: f64 = sample[1].as_str().unwrap().parse().unwrap();
    value.is_finite()
}

fn seconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    format!("{:.3}", since.as_secs_f64())
}
