//! The log gets another id after the database was restored from a backup; positions from before expire.

use std::time::Duration;

use futures_util::stream::BoxStream;
use orderwire::{
    domain::{LogId, UserRole, Viewer},
    storage::{Backlog, Epoch, LogState},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::engine::Db;
use crate::support::{
    api::{TestApi, error_codes, next},
    data::{stamp, task, whole_log},
};

const WATCH: &str = "subscription ($after: EventCursor) { taskUpdates(after: $after) { cursor task { title } } }";

pub async fn a_new_epoch_changes_the_id_and_the_numbers_go_on(db: &mut Db) {
    db.insert_task(task("first"), stamp()).await.unwrap();
    let before = db.log_state().await.unwrap();
    let started = db.start_epoch().await.unwrap();
    assert_eq!(started.retired, before.log);
    assert_ne!(started.current, before.log);
    let other = db.other_node().await;
    assert_eq!(other.log_state().await.unwrap(), LogState { log: started.current, ..before });
    other.close().await;
    let log = whole_log(db.store()).await;

    let last = db.start_epoch().await.unwrap();
    assert_eq!(last.retired, started.current);
    db.reopen().await;
    db.insert_task(task("second"), stamp()).await.unwrap();
    assert_eq!(db.log_state().await.unwrap(), LogState { log: last.current, head: 2, ..before });
    assert_eq!(db.confirmed_log_state().await.unwrap(), db.log_state().await.unwrap());
    assert_eq!(whole_log(db.store()).await[..1], log);
    for (id, epoch) in [
        (last.current, Epoch::Current),
        (started.current, Epoch::Retired),
        (before.log, Epoch::Retired),
        (LogId::new(last.current.0 ^ 1), Epoch::Unknown),
    ] {
        assert_eq!(db.epoch(id).await.unwrap(), epoch);
    }
    assert_eq!(db.backlog().await.unwrap(), Backlog::default(), "everything is numbered");
}

/// The subscription's next message, which is about a task with this title; returns its cursor.
async fn cursor_of(updates: &mut BoxStream<'static, async_graphql::Response>, title: &str) -> String {
    let response = next(updates).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    assert_eq!(data["taskUpdates"]["task"]["title"], title);
    data["taskUpdates"]["cursor"].as_str().unwrap().to_owned()
}

/// Makes a task whose entry is logged alone.
async fn create(db: &Db, node: &TestApi, staff: Viewer, title: &str) {
    let create = "mutation ($title: String!) { createTask(input: { title: $title }) { task { id } } }";
    node.data(staff, create, json!({ "title": title })).await;
    db.catch_up_log().await.unwrap();
}

async fn assert_expired(node: &TestApi, staff: Viewer, cursor: &str) {
    let refusal = next(&mut node.stream(staff, WATCH, json!({ "after": cursor }))).await;
    assert_eq!(error_codes(&refusal), ["CURSOR_EXPIRED"], "{cursor}");
}

pub async fn nodes_notice_a_new_epoch_and_go_on_with_it(db: &Db) {
    let other = db.other_node().await;
    let nodes = [TestApi::over(db.shared()).await, TestApi::over(other.clone()).await];
    let staff = nodes[0].viewer("staff", UserRole::Staff).await;
    let mut subscriptions =
        nodes.each_ref().map(|node| node.stream(staff, WATCH, json!({ "after": node.service.head().to_string() })));
    create(db, &nodes[0], staff, "before").await;
    let mut before = String::new();
    for updates in &mut subscriptions {
        before = cursor_of(updates, "before").await;
    }
    let started = db.start_epoch().await.unwrap();
    for updates in &mut subscriptions {
        assert_eq!(error_codes(&next(updates).await), ["CURSOR_EXPIRED"]);
    }
    for node in &nodes {
        assert_eq!(node.service.head().log, started.current);
        assert_expired(node, staff, &before).await;
        assert_eq!(node.service.readiness().await, Default::default());
    }
    let mut subscriptions =
        nodes.each_ref().map(|node| node.stream(staff, WATCH, json!({ "after": node.service.head().to_string() })));
    create(db, &nodes[1], staff, "after").await;
    for updates in &mut subscriptions {
        let cursor = cursor_of(updates, "after").await;
        assert!(cursor.starts_with(&format!("c{}", started.current)), "{cursor}");
    }
    other.close().await;
}

/// As after a restore from a backup beside a running node.
pub async fn a_node_notices_that_the_log_has_lost_entries(db: &Db) {
    let node = TestApi::over(db.shared()).await;
    let staff = node.viewer("staff", UserRole::Staff).await;
    let start = node.service.head().to_string();
    let mut updates = node.stream(staff, WATCH, json!({ "after": start }));
    let mut cursors = Vec::new();
    for title in ["one", "two", "three"] {
        create(db, &node, staff, title).await;
        cursors.push(cursor_of(&mut updates, title).await);
    }
    db.lose_entries_after(1).await;
    assert_eq!(error_codes(&next(&mut updates).await), ["CURSOR_EXPIRED"]);
    let readiness = node.service.readiness().await;
    assert_eq!((readiness.failing.len(), readiness.impaired.len()), (0, 1), "{readiness:?}");
    assert!(readiness.impaired[0].starts_with("log: it has lost entries"), "{readiness:?}");

    // A subscription that begins now gets what follows, although the node had seen higher numbers.
    let mut updates = node.stream(staff, WATCH, Value::Null);
    let mut first = Box::pin(next(&mut updates));
    let response = loop {
        create(db, &node, staff, "later").await;
        // The subscription may open after the task was made.
        if let Ok(response) = timeout(Duration::from_millis(200), &mut first).await {
            break response;
        }
    };
    drop(first);
    assert_eq!(response.data.into_json().unwrap()["taskUpdates"]["task"]["title"], "later");

    db.start_epoch().await.unwrap();
    loop {
        let response = next(&mut updates).await;
        if !response.errors.is_empty() {
            assert_eq!(error_codes(&response), ["CURSOR_EXPIRED"]);
            break;
        }
    }
    assert_eq!(node.service.readiness().await, Default::default());
    for cursor in &cursors {
        assert_expired(&node, staff, cursor).await;
    }
}
