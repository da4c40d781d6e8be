//! Authorization of requests: challenges, Basic credentials, bearer tokens.
//!
//! Decides which `Authorization` header a request carries; where credentials are kept is decided by who
//! makes the client. Invariant: one token per scope set is fetched at a time, a password that may be wrong
//! is tried by one request at a time, and credentials are for the registry they belong to and the token
//! server it names; who it redirects to gets none (quirk 34).

mod challenge;
mod credentials;
mod login_guard;
mod scopes;
mod tokens;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::{Origin, Url};

use challenge::Scheme;
use login_guard::{LoginGuard, LoginResult};
use tokens::{Token, TokenServer, Way};

use super::{
    SingleFlight, circuit_breaker::CircuitBreaker, error::ErrorCause, http_clients::HttpClients,
    redirect_policy::RedirectPolicy,
};
pub use credentials::{Credential, CredentialProvider, Credentials, ProviderError};
pub(super) use scopes::Scopes;

/// Scope sets remembered before those whose token is stale are let go.
const MANY_TOKENS: usize = 1024;

/// The token of one scope set.
type TokenCell = SingleFlight<Token, ErrorCause>;

/// How requests to one host are authorized.
pub(super) struct Authorizer {
    identity: Identity,
    http: HttpClients,
    scheme: Mutex<Option<Scheme>>,
    tokens: Mutex<HashMap<Scopes, Arc<TokenCell>>>,
    /// Unions that were refused; only what they require is asked for (quirk 21).
    narrowed: Mutex<HashSet<Scopes>>,
    /// The token server knows only GET (quirk 12).
    get_only: AtomicBool,
    /// The last look for credentials found none.
    anonymous: AtomicBool,
    passwords: LoginGuard,
    /// The server that judges credentials, and whether it answers.
    judge: Mutex<Option<(Origin, CircuitBreaker)>>,
}

enum Identity {
    /// The registry itself, and where it says who is let in.
    Registry { credentials: Credentials, base: Url },
    /// A host it redirects to: nobody there, and the scopes are what that host says.
    Elsewhere,
}

impl Authorizer {
    pub(super) fn of_registry(http: HttpClients, base: Url, credentials: Credentials) -> Self {
        Self::new(http, Identity::Registry { credentials, base })
    }

    pub(super) fn of_redirect_host(http: HttpClients) -> Self {
        Self::new(http, Identity::Elsewhere)
    }

    fn new(http: HttpClients, identity: Identity) -> Self {
        Self {
            identity,
            http,
            scheme: Mutex::default(),
            tokens: Mutex::default(),
            narrowed: Mutex::default(),
            get_only: AtomicBool::new(false),
            anonymous: AtomicBool::new(false),
            passwords: LoginGuard::default(),
            judge: Mutex::default(),
        }
    }

    /// Takes in how a request was answered. A 401 that does not say how to authorize leaves what is
    /// known as it is (quirk 51).
    pub(super) fn learn(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        asked: &Url,
        boundary: &RedirectPolicy,
    ) -> Result<(), ErrorCause> {
        let learned = match status {
            StatusCode::UNAUTHORIZED => challenge::read(headers, asked, boundary)
                .map_err(|astray| ErrorCause::Redirect(format!("its token realm {astray}")))?,
            _ => None,
        };
        let mut scheme = locked(&self.scheme);
        match learned {
            Some(learned) => *scheme = Some(learned),
            None if scheme.is_none() && status.is_success() => *scheme = Some(Scheme::Open),
            None => {}
        }
        Ok(())
    }

    /// The token server, once one is known.
    pub(super) fn realm(&self) -> Option<Url> {
        match &*locked(&self.scheme) {
            Some(Scheme::Bearer { realm, .. }) => Some(realm.clone()),
            None | Some(Scheme::Open | Scheme::Basic) => None,
        }
    }

    /// Whether it is for want of credentials that requests are refused.
    pub(super) fn is_anonymous(&self) -> bool {
        self.anonymous.load(Relaxed)
    }

