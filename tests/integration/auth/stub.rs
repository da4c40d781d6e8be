//! A server whose answers come from a closure. It records the requests with their headers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response},
};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// One received request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query; the whole URL if the client uses this server as a proxy.
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target.starts_with(target)
    }
}

type Answer = dyn Fn(&Asked) -> Response<Body> + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    asked: Mutex<Vec<Asked>>,
}

pub struct Stub {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

impl Stub {
    pub async fn start(answer: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let asked = Asked {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    shared.asked.lock().unwrap().push(asked.clone());
    (shared.answer)(&asked)
}

/// An answer with `headers` and `body`.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Body::from(body.to_owned())).unwrap()
}

/// A 401 with the realm `http://host/token`.
pub fn challenge(host: &str) -> Response<Body> {
    let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"stub\"");
    answer(401, &[("www-authenticate", &challenge)], "")
}
