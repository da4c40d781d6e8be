//! Cuts, stalls, throttling and upload modes, against embedded registries with scripted faults.
//! Tests named `quirk_N_...` are rows of `src/registry/quirks.md`.

mod cuts;
mod lost_sessions;
mod modes;
mod races;
mod sessions;
mod statuses;
mod throttling;

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::Method;
use tempfile::TempDir;
use transship::batch::{Job, JobId};
use transship::{
    copy::{CopyError, CopyOutcome, Engine, Report},
    oci::{Attachments, CopySpec, Descriptor, Registry, Repository},
    registry::{Clients, Limits, Settings, Timeouts, UploadMode},
    serve::{AccessEntry, AccessLog, Action, ActiveFault, Fault, ImageBuilder, Options, Server},
};

const MIB: u64 = 1 << 20;

/// A registry with one image, an empty one, and an engine that copies between them.
struct Pair {
    source: Server,
    destination: Server,
    engine: Engine,
    notes: Mutex<Vec<String>>,
    _directory: TempDir,
}

impl Pair {
    async fn new() -> Self {
        Self::with(timeouts()).await
    }

    async fn with(timeouts: Timeouts) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let serve = async |name: &str| {
            let mut options = Options::new(directory.path().join(name));
            options.access_log = Some(AccessLog::default());
            let any_port: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
            Server::bind(any_port, options).await.unwrap()
        };
        let (source, destination) = (serve("source").await, serve("destination").await);
        let settings = || Settings {
            timeouts,
            limits: Limits {
                streams: 8,
                ..Limits::default()
            },
            ..Settings::default()
        };
        let settings = HashMap::from([
            (registry(&source), settings()),
            (registry(&destination), settings()),
        ]);
        Self {
            source,
            destination,
            engine: Engine::new(Arc::new(Clients::new(settings))),
            notes: Mutex::default(),
            _directory: directory,
        }
    }

    /// Puts an image with layers of these sizes into the source.
    fn image(&self, sizes: &[u64]) -> Vec<Descriptor> {
        let estate = ImageBuilder::new(self.source.store());
        let layers: Vec<_> = (1..)
            .zip(sizes)
            .map(|(seed, size)| estate.layer(&repository(), seed, *size).unwrap())
            .collect();
        let platform = "linux/amd64".parse().unwrap();
        let tag = "1".parse().unwrap();
        estate
            .image(&repository(), Some(&tag), &platform, &layers)
            .unwrap();
        layers
    }

    async fn copy(&self) -> Result<CopyOutcome, CopyError> {
        self.copy_to(&registry(&self.destination)).await
    }

    async fn copy_to(&self, destination: &Registry) -> Result<CopyOutcome, CopyError> {
        let reference = |registry: &Registry| {
            let text = format!("{registry}/{}:1", repository());
            text.parse().unwrap()
        };
        let order = Job {
            id: JobId(0),
            spec: CopySpec {
                attachments: Attachments::NONE,
                ..CopySpec::new(reference(&registry(&self.source)), reference(destination))
            },
        };
        let report = |report| {
            if let Report::Noted(text) = report {
                let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.push(text);
            }
        };
        self.engine.copy(&order, &report).await
    }

    /// Copies the image and checks that the destination has every layer.
    async fn copies(&self, layers: &[Descriptor]) {
        let done = self.copy().await;
        assert!(matches!(done, Ok(CopyOutcome::Copied { .. })), "{done:?}");
        for layer in layers {
            let store = self.destination.store();
            let (_, size) = store
                .open_blob(&repository(), &layer.digest)
                .unwrap()
                .unwrap();
            assert_eq!(size, layer.size);
        }
    }

    fn upload_mode(&self) -> UploadMode {
        let client = self.engine.clients().get(&registry(&self.destination));
        client.unwrap().upload_mode()
    }
}

/// Default timeouts, with a short delay before resuming.
fn timeouts() -> Timeouts {
    Timeouts {
        resume_delay: Duration::from_millis(1),
        ..Timeouts::default()
    }
}

fn registry(server: &Server) -> Registry {
    server.address().to_string().parse().unwrap()
}

fn repository() -> Repository {
    "team/app".parse().unwrap()
}

/// Scripts what happens to the first `times` requests for the layer's content.
fn fault_download(pair: &Pair, layer: &Descriptor, times: u64, action: Action) -> ActiveFault {
    let target = format!("/blobs/{}", layer.digest);
    let fault = Fault::on(Method::GET, &target, action).unwrap();
    pair.source.faults().add(fault.times(times))
}

/// Scripts what happens to the first `times` PUTs of the layer; those of the config are not counted.
fn fault_layer(pair: &Pair, layer: &Descriptor, times: u64, action: Action) -> ActiveFault {
    let target = format!("/blobs/uploads/.*{}", layer.digest);
    let fault = Fault::on(Method::PUT, &target, action).unwrap();
    pair.destination.faults().add(fault.times(times))
}

/// Runs `work` and skips the time between two events: paused time jumps from timer to timer whenever nothing else can
/// go on. Only between them, so that no request with a deadline is under way.
async fn skip_time<T>(
    work: impl Future<Output = T>,
    from: impl Future<Output = ()>,
    until: impl Future<Output = ()>,
) -> T {
    let skip = async {
        from.await;
        tokio::time::pause();
        until.await;
        tokio::time::resume();
    };
    futures_util::future::join(work, skip).await.0
}

/// Scripts what happens to the first `times` requests with this method that belong to uploads.
fn fault_upload(pair: &Pair, method: Method, times: u64, action: Action) -> ActiveFault {
    let fault = Fault::on(method, "/blobs/uploads/", action).unwrap();
    pair.destination.faults().add(fault.times(times))
}

/// Body bytes that the requests with this method carried.
fn taken(server: &Server, method: &Method) -> u64 {
    let entries = server.access_log().entries();
    let fitting = entries.iter().filter(|entry| entry.method == *method);
    fitting.map(|entry| entry.request_bytes).sum()
}

fn count(server: &Server, method: &Method, target: &str) -> usize {
    let fits = |entry: &AccessEntry| entry.method == *method && entry.target.contains(target);
    server.access_log().count(fits)
}
