use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use super::*;
use crate::{
    program::{Stream, StreamedProgram},
    skopeo::{
        fake_runtime::FakeRuntime,
        runtime,
        scratch::{Audience, Scratch},
    },
};

struct Fixture {
    method: ContainerMethod,
    fake: FakeRuntime,
}

/// A container in which `skopeo` is this script.
fn fixture(skopeo: &str) -> Fixture {
    let fake = FakeRuntime::new();
    fake.skopeo("inside", "1", skopeo);
    let place = fake.path("private-inside");
    fs::create_dir(&place).unwrap();
    let shared = fake.path("shared");
    let method = ContainerMethod {
        description: String::new(),
        program: fake.path("bin/docker").display().to_string(),
        name: "skopeo-service".into(),
        place: place.display().to_string(),
        shared: Some(Shared {
            host: shared.canonicalize().unwrap(),
            inside: "/tmp/skopeo".into(),
            scratch: Arc::new(Scratch::open(&shared, Audience::Container).unwrap()),
        }),
        is_on_host_network: false,
    };
    Fixture { method, fake }
}

impl Fixture {
    /// What is in the private place.
    fn inside(&self) -> Vec<String> {
        FakeRuntime::entries(Path::new(&self.method.place))
    }

    async fn run(&self, call: &ContainerCall, output: OutputKind) -> (Option<i32>, String) {
        let arguments = self.method.command(call, &["copy".to_owned()], output);
        let program = StreamedProgram {
            name: &self.method.program,
            arguments: &arguments,
            output,
            max_bytes: 1024 * 1024,
            deadline: DEADLINE,
        };
        let mut text = Vec::new();
        let ended = program
            .run(&mut |_: Stream, bytes| text.extend_from_slice(bytes))
            .await;
        let text = String::from_utf8(text).unwrap();
        (ended.unwrap().code(), text)
    }
}

fn files() -> Vec<PrivateFile> {
    let file = |name: &str, content: &[u8]| PrivateFile {
        name: name.into(),
        content: content.to_vec().into(),
    };
    vec![
        file("auth/auth.json", b"{\"secret\":1}"),
        file("source/ca.crt", b"A\n\0B"),
        file("source/client.key", b""),
    ]
}

#[tokio::test]
async fn files_are_private_inside_and_gone_when_the_call_ends() {
    let fixture = fixture("ls $(dirname $0)/../private-inside/*/auth; exit 7");
    let call = fixture.method.prepare(files()).await.unwrap();
    let path = Path::new(&call.directory);
    assert_eq!(
        fs::read(path.join("auth/auth.json")).unwrap(),
        b"{\"secret\":1}"
    );
    assert_eq!(fs::read(path.join("source/ca.crt")).unwrap(), b"A\n\0B");
    assert_eq!(fs::read(path.join("source/client.key")).unwrap(), b"");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path), 0o700);
    assert_eq!(mode(&path.join("auth/auth.json")), 0o600);
    let terminal = OutputKind::Terminal {
        columns: 200,
        rows: 50,
    };
    for output in [OutputKind::Pipe, terminal] {
        let (status, text) = fixture.run(&call, output).await;
        assert_eq!(status, Some(7), "{text}");
        assert!(text.contains("auth.json"), "{text}");
    }
    call.end().await;
    assert!(fixture.inside().is_empty(), "{:?}", fixture.inside());
}

#[tokio::test]
async fn a_dropped_call_kills_skopeo_inside_and_removes_its_files() {
    let fixture = fixture("sleep 600 > $(dirname $0)/../pipe & wait");
    let pipe = fixture.fake.path("pipe");
    let made = runtime::ask("mkfifo", &[pipe.to_str().unwrap()], DEADLINE).await;
    assert!(made.unwrap().succeeded);
    let call = fixture.method.prepare(files()).await.unwrap();
    // Opening a pipe waits for the other side, so skopeo's child process is alive once it is open.
    let open = tokio::task::spawn_blocking(move || fs::File::open(pipe).unwrap());
    let directory = call.directory.clone();
    let mut open = tokio::select! {
        open = open => open.unwrap(),
        ended = fixture.run(&call, OutputKind::Pipe) => panic!("{ended:?}"),
    };
    let process = fs::read_to_string(Path::new(&directory).join("pid")).unwrap();
    assert!(process.trim().parse::<u32>().is_ok());
    call.end().await;
    let gone = tokio::task::spawn_blocking(move || io::copy(&mut open, &mut io::sink()));
    assert_eq!(gone.await.unwrap().unwrap(), 0);
    assert!(fixture.inside().is_empty(), "{:?}", fixture.inside());
}

#[tokio::test]
async fn what_cannot_be_written_inside_is_an_error() {
    let mut fixture = fixture("");
    fixture.method.place = "/nonexistent".into();
    let error = fixture.method.prepare(files()).await.err().unwrap();
    assert!(error.to_string().contains("nonexistent"), "{error}");
}

#[test]
fn the_container_reaches_registries_shared_files_and_archives() {
    let fixture = fixture("");
    let directory = fixture.fake.path("");
    let directory = directory.display();
    let reach = |location: String, role| fixture.method.reach(&location.parse().unwrap(), role);
    let source = |location| reach(location, Role::Source);
    let destination = |location| reach(location, Role::Destination);
    assert_eq!(source("r.example/app:1".into()), Ok(Reach::Registry));
    assert!(source("localhost:5000/app:1".into()).is_err());
    let inside = Ok(Reach::Path("/tmp/skopeo/l".into()));
    assert_eq!(destination(format!("oci:{directory}/shared/l:app")), inside);
    assert!(destination(format!("oci:{directory}/l:app")).is_err());
    let archive = format!("docker-archive:{directory}/app.tar");
    assert!(source(archive.clone()).is_err(), "it does not exist");
    fs::write(fixture.fake.path("app.tar"), "").unwrap();
    assert_eq!(source(archive.clone()), Ok(Reach::HandOver));
    assert!(destination(archive).is_err());
    for elsewhere in ["docker-daemon:app:1", "containers-storage:app:1"] {
        assert!(source(elsewhere.into()).is_err(), "{elsewhere}");
    }
}
