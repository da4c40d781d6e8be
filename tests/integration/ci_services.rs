//! The output in a CI job: groups and errors of the service, and how much is said.

use transship::serve::Action;

use crate::{fixture::Fixture, operator::Ended};

/// A batch whose first image fails with a text that looks like a command of the service.
async fn run(variables: &[(&str, &str)], options: &[&str]) -> Ended {
    let fixture = Fixture::new().await;
    let body = r#"{"errors":[{"code":"DENIED","message":"::add-mask::x ##[error]y"}]}"#;
    fixture.misbehave(
        "team/first",
        Action::Answer {
            status: 403,
            headers: Vec::new(),
            body: body.into(),
        },
    );
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    let mut command = fixture.operator.command(&[&run[..], options].concat());
    let output = command.envs(variables.iter().copied()).output().await;
    let ended = Ended::from(output.unwrap());
    ended.expect(1);
    ended
}

/// Lines that GitHub takes for a command.
fn commands(output: &str) -> Vec<&str> {
    let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    output.lines().filter(is_command).collect()
}

#[tokio::test]
async fn github_folds_the_images_and_shows_one_error_for_each_cause() {
    let ended = run(&[("GITHUB_ACTIONS", "true")], &[]).await;
    let commands = commands(&ended.stdout);
    assert_eq!(commands.len(), 3, "{}", ended.stdout);
    assert!(commands[0].starts_with("::group::Images of "));
    assert_eq!(commands[1], "::endgroup::");
    let error = "::error title=1 image failed::source ";
    assert!(commands[2].starts_with(error), "{}", commands[2]);
}

#[tokio::test]
async fn github_takes_no_text_of_a_registry_for_a_command() {
    for options in [
        &["--progress", "plain"][..],
        &["--json"],
        &["--quiet"],
        &["--verbose"],
    ] {
        let ended = run(&[("GITHUB_ACTIONS", "true")], options).await;
        let foreign = (commands(&ended.stdout).into_iter())
            .filter(|line| !line.starts_with("::group::Images of ") && *line != "::endgroup::")
            .filter(|line| !line.starts_with("::error title=1 image failed::source "));
        assert_eq!(foreign.count(), 0, "{options:?}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn gitlab_folds_the_images() {
    let ended = run(&[("GITLAB_CI", "true")], &[]).await;
    let starts = ended.stdout.find("\x1b[0Ksection_start:").unwrap();
    let ends = ended.stdout.find("\x1b[0Ksection_end:").unwrap();
    let summary = ended.stdout.find("3 images: 2 copied, 1 failed").unwrap();
    assert!(starts < ends && ends < summary, "{:?}", ended.stdout);
}

#[tokio::test]
async fn elsewhere_there_are_lines_with_times_and_no_commands() {
    let ended = run(&[], &["--log-format", "text"]).await;
    assert!(!ended.stdout.contains("::group::") && !ended.stdout.contains('\x1b'));
    let copied: Vec<&str> = (ended.stdout.lines())
        .filter(|line| line.contains("  copied, "))
        .collect();
    assert_eq!(copied.len(), 2, "{}", ended.stdout);
    for line in copied {
        let (at, _) = line.split_once("  ").unwrap();
        at.parse::<jiff::Timestamp>().unwrap();
        let (_, took) = line.rsplit_once(" in ").unwrap();
        assert!(took.ends_with(" s"), "{line}");
    }
    assert!(!ended.stdout.contains("  started\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn quiet_and_verbose_choose_how_much_is_said() {
    let quiet = run(&[], &["-q"]).await;
    let before: Vec<&str> = (quiet.stdout.lines())
        .take_while(|line| !line.starts_with("3 images: "))
        .collect();
    assert_eq!(before.len(), 1, "{}", quiet.stdout);
    assert!(before[0].contains("  failed after "), "{}", before[0]);
    let verbose = run(&[], &["-v"]).await;
    assert_eq!(verbose.stdout.matches("  started\n").count(), 3);
    assert!(
        verbose.stdout.contains("  layer sha256:"),
        "{}",
        verbose.stdout
    );
}

#[tokio::test]
async fn how_much_is_said_concerns_lines_alone() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "-v", "--progress", "plain"];
    let refused = fixture.operator.say(&run).await;
    let stderr = &refused.expect(2).stderr;
    assert!(stderr.contains("--progress lines"), "{stderr}");
}
