//! Which registry this is, as far as its answers say.
//!
//! Decides by headers that registries send; a proxy in front may hide them. Invariant: without a sign nothing is
//! guessed.

use super::{Check, Finding};
use crate::registry::PingAnswer;

/// A part of the challenge for credentials, and the registry that sends it.
const CHALLENGES: [(&str, &str); 7] = [
    ("harbor-registry", "Harbor"),
    ("auth.docker.io", "Docker Hub"),
    ("ghcr.io", "GitHub's registry"),
    ("gcr.io", "Google's registry"),
    ("quay", "Quay"),
    ("azurecr.io", "Azure's registry"),
    ("jwt/auth", "GitLab's registry"),
];

pub(super) fn finding(answer: &PingAnswer) -> Finding {
    let header = |name: &str| {
        let found = answer.software.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.as_str())
    };
    let challenge = answer.challenge.as_deref().unwrap_or_default();
    let known = CHALLENGES.iter().find(|(part, _)| challenge.contains(part));
    let artifactory = header("x-jfrog-version");
    let parts = [
        known.map(|(_, name)| (*name).to_owned()),
        artifactory.map(str::to_owned),
        header("x-registry-version").map(str::to_owned),
        header("server").map(|server| format!("server {server}")),
        header("docker-distribution-api-version").map(|version| format!("API {version}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => Finding::good(Check::Software, "it does not say"),
        false => Finding::good(Check::Software, parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_registry_is_known_by_its_challenge_and_its_headers() {
        let mut answer = PingAnswer {
            status: 401,
            elapsed: Duration::ZERO,
            date: None,
            software: vec![("server", "nginx".into())],
            challenge: Some(
                "Bearer realm=\"https://h/service/token\",service=\"harbor-registry\"".into(),
            ),
        };
        assert_eq!(finding(&answer).detail, "Harbor, server nginx");
        answer.challenge = None;
        answer.software.clear();
        assert_eq!(finding(&answer).detail, "it does not say");
    }
}
