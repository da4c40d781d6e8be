use std::fs;

use super::*;
use crate::skopeo::{Login, RegistryAccess, fake_runtime::FakeRuntime};

async fn open(fake: &FakeRuntime, settings: Settings) -> Skopeo {
    Skopeo::search(settings, &fake.search()).await.unwrap()
}

/// A request with a password, from a registry to another.
fn request() -> CopyRequest {
    let login = Login {
        username: "me".into(),
        password: "hunter2".into(),
    };
    CopyRequest {
        access: vec![RegistryAccess {
            login: Some(login),
            ..RegistryAccess::anonymous("r.example".parse().unwrap())
        }],
        ..CopyRequest::new(
            "r.example/app:1".parse().unwrap(),
            "s.example/app:1".parse().unwrap(),
        )
    }
}

async fn lines(skopeo: &Skopeo, request: &CopyRequest) -> Vec<String> {
    let mut lines = Vec::new();
    let mut on_event = |event| {
        if let OutputEvent::Line(line) = event {
            lines.push(line);
        }
    };
    skopeo.copy(request, &mut on_event).await.unwrap();
    lines
}

/// Prints its auth file.
const SHOW_AUTH: &str = "for word; do case $word in --authfile=*) cat ${word#*=};; esac; done";

#[tokio::test]
async fn both_methods_get_the_password_in_a_file_and_in_no_argument() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1", &format!("echo inside; {SHOW_AUTH}"));
    fake.skopeo("bin", "1", &format!("echo local; {SHOW_AUTH}"));
    for (method, terminal) in [("inside", false), ("inside", true), ("local", true)] {
        let mut settings = fake.settings();
        if method == "local" {
            settings.methods.reverse();
        }
        let skopeo = open(&fake, settings).await;
        let request = CopyRequest {
            terminal,
            ..request()
        };
        let lines = lines(&skopeo, &request).await;
        let auth = r#"{"auths":{"r.example":{"auth":"bWU6aHVudGVyMg=="}}}"#;
        assert_eq!(lines, [method, auth]);
    }
    let log = fake.log();
    assert!(log.contains("--authfile="), "{log}");
    assert!(!log.contains("hunter2") && !log.contains("bWU6"), "{log}");
}

#[tokio::test]
async fn a_missing_method_is_passed_over_in_each_order() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1", "");
    let skopeo = open(&fake, fake.settings()).await;
    assert!(skopeo.description().contains("in container"));
    let mut settings = fake.settings();
    settings.methods.reverse();
    assert!(
        open(&fake, settings)
            .await
            .description()
            .contains("in container")
    );
    fake.skopeo("bin", "1", "");
    fake.set_state("stopped");
    let skopeo = open(&fake, fake.settings()).await;
    assert!(skopeo.description().contains("bin/skopeo"));
    fs::remove_file(fake.path("bin/skopeo")).unwrap();
    let none = Skopeo::search(fake.settings(), &fake.search()).await;
    let none = none.err().unwrap();
    assert_eq!(none.methods.len(), 2);
    let failure = none.failure();
    assert_eq!(failure.side, Side::Local);
    let hint = failure.hint().unwrap();
    assert_eq!(
        hint,
        "run docker start skopeo-service or apt-get install skopeo"
    );
}

#[tokio::test]
async fn an_image_that_the_container_cannot_reach_is_copied_by_the_next_method() {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1", "echo inside");
    fake.skopeo("bin", "1", "echo local");
    let skopeo = open(&fake, fake.settings()).await;
    let daemon = CopyRequest {
        source: "docker-daemon:app:1".parse().unwrap(),
        ..request()
    };
    assert_eq!(lines(&skopeo, &request()).await, ["inside"]);
    assert_eq!(lines(&skopeo, &daemon).await, ["local"]);
    let used = skopeo.description_for(&daemon).unwrap();
    assert!(used.contains("bin/skopeo"), "{used}");
    fs::remove_file(fake.path("bin/skopeo")).unwrap();
    let skopeo = open(&fake, fake.settings()).await;
    let error = skopeo.copy(&daemon, &mut |_| ()).await.unwrap_err();
    let chain = error.failure().chain.join("; ");
    assert!(chain.contains("the daemon's socket"), "{chain}");
    assert!(chain.contains("local: skopeo is not installed"), "{chain}");
}

#[tokio::test]
async fn a_container_that_stops_is_no_failure_of_the_image() {
    let fake = FakeRuntime::new();
    let state = fake.path("state").display().to_string();
    fake.skopeo("inside", "1", &format!("echo stopped > {state}; exit 137"));
    let skopeo = open(&fake, fake.settings()).await;
    let error = skopeo.copy(&request(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, SkopeoError::MethodGone { .. }), "{error}");
    let failure = error.failure();
    assert!(matches!(failure.class, FailureClass::Transient { .. }));
}

#[tokio::test]
async fn an_archive_of_a_failed_copy_is_not_left_behind() {
    let fake = FakeRuntime::new();
    // Writes a part of its last argument.
    let script = "for last; do :; done; file=${last#*:}; echo part > ${file%%:*}";
    fake.skopeo(
        "bin",
        "1",
        &format!("{script}; exit $(cat {})", fake.path("code").display()),
    );
    let skopeo = open(&fake, fake.settings()).await;
    let archive = fake.path("app.tar");
    let location = format!("docker-archive:{}:app:1", archive.display());
    let request = CopyRequest {
        destination: location.parse().unwrap(),
        ..request()
    };
    fs::write(fake.path("code"), "1").unwrap();
    skopeo.copy(&request, &mut |_| ()).await.unwrap_err();
    let names = FakeRuntime::entries(&fake.path(""));
    assert!(
        names.iter().all(|name| !name.contains("app.tar")),
        "{names:?}"
    );
    fs::write(fake.path("code"), "0").unwrap();
    skopeo.copy(&request, &mut |_| ()).await.unwrap();
    assert_eq!(fs::read_to_string(archive).unwrap(), "part\n");
}

#[tokio::test]
async fn extra_arguments_reach_copies_and_secrets_among_them_are_refused() {
    let fake = FakeRuntime::new();
    fake.skopeo("bin", "1", "for word; do echo $word; done");
    let mut settings = fake.settings();
    settings.extra_args = vec!["--retry-times=3".into()];
    let skopeo = open(&fake, settings.clone()).await;
    let lines = lines(&skopeo, &request()).await;
    assert!(lines.contains(&"--retry-times=3".into()), "{lines:?}");
    settings.extra_args.push("--dest-creds=me:hunter2".into());
    let none = Skopeo::search(settings, &fake.search()).await;
    let text = none.err().unwrap().to_string();
    assert!(text.contains("--dest-creds"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_question_takes_too_long_or_is_answered() {
    let fake = FakeRuntime::new();
    fake.skopeo("bin", "1", "echo '{\"a\": 1}'");
    let skopeo = open(&fake, fake.settings()).await;
    let mut image = ImageRequest::new("r.example/app:1".parse().unwrap());
    assert_eq!(skopeo.inspect(&image).await.unwrap()["a"], 1);
    let manifest = skopeo.raw_manifest(&image).await.unwrap().unwrap();
    assert_eq!(manifest, b"{\"a\": 1}\n");
    let digest = skopeo.manifest_digest(&image).await.unwrap();
    assert_eq!(digest, Digest::of(&manifest));
    fake.skopeo("bin", "1", "exec sleep 600");
    image.timeout = Some(Duration::ZERO);
    let error = skopeo.inspect(&image).await.unwrap_err();
    assert!(matches!(error, SkopeoError::Deadline(_)), "{error}");
}
