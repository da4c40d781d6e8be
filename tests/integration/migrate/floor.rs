//! The least bytes and requests that the protocol allows, counted at the registries.

use std::{collections::HashSet, sync::Mutex};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::sync::oneshot;
use transship::batch::{Job, JobId, Settled};
use transship::{
    copy::{CopyOutcome, Engine, Report},
    serve::{Action, Fault},
};

use super::copier::{Copier, tagged};

fn asked(counts: &[(usize, &str)]) -> Vec<(usize, String)> {
    let counts = counts.iter();
    counts
        .map(|(count, kind)| (*count, (*kind).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_new_image_of_l_layers_costs_twice_its_blobs_and_its_manifest() {
    let copier = Copier::new().await;
    copier.put_image("team/app", &[1, 2, 3]);
    copier.copy("team/app:1", "new/app:1").await;
    // Three layers and a config, and whether there is anything in the repository.
    let expected = asked(&[
        (1, "GET tags 404"),
        (1, "HEAD manifest 404"),
        (4, "POST upload 202"),
        (1, "PUT manifest 201"),
        (4, "PUT upload 201"),
    ]);
    assert_eq!(copier.asked_of_destination(), expected);
    let expected = asked(&[(4, "GET blob 200"), (1, "GET manifest 200")]);
    assert_eq!(copier.asked_of_source(), expected);
}

#[tokio::test]
async fn an_image_that_is_there_costs_one_head_on_each_side() {
    let copier = Copier::new().await;
    copier.put_image("team/app", &[1, 2, 3]);
    copier.copy("team/app:1", "new/app:1").await;
    // A new engine, as in another batch.
    let copier = Copier {
        engine: Engine::new(Default::default()),
        ..copier
    };
    copier.forget_requests();
    let done = copier.copy("team/app:1", "new/app:1").await;
    assert!(matches!(done, CopyOutcome::UpToDate { .. }));
    let expected = asked(&[(1, "HEAD manifest 200")]);
    assert_eq!(copier.asked_of_destination(), expected);
    assert_eq!(copier.asked_of_source(), expected);
}

#[tokio::test]
async fn a_mounted_blob_costs_one_request_and_no_byte() {
    let copier = Copier::new().await;
    copier.put_image("team/app", &[1, 2, 3]);
    copier.copy("team/app:1", "new/app:1").await;
    copier.forget_requests();
    copier.copy("team/app:1", "new/twin:1").await;
    let expected = asked(&[
        (1, "HEAD manifest 404"),
        (4, "POST mount 201"),
        (1, "PUT manifest 201"),
    ]);
    assert_eq!(copier.asked_of_destination(), expected);
    let expected = asked(&[(1, "GET manifest 200")]);
    assert_eq!(copier.asked_of_source(), expected);
}

#[tokio::test]
async fn another_tag_of_the_same_image_costs_its_manifest() {
    let copier = Copier::new().await;
    copier.put_image("team/app", &[1, 2]);
    copier.copy("team/app:1", "new/app:1").await;
    copier.forget_requests();
    copier.copy("team/app:1", "new/app:stable").await;
    let expected = asked(&[(1, "HEAD manifest 404"), (1, "PUT manifest 201")]);
    assert_eq!(copier.asked_of_destination(), expected);
}

#[tokio::test]
async fn twenty_images_on_one_base_upload_it_once() {
    const IMAGES: u64 = 20;
    let copier = Copier::new().await;
    let mut base = None;
    for number in 0..IMAGES {
        let layers = copier.put_image(&format!("team/app-{number}"), &[1, 100 + number]);
        base = Some(layers[0].digest.to_string());
    }
    let base = base.unwrap();
    let copies = (0..IMAGES).map(|number| {
        let order = Job {
            id: JobId(u32::try_from(number).unwrap()),
            ..copier.order(
                &format!("team/app-{number}:1"),
                &format!("new/app-{number}:1"),
            )
        };
        let engine = &copier.engine;
        async move { engine.copy(&order, &|_| ()).await.unwrap() }
    });
    join_all(copies).await;
    let requests = copier.destination.requests();
    let mut uploaded = HashSet::new();
    for request in &requests {
        if let Some((_, digest)) = request.upload() {
            assert!(uploaded.insert(digest), "{request:?}");
        }
    }
    let mounts = requests.iter().filter_map(|request| request.mounted());
    assert_eq!(mounts.filter(|digest| **digest == base).count(), 19);
    let read = copier.source.requests();
    let read = read
        .iter()
        .filter(|request| request.target.ends_with(&base));
    assert_eq!(read.count(), 1);
}

#[tokio::test]
async fn one_registry_on_both_sides_moves_no_bytes() {
    let copier = Copier::new().await;
    let copier = Copier {
        // Source and destination are one registry; the other gets no request.
        source: copier.destination,
        destination: copier.source,
        engine: copier.engine,
    };
    copier.put_image("team/app", &[1, 2, 3]);
    let mut order = copier.order("team/app:1", "ignored:1");
    order.spec.destination = format!("{}/release/app:1", copier.source.address())
        .parse()
        .unwrap();
    copier.engine.copy(&order, &|_| ()).await.unwrap();
    let expected = asked(&[
        (1, "GET manifest 200"),
        (1, "HEAD manifest 404"),
        (4, "POST mount 201"),
        (1, "PUT manifest 201"),
    ]);
    assert_eq!(copier.asked_of_source(), expected);
    assert!(copier.asked_of_destination().is_empty());
}

#[tokio::test]
async fn a_failed_owner_frees_its_claim_and_a_waiter_copies() {
    let copier = Copier::new().await;
    for name in ["team/owner", "team/waiter"] {
        copier.put_image(name, &[1]);
    }
    // The owner's source stalls until the other image waits, and then lacks the blobs.
    let faults = copier.source.server.faults();
    let fault = |action| Fault::on(Method::GET, "/team/owner/blobs/", action).unwrap();
    let hanging = faults.add(fault(Action::Hang));
    faults.add(fault(Action::answer(404)));
    let owner = Job {
        id: JobId(1),
        ..copier.order("team/owner:1", "new/owner:1")
    };
    let waiter = Job {
        id: JobId(2),
        ..copier.order("team/waiter:1", "new/waiter:1")
    };
    let (waits, waited) = oneshot::channel();
    let waits = Mutex::new(Some(waits));
    let copied = Mutex::new(0);
    let report = |report| match report {
        Report::Waiting { owner, .. } => {
            assert_eq!(owner, JobId(1));
            if let Some(waits) = waits.lock().unwrap().take() {
                waits.send(()).unwrap();
            }
        }
        Report::Settled {
            how: Settled::Copied,
            ..
        } => *copied.lock().unwrap() += 1,
        _ => {}
    };
    let second = async {
        hanging.hit_times(2).await;
        copier.engine.copy(&waiter, &report).await
    };
    let release = async {
        waited.await.unwrap();
        hanging.release();
    };
    let first = copier.engine.copy(&owner, &|_| ());
    let (first, second, ()) = tokio::join!(first, second, release);
    assert!(first.is_err());
    assert!(matches!(second.unwrap(), CopyOutcome::Copied { .. }));
    assert_eq!(*copied.lock().unwrap(), 2);
    let [copy, origin] = [
        (copier.home(), "new/waiter"),
        (copier.origin(), "team/waiter"),
    ]
    .map(|(store, name)| tagged(store, name).digest);
    assert_eq!(copy, origin);
}
