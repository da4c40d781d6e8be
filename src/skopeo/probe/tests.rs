use super::*;
use crate::skopeo::fake_runtime::FakeRuntime;

async fn probed(fake: &FakeRuntime, settings: &Settings) -> (Vec<String>, Vec<Unusable>) {
    let Probed { usable, unusable } = probe(settings, &fake.search()).await;
    let usable = usable.iter().map(|method| method.description().to_owned());
    (usable.collect(), unusable)
}

/// Reason and remedy of the only method that was probed.
async fn refusal(fake: &FakeRuntime, settings: &Settings) -> (String, String) {
    let (usable, unusable) = probed(fake, settings).await;
    assert!(usable.is_empty(), "{usable:?}");
    let [refusal] = &unusable[..] else {
        panic!("{unusable:?}");
    };
    let remedy = refusal.remedy.clone().unwrap_or_default();
    (refusal.reason.clone(), remedy)
}

fn only(kind: MethodKind, fake: &FakeRuntime) -> Settings {
    Settings {
        methods: vec![kind],
        ..fake.settings()
    }
}

#[tokio::test]
async fn methods_that_work_keep_the_order_of_preference() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1.22.0-dev commit: 1", "");
    fake.skopeo("bin", "1.9.3", "");
    let container = "skopeo 1.22.0-dev in container skopeo-service (docker)".to_owned();
    let local = format!("skopeo 1.9.3 ({})", fake.path("bin/skopeo").display());
    let mut settings = fake.settings();
    let (usable, unusable) = probed(&fake, &settings).await;
    assert_eq!(usable, [container.clone(), local.clone()]);
    assert_eq!(unusable, []);
    settings.methods.reverse();
    let (usable, _) = probed(&fake, &settings).await;
    assert_eq!(usable, [local, container]);
}

#[tokio::test]
async fn all_reasons_are_told_at_once_with_the_commands_that_mend_them() {
    let fake = FakeRuntime::new();
    fake.set_state("stopped");
    let (usable, unusable) = probed(&fake, &fake.settings()).await;
    assert!(usable.is_empty());
    let told: Vec<(String, &str)> = unusable
        .iter()
        .map(|one| (one.to_string(), one.remedy.as_deref().unwrap()))
        .collect();
    let expected = [
        (
            "container: the container skopeo-service of docker is not running".to_owned(),
            "docker start skopeo-service",
        ),
        (
            "local: skopeo is not installed".to_owned(),
            "apt-get install skopeo",
        ),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_container_that_is_missing_broken_or_silent_is_told() {
    let fake = FakeRuntime::new();
    let settings = Settings {
        shared: Some(SharedDirectory::new("/srv/shared")),
        ..only(MethodKind::Container, &fake)
    };
    fake.set_state("missing");
    let (reason, remedy) = refusal(&fake, &settings).await;
    assert_eq!(reason, "docker has no container skopeo-service");
    assert_eq!(
        remedy,
        "docker run -d --name skopeo-service --restart unless-stopped -v /srv/shared:/tmp/skopeo \
         --entrypoint tail quay.io/skopeo/stable -f /dev/null"
    );
    fake.set_state("silent");
    let (reason, remedy) = refusal(&fake, &settings).await;
    assert_eq!(
        reason,
        "docker does not answer: Cannot connect to the daemon"
    );
    assert_eq!(remedy, "systemctl start docker");
    fake.set_state("true\\nhost");
    fake.program("inside/skopeo", "#!/bin/sh\necho broken >&2; exit 1\n");
    let (reason, remedy) = refusal(&fake, &settings).await;
    assert!(
        reason.ends_with("has no skopeo that runs: broken"),
        "{reason}"
    );
    assert!(remedy.starts_with("docker rm -f skopeo-service && docker run "));
    fake.skopeo("inside", "1.9.3", "");
    let (reason, _) = refusal(&fake, &settings).await;
    let problem = "the shared directory /srv/shared cannot be used as /tmp/skopeo";
    assert!(reason.starts_with(problem), "{reason}");
}

#[tokio::test]
async fn without_a_runtime_the_container_is_no_method() {
    let fake = FakeRuntime::new();
    std::fs::remove_file(fake.path("bin/docker")).unwrap();
    let mut settings = only(MethodKind::Container, &fake);
    let (reason, remedy) = refusal(&fake, &settings).await;
    assert_eq!(reason, "neither docker nor podman is installed");
    assert_eq!(remedy, "apt-get install podman");
    settings.runtime = Some(crate::skopeo::Runtime::Docker);
    let (reason, _) = refusal(&fake, &settings).await;
    assert_eq!(reason, "docker is not installed");
}

#[tokio::test]
async fn the_next_runtime_is_asked_when_the_first_has_no_container() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1.9.3", "");
    std::fs::rename(fake.path("bin/docker"), fake.path("bin/podman")).unwrap();
    fake.program(
        "bin/docker",
        "#!/bin/sh\necho unknown command >&2; exit 1\n",
    );
    let (usable, unusable) = probed(&fake, &only(MethodKind::Container, &fake)).await;
    assert_eq!(
        usable,
        ["skopeo 1.9.3 in container skopeo-service (podman)"]
    );
    assert_eq!(unusable, []);
}

#[tokio::test]
async fn the_shared_directory_must_be_the_same_on_both_sides() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1.9.3", "");
    let mut settings = Settings {
        shared: Some(fake.shared()),
        ..only(MethodKind::Container, &fake)
    };
    let (usable, unusable) = probed(&fake, &settings).await;
    assert_eq!((usable.len(), unusable), (1, vec![]));
    let left = FakeRuntime::entries(&fake.path("shared"));
    assert!(left.iter().all(|name| !name.contains("probe")), "{left:?}");
    // Another directory of the container, with other files.
    settings.shared = Some(SharedDirectory {
        inside: fake.path("inside").display().to_string(),
        ..fake.shared()
    });
    let (reason, _) = refusal(&fake, &settings).await;
    assert!(reason.contains("cannot be used"), "{reason}");
}

#[tokio::test]
async fn a_local_skopeo_that_fails_is_told() {
    let fake = FakeRuntime::new();
    fake.program(
        "bin/skopeo",
        "#!/bin/sh\necho no such library >&2; exit 127\n",
    );
    let (reason, remedy) = refusal(&fake, &only(MethodKind::Local, &fake)).await;
    assert!(
        reason.ends_with("--version failed: no such library"),
        "{reason}"
    );
    assert_eq!(remedy, "apt-get install --reinstall skopeo");
}
