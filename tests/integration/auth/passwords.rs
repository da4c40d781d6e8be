//! Wrong passwords are tried rarely, because directories lock accounts after many failures.

use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::json;
use transship::{
    credentials::{CredentialResolver, Key, Places, Source, login},
    registry::{Client, Credentials},
    serve::AccessEntry,
};

use super::{Guarded, PASSWORD, USER, repository, v1};

fn user() -> Credentials {
    Credentials::Basic {
        username: USER.into(),
        password: SecretString::from("swordfish"),
    }
}

/// Looks up an image in each of twenty repositories at once and returns the results.
async fn ask_everywhere(client: &Client) -> Vec<Result<bool, String>> {
    let asked = (0..20).map(|number| async move {
        let repository = repository(&format!("team/app-{number}"));
        let found = client.manifest_head(&repository, &v1()).await;
        found
            .map(|found| found.is_some())
            .map_err(|error| error.to_string())
    });
    join_all(asked).await
}

fn refused(guarded: &Guarded, target: &str) -> usize {
    let is = |entry: &AccessEntry| {
        entry.target.starts_with(target) && entry.status.is_some_and(|status| status == 401)
    };
    guarded.server.access_log().count(is)
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_by_every_image() {
    for (guarded, target, tries) in [
        // Once with the required scope, once without a scope.
        (Guarded::with_tokens().await, "/token", 2),
        // Once without a password, once with it.
        (Guarded::with_passwords().await, "/v2/", 2),
    ] {
        let client = guarded.client(user());
        let told = ask_everywhere(&client).await;
        let first = told[0].as_ref().unwrap_err();
        assert!(first.contains("refused the credentials"), "{first}");
        assert!(told.iter().all(|told| told.as_ref() == Err(first)));
        assert_eq!(ask_everywhere(&client).await, told);
        assert_eq!(refused(&guarded, target), tries);
        assert_eq!(guarded.count("HEAD", "/v2/"), 0);
    }
}

#[tokio::test]
async fn a_login_after_a_refusal_is_used_at_once() {
    for guarded in [
        Guarded::with_tokens().await,
        Guarded::with_passwords().await,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        let config = json!({ "auths": {
            guarded.name(): { "username": USER, "password": "swordfish" },
        } });
        std::fs::write(&file, config.to_string()).unwrap();
        let registry: transship::oci::Registry = guarded.name().parse().unwrap();
        let source = Source::Stored(Places::only(file.clone()));
        let keychain = CredentialResolver::new(registry.clone(), source);
        let client = guarded.client(Credentials::Provided(Arc::new(keychain)));
        assert!(ask_everywhere(&client).await.iter().all(Result::is_err));

        let key = Key::from(registry);
        login(&key, USER, &PASSWORD.into(), &file).await.unwrap();
        let told = ask_everywhere(&client).await;
        assert!(told.iter().all(|told| *told == Ok(false)), "{told:?}");
    }
}
