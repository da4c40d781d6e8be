//! One writer for each local store: parallel writers corrupt layouts.
//!
//! Invariant: the locks of stores that nobody writes to are forgotten.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

use crate::oci::{LocalStore, Location};

type Writer = tokio::sync::Mutex<()>;

#[derive(Default)]
pub(super) struct StoreLocks(Mutex<HashMap<LocalStore, Weak<Writer>>>);

impl StoreLocks {
    /// Waits until no other copy writes to the store of `destination`, if that is a file or a directory.
    pub(super) async fn lock(&self, destination: &Location) -> Option<OwnedMutexGuard<()>> {
        let store = &destination.local()?.store;
        store.path()?;
        Some(self.writer(store).lock_owned().await)
    }

    fn writer(&self, store: &LocalStore) -> Arc<Writer> {
        let mut writers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, writer| writer.strong_count() > 0);
        let known = writers.get(store).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let writer = Arc::default();
            writers.insert(store.clone(), Arc::downgrade(&writer));
            writer
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_store_has_one_writer_and_a_registry_many() {
        let locks = StoreLocks::default();
        let location = |text: &str| text.parse::<Location>().unwrap();
        let first = locks.lock(&location("oci:/srv/l:a")).await;
        assert!(first.is_some());
        let same = location("oci:/srv/l:b");
        assert!(locks.lock(&same).now_or_never().is_none());
        assert!(locks.lock(&location("oci:/srv/m:a")).await.is_some());
        assert!(locks.lock(&location("r.example/a:1")).await.is_none());
        drop(first);
        assert!(locks.lock(&same).await.is_some());
        locks.writer(&same.local().unwrap().store);
        assert_eq!(locks.0.lock().unwrap().len(), 1);
    }
}
