//! A token server for a real registry: signs what `docker-registry` verifies (Docker "Token Authentication
//! Implementation").

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::get,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use url::form_urlencoded;

use super::home::auth;

const ISSUER: &str = "a token server";
const SERVICE: &str = "a registry";
/// docker-registry accepts a token for this many seconds after it expired.
const LEEWAY: u64 = 60;

pub struct TokenServer {
    realm: String,
    shared: Arc<Shared>,
    directory: TempDir,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    key: EcdsaKeyPair,
    certificate: String,
    /// The lifetime of a token in seconds.
    lifetime: u64,
    /// The lifetime in the answer.
    told: u64,
    /// The scopes of every issued token.
    given: Mutex<Vec<Vec<String>>>,
}

impl TokenServer {
    pub async fn start(lifetime: u64, told: u64) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("roots.pem"), certificate.pem()).unwrap();
        let pkcs8 = key.serialize_der();
        let shared = Arc::new(Shared {
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap(),
            certificate: BASE64_STANDARD.encode(certificate.der()),
            lifetime,
            told,
            given: Mutex::default(),
        });
        let router = Router::new()
            .route("/token", get(give))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let realm = format!("http://{}/token", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            realm,
            shared,
            directory,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// The settings of docker-registry for this server.
    pub fn environment(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("REGISTRY_AUTH", "token".into()),
            ("REGISTRY_AUTH_TOKEN_REALM", self.realm.clone().into()),
            ("REGISTRY_AUTH_TOKEN_SERVICE", SERVICE.into()),
            ("REGISTRY_AUTH_TOKEN_ISSUER", ISSUER.into()),
            (
                "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE",
                self.directory.path().join("roots.pem"),
            ),
        ]
    }

    /// How many tokens were issued for scopes that had one before.
    pub fn renewals(&self) -> usize {
        let given = self.shared.given.lock().unwrap();
        let distinct: std::collections::HashSet<_> = given.iter().collect();
        given.len() - distinct.len()
    }
}

async fn give(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let expected = format!("Basic {}", auth());
    if headers
        .get(AUTHORIZATION)
        .and_then(|sent| sent.to_str().ok())
        != Some(&expected)
    {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let query = query.unwrap_or_default();
    let scopes: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == "scope")
        .map(|(_, scope)| scope.into_owned())
        .collect();
    shared.given.lock().unwrap().push(scopes.clone());
    let answer = json!({ "token": shared.token(&scopes), "expires_in": shared.told });
    Ok(answer.to_string())
}

impl Shared {
    fn token(&self, scopes: &[String]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs();
        let access: Vec<Value> = scopes.iter().map(|scope| access(scope)).collect();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.certificate] });
        let claims = json!({
            "iss": ISSUER, "sub": "operator", "aud": SERVICE, "jti": "1",
            "iat": now, "nbf": now - LEEWAY, "exp": now + self.lifetime - LEEWAY,
            "access": access,
        });
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let part = |part: Value| encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        format!("{signed}.{}", encode(signature.unwrap().as_ref()))
    }
}

/// The claim for `repository:team/app:pull,push`.
fn access(scope: &str) -> Value {
    let (kind, rest) = scope.split_once(':').unwrap();
    let (name, actions) = rest.rsplit_once(':').unwrap();
    let actions: Vec<_> = actions.split(',').collect();
    json!({ "type": kind, "name": name, "actions": actions })
}
