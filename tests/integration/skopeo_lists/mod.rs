//! Images that skopeo copies, with the skopeo of this machine: the list, the events and the results are those of every
//! other image.

mod container;
mod ends;
mod failures;
mod local_stores;

use std::path::PathBuf;

use transship::{
    batch::{Event, JobId, Outcome, Settled, SkipReason},
    oci::{CopyEngine, Digest, Version},
    serve::ImageBuilder,
};

use crate::{
    embedded::Embedded,
    fixture::{Fixture, IMAGES},
    installed,
    operator::Ended,
    sample_images::{amd64, repository},
};

/// The three images of the fixture, and a skopeo.
struct Room {
    fixture: Fixture,
    program: PathBuf,
}

impl Room {
    /// `None`, with a printed line, if skopeo is not installed.
    async fn new() -> Option<Self> {
        let program = installed::program("skopeo")?;
        let fixture = Fixture::new().await;
        Some(Self { fixture, program })
    }

    /// A list whose last table is `[defaults]`, so that it can be continued there.
    fn list(&self, images: &str, defaults: &str) -> String {
        let (source, destination) = (
            self.fixture.source.address(),
            self.fixture.destination.address(),
        );
        format!(
            "version = 1\nimages = [{images}]\n[source]\nregistry = \"{source}\"\n\
             [destination]\nregistry = \"{destination}\"\n{}[defaults]\n{defaults}\n",
            settings(&self.program)
        )
    }

    async fn run(&self, images: &str, defaults: &str) -> Ended {
        let list = self.list(images, defaults);
        self.fixture.operator.run(&list, &["--json"]).await
    }
}

/// `[skopeo]` with the program of this machine, whatever its policy is.
pub fn settings(program: &std::path::Path) -> String {
    format!(
        "[skopeo]\nmethods = [\"local\"]\npath = {program:?}\nextra-args = [\"--insecure-policy\"]\n"
    )
}

/// What the image of a repository is, with the tag 1.
fn digest(registry: &Embedded, name: &str) -> Option<Digest> {
    let version = Version::Tag("1".parse().unwrap());
    let manifest = registry
        .server
        .store()
        .manifest(&repository(name), &version);
    manifest.unwrap().map(|manifest| manifest.digest)
}

fn outcomes(events: &[Event]) -> Vec<(u32, Outcome)> {
    let outcomes = events.iter().filter_map(|event| match event {
        Event::JobFinished { job, outcome } => Some((job.0, outcome.clone())),
        _ => None,
    });
    let mut outcomes: Vec<_> = outcomes.collect();
    outcomes.sort_by_key(|(job, _)| *job);
    outcomes
}

/// The first and third by skopeo, the second by this program.
const MIXED: &str =
    "\"team/first:1\", { name = \"team/second:1\", engine = \"native\" }, \"team/third:1\"";

#[tokio::test]
async fn a_list_with_both_engines_is_copied_once_and_up_to_date_afterwards() {
    let Some(room) = Room::new().await else {
        return;
    };
    let ended = room.run(MIXED, "engine = \"skopeo\"").await;
    let events = ended.expect(0).events();
    let engines = events.iter().filter_map(|event| match event {
        Event::JobListed { job } => Some(job.spec.engine),
        _ => None,
    });
    let engines: Vec<CopyEngine> = engines.collect();
    use CopyEngine::{Native, Skopeo};
    assert_eq!(engines, [Skopeo, Native, Skopeo]);
    let mut methods: Vec<u32> = Vec::new();
    for event in &events {
        if let Event::MethodSelected { job, method } = event {
            assert!(method.starts_with("skopeo "), "{method}");
            methods.push(job.0);
        }
    }
    methods.sort_unstable();
    assert_eq!(methods, [0, 2]);
    for (job, name) in (0..).map(JobId).zip(IMAGES) {
        let planned = events.iter().find_map(|event| match event {
            Event::JobPlanned {
                job: about, blobs, ..
            } if *about == job => Some(blobs),
            _ => None,
        });
        let planned = planned.unwrap();
        assert_eq!(planned.len(), 2, "{name}");
        for blob in planned {
            let settled = events.iter().filter(|event| {
                matches!(event, Event::BlobSettled { job: about, digest, how: Settled::Copied, .. }
                    if *about == job && *digest == blob.digest)
            });
            assert_eq!(settled.count(), 1, "{name} {}", blob.digest);
        }
        let root = digest(&room.fixture.source, name).unwrap();
        assert_eq!(
            digest(&room.fixture.destination, name).as_ref(),
            Some(&root)
        );
        assert!(outcomes(&events).contains(&(job.0, Outcome::Copied { root })));
    }
    let written = |room: &Room| {
        let requests = room.fixture.destination.requests();
        requests
            .iter()
            .filter(|request| request.method == "PUT")
            .count()
    };
    let before = written(&room);
    let again = room.run(MIXED, "engine = \"skopeo\"").await;
    let outcomes = outcomes(&again.expect(0).events());
    let is_up_to_date = |(_, outcome): &(u32, Outcome)| matches!(outcome, Outcome::UpToDate { .. });
    assert!(
        outcomes.len() == 3 && outcomes.iter().all(is_up_to_date),
        "{outcomes:?}"
    );
    assert_eq!(written(&room), before);
}

