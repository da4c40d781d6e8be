//! The exit codes of the commands that read one image or repository.

use transship::{
    oci::MediaType,
    serve::{Action, Fault},
};

use crate::{fixture::Fixture, operator::Ended};

/// The commands on an image, and `tags` on its repository.
async fn read(fixture: &Fixture, image: &str) -> Vec<Ended> {
    let (repository, _) = image.rsplit_once(':').unwrap();
    let mut all = Vec::new();
    for arguments in [
        &["inspect", image][..],
        &["inspect", "--raw", image],
        &["inspect", "--config", image],
        &["digest", image],
        &["tags", repository],
    ] {
        all.push(fixture.operator.say(arguments).await);
    }
    all
}

async fn expect(fixture: &Fixture, image: &str, code: i32) {
    for ended in read(fixture, image).await {
        assert_eq!(ended.expect(code).stdout, "");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.starts_with("transship: "), "{}", ended.stderr);
    }
}

/// Every request for the image is answered with this status, and a code as registries give it.
async fn answered(status: u16, code: &str) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
    let answer = Action::answer(status).body(&body);
    let fault = Fault::on_any("/team/first/", answer).unwrap();
    fixture.source.server.faults().add(fault);
    let image = format!("{}/team/first:1", fixture.source.address());
    (fixture, image)
}

#[tokio::test]
async fn what_is_not_there_is_4() {
    let fixture = Fixture::new().await;
    let address = fixture.source.address();
    expect(&fixture, &format!("{address}/team/nothing:1"), 4).await;
    for arguments in [
        &["inspect", "oci:nowhere:team/api:1"][..],
        &["digest", "docker-archive:nowhere.tar"],
        &["tags", "oci:nowhere"],
        &["inspect", &format!("{address}/team/first:2")],
    ] {
        fixture.operator.say(arguments).await.expect(4);
    }
}

#[tokio::test]
async fn what_cannot_be_reached_or_may_pass_is_5() {
    let fixture = Fixture::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    expect(&fixture, &format!("{closed}/team/first:1"), 5).await;
    let (fixture, image) = answered(503, "UNAVAILABLE").await;
    expect(&fixture, &image, 5).await;
}

#[tokio::test]
async fn what_is_denied_is_6() {
    for (status, code) in [(401, "UNAUTHORIZED"), (403, "DENIED")] {
        let (fixture, image) = answered(status, code).await;
        expect(&fixture, &image, 6).await;
    }
}

#[tokio::test]
async fn another_failure_is_1_and_wrong_arguments_are_2() {
    let (fixture, image) = answered(400, "NAME_INVALID").await;
    expect(&fixture, &image, 1).await;
    for arguments in [
        &["inspect"][..],
        &["inspect", "Not/An Image"],
        &["digest", "Not/An Image"],
        &["tags", "a.example/b:1"],
        &["inspect", "--platform", "", &image],
    ] {
        fixture.operator.say(arguments).await.expect(2);
    }
}

#[tokio::test]
async fn a_platform_that_an_image_lacks_is_not_found() {
    let fixture = Fixture::new().await;
    let store = fixture.source.server.store();
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []
    });
    let (repository, tag) = ("team/index".parse().unwrap(), "1".parse().unwrap());
    store
        .put_manifest(
            &repository,
            Some(&tag),
            MediaType::OCI_INDEX,
            index.to_string().as_bytes(),
        )
        .unwrap();
    let image = format!("{}/team/index:1", fixture.source.address());
    for option in ["--json", "--raw", "--config"] {
        let inspect = ["inspect", &image, "--platform=linux/s390x", option];
        let ended = fixture.operator.say(&inspect).await;
        let said = &ended.expect(4).stderr;
        assert!(said.contains("no image for linux/s390x"), "{said}");
    }
}

#[tokio::test]
async fn help_explains_the_codes() {
    let fixture = Fixture::new().await;
    for command in ["inspect", "tags", "digest"] {
        let help = fixture.operator.say(&[command, "--help"]).await;
        assert!(
            help.expect(0).stdout.contains("4  not found"),
            "{}",
            help.stdout
        );
    }
    let help = fixture.operator.say(&["--help"]).await;
    assert!(help.expect(0).stdout.contains("3  stopped before the end"));
}
