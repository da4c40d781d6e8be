//! `transship batches delete`.

use transship::serve::Action;

use super::run;
use crate::{operator::Ended, scene::Scene};

async fn delete(scene: &Scene, arguments: &[&str]) -> Ended {
    let delete = ["batches", "delete"];
    scene.operator.say(&[&delete[..], arguments].concat()).await
}

async fn batches(scene: &Scene) -> Vec<String> {
    let batches = scene.operator.say(&["batches"]).await;
    let lines = batches.expect(0).stdout.lines();
    lines.map(str::to_owned).collect()
}

fn name(line: &str) -> &str {
    line.split_whitespace().next().unwrap()
}

#[tokio::test]
async fn ended_batches_are_deleted_by_name_or_by_age() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        run(&scene, &[]).await.expect(0);
    }
    let before = batches(&scene).await;
    let deleted = delete(&scene, &[name(&before[1]), "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, "1 batch deleted\n");
    let left = batches(&scene).await;
    assert_eq!(left, [before[0].clone(), before[2].clone()]);
    delete(&scene, &["--older-than", "30d", "--yes"])
        .await
        .expect(0);
    assert_eq!(batches(&scene).await, left);
    let deleted = delete(&scene, &["--older-than", "0s", "--yes"]).await;
    assert_eq!(deleted.expect(0).stdout, "2 batches deleted\n");
    assert!(batches(&scene).await.is_empty());
}

#[tokio::test]
async fn nothing_is_deleted_unasked() {
    let scene = Scene::new().await;
    run(&scene, &[]).await.expect(0);
    let refused = delete(&scene, &["--older-than", "0s"]).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("--yes deletes 1 batch"), "{said}");
    delete(&scene, &[]).await.expect(2);
    delete(&scene, &["--older-than", "soon"]).await.expect(2);
    assert_eq!(batches(&scene).await.len(), 1);
}

#[tokio::test]
async fn a_batch_with_images_left_is_deleted_only_by_force() {
    let scene = Scene::new().await;
    scene.misbehave(
        "team/first",
        Action::answer(503).header("retry-after", "600"),
    );
    // Killed at once, while an image waits.
    let path = scene.list();
    let mut running = scene
        .operator
        .command(&["run", path.to_str().unwrap()])
        .spawn()
        .unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(
        running.stdout.take().unwrap(),
    ));
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("trying again") {
            break;
        }
    }
    let held = batches(&scene).await;
    let refused = delete(&scene, &[name(&held[0]), "--yes", "--force"]).await;
    assert!(refused.expect(2).stderr.contains("run now by process"));
    running.kill().await.unwrap();

    let refused = delete(&scene, &[name(&held[0]), "--yes"]).await;
    let said = &refused.expect(2).stderr;
    assert!(
        said.contains("interrupted") && said.contains("--force"),
        "{said}"
    );
    delete(&scene, &["--older-than", "0s", "--yes"])
        .await
        .expect(0);
    assert_eq!(batches(&scene).await.len(), 1);
    let forced = delete(&scene, &[name(&held[0]), "--yes", "--force"]).await;
    assert_eq!(forced.expect(0).stdout, "1 batch deleted\n");
}
