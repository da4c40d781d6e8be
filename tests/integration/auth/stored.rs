//! The program with the stored credentials of docker, podman and helpers: copies to a registry with a password.

use std::process::Output;

use serde_json::json;

use super::{
    Guarded, PASSWORD, USER,
    home::{Home, answering, auth},
    repository, v1,
};

/// A source with one image, a destination with a password, and an operator's home directory.
struct Migration {
    source: Guarded,
    destination: Guarded,
    home: Home,
}

impl Migration {
    async fn into(destination: Guarded) -> Self {
        let source = Guarded::open().await;
        source.put_image("team/app");
        Self {
            source,
            destination,
            home: Home::new(),
        }
    }

    async fn new() -> Self {
        Self::into(Guarded::with_tokens().await).await
    }

    async fn run(&self, destination_keys: &str, environment: &[(&str, &str)]) -> Output {
        let list = format!(
            "version = 1\nimages = [\"team/app:v1\"]\n\
             [source]\nregistry = \"{}\"\n[destination]\nregistry = \"{}\"\n{destination_keys}\n",
            self.source.name(),
            self.destination.name(),
        );
        self.home
            .run(&list, &["--attempts", "1"], environment)
            .await
    }

    async fn succeeds(&self, destination_keys: &str, environment: &[(&str, &str)]) {
        let output = self.run(destination_keys, environment).await;
        assert!(output.status.success(), "{output:?}");
        let client = self.destination.client(super::operator());
        let copied = client.manifest_head(&repository("team/app"), &v1()).await;
        assert!(copied.unwrap().is_some());
    }

    async fn fails_with(&self, destination_keys: &str, environment: &[(&str, &str)], text: &str) {
        let output = self.run(destination_keys, environment).await;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.status.success() && said.contains(text), "{said}");
    }
}

#[tokio::test]
async fn what_docker_login_stored_is_used() {
    let migration = Migration::new().await;
    let config = json!({ "auths": { migration.destination.name(): { "auth": auth() } } });
    migration
        .home
        .file(".docker/config.json", &config.to_string());
    migration.succeeds("", &[]).await;
}

#[tokio::test]
async fn docker_config_names_another_directory() {
    let migration = Migration::into(Guarded::with_passwords().await).await;
    let key = format!("https://{}/v1/", migration.destination.name());
    let config = json!({ "auths": { key: { "username": USER, "password": PASSWORD } } });
    migration
        .home
        .file("elsewhere/config.json", &config.to_string());
    migration
        .succeeds("", &[("DOCKER_CONFIG", "elsewhere")])
        .await;
}

#[tokio::test]
async fn the_most_specific_key_of_podmans_file_is_used() {
    let migration = Migration::new().await;
    let name = migration.destination.name();
    let config = json!({ "auths": {
        name.clone(): { "username": "other", "password": "wrong" },
        format!("{name}/team"): { "auth": auth() },
    } });
    migration.home.file("auth.json", &config.to_string());
    migration
        .succeeds("", &[("REGISTRY_AUTH_FILE", "auth.json")])
        .await;
    migration
        .home
        .file("xdg/containers/auth.json", &config.to_string());
    migration.succeeds("", &[("XDG_CONFIG_HOME", "xdg")]).await;
}

#[tokio::test]
async fn a_helper_is_asked_once_and_again_only_after_a_refusal() {
    let migration = Migration::new().await;
    let name = migration.destination.name();
    let config = json!({ "credHelpers": { name.clone(): "vault" } });
    migration
        .home
        .file(".docker/config.json", &config.to_string());
    let asked = format!("get {name}");

    migration.home.helper("vault", &answering(PASSWORD));
    migration.succeeds("", &[]).await;
    assert_eq!(migration.home.calls(), std::slice::from_ref(&asked));

    // Expired at first, as credentials of clouds are after some hours.
    let (expired, fresh) = (answering("expired"), answering(PASSWORD));
    let get =
        format!("if [ -e \"$HOME/asked\" ]; then {fresh}; else : > \"$HOME/asked\"; {expired}; fi");
    migration.home.helper("vault", &get);
    std::fs::remove_file(migration.home.path().join("calls")).unwrap();
    migration.succeeds("", &[]).await;
    assert_eq!(migration.home.calls(), [asked.clone(), asked]);
}

#[tokio::test]
async fn a_failed_helper_is_named_and_its_output_is_not_shown() {
    let migration = Migration::new().await;
    let config = json!({ "credHelpers": { migration.destination.name(): "vault" } });
    migration
        .home
        .file(".docker/config.json", &config.to_string());
    let absent = "docker-credential-vault cannot be started";
    migration.fails_with("", &[], absent).await;
    migration
        .home
        .helper("vault", "echo 'vault is sealed'; exit 1");
    let sealed = "docker-credential-vault failed: vault is sealed";
    migration.fails_with("", &[], sealed).await;
    migration
        .home
        .helper("vault", &format!("{}; exit 1", answering(PASSWORD)));
    migration
        .fails_with("", &[], "docker-credential-vault failed: it gave no reason")
        .await;
}

#[tokio::test]
async fn a_broken_helper_for_all_registries_does_not_prevent_anonymous_reads() {
    let migration = Migration::into(Guarded::open().await).await;
    migration
        .home
        .file(".docker/config.json", r#"{"credsStore": "desktop"}"#);
    migration.succeeds("", &[]).await;
}

#[tokio::test]
async fn a_list_says_where_the_password_is() {
    let migration = Migration::new().await;
    migration.home.file("password", &format!("{PASSWORD}\n"));
    let user = format!("username = \"{USER}\"\n");
    let variable = format!("{user}password-env = \"HARBOR_PASSWORD\"");
    migration
        .succeeds(&variable, &[("HARBOR_PASSWORD", PASSWORD)])
        .await;
    migration
        .succeeds(&format!("{user}password-file = \"password\""), &[])
        .await;
    let command = format!("{user}password-command = [\"cat\", \"password\"]");
    migration.succeeds(&command, &[]).await;
    migration
        .fails_with(&variable, &[], "HARBOR_PASSWORD is not set")
        .await;
}

#[tokio::test]
async fn without_credentials_the_error_says_that_none_are_stored() {
    let migration = Migration::new().await;
    migration
        .fails_with("", &[], "none are configured or stored")
        .await;
    let config = json!({ "auths": { migration.destination.name(): { "auth": auth() } } });
    migration
        .home
        .file(".docker/config.json", &config.to_string());
    let text = "none are configured or stored";
    migration.fails_with("anonymous = true", &[], text).await;
}

#[tokio::test]
async fn an_unreadable_file_is_reported_if_credentials_are_needed() {
    let migration = Migration::new().await;
    migration.home.file(".docker/config.json", "{ \"auths\": ");
    migration
        .fails_with("", &[], "config.json: not JSON, line 1")
        .await;
}
