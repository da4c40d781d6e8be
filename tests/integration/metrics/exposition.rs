//! What an endpoint or a file says.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::Child,
};

/// Series with their values.
pub struct Samples(BTreeMap<String, f64>);

impl Samples {
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        Self(samples.map(sample).collect())
    }

    /// The value of a series; 0 if there is none.
    pub fn value(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// The sum of all series of a family whose labels have all of `labels`.
    pub fn sum(&self, family: &str, labels: &[&str]) -> f64 {
        let is_wanted = |series: &str| {
            let (name, rest) = series.split_once('{').unwrap_or((series, ""));
            name == family && labels.iter().all(|label| rest.contains(label))
        };
        let wanted = self.0.iter().filter(|(series, _)| is_wanted(series));
        wanted.map(|(_, value)| value).sum()
    }

    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The counters, and what histograms count, that are lower than they were.
    pub fn gone_back<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = &'a str> {
        let is_counter = |series: &str| {
            let name = series.split('{').next().unwrap_or_default();
            ["_total", "_bucket", "_count", "_sum"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
        };
        let counters = earlier
            .0
            .iter()
            .filter(move |(series, _)| is_counter(series));
        counters
            .filter(|(series, value)| self.value(series) < **value)
            .map(|(series, _)| series.as_str())
    }
}

#[track_caller]
fn sample(line: &str) -> (String, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
    (series.to_owned(), value)
}

/// The URL of the metrics that a process with port 0 prints.
pub async fn printed_url(process: &mut Child) -> String {
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(url) = line.strip_prefix("metrics: ") {
            return url.to_owned();
        }
    }
    panic!("no address is printed");
}

/// What is answered at `url`: the head and the body, or an error if nobody listens.
pub async fn get(url: &str, accept: &str) -> std::io::Result<(String, String)> {
    let place = url.strip_prefix("http://").unwrap();
    let (address, path) = place.split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\naccept: {accept}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok((head.to_owned(), body.to_owned()))
}

pub async fn scrape(url: &str) -> Samples {
    let answer = get(url, "application/openmetrics-text;version=1.0.0").await;
    let (head, text) = answer.unwrap();
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(kind), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    Samples::parse(&text)
}
