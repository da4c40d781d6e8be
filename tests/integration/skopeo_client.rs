//! The library's skopeo, with the real program: in a real container and on this machine.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::write::GzEncoder;
use transship::{
    batch::{FailureClass, Side},
    oci::{Digest, Location, MediaType},
    serve::{Auth, Credentials, ImageBuilder, Options, Server},
    skopeo::{
        CopyRequest, ImageRequest, Login, MethodKind, OutputEvent, RegistryAccess, Settings, Skopeo,
    },
};

use crate::{embedded::Embedded, installed, skopeo_container::SkopeoContainer};

const PASSWORD: &str = "a password that is nowhere else";
const REPOSITORY: &str = "team/app";
const LAYER_BYTES: usize = 3_000_000;

/// Puts an image of one layer; its digest. The layer is compressed, so that skopeo leaves it as it is.
fn put_image(server: &Server) -> Digest {
    let builder = ImageBuilder::new(server.store());
    let repository = REPOSITORY.parse().unwrap();
    let mut layer = GzEncoder::new(Vec::new(), flate2::Compression::none());
    layer.write_all(&vec![7; LAYER_BYTES]).unwrap();
    let layer = layer.finish().unwrap();
    let media_type = MediaType::OCI_LAYER_GZIP;
    let layer = (server.store()).put_blob(&repository, media_type, &layer[..]);
    let layer = layer.unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let tag = "1".parse().unwrap();
    let image = builder.image(&repository, Some(&tag), &platform, &[layer]);
    image.unwrap().digest
}

/// A registry that asks for the password.
async fn guarded(directory: &Path) -> Server {
    let options = Options {
        auth: Auth::Basic(Credentials::new("me", PASSWORD)),
        ..Options::new(directory)
    };
    let server = Server::bind(([127, 0, 0, 1], 0).into(), options);
    server.await.unwrap()
}

fn access(server: &Server) -> RegistryAccess {
    RegistryAccess {
        login: Some(Login {
            username: "me".into(),
            password: PASSWORD.into(),
        }),
        tls_verify: Some(false),
        ..RegistryAccess::anonymous(server.address().to_string().parse().unwrap())
    }
}

fn image(address: impl std::fmt::Display, tag: &str) -> Location {
    format!("{address}/{REPOSITORY}:{tag}").parse().unwrap()
}

/// The processes whose command line has `text`, but not this one.
fn processes(text: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc").unwrap();
    let own = std::process::id().to_string();
    let processes = entries.map(|entry| entry.unwrap().path());
    let found = processes.filter(|path| {
        let is_process = path.join("cmdline").exists() && !path.ends_with(&own);
        is_process && has(&path.join("cmdline"), text)
    });
    found.collect()
}

