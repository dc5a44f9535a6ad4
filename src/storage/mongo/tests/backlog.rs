//! What waits in the outbox is counted, and its age measured by the clock of the server.

use std::time::Duration;

use bson::{Bson, RawDocumentBuf, doc};

use super::{MongoStore, on_nodes};
use crate::{
    domain::EventId,
    storage::{Backlog, EventStore, Store},
};

/// Adds a change that no process numbers to the outbox. An empty time becomes the time of the server.
async fn leave(store: &MongoStore, time: bson::Timestamp) {
    let id = EventId::generate(store.ping().await.unwrap());
    let change = doc! { "_id": id, "by": 0_i64, "about": [], "time": Bson::Timestamp(time), "entries": [] };
    store.0.collections.outbox.insert_one(RawDocumentBuf::try_from(&change).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_is_counted_with_the_age_of_the_oldest_change() {
    on_nodes(1, async |stores| {
        let store = &stores[0];
        assert_eq!(store.backlog().await.unwrap(), Backlog::default());
        leave(store, bson::Timestamp { time: 0, increment: 0 }).await;
        let Backlog { changes, oldest } = store.backlog().await.unwrap();
        assert!(changes == 1 && oldest < Duration::from_secs(60), "{oldest:?}");
        let seconds = u32::try_from(store.ping().await.unwrap().unix_millis() / 1000).unwrap();
        leave(store, bson::Timestamp { time: seconds - 100, increment: 1 }).await;
        let Backlog { changes, oldest } = store.backlog().await.unwrap();
        assert_eq!(changes, 2);
        assert!(Duration::from_secs(100) <= oldest && oldest < Duration::from_secs(160), "{oldest:?}");
    })
    .await;
}
