//! A list whose last batch was interrupted.

use transship::serve::Action;

use crate::{
    fixture::Fixture,
    operator::{pasteable, signal},
};

#[tokio::test]
async fn a_new_run_names_the_batch_of_the_same_list_that_was_interrupted() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap()];
    let hanging = fixture.misbehave("team/second", Action::Hang);
    let mut process = fixture.operator.command(&run).spawn().unwrap();
    hanging.hit_times(1).await;

    // Another run of the same list says that this one goes on.
    let other = fixture.operator.say(&["run", "--review", run[1]]).await;
    let said = &other.expect(3).stderr;
    assert!(said.contains("of the same list is running"), "{said}");

    signal(process.id().unwrap(), "KILL").await;
    process.wait().await.unwrap();
    hanging.release();
    let batches = fixture.operator.say(&["batches"]).await;
    let reviewed = batches.expect(0).stdout.lines().next().unwrap().to_owned();
    let id = reviewed.split_whitespace().next().unwrap();
    let delete = ["batches", "delete", "--yes", "--force", id];
    fixture.operator.say(&delete).await.expect(0);

    let again = fixture.operator.say(&run).await;
    let said = &again.expect(0).stderr;
    assert!(said.contains("was interrupted: "), "{said}");
    let commands = pasteable(said);
    let [resume] = commands[..] else {
        panic!("{said}");
    };
    assert!(resume.starts_with("transship resume "), "{resume}");
}
