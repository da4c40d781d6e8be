//! `transship report` on real batches, and its page in a browser.

mod formats;
mod page;
mod tags;

use transship::serve::Action;

use crate::fixture::Fixture;

/// A batch of three images, the first of which failed.
async fn failed_first() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.misbehave("team/first", Action::answer(404));
    let list = fixture.list();
    let run = ["run", list.to_str().unwrap(), "--headless"];
    fixture.operator.say(&run).await.expect(1);
    fixture
}

/// The report of the newest batch in `format`.
async fn report(fixture: &Fixture, format: &str) -> String {
    let report = ["report", "--format", format];
    let ended = fixture.operator.say(&report).await;
    ended.expect(0);
    ended.stdout
}
