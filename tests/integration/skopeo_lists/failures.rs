//! What goes wrong while skopeo copies, and what follows.

use reqwest::Method;
use transship::{
    batch::{Event, Failure, FailureClass, Outcome, Side},
    serve::{AccessLog, Action, Auth, Credentials, Fault, Options, Server},
};

use super::{Room, outcomes};

fn failure(outcome: &Outcome) -> &Failure {
    match outcome {
        Outcome::Failed { cause } => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn failures_have_a_side_and_a_class_and_the_rest_is_copied() {
    let Some(room) = Room::new().await else {
        return;
    };
    let answer = Action::answer(401)
        .body(r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#);
    let denied = Fault::on(Method::GET, "/team/second/manifests/", answer);
    room.fixture.source.server.faults().add(denied.unwrap());
    // Nothing listens on port 1.
    let images = "\"team/nothing:1\", \"team/second:1\", { name = \"team/third:1\", to = \"127.0.0.1:1/x:1\" }, \"team/first:1\"";
    let ended = room.run(images, "engine = \"skopeo\"\nattempts = 2").await;
    let events = ended.expect(1).events();
    let outcomes = outcomes(&events);
    let [
        (_, missing),
        (_, denied),
        (_, refused),
        (_, Outcome::Copied { .. }),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    let classes = [missing, denied, refused].map(|outcome| {
        let cause = failure(outcome);
        (cause.side, cause.class)
    });
    let transient = FailureClass::Transient {
        retry_after_ms: None,
    };
    assert_eq!(
        classes,
        [
            (Side::Source, FailureClass::NotFound),
            (Side::Source, FailureClass::Auth),
            (Side::Destination, transient)
        ],
        "{outcomes:?}"
    );
    let retried = events.iter().filter_map(|event| match event {
        Event::JobRetryScheduled { job, .. } => Some(job.0),
        _ => None,
    });
    assert_eq!(retried.collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn without_a_skopeo_its_images_say_what_to_run_and_the_others_are_copied() {
    let Some(room) = Room::new().await else {
        return;
    };
    let list = room.list(super::MIXED, "engine = \"skopeo\"");
    let list = list.replace("methods = [\"local\"]", "");
    let list = list.replace(&format!("{:?}", room.program), "\"skopeo-that-is-missing\"");
    let ended = room.fixture.operator.run(&list, &["--json"]).await;
    let outcomes = outcomes(&ended.expect(1).events());
    assert!(
        matches!(outcomes[1].1, Outcome::Copied { .. }),
        "{outcomes:?}"
    );
    for (_, outcome) in [&outcomes[0], &outcomes[2]] {
        let cause = failure(outcome);
        assert_eq!(
            (cause.side, cause.class),
            (Side::Local, FailureClass::Internal)
        );
        let reasons = cause.causes().join("\n");
        assert!(
            reasons.contains("container") && reasons.contains("local"),
            "{reasons}"
        );
        assert!(cause.hint().is_some(), "{cause:?}");
    }
}

#[tokio::test]
async fn credentials_of_the_list_reach_skopeo_and_no_argument() {
    let Some(room) = Room::new().await else {
        return;
    };
    let hanging = room.fixture.misbehave("team/first", Action::Hang);
    let list = room.list("\"team/first:1\"", "engine = \"skopeo\"");
    let login = "username = \"robot\"\npassword-env = \"SECRET\"\n[destination]";
    let list = room
        .fixture
        .operator
        .list(&list.replace("[destination]", login));
    let mut command = (room.fixture.operator).command(&["run", "--json", list.to_str().unwrap()]);
    let run = command
        .env("SECRET", "hunter2-of-the-robot")
        .spawn()
        .unwrap();
    hanging.hit_times(1).await;
    let running = super::ends::processes(&room.fixture.source.address());
    assert!(!running.is_empty());
    for process in std::fs::read_dir("/proc").unwrap() {
        let arguments = std::fs::read(process.unwrap().path().join("cmdline"));
        let arguments = String::from_utf8_lossy(&arguments.unwrap_or_default()).into_owned();
        assert!(!arguments.contains("hunter2"), "{arguments}");
    }
    hanging.release();
    let ended = run.wait_with_output().await.unwrap();
    assert!(ended.status.success());
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_for_all_images() {
    let Some(room) = Room::new().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        access_log: Some(AccessLog::default()),
        auth: Auth::Basic(Credentials::new("robot", "right")),
        ..Options::new(directory.path().join("registry"))
    };
    let guarded = Server::bind(([127, 0, 0, 1], 0).into(), options)
        .await
        .unwrap();
    let list = room.list(
        "\"team/first:1\", \"team/second:1\", \"team/third:1\"",
        "engine = \"skopeo\"",
    );
    let list = list.replace(
        &room.fixture.destination.address(),
        &guarded.address().to_string(),
    );
    let login = "username = \"robot\"\npassword-env = \"SECRET\"\n[skopeo]";
    let list = room.fixture.operator.list(&list.replace("[skopeo]", login));
    let mut command = (room.fixture.operator).command(&["run", "--json", list.to_str().unwrap()]);
    let ended = command.env("SECRET", "wrong").output().await.unwrap();
    let ended = crate::operator::Ended::from(ended);
    for (_, outcome) in outcomes(&ended.expect(1).events()) {
        let cause = failure(&outcome);
        assert_eq!(
            (cause.side, cause.class),
            (Side::Destination, FailureClass::Auth)
        );
    }
    // The question how to log in, and the only try. No skopeo asked anything.
    let targets: Vec<String> = (guarded.access_log().entries().into_iter())
        .map(|entry| entry.target)
        .collect();
    assert_eq!(targets, ["/v2/"; 2]);
}
