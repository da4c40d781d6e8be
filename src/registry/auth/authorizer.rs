//! The `Authorization` header of requests to one host.
//!
//! Decides which scheme and which token a request uses. Invariant: only one token per scope set is fetched at a
//! time.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

use super::{
    Credentials, Scopes,
    challenge::{self, Scheme},
    headers::bearer,
    login::{Identity, Login},
    token_answer::Token,
};
use crate::registry::{
    SingleFlight, error::ErrorCause, http_clients::HttpClients, redirect_policy::RedirectPolicy,
};

/// Evict stale tokens beyond this many scope sets. Fresh ones are kept.
const MAX_TOKENS: usize = 1024;

/// The token of one scope set.
type TokenCell = SingleFlight<Token, ErrorCause>;

pub(in crate::registry) struct Authorizer {
    login: Login,
    scheme: Mutex<Option<Scheme>>,
    tokens: Mutex<HashMap<Scopes, Arc<TokenCell>>>,
    /// Unions of scopes that a server refused. Only their required scope is asked for from then on (quirk 21, see
    /// registry/quirks.md).
    narrowed: Mutex<HashSet<Scopes>>,
}

impl Authorizer {
    pub(in crate::registry) fn of_registry(
        http: HttpClients,
        base: Url,
        credentials: Credentials,
    ) -> Self {
        Self::new(Login::new(http, Identity::Registry { credentials, base }))
    }

    pub(in crate::registry) fn of_redirect_host(http: HttpClients) -> Self {
        Self::new(Login::new(http, Identity::RedirectHost))
    }

    fn new(login: Login) -> Self {
        Self {
            login,
            scheme: Mutex::default(),
            tokens: Mutex::default(),
            narrowed: Mutex::default(),
        }
    }

    /// Learns the scheme from an answer. A 401 without a challenge changes nothing (quirk 51).
    pub(in crate::registry) fn learn(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        requested: &Url,
        policy: &RedirectPolicy,
    ) -> Result<(), ErrorCause> {
        let learned = match status {
            StatusCode::UNAUTHORIZED => challenge::parse(headers, requested, policy)
                .map_err(|error| ErrorCause::Redirect(format!("its token realm {error}")))?,
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
    pub(in crate::registry) fn realm(&self) -> Option<Url> {
        match &*locked(&self.scheme) {
            Some(Scheme::Bearer { realm, .. }) => Some(realm.clone()),
            None | Some(Scheme::Open | Scheme::Basic) => None,
        }
    }

    /// Whether requests are sent without credentials because none were found.
    pub(in crate::registry) fn is_anonymous(&self) -> bool {
        self.login.is_anonymous()
    }

    /// The header for a request with `scopes`; `None` if the host needs none, or there are no credentials for it.
    pub(in crate::registry) async fn header(
        &self,
        scopes: &Scopes,
    ) -> Result<Option<HeaderValue>, ErrorCause> {
        if scopes.is_direct() {
            return self.login.basic(scopes).await;
        }
        let scheme = locked(&self.scheme).clone();
        match scheme {
            None | Some(Scheme::Open) => self.login.fixed_token().map(bearer).transpose(),
            Some(Scheme::Basic) => self.login.basic(scopes).await,
            Some(Scheme::Bearer {
                realm,
                service,
                scope,
            }) => {
                let fetch = |scopes| self.token(scopes, &realm, service.as_deref(), scope.clone());
                if !scopes.is_union() {
                    return fetch(scopes.clone()).await.map(Some);
                }
                if !self.is_narrowed(scopes) {
                    match fetch(scopes.clone()).await {
                        Err(ErrorCause::Auth(_) | ErrorCause::NoCredentials(_)) => {
                            self.narrow(scopes)
                        }
                        answer => return answer.map(Some),
                    };
                }
                fetch(scopes.required()).await.map(Some)
            }
        }
    }

    /// A request with `scopes` was answered 401. The token or credential of its header is not used again.
    pub(in crate::registry) async fn refuse(
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
        self.login.refuse(scopes, refused).await
    }

    /// Drops the optional scope of `scopes` from now on. False if that changes nothing.
    pub(in crate::registry) fn narrow(&self, scopes: &Scopes) -> bool {
        scopes.is_union() && self.realm().is_some() && locked(&self.narrowed).insert(scopes.clone())
    }

    pub(in crate::registry) fn is_narrowed(&self, scopes: &Scopes) -> bool {
        scopes.is_union() && locked(&self.narrowed).contains(scopes)
    }

    async fn token(
        &self,
        scopes: Scopes,
        realm: &Url,
        service: Option<&str>,
        challenge_scope: Option<String>,
    ) -> Result<HeaderValue, ErrorCause> {
        let names = match self.login.is_redirect_host() {
            true => challenge_scope.into_iter().collect(),
            false => scopes.names(),
        };
        let cell = self.cell(&scopes);
        let fetch = || self.login.token(&scopes, realm, service, &names);
        let token = cell.get_or_try_init(fetch).await?;
        Ok(token.header.clone())
    }

    fn cell(&self, scopes: &Scopes) -> Arc<TokenCell> {
        let now = Instant::now();
        let is_stale = |cell: &TokenCell| cell.get().is_some_and(|token| token.stale <= now);
        let mut tokens = locked(&self.tokens);
        if tokens.len() >= MAX_TOKENS && !tokens.contains_key(scopes) {
            tokens.retain(|_, cell| !is_stale(cell));
        }
        let cell = tokens.entry(scopes.clone()).or_default();
        if is_stale(cell) {
            *cell = Arc::default();
        }
        Arc::clone(cell)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
