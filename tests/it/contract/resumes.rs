//! A resume costs what its subscriber has missed, however much others did in the meantime.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all, stream};
use orderwire::{
    cluster::local::LocalBus,
    domain::{EntityKind, Seq, Task, User},
    service::feed::{EventFeed, FeedOptions, StartAt, Topic},
    storage::{CallCounts, InstrumentedStore, Store},
};
use tokio::time::timeout;

use super::engine::Db;
use crate::support::{
    data::{stamp, task, user},
    options::feed_options,
};

const SUBSCRIBERS: usize = 300;
/// Each has some of the subscriptions.
const USERS: usize = 20;
/// Entries that each subscriber has missed.
const MISSED: usize = 3;
const FEW: usize = 60;
const MANY: usize = 900;
const DEADLINE: Duration = Duration::from_secs(60);

/// Makes tasks of these users, each in a transaction of its own.
async fn insert_tasks(store: &dyn Store, tasks: impl Iterator<Item = (String, &User)>) {
    let tasks = tasks.map(|(title, owner)| Task { created_by: owner.id, ..task(&title) });
    let insert = |task| async move { store.insert_task(task, stamp()).await.unwrap() };
    stream::iter(tasks.map(insert)).buffer_unordered(8).collect::<Vec<_>>().await;
    store.catch_up_log().await.unwrap();
}

/// What a node has done that has just started and to which all subscribers come back at once.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Calls of the store.
    calls: u64,
    /// What the engine has examined of the log.
    examined: u64,
}

/// Lets all subscribers resume at once, and checks that each receives what it has missed.
async fn resume(db: &Db, users: &[User]) -> Work {
    let counts = CallCounts::default();
    let store: Arc<dyn Store> = Arc::new(InstrumentedStore::new(db.shared(), Some(counts.clone())));
    // So few entries in memory that everybody reads the log; nothing else reads it.
    let options = FeedOptions { recent: 1, poll_every: Duration::from_secs(3600), ..feed_options() };
    let feed = EventFeed::start(store, Arc::new(LocalBus::new()), options).await.unwrap();
    counts.take();
    db.examined_in_log().await;
    let subscribers = (0..SUBSCRIBERS).map(async |number| {
        let topic = Topic::User(EntityKind::Task, users[number % USERS].id);
        let missed = feed.subscribe([topic], StartAt::After(0)).take(MISSED);
        let missed = timeout(DEADLINE, missed.collect::<Vec<_>>()).await.expect("it resumes");
        missed.into_iter().map(|entry| entry.unwrap().seq).collect::<Vec<Seq>>()
    });
    let received = join_all(subscribers).await;
    for (number, entries) in received.iter().enumerate() {
        assert!(entries.len() == MISSED && entries.is_sorted(), "{entries:?}");
        assert_eq!(entries, &received[number % USERS], "subscribers of the same user receive the same");
    }
    let calls = counts.take().values().sum();
    feed.shutdown().await;
    Work { calls, examined: db.examined_in_log().await }
}

pub async fn resuming_costs_what_was_missed_and_not_what_others_did(db: &Db) {
    let users: Vec<User> = (0..USERS).map(|number| user(&format!("owner {number}"))).collect();
    let stranger = user("stranger");
    let of_others = |numbers: std::ops::Range<usize>| numbers.map(|number| (format!("other {number}"), &stranger));
    insert_tasks(db.store(), of_others(0..FEW)).await;
    insert_tasks(db.store(), (0..MISSED * USERS).map(|number| (format!("own {number}"), &users[number % USERS]))).await;
    insert_tasks(db.store(), of_others(FEW..2 * FEW)).await;
    let few = resume(db, &users).await;
    insert_tasks(db.store(), of_others(2 * FEW..MANY)).await;
    let many = resume(db, &users).await;
    // A page of the log, and the look at its bounds that shows whether the page is whole.
    assert!(few.calls <= 2 * SUBSCRIBERS as u64 && many.calls <= few.calls, "{few:?} {many:?}");
    assert!(many.examined <= few.examined + few.examined / 10 + db.examined_by_chance(), "{few:?} {many:?}");
}
