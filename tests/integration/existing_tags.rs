//! Destination tags that name another image, in the output for operators and scripts.

use transship::{
    batch::{Event, Outcome, SkipReason},
    oci::{Digest, Tag, Version},
    serve::ImageBuilder,
};

use crate::{
    fixture::Fixture,
    operator::Ended,
    sample_images::{amd64, repository},
};

/// The second image's tag names another image at the destination, and the list says `on_existing`.
async fn fixture(on_existing: &str) -> (Fixture, Digest) {
    let fixture = Fixture::new().await;
    let estate = ImageBuilder::new(fixture.destination.server.store());
    let repository = repository("team/second");
    let layer = estate.layer(&repository, 77, 1000).unwrap();
    let other = estate.image(&repository, Some(&tag()), &amd64(), &[layer]);
    let path = fixture.list();
    let list = std::fs::read_to_string(&path).unwrap();
    let list = format!("{list}\n[defaults]\non-existing = \"{on_existing}\"\n");
    std::fs::write(path, list).unwrap();
    (fixture, other.unwrap().digest)
}

fn tag() -> Tag {
    "1".parse().unwrap()
}

fn at_destination(fixture: &Fixture) -> Digest {
    let store = fixture.destination.server.store();
    let found = store.manifest(&repository("team/second"), &Version::Tag(tag()));
    found.unwrap().unwrap().digest
}

async fn run(fixture: &Fixture, options: &[&str]) -> Ended {
    let list = fixture.operator.path("list.toml");
    let run = ["run", list.to_str().unwrap()];
    fixture.operator.say(&[&run[..], options].concat()).await
}

#[tokio::test]
async fn what_is_replaced_is_in_the_plan_in_the_line_and_in_the_events() {
    let (fixture, before) = fixture("replace").await;
    let reviewed = run(&fixture, &["--review"]).await;
    let said = &reviewed.expect(3).stdout;
    let to = fixture.destination.address();
    for part in [
        "plan: 3 to copy (1 replaces a tag)\n".to_owned(),
        format!("  {to}/team/second:1 replaces {before}\n"),
        format!("; replaces {before}\n"),
    ] {
        assert!(said.contains(&part), "{part} is not in\n{said}");
    }
    assert_eq!(at_destination(&fixture), before);
    let ran = run(&fixture, &["--json"]).await;
    let replaced: Vec<_> = (ran.expect(0).events().into_iter())
        .filter_map(|event| match event {
            Event::JobPlanned { replaces, .. } => replaces,
            _ => None,
        })
        .collect();
    assert_eq!(replaced, std::slice::from_ref(&before));
    assert_ne!(at_destination(&fixture), before);
}

#[tokio::test]
async fn the_line_of_a_copied_image_says_what_it_replaced() {
    let (fixture, before) = fixture("replace").await;
    let ran = run(&fixture, &[]).await;
    let said = &ran.expect(0).stdout;
    assert!(said.contains(&format!("; replaced {before}\n")), "{said}");
}

#[tokio::test]
async fn a_kept_image_is_counted_apart_and_stays_kept_when_resumed() {
    let (fixture, there) = fixture("keep").await;
    // Another image fails, so that there is something to resume.
    fixture.misbehave("team/third", transship::serve::Action::answer(404));
    let ran = run(&fixture, &[]).await;
    let said = &ran.expect(1).stdout;
    let line = format!("kept: the destination has {there}\n");
    assert!(said.contains(&line), "{said}");
    assert!(
        said.contains("3 images: 1 copied, 1 failed, 1 kept in"),
        "{said}"
    );
    let batches = fixture.operator.say(&["batches"]).await;
    assert!(
        batches.stdout.contains("1 copied, 1 failed, 1 kept"),
        "{}",
        batches.stdout
    );

    fixture.source.server.faults().clear();
    fixture.destination.server.access_log().clear();
    let resumed = fixture
        .operator
        .say(&["resume", "--retry-failed", "--json"])
        .await;
    let restored: Vec<_> = (resumed.expect(0).events().into_iter())
        .filter_map(|event| match event {
            Event::JobRestored {
                outcome: Outcome::Skipped { why },
                ..
            } => Some(why),
            _ => None,
        })
        .collect();
    let kept = there.clone();
    assert_eq!(restored, [SkipReason::Kept { there: kept }]);
    let asked = fixture.destination.requests();
    assert!(
        asked
            .iter()
            .all(|request| !request.target.contains("team/second"))
    );
    assert_eq!(at_destination(&fixture), there);
}

#[tokio::test]
async fn an_image_whose_tag_must_be_free_fails_for_good() {
    let (fixture, there) = fixture("fail").await;
    let ran = run(&fixture, &[]).await;
    let said = &ran.expect(1).stdout;
    assert!(said.contains("2 copied, 1 failed"), "{said}");
    assert!(
        said.contains(&format!("destination has {there} under 1")),
        "{said}"
    );
    assert!(said.contains("write `on-existing = \"replace\"`"), "{said}");
    assert!(!said.contains("attempt 2"), "{said}");
    assert_eq!(at_destination(&fixture), there);
}
