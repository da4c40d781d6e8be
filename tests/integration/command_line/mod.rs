//! The real binary in scripts: exit codes, lines, and which stream they are on.

mod completions;
mod deletion;
mod ends;
mod exit_codes;
mod list_check;
mod manual;
mod other_names;
mod programs;
mod read_only;

use transship::{
    batch::{Event, JobId, Outcome},
    serve::{Action, Fault},
};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::{Ended, pasteable},
};

/// Runs the fixture's list to its end.
async fn run(fixture: &Fixture, options: &[&str]) -> Ended {
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    fixture.operator.say(&[&run[..], options].concat()).await
}

#[tokio::test]
async fn a_clean_batch_ends_with_0_and_a_summary() {
    let fixture = Fixture::new().await;
    let first = run(&fixture, &[]).await;
    let (.., last) = first.expect(0).stdout.split_once("3 images: ").unwrap();
    assert!(last.starts_with("3 copied in "), "{last}");
    assert_eq!(first.stderr, "");
    let second = run(&fixture, &[]).await;
    assert!(second.expect(0).stdout.contains("3 images: 3 up to date"));
}

#[tokio::test]
async fn a_failed_image_ends_with_1_and_is_retried_only_when_asked_to() {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/second", Action::answer(404));
    let failed = run(&fixture, &[]).await;
    let stdout = &failed.expect(1).stdout;
    assert!(stdout.contains("2 copied, 1 failed"), "{stdout}");
    assert!(stdout.contains("--retry-failed"), "{stdout}");
    fixture.source.server.faults().clear();
    let asked = fixture.source.requests().len();
    fixture.operator.say(&["resume"]).await.expect(1);
    assert_eq!(fixture.source.requests().len(), asked);
    let retried = fixture.operator.say(&["resume", "--retry-failed"]).await;
    assert!(retried.expect(0).stdout.contains("3 images: 3 copied"));
    assert_eq!(fixture.arrived(), IMAGES);
}

#[tokio::test]
async fn what_is_printed_to_go_on_can_be_pasted() {
    let fixture = Fixture::new().await;
    let state = fixture.operator.path("state of $things");
    let state = state.to_str().unwrap();
    fixture.misbehave("team/second", Action::answer(404));
    let failed = run(&fixture, &["--state", state]).await;
    fixture.source.server.faults().clear();
    let [retry] = pasteable(&failed.expect(1).stdout)[..] else {
        panic!("{}", failed.stdout);
    };
    let retried = fixture.operator.paste(retry).await;
    assert!(retried.expect(0).stdout.contains("3 images: 3 copied"));
    assert_eq!(fixture.arrived(), IMAGES);

    let unknown = fixture
        .operator
        .say(&["resume", "nothing", "--state", state])
        .await;
    let [batches] = pasteable(&unknown.expect(2).stderr)[..] else {
        panic!("{}", unknown.stderr);
    };
    let batches = fixture.operator.paste(batches).await;
    assert!(batches.expect(0).stdout.contains("finished: 3 copied"));
}

#[tokio::test]
async fn every_line_of_json_is_an_event_in_order() {
    let fixture = Fixture::new().await;
    let ended = run(&fixture, &["--json"]).await;
    let lines = ended.expect(0).stdout.lines();
    for (number, line) in (1..).zip(lines) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["v"], &line["seq"]), (&1.into(), &number.into()));
        let at = line["at"].as_str().unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    }
    let events = ended.events();
    let jobs = u32::try_from(IMAGES.len()).unwrap();
    assert!(
        matches!(&events[0], Event::BatchStarted { jobs: found, resumed: false, .. } if *found == jobs)
    );
    assert_eq!(
        events.last(),
        Some(&Event::BatchFinished { stopped_by: None })
    );
    let mut copied: Vec<JobId> = events.iter().filter_map(copied).collect();
    copied.sort_unstable();
    assert_eq!(copied, [JobId(0), JobId(1), JobId(2)]);
}

fn copied(event: &Event) -> Option<JobId> {
    match event {
        Event::JobFinished {
            job,
            outcome: Outcome::Copied { .. },
        } => Some(*job),
        _ => None,
    }
}

