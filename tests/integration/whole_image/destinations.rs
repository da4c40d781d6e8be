//! Destinations that lack a repository, or refuse: the failure has a class and a hint, and is not retried for nothing.

use futures_util::future::join_all;
use tokio::net::TcpListener;
use transship::{
    batch::{self, Failure, Side},
    copy::{CopyError, CopyOutcome, CreateCommand, Engine},
    registry::FailureClass,
    serve::{Action, Fault},
};

use super::{Pair, count, fault, put_image, refusing, repository, stored};
use crate::operator::{Operator, list};

/// The answer of ECR for a missing repository.
fn missing_repository() -> Action {
    refusing(
        404,
        "NAME_UNKNOWN",
        "The repository with name 'app' does not exist in the registry with id '1'",
    )
}

/// The hint at the end of a failure's chain.
#[track_caller]
fn hint(error: &CopyError) -> String {
    let failure = Failure::from(error);
    let last = failure.chain.last().unwrap();
    let hint = last.strip_prefix("hint: ");
    hint.unwrap_or_else(|| panic!("{:?}", failure.chain))
        .to_owned()
}

fn creating(pair: Pair, command: &[&str]) -> Pair {
    let registry = pair
        .order("app:1")
        .spec
        .destination
        .registry()
        .unwrap()
        .clone();
    let command = CreateCommand {
        words: command.iter().map(|word| (*word).to_owned()).collect(),
        directory: None,
    };
    Pair {
        engine: Engine::new(Default::default()).creating([(registry, command)].into()),
        ..pair
    }
}

#[tokio::test]
async fn quirk_1_a_missing_repository_is_explained_and_not_asked_for_again() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    fault(
        &pair.destination,
        "POST",
        "/blobs/uploads/",
        missing_repository(),
    );
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NotFound);
    assert!(hint(&error).contains("create-command"), "{}", hint(&error));
    // One for each of the two blobs.
    assert_eq!(count(&pair.destination.requests(), "POST", ""), 2);
}

#[tokio::test]
async fn quirk_1_a_create_command_runs_once_for_a_repository_and_the_upload_goes_on() {
    // The command waits for this listener.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let script = format!(
        "echo $1 >> {}; exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3",
        log.display()
    );
    let command = ["bash", "-c", &script, "create", "{registry}/{repository}"];
    let pair = creating(Pair::new().await, &command);
    for version in ["1", "2", "3"] {
        let seed = version.parse().unwrap();
        put_image(pair.source.server.store(), "app", version, seed);
    }
    fault(
        &pair.destination,
        "POST",
        "/blobs/uploads/",
        missing_repository(),
    );
    let create = async {
        let _connection = listener.accept().await.unwrap();
        pair.destination.server.faults().clear();
    };
    let copies = join_all(["app:1", "app:2", "app:3"].map(|image| pair.copy(image)));
    let ((), copies) = tokio::join!(create, copies);
    for copied in copies {
        assert!(matches!(copied.unwrap().done, CopyOutcome::Copied { .. }));
    }
    let ran = std::fs::read_to_string(log).unwrap();
    assert_eq!(ran, format!("{}/app\n", pair.destination.address()));
}

#[tokio::test]
async fn a_create_command_that_fails_says_why_and_is_to_blame_itself() {
    let script = "echo 'AccessDenied: no ecr:CreateRepository' >&2; exit 254";
    let command = ["sh", "-c", script, "create", "{repository}"];
    let pair = creating(Pair::new().await, &command);
    put_image(pair.source.server.store(), "app", "1", 1);
    fault(
        &pair.destination,
        "POST",
        "/blobs/uploads/",
        missing_repository(),
    );
    let error = pair.copy("app:1").await.unwrap_err();
    let failure = Failure::from(&error);
    assert_eq!(
        (failure.side, failure.class),
        (Side::Local, batch::FailureClass::Internal)
    );
    assert!(
        failure.summary.contains("failed to create app"),
        "{}",
        failure.summary
    );
    assert_eq!(failure.chain[1], "AccessDenied: no ecr:CreateRepository");
    assert!(hint(&error).contains("by hand"));
}