    /// The header for a request with `scopes`; `None` where nothing is asked for, or nothing can be given.
    pub(super) async fn header(&self, scopes: &Scopes) -> Result<Option<HeaderValue>, ErrorCause> {
        let scheme = locked(&self.scheme).clone();
        match scheme {
            None | Some(Scheme::Open) => match self.identity {
                Identity::Registry {
                    credentials: Credentials::Token(ref token),
                    ..
                } => bearer(token).map(Some),
                Identity::Registry { .. } | Identity::Elsewhere => Ok(None),
            },
            Some(Scheme::Basic) => {
                let credential = self.credential(scopes, None).await?;
                match self.present(&credential).await {
                    Err(ErrorCause::Auth(refusal)) => {
                        let renewed = self.renewed(scopes, &credential, refusal).await?;
                        self.present(&renewed).await
                    }
                    header => header,
                }
            }
            Some(Scheme::Bearer {
                realm,
                service,
                scope,
            }) => {
                let ask = |scopes| self.bearer(scopes, &realm, service.as_deref(), scope.clone());
                if !scopes.is_union() {
                    return ask(scopes.clone()).await.map(Some);
                }
                if !self.is_narrowed(scopes) {
                    match ask(scopes.clone()).await {
                        Err(ErrorCause::Auth(_) | ErrorCause::NoCredentials(_)) => {
                            self.narrow(scopes)
                        }
                        answer => return answer.map(Some),
                    };
                }
                ask(scopes.required()).await.map(Some)
            }
        }
    }

    /// A request with `scopes` got 401 with `refused` as its header: what that was made of is not used
    /// again.
    pub(super) async fn refuse(
        &self,
        scopes: &Scopes,
        refused: Option<&HeaderValue>,
    ) -> Result<(), ErrorCause> {
        for scopes in [scopes.clone(), scopes.required()] {
            let mut tokens = locked(&self.tokens);
            let current = tokens.get(&scopes).and_then(|cell| cell.get());
            if current.is_some_and(|token| Some(&token.header) == refused) {
                tokens.remove(&scopes);
            }
        }
        let credential = self.credential(scopes, None).await?;
        if direct(&credential)?.as_ref() == refused {
            self.passwords.reopen(&credential);
            self.credential(scopes, Some(&credential)).await?;
        }
        Ok(())
    }

    /// Asks for less than `scopes` from now on, if they are more than is needed and tokens depend on them.
    pub(super) fn narrow(&self, scopes: &Scopes) -> bool {
        scopes.is_union() && self.realm().is_some() && locked(&self.narrowed).insert(scopes.clone())
    }

    pub(super) fn is_narrowed(&self, scopes: &Scopes) -> bool {
        scopes.is_union() && locked(&self.narrowed).contains(scopes)
    }

    async fn bearer(
        &self,
        scopes: Scopes,
        realm: &Url,
        service: Option<&str>,
        said: Option<String>,
    ) -> Result<HeaderValue, ErrorCause> {
        let cell = self.cell(&scopes);
        let words = match self.identity {
            Identity::Registry { .. } => scopes.words(),
            Identity::Elsewhere => said.into_iter().collect(),
        };
        let server = TokenServer {
            http: self.http.to(realm),
            breaker: &self.breaker(realm),
            realm,
            service,
            scopes: &words,
        };
        let token = cell.get_or_try_init(|| self.fetch(&scopes, server)).await?;
        Ok(token.header.clone())
    }

    fn cell(&self, scopes: &Scopes) -> Arc<TokenCell> {
        let now = Instant::now();
        let stale = |cell: &TokenCell| cell.get().is_some_and(|token| token.stale <= now);
        let mut tokens = locked(&self.tokens);
        if tokens.len() >= MANY_TOKENS && !tokens.contains_key(scopes) {
            tokens.retain(|_, cell| !stale(cell));
        }
        let cell = tokens.entry(scopes.clone()).or_default();
        if stale(cell) {
            *cell = Arc::default();
        }
        Arc::clone(cell)
    }

    /// The breaker of the server at `url`: a token server, or the registry where it takes passwords itself.
    fn breaker(&self, url: &Url) -> CircuitBreaker {
        let mut judge = locked(&self.judge);
        match &*judge {
            Some((origin, breaker)) if *origin == url.origin() => breaker.clone(),
            Some(_) | None => {
                let breaker = CircuitBreaker::impatient();
                *judge = Some((url.origin(), breaker.clone()));
                breaker
            }
        }
    }

    async fn fetch(&self, scopes: &Scopes, server: TokenServer<'_>) -> Result<Token, ErrorCause> {
        let credential = self.credential(scopes, None).await?;
        let refusal = match self.fetch_as(&credential, &server).await {
            Err(ErrorCause::Auth(refusal)) => refusal,
            answer => return answer,
        };
        let renewed = self.renewed(scopes, &credential, refusal).await?;
        self.fetch_as(&renewed, &server).await
    }

    /// Another credential than the one that was refused: the operator may have logged in since, and
    /// helpers hand out credentials that expire.
    async fn renewed(
        &self,
        scopes: &Scopes,
        refused: &Credential,
        refusal: String,
    ) -> Result<Credential, ErrorCause> {
        let renewed = self.credential(scopes, Some(refused)).await?;
        match renewed == *refused {
            false => Ok(renewed),
            true if renewed == Credential::Anonymous => Err(ErrorCause::NoCredentials(refusal)),
            true => Err(ErrorCause::Auth(refusal)),
        }
    }

