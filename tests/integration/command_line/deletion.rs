//! `transship batches delete`.

use transship::serve::Action;

use super::run;
use crate::{fixture::Fixture, operator::Ended};

async fn delete(fixture: &Fixture, arguments: &[&str]) -> Ended {
    let delete = ["batches", "delete"];
    fixture
        .operator
        .say(&[&delete[..], arguments].concat())
        .await
}

async fn batches(fixture: &Fixture) -> Vec<String> {
    let batches = fixture.operator.say(&["batches"]).await;
    let lines = batches.expect(0).stdout.lines();
    lines.map(str::to_owned).collect()
}

fn name(line: &str) -> &str {
    line.split_whitespace().next().unwrap()
}

#[tokio::test]
async fn ended_batches_are_deleted_by_name_or_by_age() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        run(&fixture, &[]).await.expect(0);
    }
    let before = batches(&fixture).await;
    let deleted = delete(&fixture, &[name(&before[1]), "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, "1 batch deleted\n");
    let left = batches(&fixture).await;
    assert_eq!(left, [before[0].clone(), before[2].clone()]);
    delete(&fixture, &["--older-than", "30d", "--yes"])
        .await
        .expect(0);
    assert_eq!(batches(&fixture).await, left);
    let deleted = delete(&fixture, &["--older-than", "0s", "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, "2 batches deleted\n");
    assert!(batches(&fixture).await.is_empty());
}

#[tokio::test]
async fn nothing_is_deleted_unasked() {
    let fixture = Fixture::new().await;
    run(&fixture, &[]).await.expect(0);
    let refused = delete(&fixture, &["--older-than", "0s"]).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("--yes deletes 1 batch"), "{said}");
    delete(&fixture, &[]).await.expect(2);
    delete(&fixture, &["--older-than", "soon"]).await.expect(2);
    assert_eq!(batches(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_batch_with_images_left_is_deleted_only_by_force() {
    let fixture = Fixture::new().await;
    fixture.misbehave(
        "team/first",
        Action::answer(503).header("retry-after", "600"),
    );
    // Killed at once, while an image waits.
    let path = fixture.list();
    let mut running = fixture
        .operator
        .command(&["run", path.to_str().unwrap()])
        .spawn()
        .unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(
        running.stdout.take().unwrap(),
    ));
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("retrying") {
            break;
        }
    }
    let held = batches(&fixture).await;
    let refused = delete(&fixture, &[name(&held[0]), "--yes", "--force"]).await;
    assert!(refused.expect(2).stderr.contains("running in process"));
    running.kill().await.unwrap();

    let refused = delete(&fixture, &[name(&held[0]), "--yes"]).await;
    let said = &refused.expect(2).stderr;
    assert!(
        said.contains("interrupted") && said.contains("--force"),
        "{said}"
    );
    delete(&fixture, &["--older-than", "0s", "--yes"])
        .await
        .expect(0);
    assert_eq!(batches(&fixture).await.len(), 1);
    let forced = delete(&fixture, &[name(&held[0]), "--yes", "--force"]).await;
    assert_eq!(forced.expect(0).stdout, "1 batch deleted\n");
}