#[tokio::test]
async fn quirk_1_a_project_that_has_to_be_made_is_told_from_a_repository() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "team/app", "1", 1);
    let missing = refusing(404, "NOT_FOUND", "project team not found");
    fault(&pair.destination, "POST", "/blobs/uploads/", missing);
    let error = pair.copy("team/app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NotFound);
    assert!(
        hint(&error).starts_with("create the project"),
        "{}",
        hint(&error)
    );
}

#[tokio::test]
async fn quirk_6_an_immutable_tag_is_up_to_date_or_a_conflict() {
    let message = "The image tag '1' already exists in the 'app' repository and cannot be \
                   overwritten because the tag is immutable.";
    let pair = Pair::new().await;
    let ours = put_image(pair.source.server.store(), "app", "1", 1);
    let there = pair.destination.server.store();
    let theirs = put_image(there, "app", "1", 2);
    let immutable = refusing(400, "TAG_INVALID", message);
    let refused = fault(&pair.destination, "PUT", "/manifests/1$", immutable);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    let says = format!(
        "has {} under 1, which is immutable, so {} cannot replace it",
        theirs.digest, ours.digest
    );
    assert_eq!(error.to_string(), says);
    assert!(hint(&error).contains("another tag"));
    assert_eq!(refused.hits(), 1);

    // The same image, pushed between the lookup and the write of the tag.
    let faults = pair.destination.server.faults();
    faults.clear();
    let hidden = Fault::on(
        "HEAD".parse().unwrap(),
        "/manifests/1$",
        Action::answer(403),
    );
    faults.add(hidden.unwrap().times(1));
    let immutable = refusing(400, "TAG_INVALID", message);
    fault(&pair.destination, "PUT", "/manifests/1$", immutable);
    put_image(there, "app", "1", 1);
    let copied = pair.copy("app:1").await.unwrap();
    assert_eq!(copied.done, CopyOutcome::UpToDate { root: ours.digest });
}

#[tokio::test]
async fn quirk_7_a_quota_is_not_taken_for_wrong_credentials() {
    let message = "adding 10.0 MiB of storage resource, which when updated to current usage of 9.9 \
                   GiB will exceed the configured upper limit of 10.0 GiB.";
    for (method, target) in [("PUT", "/blobs/uploads/"), ("PUT", "/manifests/")] {
        let pair = Pair::new().await;
        put_image(pair.source.server.store(), "app", "1", 1);
        fault(
            &pair.destination,
            method,
            target,
            refusing(403, "DENIED", message),
        );
        let error = pair.copy("app:1").await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Rejected);
        assert!(
            error.to_string().contains("upper limit of 10.0 GiB"),
            "{error}"
        );
        assert!(hint(&error).contains("make room"));
    }
}

#[tokio::test]
async fn quirk_9_a_manifest_without_media_type_is_explained_where_it_is_refused() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    let message =
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
    let refused = fault(
        &pair.destination,
        "PUT",
        "/manifests/",
        refusing(405, "UNSUPPORTED", message),
    );
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(
        hint(&error).contains("would change the image's digest"),
        "{}",
        hint(&error)
    );
    assert_eq!(refused.hits(), 1);
}

#[tokio::test]
async fn quirk_25_a_look_up_refused_with_403_says_nothing_about_what_is_there() {
    let pair = Pair::new().await;
    let image = put_image(pair.source.server.store(), "app", "1", 1);
    put_image(pair.destination.server.store(), "app", "other", 2);
    fault(
        &pair.destination,
        "HEAD",
        "/(manifests|blobs)/",
        Action::answer(403),
    );
    pair.copy("app:1").await.unwrap();
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        image.digest
    );
}

#[tokio::test]
async fn quirk_25_credentials_that_are_really_missing_show_when_writing() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    let denied = refusing(403, "DENIED", "requested access to the resource is denied");
    for method in ["HEAD", "GET", "POST"] {
        fault(&pair.destination, method, "/v2/app/", denied.clone());
    }
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Auth);
}