#[tokio::test]
async fn an_index_is_copied_with_all_its_images_or_with_one_platform() {
    let Some(room) = Room::new().await else {
        return;
    };
    let builder = ImageBuilder::new(room.fixture.source.server.store());
    let place = repository("team/multi");
    let platforms = [amd64(), "linux/arm64".parse().unwrap()];
    let children = platforms.iter().zip(50..).map(|(platform, seed)| {
        let layer = builder.layer(&place, seed, 9_000).unwrap();
        builder.image(&place, None, platform, &[layer]).unwrap()
    });
    let children: Vec<_> = children.collect();
    let tag = "1".parse().unwrap();
    let index = builder.index(&place, &tag, &children).unwrap();
    let images = "\"team/multi:1\", { name = \"team/multi:1\", to = \"team/arm:1\", platforms = [\"linux/arm64\"] }";
    let ended = room.run(images, "engine = \"skopeo\"").await;
    let copied = |root: &Digest| Outcome::Copied { root: root.clone() };
    assert_eq!(
        outcomes(&ended.expect(0).events()),
        [(0, copied(&index.digest)), (1, copied(&children[1].digest))]
    );
    let planned = ended.events().into_iter().find_map(|event| match event {
        Event::JobPlanned {
            job: JobId(0),
            manifests,
            blobs,
            ..
        } => Some((manifests.len(), blobs.len())),
        _ => None,
    });
    assert_eq!(planned, Some((3, 4)));
    assert_eq!(
        digest(&room.fixture.destination, "team/arm").as_ref(),
        Some(&children[1].digest)
    );
    let again = room.run(images, "engine = \"skopeo\"").await;
    let outcomes = outcomes(&again.expect(0).events());
    assert!(
        outcomes
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::UpToDate { .. })),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_tag_that_names_another_image_is_kept_refused_or_replaced() {
    let Some(room) = Room::new().await else {
        return;
    };
    let other = ImageBuilder::new(room.fixture.destination.server.store());
    let place = repository("team/first");
    let layer = other.layer(&place, 99, 1000).unwrap();
    let tag = "1".parse().unwrap();
    let there = other
        .image(&place, Some(&tag), &amd64(), &[layer])
        .unwrap()
        .digest;
    let run = async |rule: &str| {
        let defaults = format!("engine = \"skopeo\"\non-existing = \"{rule}\"");
        room.run("\"team/first:1\"", &defaults).await
    };
    let kept = run("keep").await;
    let why = SkipReason::Kept {
        there: there.clone(),
    };
    assert_eq!(
        outcomes(&kept.expect(0).events()),
        [(0, Outcome::Skipped { why })]
    );
    let refused = run("fail").await;
    let [(0, Outcome::Failed { cause })] = &outcomes(&refused.expect(1).events())[..] else {
        panic!("{}", refused.stdout);
    };
    assert!(
        cause
            .summary
            .contains("`on-existing = \"fail\"` does not replace it"),
        "{cause:?}"
    );
    assert_eq!(
        digest(&room.fixture.destination, "team/first").as_ref(),
        Some(&there)
    );
    let replaced = run("replace").await;
    let said = replaced
        .expect(0)
        .events()
        .into_iter()
        .find_map(|event| match event {
            Event::JobPlanned { replaces, .. } => replaces,
            _ => None,
        });
    assert_eq!(said, Some(there));
    let root = digest(&room.fixture.source, "team/first");
    assert_eq!(digest(&room.fixture.destination, "team/first"), root);
}

#[tokio::test]
async fn the_plan_says_which_skopeo_copies_and_nothing_is_copied() {
    let Some(room) = Room::new().await else {
        return;
    };
    let list = room.list(MIXED, "engine = \"skopeo\"");
    let ended = room
        .fixture
        .operator
        .run(&list, &["--review", "--headless"])
        .await;
    let text = &ended.expect(3).stdout;
    assert!(text.contains("plan: 3 to copy"), "{text}");
    assert!(text.contains("  2 images by skopeo "), "{text}");
    assert!(
        text.contains("skopeo copies 2 images without referrers and cosign's tags"),
        "{text}"
    );
    assert!(room.fixture.arrived().is_empty());
}
