//! Servers that accept requests and send nothing, or hardly anything: a batch waits for a few timeouts, not for one per
//! image. In paused time.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use transship::{
    batch::{Job, JobId},
    copy::{CopyError, Engine},
    oci::{Attachments, CopySpec},
    registry::{Client, Clients, Credentials, FailureClass, Settings},
    run::RetryPolicy,
};

use crate::{
    auth::stub::{Stub, answer, challenge},
    embedded::Embedded,
    sample_images::SampleImages,
};

const IMAGES: u32 = 200;
const PARALLEL: usize = 10;
/// Deadlines of a registry, of a token server and of a connection.
const ANSWER: Duration = Duration::from_secs(90);
const TOKEN: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(20);
/// The attempts of an image.
const ROUNDS: u32 = 6;

/// A server that runs `serve` for every connection.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

impl Server {
    async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                counted.fetch_add(1, SeqCst);
                tokio::spawn(serve(connection));
            }
        });
        Self {
            address,
            connections,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Accepts and reads, but never answers.
    async fn silent() -> Self {
        Self::start(
            async |mut connection| {
                while connection.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
            },
        )
        .await
    }

    /// Answers every request with an error whose body never ends, one byte every five seconds.
    async fn dripping() -> Self {
        Self::start(async |mut connection| {
            let _ = connection.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-length: 1000\r\n\r\nno such luck";
            let mut written = connection.write_all(head.as_bytes()).await;
            while written.is_ok() {
                sleep(Duration::from_secs(5)).await;
                written = connection.write_all(b".").await;
            }
        })
        .await
    }

    fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

/// Paused time advances while no task is ready, but data may arrive from a socket a moment later. This limits each
/// step.
fn small_steps() -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async {
        loop {
            sleep(Duration::from_millis(10)).await;
        }
    }))
}

fn client(address: SocketAddr, credentials: Credentials) -> Client {
    let settings = Settings {
        credentials,
        ..Settings::default()
    };
    Client::new(address.to_string().parse().unwrap(), settings).unwrap()
}

/// Copies with the retry policy of the dispatcher. Returns the outcomes and the elapsed time.
async fn copy_all(
    engine: Engine,
    order: impl Fn(u32) -> Job,
) -> (Vec<Result<(), CopyError>>, Duration) {
    let (policy, slots, begun) = (
        RetryPolicy::default(),
        Semaphore::new(PARALLEL),
        Instant::now(),
    );
    let copy = async |number: u32| {
        let order = order(number);
        let mut tries = 0;
        loop {
            let slot = slots.acquire().await.unwrap();
            let outcome = engine.copy(&order, &|_| ()).await;
            drop(slot);
            tries += 1;
            match outcome {
                Err(error) if tries < policy.attempts => match error.class() {
                    FailureClass::Transient { retry_after_ms } => {
                        let asked = retry_after_ms.map(Into::into);
                        sleep(policy.delay(JobId(number), tries, asked)).await;
                    }
                    _ => return Err(error),
                },
                outcome => return outcome.map(drop),
            }
        }
    };
    let outcomes = join_all((0..IMAGES).map(copy)).await;
    (outcomes, begun.elapsed())
}

fn order(number: u32, source: &str, destination: &str) -> Job {
    Job {
        id: JobId(number),
        spec: CopySpec {
            attachments: Attachments::NONE,
            ..CopySpec::new(source.parse().unwrap(), destination.parse().unwrap())
        },
    }
}

/// Copies an image of each of many repositories of `source` to a registry that is empty.
async fn copy_from(
    source: SocketAddr,
    credentials: Credentials,
) -> (Vec<Result<(), CopyError>>, Duration) {
    let settings = Settings {
        credentials,
        ..Settings::default()
    };
    let engine = Engine::new(Arc::new(Clients::new(HashMap::from([(
        source.to_string().parse().unwrap(),
        settings,
    )]))));
    let empty = Stub::start(|asked| match &*asked.target {
        "/v2/" => answer(200, &[], ""),
        _ => answer(404, &[], ""),
    })
    .await;
    copy_all(engine, |number| {
        order(
            number,
            &format!("{source}/team/app-{number}:1"),
            &format!("{}/team/app-{number}:1", empty.address),
        )
    })
    .await
}

