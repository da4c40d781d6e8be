//! Uses the operator's credentials at one host: as a Basic header, or at a token server for a bearer token.
//!
//! Decides which credential is sent, and whether a refused one is replaced; which scopes a token has is decided by
//! `authorizer`. Invariants: a password that may be wrong is tried by one request at a time. Credentials go to the
//! registry and to the token server it names; a host it redirects to gets none (quirk 34, see
//! registry/quirks.md).

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use reqwest::header::HeaderValue;
use secrecy::SecretString;
use tokio::time::Instant;
use url::{Origin, Url};

use super::{
    Credential, Credentials, Scopes,
    headers::{bearer, direct},
    login_guard::{LoginGuard, LoginResult},
    token_answer::Token,
    tokens::{self, TokenRequestMethod, TokenServer},
};
use crate::registry::{
    circuit_breaker::CircuitBreaker, error::ErrorCause, http_clients::HttpClients,
};

pub(super) struct Login {
    identity: Identity,
    http: HttpClients,
    /// The token server knows only GET (quirk 12).
    get_only: AtomicBool,
    /// The last lookup of credentials found none.
    anonymous: AtomicBool,
    passwords: LoginGuard,
    /// The server that checks credentials, and its circuit breaker.
    server: Mutex<Option<(Origin, CircuitBreaker)>>,
}

pub(super) enum Identity {
    /// The registry itself. `base` is where it checks Basic credentials.
    Registry { credentials: Credentials, base: Url },
    /// A host that the registry redirects to. Requests there are anonymous.
    RedirectHost,
}

impl Login {
    pub(super) fn new(http: HttpClients, identity: Identity) -> Self {
        Self {
            identity,
            http,
            get_only: AtomicBool::new(false),
            anonymous: AtomicBool::new(false),
            passwords: LoginGuard::default(),
            server: Mutex::default(),
        }
    }

    /// Whether requests are sent without credentials because none were found.
    pub(super) fn is_anonymous(&self) -> bool {
        self.anonymous.load(Relaxed)
    }

    pub(super) fn is_redirect_host(&self) -> bool {
        matches!(self.identity, Identity::RedirectHost)
    }

    /// The bearer token that the operator set, if it is one.
    pub(super) fn fixed_token(&self) -> Option<&SecretString> {
        match &self.identity {
            Identity::Registry {
                credentials: Credentials::Token(token),
                ..
            } => Some(token),
            Identity::Registry { .. } | Identity::RedirectHost => None,
        }
    }

    /// The header for a server that takes credentials itself.
    pub(super) async fn basic(&self, scopes: &Scopes) -> Result<Option<HeaderValue>, ErrorCause> {
        let credential = self.credential(scopes, None).await?;
        match self.check(&credential).await {
            Err(ErrorCause::Auth(refusal)) => {
                let renewed = self.renewed(scopes, &credential, refusal).await?;
                self.check(&renewed).await
            }
            header => header,
        }
    }

    /// A token from the server at `realm`. `scope_names` are asked for.
    pub(super) async fn token(
        &self,
        scopes: &Scopes,
        realm: &Url,
        service: Option<&str>,
        scope_names: &[String],
    ) -> Result<Token, ErrorCause> {
        let server = TokenServer {
            http: self.http.to(realm),
            breaker: &self.breaker(realm),
            realm,
            service,
            scopes: scope_names,
        };
        let credential = self.credential(scopes, None).await?;
        let refusal = match self.token_for(&credential, &server).await {
            Err(ErrorCause::Auth(refusal)) => refusal,
            answer => return answer,
        };
        let renewed = self.renewed(scopes, &credential, refusal).await?;
        self.token_for(&renewed, &server).await
    }

    /// The registry answered 401 to `refused`. If that is the header of the current credential, the credential is
    /// looked up again and checked before its next use.
    pub(super) async fn refuse(
        &self,
        scopes: &Scopes,
        refused: Option<&HeaderValue>,
    ) -> Result<(), ErrorCause> {
        let credential = self.credential(scopes, None).await?;
        if direct(&credential)?.as_ref() == refused {
            self.passwords.reopen(&credential);
            self.credential(scopes, Some(&credential)).await?;
        }
        Ok(())
    }