fn has(file: &Path, text: &str) -> bool {
    let content = fs::read(file).unwrap_or_default();
    content
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Waits until no process has `text` in its command line.
async fn all_gone(text: &str) {
    let gone = async {
        while !processes(text).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(ended.is_ok(), "left: {:?}", processes(text));
}

/// Asserts, while skopeo runs, that the password is in an auth file that only its owner can read, and in no command line
/// or environment. `files` has the private directories, as seen from a process.
fn check_secrets(destination: &str, files: &str) {
    let encoded = "bWU6YSBwYXNzd29yZCB0aGF0IGlzIG5vd2hlcmUgZWxzZQ==";
    for secret in [PASSWORD, encoded] {
        let shown = processes(secret);
        assert!(shown.is_empty(), "{shown:?}");
    }
    let skopeo = processes(destination);
    assert!(!skopeo.is_empty());
    for process in &skopeo {
        assert!(!has(&process.join("environ"), PASSWORD));
    }
    let auth_files: Vec<PathBuf> = skopeo
        .iter()
        .flat_map(|process| auth_files(&process.join("root").join(&files[1..])))
        .collect();
    assert!(!auth_files.is_empty(), "{skopeo:?}");
    for file in auth_files {
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(has(&file, encoded));
    }
}

/// Files named `auth.json` anywhere below.
fn auth_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths
        .flat_map(|path| match path.is_dir() && !path.is_symlink() {
            true => auth_files(&path),
            false if path.ends_with("auth.json") => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// Copies with a login, on a pipe and on a terminal, and checks secrets while skopeo runs; `files` is where they are.
async fn copy_with_login(skopeo: &Skopeo, files: &str) {
    let source = Embedded::start().await;
    let digest = put_image(&source.server);
    let directory = tempfile::tempdir().unwrap();
    let destination = guarded(directory.path()).await;
    for terminal in [false, true] {
        let tag = format!("terminal-{terminal}");
        let to = image(destination.address(), &tag);
        let request = CopyRequest {
            access: vec![
                RegistryAccess {
                    tls_verify: Some(false),
                    ..RegistryAccess::anonymous(source.address().parse().unwrap())
                },
                access(&destination),
            ],
            terminal,
            ..CopyRequest::new(image(source.address(), "1"), to.clone())
        };
        let (mut is_checked, mut blobs, mut moved) = (false, 0, 0);
        let mut on_event = |event| {
            if let OutputEvent::Blob { state, .. } = event {
                blobs += 1;
                moved += usize::from(format!("{state:?}").starts_with("Moving"));
            }
            if !is_checked {
                check_secrets(&to.to_string(), files);
                is_checked = true;
            }
        };
        let copied = skopeo.copy(&request, &mut on_event).await.unwrap();
        assert_eq!(copied.digest, Some(digest.clone()));
        assert!(is_checked && blobs > 0, "{blobs} of blobs, {moved} moved");
        let asked = ImageRequest {
            access: vec![access(&destination)],
            ..ImageRequest::new(to)
        };
        let arrived = skopeo.manifest_digest(&asked).await.unwrap();
        assert_eq!(arrived, digest);
        let inspected = skopeo.inspect(&asked).await.unwrap();
        assert_eq!(inspected["Architecture"], "amd64");
    }
    let anonymous = ImageRequest {
        access: vec![RegistryAccess {
            login: None,
            ..access(&destination)
        }],
        side: Side::Destination,
        ..ImageRequest::new(image(destination.address(), "terminal-true"))
    };
    let refused = skopeo.raw_manifest(&anonymous).await.unwrap_err().failure();
    assert_eq!(
        (refused.side, refused.class),
        (Side::Destination, FailureClass::Auth)
    );
    let missing = ImageRequest {
        access: vec![access(&destination)],
        ..ImageRequest::new(image(destination.address(), "missing"))
    };
    assert_eq!(skopeo.raw_manifest(&missing).await.unwrap(), None);
}

/// Drops a copy when its first blob moves, and checks that nothing of it is left.
async fn drop_a_copy(skopeo: &Skopeo) {
    let source = Embedded::throttled(50_000).await;
    put_image(&source.server);
    let destination = Embedded::start().await;
    let to = image(destination.address(), "dropped");
    for terminal in [false, true] {
        let request = CopyRequest {
            access: [&source, &destination]
                .map(|registry| RegistryAccess {
                    tls_verify: Some(false),
                    ..RegistryAccess::anonymous(registry.address().parse().unwrap())
                })
                .to_vec(),
            terminal,
            ..CopyRequest::new(image(source.address(), "1"), to.clone())
        };
        let (sender, mut begun) = tokio::sync::watch::channel(false);
        let mut on_event = |event| {
            if let OutputEvent::Blob { .. } = event {
                sender.send_replace(true);
            }
        };
        tokio::select! {
            ended = skopeo.copy(&request, &mut on_event) => panic!("{ended:?}"),
            begun = begun.wait_for(|begun| *begun) => drop(begun.unwrap()),
        }
        all_gone(&to.to_string()).await;
    }
}

fn local(directory: &Path) -> Option<Settings> {
    Some(Settings {
        methods: vec![MethodKind::Local],
        path: installed::program("skopeo")?.display().to_string(),
        private_directory: Some(directory.to_owned()),
        ..Settings::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_skopeo_gets_its_password_in_a_private_file_that_is_gone_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let Some(settings) = local(directory.path()) else {
        return;
    };
    let skopeo = Skopeo::open(settings).await.unwrap();
    let files = directory.path().display().to_string();
    copy_with_login(&skopeo, &files).await;
    assert!(auth_files(directory.path()).is_empty());
    drop(skopeo);
    let left = fs::read_dir(directory.path()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(left.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_copy_ends_the_local_skopeo_and_leaves_no_half_archive() {
    let directory = tempfile::tempdir().unwrap();
    let Some(settings) = local(&directory.path().join("private")) else {
        return;
    };
    let skopeo = Skopeo::open(settings).await.unwrap();
    drop_a_copy(&skopeo).await;
    assert!(auth_files(directory.path()).is_empty());
    let source = Embedded::throttled(50_000).await;
    put_image(&source.server);
    let archive = directory.path().join("archives/app.tar");
    fs::create_dir(archive.parent().unwrap()).unwrap();
    let to = format!("oci-archive:{}:app", archive.display());
    let request = CopyRequest {
        access: vec![RegistryAccess {
            tls_verify: Some(false),
            ..RegistryAccess::anonymous(source.address().parse().unwrap())
        }],
        timeout: Some(Duration::from_secs(1)),
        ..CopyRequest::new(image(source.address(), "1"), to.parse().unwrap())
    };
    let error = skopeo.copy(&request, &mut |_| ()).await.unwrap_err();
    let failure = error.failure();
    assert!(matches!(failure.class, FailureClass::Transient { .. }));
    all_gone("archives/.app.tar").await;
    assert_eq!(fs::read_dir(archive.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_container_copies_and_hides_its_password_inside() {
    let Some(container) = SkopeoContainer::start().await else {
        return;
    };
    let skopeo = Skopeo::open(container.settings()).await.unwrap();
    assert!(skopeo.description().contains(" in container "));
    copy_with_login(&skopeo, "/dev/shm").await;
    assert_eq!(container.shell("ls -A /dev/shm").await, "");
    drop_a_copy(&skopeo).await;
    // The guard inside removes the files of a dropped copy by itself, after skopeo.
    all_gone("/dev/shm/transship-").await;
    assert_eq!(container.shell("ls -A /dev/shm").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_goes_through_the_shared_directory() {
    let Some(container) = SkopeoContainer::start().await else {
        return;
    };
    let source = Embedded::start().await;
    let digest = put_image(&source.server);
    let open = RegistryAccess {
        tls_verify: Some(false),
        ..RegistryAccess::anonymous(source.address().parse().unwrap())
    };
    let settings = Settings {
        methods: vec![MethodKind::Container],
        ..container.settings()
    };
    let skopeo = Skopeo::open(settings).await.unwrap();
    // Written inside, seen outside.
    let archive = container.path("shared/app.tar");
    let name = format!("oci-archive:{}:app", archive.display());
    let request = CopyRequest {
        access: vec![open.clone()],
        ..CopyRequest::new(image(source.address(), "1"), name.parse().unwrap())
    };
    skopeo.copy(&request, &mut |_| ()).await.unwrap();
    // Elsewhere, it is handed over.
    let elsewhere = container.path("app.tar");
    fs::rename(&archive, &elsewhere).unwrap();
    let name = format!("oci-archive:{}:app", elsewhere.display());
    let request = CopyRequest {
        access: vec![open],
        ..CopyRequest::new(name.parse().unwrap(), image(source.address(), "2"))
    };
    let copied = skopeo.copy(&request, &mut |_| ()).await.unwrap();
    assert_eq!(copied.digest, Some(digest));
    assert_eq!(container.shell("ls /tmp/skopeo").await, "");
    assert!(elsewhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_method_is_taken_when_the_preferred_one_is_missing() {
    let Some(container) = SkopeoContainer::start().await else {
        return;
    };
    let mut local_first = container.settings();
    local_first.methods.reverse();
    let skopeo = Skopeo::open(local_first.clone()).await.unwrap();
    assert!(!skopeo.description().contains("container"));
    local_first.path = "skopeo-that-is-missing".into();
    let skopeo = Skopeo::open(local_first.clone()).await.unwrap();
    assert!(skopeo.description().contains(" in container "));
    container.stop().await;
    let skopeo = Skopeo::open(container.settings()).await.unwrap();
    assert!(!skopeo.description().contains("container"));
    let none = Skopeo::open(local_first).await.err().unwrap();
    let remedies: Vec<Option<&str>> = (none.methods.iter())
        .map(|method| method.remedy.as_deref())
        .collect();
    let start = "podman start transship-test-service";
    assert_eq!(remedies, [Some("apt-get install skopeo"), Some(start)]);
}
