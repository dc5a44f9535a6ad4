//! Ages are measured by the clock of the database, not by those of nodes.

use std::{sync::Arc, time::Duration};

use orderwire::domain::{Clock, SystemClock, Timestamp, UserRole, Viewer};
use serde_json::{Value, json};

use super::engine::Db;
use crate::support::{api::TestApi, data::whole_log};

/// Longer than everything is kept.
const EIGHT_DAYS: Duration = Duration::from_secs(8 * 86_400);

/// A clock that shows another time than the machine's.
struct WrongClock(fn(Timestamp) -> Timestamp);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        (self.0)(SystemClock.now())
    }
}

/// Nodes whose clocks are eight days ahead and eight days behind.
async fn wrong_nodes(db: &Db) -> [(&'static str, TestApi); 2] {
    let clocks =
        [("ahead of", WrongClock(|now| now.plus(EIGHT_DAYS))), ("behind", WrongClock(|now| now.minus(EIGHT_DAYS)))];
    let [ahead, behind] =
        clocks.map(async |(way, clock)| (way, TestApi::with_clock(db.shared(), Arc::new(clock)).await));
    [ahead.await, behind.await]
}

/// Orders a lamp; returns the id of the order.
async fn order(node: &TestApi, buyer: Viewer, lamp: &Value, key: &str) -> Value {
    let place = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
        order { id } userErrors { message } } }";
    let input = json!({ "idempotencyKey": key, "items": [{ "productId": lamp, "quantity": 1 }] });
    let placed = node.data(buyer, place, json!({ "input": input })).await["placeOrder"].clone();
    assert_eq!(placed["userErrors"], json!([]));
    placed["order"]["id"].clone()
}

async fn lamp_and_buyer(node: &TestApi) -> (Value, Viewer) {
    let staff = node.viewer("staff", UserRole::Staff).await;
    let lamp = node.product(staff, json!({ "sku": "L1", "name": "Lamp", "price": "2.5", "stock": 10 })).await;
    (lamp, node.viewer("buyer", UserRole::Customer).await)
}

pub async fn the_clock_of_the_database_is_right(db: &Db) {
    let (before, now, after) = (SystemClock.now(), db.ping().await.unwrap(), SystemClock.now());
    assert!(before <= now && now <= after, "{before} {now} {after}");
}

pub async fn a_node_whose_clock_is_off_says_so_and_deletes_nothing(db: &Db) {
    let right = TestApi::over(db.shared()).await;
    let (lamp, buyer) = lamp_and_buyer(&right).await;
    let first = order(&right, buyer, &lamp, "1").await;
    let log = whole_log(db.store()).await;
    for (way, node) in wrong_nodes(db).await {
        let refusal = node.service.prune().await.unwrap_err().to_string();
        assert!(refusal.contains(&format!("691200 s {way} the database's")), "{refusal}");
        let readiness = node.service.readiness().await;
        assert_eq!((readiness.failing.len(), readiness.impaired), (0, vec![refusal]));
        assert_eq!(order(&node, buyer, &lamp, "1").await, first, "{way}");
        assert_eq!(order(&right, buyer, &lamp, "1").await, first, "{way}");
        assert_eq!(whole_log(db.store()).await, log, "{way}");
    }
    right.service.prune().await.unwrap();
    assert_eq!(right.service.readiness().await, Default::default());
    assert_eq!(order(&right, buyer, &lamp, "1").await, first);
    assert_eq!(whole_log(db.store()).await, log);
}

pub async fn a_key_is_honoured_whatever_the_clock_of_the_node(db: &Db) {
    let right = TestApi::over(db.shared()).await;
    let (lamp, buyer) = lamp_and_buyer(&right).await;
    for (way, node) in wrong_nodes(db).await {
        let first = order(&node, buyer, &lamp, way).await;
        right.service.prune().await.unwrap();
        for node in [&right, &node] {
            assert_eq!(order(node, buyer, &lamp, way).await, first, "{way}");
        }
    }
}