fn assert_all_failed(outcomes: &[Result<(), CopyError>], why: &str) {
    assert_eq!(outcomes.len(), IMAGES as usize);
    for outcome in outcomes {
        let error = outcome.as_ref().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_source_costs_a_batch_a_few_timeouts() {
    let _steps = small_steps();
    let silent = Server::silent().await;
    let (outcomes, elapsed) = copy_from(silent.address, Credentials::Anonymous).await;
    assert_all_failed(&outcomes, "no answer for 90 s");
    assert!(elapsed < ANSWER * ROUNDS, "{elapsed:?}");
    assert!(silent.connections() <= 6, "{}", silent.connections());
}

#[tokio::test(start_paused = true)]
async fn a_silent_destination_costs_a_batch_a_few_timeouts() {
    let _steps = small_steps();
    let source = Embedded::start().await;
    let fleet = SampleImages::new(source.server.store(), 1);
    let silent = Server::silent().await;
    let (outcomes, elapsed) = copy_all(Engine::new(Arc::default()), |number| {
        let image = &fleet.images[number as usize % fleet.images.len()];
        order(
            number,
            &format!("{}/{image}", source.address()),
            &format!("{}/copy-{number}:1", silent.address),
        )
    })
    .await;
    assert_all_failed(&outcomes, "no answer for 90 s");
    assert!(elapsed < ANSWER * ROUNDS, "{elapsed:?}");
    assert!(silent.connections() <= 6, "{}", silent.connections());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_accepts_no_connection_costs_a_batch_a_few_timeouts() {
    let _steps = small_steps();
    // A connection that is not accepted fills the queue; the system drops further ones.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let _first = TcpStream::connect(address).await.unwrap();
    assert!(timeout(CONNECT, TcpStream::connect(address)).await.is_err());

    let (outcomes, elapsed) = copy_from(address, Credentials::Anonymous).await;
    assert_all_failed(&outcomes, "cannot be reached: timed out");
    assert!(elapsed < CONNECT * (ROUNDS + 2), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_token_server_costs_a_batch_a_few_timeouts() {
    let _steps = small_steps();
    let operator = Credentials::Basic {
        username: "operator".into(),
        password: "hunter2".into(),
    };
    // Without a password every repository fetches its own token at once; a password is tried by one request.
    for (credentials, most) in [(Credentials::Anonymous, PARALLEL + 5), (operator, 6)] {
        let silent = Server::silent().await;
        let realm = silent.address.to_string();
        let registry = Stub::start(move |_| challenge(&realm)).await;
        let (outcomes, elapsed) = copy_from(registry.address, credentials).await;
        assert_all_failed(&outcomes, "no answer for 60 s");
        assert!(elapsed < TOKEN * ROUNDS, "{elapsed:?}");
        assert!(silent.connections() <= most, "{}", silent.connections());
    }
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_silent_costs_a_batch_a_few_timeouts() {
    let _steps = small_steps();
    let silent = Server::silent().await;
    let storage = format!("http://{}/blob", silent.address);
    let registry = Stub::start(move |asked| match &*asked.target {
        "/v2/" => answer(200, &[], ""),
        _ => answer(307, &[("location", &storage)], ""),
    })
    .await;
    let (outcomes, elapsed) = copy_from(registry.address, Credentials::Anonymous).await;
    assert_all_failed(&outcomes, "no answer for 90 s");
    assert!(elapsed < ANSWER * ROUNDS, "{elapsed:?}");
    assert!(
        silent.connections() <= PARALLEL + 5,
        "{}",
        silent.connections()
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_body_that_drips_is_cut_off_and_its_beginning_is_the_message() {
    let _steps = small_steps();
    let dripping = Server::dripping().await;
    let realm = dripping.address.to_string();
    let guarded = Stub::start(move |_| challenge(&realm)).await;
    let tags = async |client: Client| {
        let begun = Instant::now();
        let repository = "team/app".parse().unwrap();
        let listed = timeout(Duration::from_secs(3600), client.tags(&repository)).await;
        let error = listed.expect("the body never ends").unwrap_err();
        assert!(error.to_string().contains("no such luck."), "{error}");
        begun.elapsed()
    };
    for (address, requests) in [(dripping.address, 2), (guarded.address, 1)] {
        let elapsed = tags(client(address, Credentials::Anonymous)).await;
        assert!(elapsed < Duration::from_secs(11) * requests, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_of_a_healthy_registry_holds_up_no_other() {
    let _steps = small_steps();
    // Never answers requests for `slow`, answers all others at once.
    let registry = Server::start(async |mut connection| {
        let mut request = [0; 4096];
        while let Ok(read) = connection.read(&mut request).await {
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            if read == 0 || text.contains("/slow/") {
                std::future::pending::<()>().await;
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"tags\":[]}";
            let _ = connection.write_all(answer).await;
        }
    })
    .await;
    let client = client(registry.address, Credentials::Anonymous);
    let slow = async {
        let error = client.tags(&"slow".parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("sent no byte"), "{error}");
    };
    let others = async {
        for _ in 0..20 {
            sleep(Duration::from_secs(10)).await;
            let begun = Instant::now();
            client.tags(&"fast".parse().unwrap()).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(1));
        }
    };
    tokio::join!(slow, others);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_stops_answering_is_down_and_probed_by_one_request() {
    let _steps = small_steps();
    // Answers the first request, and after a long time all requests.
    let begun = Instant::now();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let registry = Server::start(move |mut connection| {
        let asked = Arc::clone(&counted);
        async move {
            let mut request = [0; 4096];
            while connection.read(&mut request).await.is_ok_and(|n| n > 0) {
                let first = asked.fetch_add(1, SeqCst) == 0;
                if !first && begun.elapsed() < Duration::from_secs(200) {
                    std::future::pending::<()>().await;
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"tags\":[]}";
                let _ = connection.write_all(answer).await;
            }
        }
    })
    .await;
    let client = client(registry.address, Credentials::Anonymous);
    client.reach().await.unwrap();
    let repository = "team/app".parse().unwrap();
    let error = client.tags(&repository).await.unwrap_err();
    assert!(error.to_string().contains("no answer for 90 s"), "{error}");
    assert!(client.status().unreachable);
    // Two requests when a probe is due: one is the probe, the other is postponed.
    let told = join_all((0..20).map(|_| client.tags(&repository))).await;
    let put_off = told.iter().filter(|told| {
        let class = told.as_ref().unwrap_err().class();
        matches!(
            class,
            FailureClass::Transient {
                retry_after_ms: Some(_)
            }
        )
    });
    assert_eq!(put_off.count(), 19);
    assert_eq!(asked.load(SeqCst), 3);
    sleep(Duration::from_secs(30)).await;
    assert!(client.limiter().wants_probe() && client.status().unreachable);
    client.probe().await;
    assert!(!client.status().unreachable);
    client.tags(&repository).await.unwrap();
}
