//! Lists that select repositories by patterns, with registries that answer.

use reqwest::Method;
use transship::serve::{Action, Fault};

use crate::fixture::Fixture;

fn list(fixture: &Fixture, images: &str) -> String {
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    format!(
        "version = 1\nimages = [{images}]\n[source]\nregistry = \"{source}\"\n[destination]\n\
         registry = \"{destination}\"\n"
    )
}

#[tokio::test]
async fn a_pattern_copies_what_the_catalogue_has() {
    let fixture = Fixture::new().await;
    let text = list(&fixture, "\"docker://team/?*ir*\"");
    let text = text.replace(
        "docker://team",
        &format!("docker://{}/team", fixture.source.address()),
    );
    fixture.operator.run(&text, &[]).await.expect(0);
    assert_eq!(fixture.arrived(), ["team/first", "team/third"]);
    fixture
        .operator
        .run(&list(&fixture, "\"*\""), &[])
        .await
        .expect(0);
    assert_eq!(fixture.arrived().len(), 3);
}

#[tokio::test]
async fn a_registry_without_a_catalogue_is_a_mistake_of_the_list() {
    for status in [401, 404, 405] {
        let fixture = Fixture::new().await;
        let fault = Fault::on(Method::GET, "/v2/_catalog", Action::answer(status)).unwrap();
        let _fault = fixture.source.server.faults().add(fault);
        let ended = fixture
            .operator
            .run(&list(&fixture, "\"team/*\""), &[])
            .await;
        let told = &ended.expect(2).stderr;
        let registry = format!("registry {} has no catalogue", fixture.source.address());
        assert!(
            told.contains(&registry) && told.contains("name the repositories"),
            "{told}"
        );
        assert!(told.contains(&format!("said {status}")), "{told}");
        assert!(fixture.arrived().is_empty());
    }
}

#[tokio::test]
async fn a_pattern_without_files_is_a_mistake_of_the_list() {
    let fixture = Fixture::new().await;
    let ended = fixture
        .operator
        .run(
            &list(
                &fixture,
                "\"docker-archive:exports/*.tar\", \"team/first:1\"",
            ),
            &[],
        )
        .await;
    let told = &ended.expect(2).stderr;
    assert!(
        told.contains("nothing matches docker-archive:") && told.contains("list.toml:2:11"),
        "{told}"
    );
}