#[tokio::test]
async fn quirk_27_not_found_is_known_by_its_status_however_it_is_spelled() {
    let pair = Pair::new().await;
    let image = put_image(pair.source.server.store(), "app", "1", 1);
    let unknown = refusing(404, "UNKNOWN", "unknown error");
    fault(&pair.destination, "GET", "/tags/list", unknown.clone());
    fault(&pair.source, "GET", "/referrers/", unknown.clone());
    pair.copy("app:1").await.unwrap();
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        image.digest
    );
    // The repository is new, so its blobs are not looked up.
    assert_eq!(count(&pair.destination.requests(), "HEAD", "/blobs/"), 0);
    fault(&pair.source, "GET", "/manifests/2", unknown);
    let error = pair.copy("app:2").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NotFound);
}

#[tokio::test]
async fn quirk_28_the_digest_is_of_the_bytes_where_the_header_is_missing_or_wrong() {
    const DIGEST: &str = "Docker-Content-Digest";
    let pair = Pair::new().await;
    let image = put_image(pair.source.server.store(), "app", "1", 1);
    let wrong = Action::SetHeader {
        name: DIGEST.into(),
        value: format!("sha256:{}", "0".repeat(64)),
    };
    let missing = Action::DropHeader {
        name: DIGEST.into(),
    };
    let short = Action::DropHeader {
        name: "Content-Length".into(),
    };
    fault(&pair.destination, "PUT", "/manifests/", wrong.clone());
    fault(&pair.source, "GET", "/manifests/", wrong.clone());
    let copied = pair.copy("app:1").await.unwrap();
    let there = CopyOutcome::Copied {
        root: image.digest.clone(),
    };
    assert_eq!(copied.done, there);
    for action in [missing, short, wrong] {
        fault(&pair.source, "HEAD", "/manifests/", action);
        let copied = pair.copy("app:1").await.unwrap();
        let root = image.digest.clone();
        assert_eq!(copied.done, CopyOutcome::UpToDate { root });
        pair.source.server.faults().clear();
    }
}

#[tokio::test]
async fn quirk_28_a_registry_that_stored_something_else_is_found_out() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    let other = put_image(pair.destination.server.store(), "app", "2", 2);
    let odd = Action::Answer {
        status: 201,
        headers: vec![("Docker-Content-Digest".into(), other.digest.to_string())],
        body: String::new(),
    };
    fault(&pair.destination, "PUT", "/manifests/1$", odd);
    let redirect = pair.destination.server.store().manifest(
        &repository("app"),
        &transship::oci::Version::Digest(other.digest),
    );
    let bytes = redirect.unwrap().unwrap().bytes;
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    fault(
        &pair.destination,
        "GET",
        "/manifests/1$",
        Action::answer(200).body(&text),
    );
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
}

/// The command from the list reaches the engine: the real program, from the TOML to the log line.
#[tokio::test]
async fn the_list_decides_what_goes_along_and_how_repositories_are_made() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    super::put_attached(store, "app", Some(&image), "application/signature", None);
    fault(
        &pair.destination,
        "POST",
        "/blobs/uploads/",
        missing_repository(),
    );
    let operator = Operator::new();
    let text = list(&pair.source.address(), &pair.destination.address(), &[]);
    let images = "images = [{ name = \"app:1\", referrers = false, cosign-tags = false }]";
    let text = text.replace("images = [\n]", images);
    let command =
        "create-command = [\"sh\", \"-c\", \"echo no $0 >&2; exit 1\", \"{repository}\"]\n";
    let ended = operator.run(&format!("{text}{command}"), &["--json"]).await;
    let failed = ended.expect(1).stdout.contains(r#""no app""#);
    assert!(failed, "{}", ended.stdout);
    pair.destination.server.faults().clear();
    operator.run(&text, &["--headless"]).await.expect(0);
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "1"), image.digest);
    assert_eq!(super::referrers(there, "app", &image), []);
    assert_eq!(count(&pair.source.requests(), "GET", "/referrers/"), 0);
}