#[tokio::test]
async fn a_wrong_list_ends_with_2_and_all_its_mistakes() {
    let fixture = Fixture::new().await;
    let wrong = "version = 1\n\
                 images = [\"team/first:1\", \"Team/First:1\"]\n\
                 imagse = []\n\n\
                 [source]\nregistry = \"a.example\"\n\n\
                 [destination]\nregistry = \"b.example\"\n\n\
                 [[rewrite]]\nfrom = \"(\"\nto = \"x\"\n";
    let ended = fixture.operator.run(wrong, &[]).await;
    let said = &ended.expect(2).stderr;
    for part in [
        "Team/First:1",
        "imagse",
        "list.toml:2",
        "list.toml:3",
        "list.toml:12",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert_eq!(ended.stdout, "");
    let batches = fixture.operator.say(&["batches"]).await;
    assert_eq!(batches.expect(0).stdout, "");
}

#[tokio::test]
async fn what_cannot_be_started_ends_with_2() {
    let fixture = Fixture::new().await;
    for arguments in [
        &["run"][..],
        &["run", "--paralel=3", "list.toml"],
        &["run", "/nowhere/list.toml"],
        &["resume"],
        &["resume", "a-batch-nobody-made"],
        &["list", "check", "/nowhere/list.toml"],
    ] {
        let ended = fixture.operator.say(arguments).await;
        assert_eq!(ended.expect(2).stdout, "", "{arguments:?}");
        assert_ne!(ended.stderr, "", "{arguments:?}");
    }
}

#[tokio::test]
async fn a_journal_that_is_no_journal_is_refused_and_nothing_is_made() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let before = fixture.files();
    for journal in [
        "nonsense",
        "mysql://ship:hunter2@db/ships",
        "postgre://ship:hunter2@db/ships",
        "ship:hunter2@db/ships",
    ] {
        for command in [
            &["run", list.to_str().unwrap()][..],
            &["resume"],
            &["batches"],
        ] {
            let mut command = fixture
                .operator
                .command(&[command, &["--journal", journal]].concat());
            let command = command
                .env_remove("TRANSSHIP_STATE")
                .current_dir(fixture.operator.path("."));
            let ended = Ended::from(command.output().await.unwrap());
            let said = &ended.expect(2).stderr;
            assert!(said.contains("postgres://"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        let mut command = fixture.operator.command(&["batches"]);
        let command = command
            .env_remove("TRANSSHIP_STATE")
            .env("TRANSSHIP_JOURNAL", journal)
            .current_dir(fixture.operator.path("."));
        let ended = Ended::from(command.output().await.unwrap());
        assert!(!ended.expect(2).stderr.contains("hunter2"), "{ended:?}");
    }
    assert_eq!(fixture.files(), before);
}

#[tokio::test]
async fn nothing_is_written_before_everything_was_checked() {
    let fixture = Fixture::new().await;
    let list = std::fs::read_to_string(fixture.list()).unwrap();
    let wrong_tls = format!("{list}\nca-file = \"/nowhere/ca.pem\"\n");
    let wrong_password =
        format!("{list}\nusername = \"ship\"\npassword-file = \"/nowhere/password\"\n");
    let path = fixture.list();
    let path = path.to_str().unwrap();
    let before = fixture.files();
    for (list, arguments) in [
        (&wrong_tls, &["run", path][..]),
        (&wrong_password, &["run", path]),
        (&list, &["run", path, "--pictures", path]),
        (&list, &["resume"]),
        (&list, &["batches", "delete", "x"]),
        (&list, &["verify", "x"]),
    ] {
        fixture.operator.list(list);
        let refused = fixture.operator.say(arguments).await;
        assert_ne!(refused.expect(2).stderr, "", "{arguments:?}");
        assert_eq!(fixture.files(), before, "{arguments:?}");
    }
    let none = fixture.operator.say(&["batches"]).await;
    assert!(none.expect(0).stderr.contains("no batches yet"));
    assert_eq!(fixture.files(), before);
}

#[tokio::test]
async fn batches_tells_what_became_of_each() {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/second", Action::answer(404));
    run(&fixture, &[]).await.expect(1);
    fixture.source.server.faults().clear();
    run(&fixture, &[]).await.expect(0);
    let batches = fixture.operator.say(&["batches"]).await;
    let lines: Vec<&str> = batches.expect(0).stdout.lines().collect();
    let list = fixture.list();
    let list = list.to_str().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with(&format!("  finished: 1 copied, 2 up to date  {list}")));
    assert!(lines[1].ends_with(&format!("  finished: 2 copied, 1 failed  {list}")));
    let batches = fixture.operator.say(&["batches", "--json"]).await;
    for line in batches.expect(0).stdout.lines() {
        let batch: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(batch["list"], list);
        assert_eq!(batch["holder"], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn what_a_registry_says_cannot_steer_the_terminal() {
    let fixture = Fixture::new().await;
    let spoken = r#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\u202eway"}]}"#;
    let denied = Action::answer(403).body(spoken);
    let refused = Fault::on_any("/team/first/", denied).unwrap();
    fixture.source.server.faults().add(refused);
    let filtered = format!(
        "version = 1\n\
         [source]\nregistry = \"{}\"\n\
         [destination]\nregistry = \"{}\"\n\
         [[images]]\nname = \"team/first\"\ntag-pattern = \".*\"\n",
        fixture.source.address(),
        fixture.destination.address(),
    );
    let before_the_batch = fixture.operator.run(&filtered, &[]).await;
    let within = run(&fixture, &[]).await;
    let said = [&before_the_batch.expect(2).stderr, &within.expect(1).stdout];
    for text in said {
        assert!(text.contains("way"), "{text}");
        let harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(text.chars().all(harmless), "{text:?}");
    }
}
