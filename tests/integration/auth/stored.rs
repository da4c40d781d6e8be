//! The program itself with what docker, podman and helpers keep: an image goes to a guarded registry.

use std::process::Output;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Guarded, PASSWORD, USER, repository, v1};

/// A source with one image, a guarded destination, and an operator's home.
struct Migration {
    source: Guarded,
    destination: Guarded,
    home: TempDir,
}

impl Migration {
    async fn into(destination: Guarded) -> Self {
        let source = Guarded::open().await;
        source.put_image("team/app");
        Self {
            source,
            destination,
            home: tempfile::tempdir().unwrap(),
        }
    }

    async fn new() -> Self {
        Self::into(Guarded::with_tokens().await).await
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A credential helper `docker-credential-NAME` with this `get`; its calls are in `calls`.
    fn helper(&self, name: &str, get: &str) {
        let script = format!(
            "#!/bin/sh\nread -r server || true\necho \"$1 $server\" >> \"$HOME/calls\"\n{get}\n"
        );
        let path = format!("bin/docker-credential-{name}");
        self.file(&path, &script);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.home.path().join(path), permissions).unwrap();
        }
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn auth(&self) -> String {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
    }

    async fn run(&self, destination_keys: &str, environment: &[(&str, &str)]) -> Output {
        let list = format!(
            "version = 1\nimages = [\"team/app:v1\"]\n\
             [source]\nregistry = \"{}\"\n[destination]\nregistry = \"{}\"\n{destination_keys}\n",
            self.source.name(),
            self.destination.name(),
        );
        self.file("list.toml", &list);
        let home = self.home.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(env!("CARGO_BIN_EXE_transship"))
            .args([
                "run",
                "list.toml",
                "--headless",
                "--attempts",
                "1",
                "--state",
                "state",
            ])
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("PATH", format!("{}:{path}", home.join("bin").display()))
            .envs(environment.iter().copied())
            .output()
            .await
            .unwrap();
        self.assert_no_secret(&output);
        output
    }

    fn assert_no_secret(&self, output: &Output) {
        let holds = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(PASSWORD) || text.contains(&self.auth())
        };
        assert!(
            !holds(&output.stdout) && !holds(&output.stderr),
            "{output:?}"
        );
        for entry in std::fs::read_dir(self.home.path().join("state"))
            .into_iter()
            .flatten()
        {
            let path = entry.unwrap().path();
            assert!(
                !holds(&std::fs::read(&path).unwrap_or_default()),
                "{}",
                path.display()
            );
        }
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
    let config = json!({ "auths": { migration.destination.name(): { "auth": migration.auth() } } });
    migration.file(".docker/config.json", &config.to_string());
    migration.succeeds("", &[]).await;
}

#[tokio::test]
async fn docker_config_names_another_directory() {
    let migration = Migration::into(Guarded::with_passwords().await).await;
    let key = format!("https://{}/v1/", migration.destination.name());
    let config = json!({ "auths": { key: { "username": USER, "password": PASSWORD } } });
    migration.file("elsewhere/config.json", &config.to_string());
    migration
        .succeeds("", &[("DOCKER_CONFIG", "elsewhere")])
        .await;
}

#[tokio::test]
async fn the_closest_key_of_podmans_file_is_used() {
    let migration = Migration::new().await;
    let name = migration.destination.name();
    let config = json!({ "auths": {
        name.clone(): { "username": "other", "password": "wrong" },
        format!("{name}/team"): { "auth": migration.auth() },
    } });
    migration.file("auth.json", &config.to_string());
    migration
        .succeeds("", &[("REGISTRY_AUTH_FILE", "auth.json")])
        .await;
    migration.file("xdg/containers/auth.json", &config.to_string());
    migration.succeeds("", &[("XDG_CONFIG_HOME", "xdg")]).await;
}

fn answering(password: &str) -> String {
    format!(
        "printf '%s' '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{password}\"}}'"
    )
}

#[tokio::test]
async fn a_helper_is_asked_once_and_again_only_after_a_refusal() {
    let migration = Migration::new().await;
    let name = migration.destination.name();
    let config = json!({ "credHelpers": { name.clone(): "vault" } });
    migration.file(".docker/config.json", &config.to_string());
    let asked = format!("get {name}");

    migration.helper("vault", &answering(PASSWORD));
    migration.succeeds("", &[]).await;
    assert_eq!(migration.calls(), std::slice::from_ref(&asked));

    // Expired at first, as those of clouds are after some hours.
    let (expired, fresh) = (answering("expired"), answering(PASSWORD));
    let get =
        format!("if [ -e \"$HOME/asked\" ]; then {fresh}; else : > \"$HOME/asked\"; {expired}; fi");
    migration.helper("vault", &get);
    std::fs::remove_file(migration.home.path().join("calls")).unwrap();
    migration.succeeds("", &[]).await;
    assert_eq!(migration.calls(), [asked.clone(), asked]);
}

#[tokio::test]
async fn a_helper_that_fails_is_named_and_what_it_says_is_not_taken_for_a_message() {
    let migration = Migration::new().await;
    let config = json!({ "credHelpers": { migration.destination.name(): "vault" } });
    migration.file(".docker/config.json", &config.to_string());
    let absent = "docker-credential-vault cannot be started";
    migration.fails_with("", &[], absent).await;
    migration.helper("vault", "echo 'vault is sealed'; exit 1");
    let sealed = "docker-credential-vault failed: vault is sealed";
    migration.fails_with("", &[], sealed).await;
    migration.helper("vault", &format!("{}; exit 1", answering(PASSWORD)));
    migration
        .fails_with("", &[], "docker-credential-vault failed: it says no reason")
        .await;
}

#[tokio::test]
async fn a_left_behind_store_does_not_keep_from_what_everybody_may_do() {
    let migration = Migration::into(Guarded::open().await).await;
    migration.file(".docker/config.json", r#"{"credsStore": "desktop"}"#);
    migration.succeeds("", &[]).await;
}

#[tokio::test]
async fn a_list_says_where_the_password_is() {
    let migration = Migration::new().await;
    migration.file("password", &format!("{PASSWORD}\n"));
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
async fn nobody_is_told_how_to_become_somebody() {
    let migration = Migration::new().await;
    migration
        .fails_with("", &[], "none are configured or stored")
        .await;
    let config = json!({ "auths": { migration.destination.name(): { "auth": migration.auth() } } });
    migration.file(".docker/config.json", &config.to_string());
    let told = "none are configured or stored";
    migration.fails_with("anonymous = true", &[], told).await;
}

#[tokio::test]
async fn an_unreadable_file_is_told_when_it_might_have_helped() {
    let migration = Migration::new().await;
    migration.file(".docker/config.json", "{ \"auths\": ");
    migration
        .fails_with("", &[], "config.json: not JSON, line 1")
        .await;
}
