use super::*;
use crate::skopeo::fake_runtime::FakeRuntime;

#[tokio::test]
async fn the_container_is_made_started_or_left_alone() {
    let fake = FakeRuntime::new();
    let settings = Settings {
        shared: Some(SharedDirectory::new(fake.path("new/shared"))),
        ..fake.settings()
    };
    let runtime = Runtime::Docker;
    fake.set_state("missing");
    let created = ServiceStart::Created {
        runtime,
        shared: settings.shared.clone().unwrap(),
    };
    assert_eq!(start(&settings, &fake.search()).await, Ok(created));
    assert!(fake.path("new/shared").is_dir());
    let mount = format!("-v {}:/tmp/skopeo ", fake.path("new/shared").display());
    assert!(fake.log().contains(&mount), "{}", fake.log());
    let running = ServiceStart::Running { runtime };
    assert_eq!(start(&settings, &fake.search()).await, Ok(running));
    fake.set_state("stopped");
    let started = ServiceStart::Started { runtime };
    assert_eq!(start(&settings, &fake.search()).await, Ok(started));
    assert_eq!(fake.log().matches(" run ").count(), 1);
}

#[tokio::test]
async fn a_runtime_that_cannot_make_it_says_why() {
    let fake = FakeRuntime::new();
    fake.set_state("missing");
    std::fs::write(fake.path("no-image"), "").unwrap();
    let settings = Settings {
        shared: Some(fake.shared()),
        ..fake.settings()
    };
    let none = start(&settings, &fake.search()).await.unwrap_err();
    let reason = &none.methods[0].reason;
    assert!(reason.starts_with("`docker run -d "), "{reason}");
    assert!(reason.ends_with("failed: manifest unknown"), "{reason}");
    fake.set_state("silent");
    let none = start(&settings, &fake.search()).await.unwrap_err();
    assert!(none.to_string().contains("does not answer"), "{none}");
}
