//! Consumers of the log: leases, fences and progress.

use std::time::Duration;

use orderwire::{
    domain::*,
    storage::{LeasedConsumer, Store},
};

use super::engine::{Db, refusal};
use crate::support::{
    data::{at, by_system, session, user},
    wait_until,
};

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);
/// Two processes.
const FIRST: i64 = 1;
const SECOND: i64 = 2;

fn consumer(name: &str) -> Consumer {
    Consumer {
        name: name.to_owned(),
        definition: format!("what {name} does, with a $sign"),
        paused: false,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
        progress: Progress::after(LogId::new(7), 3),
    }
}

async fn add(db: &Db, name: &str) -> Consumer {
    let consumer = consumer(name);
    db.insert_consumer(&consumer, by_system(0)).await.unwrap();
    consumer
}

async fn stored(store: &dyn Store, name: &str) -> Option<Consumer> {
    store.consumers(&[name.to_owned()]).await.unwrap().pop().unwrap()
}

fn names(leased: &[LeasedConsumer]) -> Vec<&str> {
    leased.iter().map(|leased| leased.consumer.name.as_str()).collect()
}

fn paused(paused: bool) -> ConsumerChanges {
    ConsumerChanges { paused: Some(paused), ..ConsumerChanges::default() }
}

pub async fn a_consumer_is_stored_changed_and_deleted_whole(db: &Db) {
    let mut first = add(db, "test_a").await;
    let second = add(db, "test_b").await;
    add(db, "other_c").await;
    let found = db.consumers(&["test_b".to_owned(), "none".to_owned(), "test_a".to_owned()]).await.unwrap();
    assert_eq!(found, [Some(second.clone()), None, Some(first.clone())]);
    assert_eq!(db.list_consumers("test_", "", 9).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(db.list_consumers("test_", "test_a", 9).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(db.list_consumers("test_", "", 1).await.unwrap(), [first.clone()]);
    let changes = ConsumerChanges {
        definition: Some("another".to_owned()),
        paused: Some(true),
        restart: Some(Progress::after(LogId::new(8), 1)),
    };
    let changed = db.change_consumer("test_a", changes.clone(), Some(1), by_system(5)).await.unwrap();
    first = first.change(changes.clone(), Some(1), at(5)).unwrap();
    assert_eq!((changed, stored(db.store(), "test_a").await), (first.clone(), Some(first.clone())));
    let stale = db.change_consumer("test_a", changes.clone(), Some(1), by_system(6)).await;
    assert_eq!(refusal(stale), Refusal::VersionMismatch { actual: 2 });
    assert_eq!(refusal(db.change_consumer("none", changes, None, by_system(6)).await), Refusal::NotFound);
    db.delete_consumer("test_a", by_system(7)).await.unwrap();
    assert_eq!(stored(db.store(), "test_a").await, None);
    assert_eq!(refusal(db.delete_consumer("test_a", by_system(8)).await), Refusal::NotFound);
    assert_eq!(stored(db.store(), "test_b").await, Some(second));
}

pub async fn only_admins_change_consumers(db: &Db) {
    let stamp_of = async |name: &str, role: UserRole, number: u8| {
        let person = User { role, ..user(name) };
        db.insert_user(&person, None).await.unwrap();
        let session = session(&person, number);
        db.insert_session(&session, None).await.unwrap();
        Stamp { actor: Some(person.id), permission: Permission::Staff(session.id), at: at(1) }
    };
    let admin = stamp_of("admin", UserRole::Admin, 1).await;
    let staff = stamp_of("staff", UserRole::Staff, 2).await;
    let ended = stamp_of("ended", UserRole::Admin, 3).await;
    db.end_session(ended.session().unwrap(), at(1)).await.unwrap();
    for (stamp, reason) in [(staff, Refusal::RightLost), (ended, Refusal::SessionEnded)] {
        assert_eq!(refusal(db.insert_consumer(&consumer("test_x"), stamp).await), reason);
        assert_eq!(stored(db.store(), "test_x").await, None);
    }
    let own = consumer("test_a");
    db.insert_consumer(&own, admin).await.unwrap();
    for (stamp, reason) in [(staff, Refusal::RightLost), (ended, Refusal::SessionEnded)] {
        assert_eq!(refusal(db.change_consumer("test_a", paused(true), None, stamp).await), reason);
        assert_eq!(refusal(db.delete_consumer("test_a", stamp).await), reason);
    }
    assert_eq!(stored(db.store(), "test_a").await, Some(own));
    db.change_consumer("test_a", paused(true), None, admin).await.unwrap();
    db.delete_consumer("test_a", admin).await.unwrap();
}

pub async fn one_process_has_a_consumer_until_its_lease_ends(db: &Db) {
    let added = add(db, "test_a").await;
    let other = db.other_node().await;
    let first = db.lease_consumers(FIRST, 9, SHORT, &[]).await.unwrap();
    let expected = LeasedConsumer { consumer: added.clone(), fence: 1, retry_in: Duration::ZERO };
    assert_eq!(first, [expected]);
    assert_eq!(other.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap(), [], "the other process has it");
    let progress =
        Progress { failures: 2, last_error: Some("$refused".to_owned()), ..Progress::after(LogId::new(7), 9) };
    assert!(db.save_progress("test_a", 1, &progress, Duration::ZERO).await.unwrap());
    let mut second = Vec::new();
    wait_until("the lease ends", MINUTE, async || {
        second = other.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap();
        !second.is_empty()
    })
    .await;
    let moved = Consumer { progress: progress.clone(), ..added };
    assert_eq!(second, [LeasedConsumer { consumer: moved.clone(), fence: 2, retry_in: Duration::ZERO }]);
    let late = Progress::after(LogId::new(7), 99);
    assert!(!db.save_progress("test_a", 1, &late, Duration::ZERO).await.unwrap(), "the lease of before moves nothing");
    assert_eq!(stored(db.store(), "test_a").await, Some(moved));
    assert!(other.save_progress("test_a", 2, &late, Duration::ZERO).await.unwrap());
    assert_eq!(db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap(), []);
    other.close().await;
}

pub async fn an_extended_lease_keeps_its_fence_and_a_released_one_is_free_at_once(db: &Db) {
    add(db, "test_a").await;
    for _ in 0..3 {
        let held = db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap();
        assert_eq!((names(&held), held[0].fence), (vec!["test_a"], 1));
    }
    db.release_consumers(SECOND).await.unwrap();
    assert_eq!(db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap(), []);
    db.release_consumers(FIRST).await.unwrap();
    assert_eq!(db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap()[0].fence, 2);
}

pub async fn the_time_until_the_next_attempt_moves_with_the_consumer(db: &Db) {
    add(db, "test_a").await;
    db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap();
    assert!(db.save_progress("test_a", 1, &Progress::after(LogId::new(7), 3), MINUTE).await.unwrap());
    db.release_consumers(FIRST).await.unwrap();
    let wait = db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap()[0].retry_in;
    assert!(wait > MINUTE / 2 && wait <= MINUTE, "{wait:?}");
    db.change_consumer("test_a", paused(false), None, by_system(1)).await.unwrap();
    let wait = db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap()[0].retry_in;
    assert_eq!(wait, Duration::ZERO, "a change makes it try at once");
}

pub async fn a_change_ends_the_lease_and_refuses_progress_of_before(db: &Db) {
    let added = add(db, "test_a").await;
    db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap();
    let restart = Progress::after(LogId::new(7), 1);
    let changes = ConsumerChanges { restart: Some(restart.clone()), ..ConsumerChanges::default() };
    db.change_consumer("test_a", changes, Some(1), by_system(1)).await.unwrap();
    assert!(!db.save_progress("test_a", 1, &added.progress, Duration::ZERO).await.unwrap());
    let held = db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap();
    assert!(held[0].fence > 1, "{held:?}");
}

pub async fn paused_and_stopped_consumers_are_leased_to_nobody(db: &Db) {
    for name in ["test_a", "test_b", "test_c", "test_d"] {
        add(db, name).await;
    }
    assert_eq!(names(&db.lease_consumers(FIRST, 2, MINUTE, &[]).await.unwrap()), ["test_a", "test_b"]);
    assert_eq!(names(&db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap()), ["test_c", "test_d"]);
    assert_eq!(db.lease_consumers(3, 0, MINUTE, &[]).await.unwrap(), []);
    db.change_consumer("test_a", paused(true), None, by_system(1)).await.unwrap();
    let stopped = Progress { stopped: true, ..Progress::after(LogId::new(7), 3) };
    assert!(db.save_progress("test_b", 1, &stopped, Duration::ZERO).await.unwrap());
    assert_eq!(db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap(), []);
    db.change_consumer("test_a", paused(false), None, by_system(2)).await.unwrap();
    let changes = ConsumerChanges { restart: Some(Progress::after(LogId::new(7), 5)), ..ConsumerChanges::default() };
    db.change_consumer("test_b", changes, None, by_system(2)).await.unwrap();
    assert_eq!(names(&db.lease_consumers(FIRST, 9, MINUTE, &[]).await.unwrap()), ["test_a", "test_b"]);
}

pub async fn a_process_gets_no_consumer_that_it_asks_to_leave_out(db: &Db) {
    for name in ["test_a", "test_b", "test_c"] {
        add(db, name).await;
    }
    let without = ["test_a", "test_c", "none"].map(str::to_owned);
    assert_eq!(names(&db.lease_consumers(FIRST, 9, MINUTE, &without).await.unwrap()), ["test_b"]);
    assert_eq!(names(&db.lease_consumers(SECOND, 1, MINUTE, &[]).await.unwrap()), ["test_a"]);
    assert_eq!(names(&db.lease_consumers(FIRST, 9, MINUTE, &without).await.unwrap()), ["test_b"]);
    assert_eq!(names(&db.lease_consumers(SECOND, 9, MINUTE, &[]).await.unwrap()), ["test_a", "test_c"]);
}

pub async fn processes_that_lease_at_once_share_no_consumer(db: &Db) {
    for number in 0..8 {
        add(db, &format!("test_{number}")).await;
    }
    let lease = |holder: i64| {
        let store = db.shared();
        tokio::spawn(async move { store.lease_consumers(holder, 3, MINUTE, &[]).await.unwrap() })
    };
    let tasks: Vec<_> = (1..=4).map(lease).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap().into_iter().map(|leased| leased.consumer.name));
    }
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(all.len(), distinct.len(), "{all:?}");
}
