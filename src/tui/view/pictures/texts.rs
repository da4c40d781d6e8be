//! Batches with long, wide or hostile text.

use crate::{
    batch::{
        Attempt, BlobKind, Event, FailureClass, JobId, Millis, Outcome, PlannedBlob,
        PlannedManifest, Settled, Side,
    },
    oci::{MediaType, Platform},
    tui::{
        fixtures::{
            self, MIB, batch_started, blob_started, blob_waited, failure, finished, job, planned,
            progress, settled, started, tell, tick,
        },
        model::Model,
    },
};

use super::states::sampled_registries;

/// Long names, and escape sequences wherever a registry or a list can put them.
pub fn hostile() -> Model {
    let evil = "\x1b[2J\x1b]0;title\x07\u{9b}31m\r\n\t\u{202e}evil\u{200b}\u{feff}画像レジストリ\0";
    let mut model = fixtures::model([batch_started(&format!("画像リスト{evil}.toml"), 2)]);
    let mut cause = failure(Side::Source, FailureClass::Rejected, evil);
    cause.chain = vec![evil.repeat(20), evil.into()];
    let platform = Platform {
        os: evil.into(),
        architecture: evil.into(),
        variant: Some(evil.into()),
        os_version: None,
    };
    tell(
        &mut model,
        [
            job(0, "a.example/team/api:1", "b.example/team/api:1"),
            job(
                1,
                &format!(
                    "a.example:5000/{}/api:{}",
                    ["deep"; 40].join("/"),
                    "9".repeat(120)
                ),
                "b.example/api:1",
            ),
            Event::JobPlanned {
                job: JobId(0),
                root: fixtures::digest(0, 0),
                replaces: None,
                manifests: vec![PlannedManifest {
                    digest: fixtures::digest(0, 0),
                    media_type: MediaType::new(evil),
                    size: 1,
                    platform: Some(platform),
                    parent: None,
                    blobs: vec![0],
                }],
                blobs: vec![PlannedBlob {
                    digest: fixtures::digest(0, 1),
                    size: 1,
                    kind: BlobKind::Layer,
                    media_type: Some(MediaType::new(evil)),
                }],
            },
            finished(0, Outcome::Failed { cause }),
            Event::Noted {
                job: Some(JobId(0)),
                text: evil.repeat(30),
            },
        ],
    );
    tick(&mut model, 1);
    model
}

/// Long and wide names and texts, wherever a list or a registry can put them.
pub fn wide() -> Model {
    let mut model = fixtures::model([batch_started(
        "画像リスト/本番 e\u{301}tage 🚢 production.toml",
        4,
    )]);
    let name = [
        "platform",
        "payments",
        "a-service-with-a-very-long-name-indeed",
    ]
    .join("/");
    let tag = "2026.11.21-build.12345-feature-branch-with-a-long-name";
    let text =
        "の割り当てを超えました 🚢🚢 e\u{301}puise\u{301}: 画像レジストリは画像を拒否しました";
    let class = FailureClass::Rejected;
    let mut cause = failure(Side::Destination, class, &format!("said 403: {text}"));
    cause.chain = vec![text.repeat(3), format!("PUT /v2/{name}/manifests/{tag}")];
    let waiting = Event::JobRetryScheduled {
        job: JobId(2),
        attempt: Attempt(1),
        delay_ms: Millis(12_000),
        cause: failure(Side::Source, class, text),
    };
    let registry = "registry.with-a-long-name.example:5000";
    tell(
        &mut model,
        (0..4).map(|id| {
            job(
                id,
                &format!("{registry}/{name}/component-{id}:{tag}"),
                &format!("b.example/mirror/{name}/component-{id}:{tag}"),
            )
        }),
    );
    let sizes = [3_000, 40_000 * MIB, 123 * MIB];
    tell(
        &mut model,
        [
            started(0, 1),
            planned(0, &sizes),
            finished(0, Outcome::Failed { cause }),
            started(1, 1),
            planned(1, &sizes),
            settled(1, 0, Settled::Present),
            Event::BlobSettled {
                job: JobId(1),
                digest: fixtures::digest(1, 2),
                bytes: 0,
                how: Settled::Mounted {
                    from: name.parse().unwrap(),
                },
            },
            blob_started(1, 1, 0),
            progress(1, 1, 1, 39_999 * MIB),
            started(2, 1),
            waiting,
            started(3, 1),
            planned(3, &sizes),
            blob_waited(3, 1, 1),
            Event::Noted {
                job: Some(JobId(1)),
                text: text.repeat(2),
            },
            sampled_registries(1),
        ],
    );
    tick(&mut model, 1);
    model
}
