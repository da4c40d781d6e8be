//! Images go into a daemon and come out as they were.

use std::sync::Arc;

use transship::{
    batch::FailureClass,
    oci::{LocalStore, Transport},
    registry::Limits,
    transport::{DaemonStore, LayerFormat, LayerSpool, OpenStore},
};

use super::{
    images::{GZIP, archive, copy, docker_save, name},
    podman::Podman,
};

fn open(podman: &Podman, transport: Transport) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(transport, &podman.url());
    let spool = Arc::new(LayerSpool::new(podman.path("spool")));
    Arc::new(DaemonStore::new(store, Limits::default(), spool))
}

async fn names(store: &Arc<dyn OpenStore>) -> Vec<String> {
    let images = store.images().await.unwrap();
    images.iter().map(|image| image.name.to_string()).collect()
}

#[tokio::test]
async fn an_image_is_the_same_after_it_was_in_a_daemon() {
    let Some(podman) = Podman::start().await else {
        return;
    };
    let saved = podman.path("saved.tar");
    let id = docker_save(&saved, "r.example/app:1");
    for (transport, to) in [
        (Transport::DockerDaemon, "r.example/app:1"),
        (Transport::ContainersStorage, "r.example/other:2"),
    ] {
        let daemon = open(&podman, transport);
        let copied = copy(&archive(&saved), None, GZIP, &daemon, to).await;
        assert_eq!(copied.unwrap(), id);
        assert!(!names(&daemon).await.contains(&to.to_owned()));
        daemon.finish(true).await.unwrap();
        assert!(names(&daemon).await.contains(&to.to_owned()));
        let path = podman.path(&format!("{}.tar", transport.name()));
        let back = archive(&path);
        for (from, format) in [(to, GZIP), (&id.hex(), LayerFormat::AsStored)] {
            let copied = copy(&daemon, Some(from), format, &back, to).await;
            assert_eq!(copied.unwrap(), id, "{transport:?} {from}");
        }
        back.finish(true).await.unwrap();
        assert!(path.exists());
        daemon.finish(true).await.unwrap();
    }
}

#[tokio::test]
async fn a_daemon_says_what_it_has_not_and_one_that_is_gone_may_come_back() {
    let Some(mut podman) = Podman::start().await else {
        return;
    };
    let daemon = open(&podman, Transport::DockerDaemon);
    let missing = Arc::clone(&daemon)
        .source(Some(&name("r.example/none:1")), GZIP)
        .await;
    let missing = missing.err().unwrap();
    assert!(missing.is_not_found(), "{missing}");
    let saved = podman.path("saved.tar");
    docker_save(&saved, "app:1");
    copy(&archive(&saved), None, GZIP, &daemon, "r.example/app:1")
        .await
        .unwrap();
    podman.kill().await;
    for error in [
        daemon.finish(true).await.unwrap_err(),
        daemon.images().await.unwrap_err(),
    ] {
        assert!(
            matches!(error.class(), FailureClass::Transient { .. }),
            "{error}"
        );
    }
}
