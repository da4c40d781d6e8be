//! Authorization of requests: challenges, Basic credentials, bearer tokens.

mod authorizer;
mod challenge;
mod credentials;
mod headers;
mod login;
mod login_guard;
mod scopes;
mod token_answer;
mod tokens;

pub(super) use authorizer::Authorizer;
pub use credentials::{Credential, CredentialProvider, Credentials, ProviderError};
pub(super) use scopes::Scopes;
