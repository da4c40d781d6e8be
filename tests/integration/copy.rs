//! `transship copy` of the real binary, without a terminal.

use tokio::io::{AsyncBufReadExt as _, BufReader};
use transship::{
    batch::{Event, Job},
    oci::{Compression, ManifestFormat},
    serve::Action,
};

use crate::{
    fixture::Fixture,
    operator::{Ended, event},
    requests::Request,
};

fn locations(fixture: &Fixture) -> [String; 2] {
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    let source = format!("docker://{source}/team/first:1");
    [source, format!("{destination}/team/first:1")]
}

async fn copy(fixture: &Fixture, options: &[&str]) -> Ended {
    let [source, destination] = locations(fixture);
    let copy = ["copy", &source, &destination];
    fixture.operator.say(&[&copy[..], options].concat()).await
}

fn jobs(events: &[Event]) -> Vec<&Job> {
    let jobs = events.iter().filter_map(|event| match event {
        Event::JobListed { job } => Some(&**job),
        _ => None,
    });
    jobs.collect()
}

#[tokio::test]
async fn every_tag_is_a_job_and_no_blob_is_sent_twice() {
    let fixture = Fixture::new().await;
    let copied = copy(&fixture, &["--tag", "2", "--tag=latest", "--json"]).await;
    let events = copied.expect(0).events();
    let tags: Vec<String> = (jobs(&events).iter())
        .map(|job| job.spec.destination.name_in_store())
        .collect();
    let expected = ["team/first:1", "team/first:2", "team/first:latest"];
    assert_eq!(tags, expected);
    let requests = fixture.destination.requests();
    let sent = requests.iter().filter_map(Request::accepted_upload).count();
    assert_eq!(sent, 2, "a config and a layer");
    for tag in ["1", "2", "latest"] {
        let target = format!("/v2/team/first/manifests/{tag}");
        let puts = requests.iter().filter(|request| request.method == "PUT");
        assert_eq!(
            puts.filter(|request| request.target == target).count(),
            1,
            "{tag}"
        );
    }
}

#[tokio::test]
async fn what_was_asked_for_is_recorded_with_the_job() {
    let fixture = Fixture::new().await;
    let options = [
        "--platform=linux/amd64",
        "--format=v2s2",
        "--compression=zstd",
        "--no-attachments",
        "--on-existing=keep",
        "--json",
    ];
    let events = copy(&fixture, &options).await.events();
    let spec = &jobs(&events)[0].spec;
    assert_eq!(spec.format, Some(ManifestFormat::Docker));
    assert_eq!(spec.compression, Some(Compression::Zstd));
    assert_eq!(spec.platforms.len(), 1);
    assert!(!spec.attachments.any());
    assert!(!spec.on_existing.is_replace());
}

#[tokio::test]
async fn a_killed_copy_is_resumed() {
    let fixture = Fixture::new().await;
    let hanging = fixture.misbehave("team/first", Action::Hang);
    let [source, destination] = locations(&fixture);
    let arguments = ["copy", &source, &destination, "--tag=2", "--json"];
    let mut process = fixture.operator.command(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if matches!(event(&line), Event::JobPlanned { .. }) {
            break;
        }
    }
    process.kill().await.unwrap();
    hanging.release();
    let resumed = fixture.operator.say(&["resume", "first", "--json"]).await;
    assert_eq!(jobs(&resumed.expect(0).events()).len(), 2);
    assert_eq!(fixture.arrived(), ["team/first"]);
}

#[tokio::test]
async fn lines_say_what_happens_and_quiet_says_nothing_unless_it_fails() {
    let fixture = Fixture::new().await;
    let file = fixture.operator.path("digest");
    let digest_file = format!("--digest-file={}", file.display());
    let copied = copy(&fixture, &[&digest_file]).await;
    assert!(
        copied.expect(0).stdout.contains("1 image: 1 copied"),
        "{}",
        copied.stdout
    );
    let digest = std::fs::read_to_string(&file).unwrap();
    let [source, _] = locations(&fixture);
    let source = source.strip_prefix("docker://").unwrap();
    let expected = fixture.operator.say(&["digest", source]).await;
    assert_eq!(digest, expected.expect(0).stdout.trim());

    let quiet = copy(&fixture, &["-q"]).await;
    assert_eq!((&*quiet.expect(0).stdout, &*quiet.stderr), ("", ""));
    let missing = format!("{}/team/first:none", fixture.source.address());
    let quiet = fixture
        .operator
        .say(&["copy", "-q", &missing, &format!("{missing}-2")])
        .await;
    assert_eq!(quiet.expect(1).stdout, "");
    assert!(quiet.stderr.contains("source"), "{}", quiet.stderr);
}

#[tokio::test]
async fn a_secret_in_an_argument_is_refused_with_what_to_do() {
    let fixture = Fixture::new().await;
    for option in [
        "--src-creds=robot:secret",
        "--dest-password=secret",
        "--dest-registry-token=x",
    ] {
        let refused = copy(&fixture, &[option]).await;
        assert!(
            refused.expect(2).stderr.contains("transship login"),
            "{}",
            refused.stderr
        );
        assert!(
            !refused.stderr.contains("robot:secret"),
            "{}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn options_of_skopeo_with_the_same_meaning_are_understood() {
    let fixture = Fixture::new().await;
    let options = [
        "--all",
        "--src-no-creds",
        "--dest-tls-verify=true",
        "-f=oci",
        "-q",
    ];
    copy(&fixture, &options).await.expect(0);
    assert_eq!(fixture.arrived(), ["team/first"]);
}

#[tokio::test]
async fn plain_progress_is_a_percentage_that_grows_to_a_hundred() {
    let fixture = Fixture::new().await;
    let copied = copy(&fixture, &["--progress", "plain"]).await;
    let lines: Vec<&str> = copied.expect(0).stdout.lines().collect();
    let percent: Vec<u8> = (lines.iter())
        .map(|line| {
            let (percent, _) = line.split_once("%] ").expect(line);
            percent.strip_prefix('[').unwrap().trim().parse().unwrap()
        })
        .collect();
    assert!(percent.is_sorted(), "{lines:?}");
    assert_eq!((percent.first(), percent.last()), (Some(&0), Some(&100)));
    let missing = format!("{}/team/first:none", fixture.source.address());
    let arguments = [
        "copy",
        "--progress=plain",
        &missing,
        &format!("{missing}-2"),
    ];
    let failed = fixture.operator.say(&arguments).await;
    assert!(
        !failed.expect(1).stdout.contains("[100%]"),
        "{}",
        failed.stdout
    );
    assert!(
        failed.stdout.contains("%] failed: source"),
        "{}",
        failed.stdout
    );
}

#[tokio::test]
async fn progress_is_another_spelling_of_what_there_is_and_contradicts_it() {
    let fixture = Fixture::new().await;
    let quiet = copy(&fixture, &["--progress=none"]).await;
    assert_eq!(quiet.expect(0).stdout, "");
    let events = copy(&fixture, &["--progress=json"]).await.events();
    assert_eq!(jobs(&events).len(), 1);
    for other in ["--headless", "--json", "--quiet"] {
        let refused = copy(&fixture, &["--progress=plain", other]).await;
        let said = &refused.expect(2).stderr;
        assert!(said.contains("cannot be used with"), "{said}");
    }
}
