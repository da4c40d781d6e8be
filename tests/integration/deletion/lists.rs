//! Deleting the images of a list.

use crate::fixture::{Fixture, IMAGES};

fn left(store: &transship::serve::Store) -> usize {
    let names = IMAGES.map(|name| store.tags(&name.parse().unwrap()).unwrap().len());
    names.into_iter().sum()
}

#[tokio::test]
async fn one_side_of_a_list_is_deleted_and_never_without_saying_which() {
    let fixture = Fixture::new().await;
    let list = fixture.list();
    let list = list.to_str().unwrap();
    fixture.operator.say(&["run", list]).await.expect(0);
    let source = || left(fixture.source.server.store());
    let destination = || left(fixture.destination.server.store());
    let refused = fixture.operator.say(&["delete", list, "--yes"]).await;
    let said = &refused.expect(2).stderr;
    assert!(said.contains("--side destination"), "{said}");
    assert_eq!((source(), destination()), (3, 3));
    let delete = ["delete", list, "--yes", "--side"];
    let deleted = [&delete[..], &["destination"]].concat();
    let deleted = fixture.operator.say(&deleted).await;
    assert!(
        deleted
            .expect(0)
            .stderr
            .contains("3 images deleted, 0 failed")
    );
    assert_eq!((source(), destination()), (3, 0));
    let deleted = [&delete[..], &["source"]].concat();
    fixture.operator.say(&deleted).await.expect(0);
    assert_eq!((source(), destination()), (0, 0));
}
