//! Pruning deletes what is old, and the numbers of the log go on.

use std::time::Duration;

use orderwire::{
    domain::*,
    storage::{Rotation, Session, Store},
};

use super::engine::Db;
use crate::support::{
    data::{
        at, insert_products, key, new_order, presented, product, reread, session, session_user, stamp, task, user,
        whole_log,
    },
    wait_until,
};

/// A time long before everything in these tests.
const NEVER: Timestamp = Timestamp::from_unix_millis(-1_000_000_000_000);

/// Makes tasks whose entries are logged one by one: entries that are logged together may be deleted together.
async fn tasks_at(store: &dyn Store, seconds: &[i64]) {
    for second in seconds {
        store.insert_task(task(&format!("at {second}")), Stamp::system(at(*second))).await.unwrap();
        store.catch_up_log().await.unwrap();
    }
}

async fn numbers(store: &dyn Store) -> Vec<Seq> {
    whole_log(store).await.iter().map(|event| event.seq).collect()
}

pub async fn pruning_shortens_the_log(db: &mut Db) {
    db.prune(at(0), at(0), at(0)).await.expect("an empty log has nothing to prune");
    tasks_at(db.store(), &[10, 20, 30, 40, 50]).await;
    db.prune(at(0), at(10), NEVER).await.unwrap();
    assert_eq!(numbers(db.store()).await, [1, 2, 3, 4, 5], "what is as old as that stays");
    db.prune(at(0), at(35), NEVER).await.unwrap();
    let state = db.log_state().await.unwrap();
    assert_eq!((numbers(db.store()).await, state.horizon, state.head), (vec![4, 5], 3, 5));
    let page = db.read_log(3, LogFilter::ALL, 1).await.unwrap();
    assert_eq!((page.events[0].seq, page.through), (4, 4));

    db.prune(at(0), at(1000), NEVER).await.unwrap();
    let state = db.log_state().await.unwrap();
    assert_eq!((numbers(db.store()).await, state.horizon, state.head), (vec![5], 4, 5), "the newest entry stays");
    db.reopen().await;
    assert_eq!(db.log_state().await.unwrap(), state);
    tasks_at(db.store(), &[2000]).await;
    assert_eq!(numbers(db.store()).await, [5, 6], "numbering goes on");
    assert_eq!(db.count_tasks(&[TaskFilter::default()]).await.unwrap(), [6], "entities stay");
}

/// When the clocks of two nodes differ, times in the log are not in order, but the log gets no gap.
pub async fn pruning_leaves_no_hole_in_the_log(db: &Db) {
    tasks_at(db.store(), &[10, 12, 50, 20, 60, 21, 61]).await;
    db.prune(at(0), at(30), NEVER).await.unwrap();
    let state = db.log_state().await.unwrap();
    assert_eq!(numbers(db.store()).await, (state.horizon + 1..=7).collect::<Vec<_>>());
    assert!(state.horizon <= 2, "what is new stays");
}

/// The ages of keys are measured by the clock of the database, whatever the clocks of nodes say.
pub async fn pruning_deletes_only_old_keys(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let week = Duration::from_secs(7 * 86_400);
    let place_at = async |number: &str, text: &str, fingerprint: u8, at: Timestamp| {
        let key = Idempotency { fingerprint: [fingerprint; 32], ..key(text) };
        db.place_order(new_order(number, &[(&lamp, 1)]), key, Stamp::system(at)).await.unwrap()
    };
    let now = db.ping().await.unwrap();
    place_at("1", "old", 1, now.plus(week)).await;
    // MongoDB keeps the time of a key in whole seconds.
    let later = Timestamp::from_unix_millis((db.ping().await.unwrap().unix_millis() / 1000 + 1) * 1000);
    let reached = async || db.ping().await.unwrap() >= later;
    wait_until("the next second", Duration::from_secs(30), reached).await;
    place_at("2", "new", 1, now.minus(week)).await;
    db.prune(NEVER, NEVER, later).await.unwrap();
    assert!(!place_at("3", "old", 2, now).await.replayed, "an old key is free again");
    assert!(place_at("4", "new", 1, now).await.replayed, "a new one is not");
    assert_eq!(reread(db.store(), &lamp).await.stock, 7);
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [3], "orders stay");
}

pub async fn pruning_deletes_only_expired_sessions(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let (short, long) = (Session { expires_at: at(10), ..session(&anna, 1) }, session(&anna, 2));
    db.insert_session(&short, None).await.unwrap();
    db.insert_session(&long, None).await.unwrap();
    db.prune(at(20), NEVER, NEVER).await.unwrap();
    // At an earlier time the session would not be expired, so it would be found if it were still stored.
    assert_eq!(session_user(db.store(), short.id, at(5)).await, None);
    assert_eq!(session_user(db.store(), long.id, at(20)).await, Some(anna.clone()));
    let rotation = db.rotate_session(long.id, presented(&long, 2, 3), at(9000), at(21)).await.unwrap();
    assert_eq!(rotation, Rotation::Rotated(anna, [3; 16]));
    db.insert_task(task("t"), stamp()).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, 2);
}
