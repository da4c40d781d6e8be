//! The embedded registry as its clients see it: raw requests, and skopeo.

mod auth;
mod connections;
mod discovery;
mod fault_cuts;
mod fault_script;
mod limits;
mod manifests;
mod program;
mod skopeo_client;
mod uploads;

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::Value;
use tempfile::TempDir;
use transship::{
    oci::{Descriptor, MediaType, Repository, Tag},
    serve::{AccessLog, Action, ActiveFault, Fault, Options, Server},
};

const REPOSITORY: &str = "team/app";

/// A served directory and a client that follows no redirects.
struct Served {
    server: Server,
    client: Client,
    _directory: TempDir,
}

impl Served {
    async fn new() -> Self {
        Self::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Self {
        // A client is made with TLS even where it speaks none.
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path().join("registry"));
        options.access_log = Some(AccessLog::default());
        let server = Server::bind(loopback(), change(options)).await.unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .unwrap();
        Self {
            server,
            client,
            _directory: directory,
        }
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.server.address())
    }

    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.client.request(method, self.url(target))
    }

    async fn get(&self, target: &str) -> Response {
        self.send(Method::GET, target).await
    }

    async fn send(&self, method: Method, target: &str) -> Response {
        self.request(method, target).send().await.unwrap()
    }

    /// Scripts a fault for every fitting request.
    fn fault(&self, method: Method, target: &str, action: Action) -> ActiveFault {
        let fault = Fault::on(method, target, action).unwrap();
        self.server.faults().add(fault)
    }

    /// Opens an upload session in [`REPOSITORY`]; its path.
    async fn open_upload(&self) -> String {
        let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let response = self.send(Method::POST, &uploads).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        header(&response, "location").to_owned()
    }

    /// Puts a blob into [`REPOSITORY`] past HTTP.
    fn put_blob(&self, content: &[u8]) -> Descriptor {
        let store = self.server.store();
        store
            .put_blob(&repository(), MediaType::OCI_LAYER_GZIP, content)
            .unwrap()
    }

    /// Puts an image with one layer into [`REPOSITORY`] past HTTP.
    fn put_image(&self, tag: &str, layer: &[u8]) -> Descriptor {
        let manifest = self.image(layer);
        let tag: Tag = tag.parse().unwrap();
        let bytes = manifest.to_string();
        let store = self.server.store();
        store
            .put_manifest(
                &repository(),
                Some(&tag),
                MediaType::OCI_MANIFEST,
                bytes.as_bytes(),
            )
            .unwrap()
    }

    /// A manifest of an image whose config and one layer [`REPOSITORY`] holds.
    fn image(&self, layer: &[u8]) -> Value {
        let config =
            br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        let mut config = self.put_blob(config);
        config.media_type = MediaType::new(MediaType::OCI_CONFIG);
        serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": config,
            "layers": [self.put_blob(layer)],
        })
    }
}

fn repository() -> Repository {
    REPOSITORY.parse().unwrap()
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The spec's code in an error body.
async fn error_code(response: Response) -> String {
    assert_eq!(header(&response, "content-type"), "application/json");
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}