    async fn fetch_as(
        &self,
        credential: &Credential,
        server: &TokenServer<'_>,
    ) -> Result<Token, ErrorCause> {
        let secret = matches!(
            credential,
            Credential::Basic { .. } | Credential::Identity { .. }
        );
        if secret && self.is_downgrade(server.realm) {
            let text =
                "its token realm is http, and the password of an https registry is not sent there";
            return Err(ErrorCause::Protocol(text.into()));
        }
        match credential {
            Credential::Token(token) => Ok(Token {
                header: bearer(token)?,
                // Asked for again each time: its provider remembers it.
                stale: Instant::now(),
            }),
            Credential::Basic { .. } => self.fetch_with_password(credential, server).await,
            Credential::Anonymous => Ok(server.fetch(credential, false).await?.0),
            Credential::Identity { .. } => {
                let post = !self.get_only.load(Relaxed);
                let (token, way) = server.fetch(credential, post).await?;
                match way {
                    Way::Get => self.get_only.store(true, Relaxed),
                    Way::Post => {}
                }
                Ok(token)
            }
        }
    }

    /// Whether what is secret on the way to the registry would not be on the way to `realm`.
    fn is_downgrade(&self, realm: &Url) -> bool {
        match &self.identity {
            Identity::Registry { base, .. } => {
                base.scheme() == "https" && realm.scheme() != "https"
            }
            Identity::Elsewhere => false,
        }
    }

    async fn fetch_with_password(
        &self,
        password: &Credential,
        server: &TokenServer<'_>,
    ) -> Result<Token, ErrorCause> {
        let mut first = None;
        let trial = async {
            match server.fetch(password, false).await {
                Ok((token, _)) => first = Some(Ok(token)),
                // Perhaps it was refused for what it asks for, which others do not.
                Err(ErrorCause::Auth(said)) => {
                    let anything = TokenServer {
                        scopes: &[],
                        ..*server
                    };
                    if let Err(ErrorCause::Auth(_)) = anything.fetch(password, false).await {
                        return Ok(LoginResult::refused(said));
                    }
                    first = Some(Err(ErrorCause::Auth(said)));
                }
                Err(unjudged) => return Err(unjudged),
            }
            Ok(LoginResult::Taken)
        };
        self.passwords.settle(password, trial).await?;
        if let Some(answer) = first {
            return answer;
        }
        let fetched = server.fetch(password, false).await;
        if let Err(ErrorCause::Auth(_)) = fetched {
            self.passwords.reopen(password);
        }
        Ok(fetched?.0)
    }

    /// The header that shows `credential` to the registry, once it is known to take it.
    async fn present(&self, credential: &Credential) -> Result<Option<HeaderValue>, ErrorCause> {
        let header = direct(credential)?;
        if let (Credential::Basic { .. }, Identity::Registry { base, .. }, Some(header)) =
            (credential, &self.identity, &header)
        {
            let breaker = self.breaker(base);
            let trial = tokens::show(self.http.to(base), &breaker, base, header);
            self.passwords.settle(credential, trial).await?;
        }
        Ok(header)
    }

    async fn credential(
        &self,
        scopes: &Scopes,
        refused: Option<&Credential>,
    ) -> Result<Credential, ErrorCause> {
        match &self.identity {
            Identity::Registry { credentials, .. } => {
                let found = credentials.current(scopes.repository(), refused).await?;
                let anonymous = found == Credential::Anonymous;
                self.anonymous.store(anonymous, Relaxed);
                Ok(found)
            }
            Identity::Elsewhere => Ok(Credential::Anonymous),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The header of a credential that needs no token server.
fn direct(credential: &Credential) -> Result<Option<HeaderValue>, ErrorCause> {
    match credential {
        Credential::Anonymous => Ok(None),
        Credential::Basic { username, password } => basic(username, password).map(Some),
        Credential::Identity { username, token } => basic(username, token).map(Some),
        Credential::Token(token) => bearer(token).map(Some),
    }
}

fn basic(username: &str, password: &SecretString) -> Result<HeaderValue, ErrorCause> {
    let pair = format!("{username}:{}", password.expose_secret());
    secret_header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ErrorCause> {
    secret_header(&format!("Bearer {}", token.expose_secret()))
}

fn secret_header(text: &str) -> Result<HeaderValue, ErrorCause> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_| ErrorCause::Auth("the secret has characters a header cannot carry".into()))?;
    header.set_sensitive(true);
    Ok(header)
}