    /// Looks the credential up again after it was refused: the operator may have logged in since, and credential
    /// helpers return credentials that expire.
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
            Identity::RedirectHost => Ok(Credential::Anonymous),
        }
    }

    /// The header of `credential`. A password is first checked at the registry, unless it was already.
    async fn check(&self, credential: &Credential) -> Result<Option<HeaderValue>, ErrorCause> {
        let header = direct(credential)?;
        if let (Credential::Basic { .. }, Identity::Registry { base, .. }, Some(header)) =
            (credential, &self.identity, &header)
        {
            let breaker = self.breaker(base);
            let check = tokens::check_header(self.http.to(base), &breaker, base, header);
            self.passwords.check(credential, check).await?;
        }
        Ok(header)
    }

    async fn token_for(
        &self,
        credential: &Credential,
        server: &TokenServer<'_>,
    ) -> Result<Token, ErrorCause> {
        let is_secret = matches!(
            credential,
            Credential::Basic { .. } | Credential::Identity { .. }
        );
        if is_secret && self.is_downgrade(server.realm) {
            let text =
                "its token realm is http, and the password of an https registry is not sent there";
            return Err(ErrorCause::Protocol(text.into()));
        }
        match credential {
            Credential::Token(token) => Ok(Token {
                header: bearer(token)?,
                // Not cached: the credential provider caches it.
                stale: Instant::now(),
            }),
            Credential::Basic { .. } => self.token_for_password(credential, server).await,
            Credential::Anonymous => Ok(server.fetch(credential, false).await?.0),
            Credential::Identity { .. } => {
                let post = !self.get_only.load(Relaxed);
                let (token, method) = server.fetch(credential, post).await?;
                match method {
                    TokenRequestMethod::Get => self.get_only.store(true, Relaxed),
                    TokenRequestMethod::Post => {}
                }
                Ok(token)
            }
        }
    }

    /// Whether the registry is reached over TLS and `realm` is not.
    fn is_downgrade(&self, realm: &Url) -> bool {
        match &self.identity {
            Identity::Registry { base, .. } => {
                base.scheme() == "https" && realm.scheme() != "https"
            }
            Identity::RedirectHost => false,
        }
    }

    async fn token_for_password(
        &self,
        password: &Credential,
        server: &TokenServer<'_>,
    ) -> Result<Token, ErrorCause> {
        let mut first = None;
        let check = async {
            match server.fetch(password, false).await {
                Ok((token, _)) => first = Some(Ok(token)),
                // Perhaps the server refused the scopes and not the password: ask again without scopes.
                Err(ErrorCause::Auth(refusal)) => {
                    let without_scopes = TokenServer {
                        scopes: &[],
                        ..*server
                    };
                    if let Err(ErrorCause::Auth(_)) = without_scopes.fetch(password, false).await {
                        return Ok(LoginResult::refused(refusal));
                    }
                    first = Some(Err(ErrorCause::Auth(refusal)));
                }
                Err(failure) => return Err(failure),
            }
            Ok(LoginResult::Accepted)
        };
        self.passwords.check(password, check).await?;
        if let Some(answer) = first {
            return answer;
        }
        let fetched = server.fetch(password, false).await;
        if let Err(ErrorCause::Auth(_)) = fetched {
            self.passwords.reopen(password);
        }
        Ok(fetched?.0)
    }

    /// The circuit breaker of the server at `url`: a token server, or the registry where it checks passwords itself.
    fn breaker(&self, url: &Url) -> CircuitBreaker {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        match &*server {
            Some((origin, breaker)) if *origin == url.origin() => breaker.clone(),
            Some(_) | None => {
                let breaker = CircuitBreaker::failing_fast();
                *server = Some((url.origin(), breaker.clone()));
                breaker
            }
        }
    }
}
