//! Callers take turns, and reads stop with the request that they are for.

use std::{sync::Arc, time::Duration};

use bson::{Document, doc};
use futures_util::{TryStreamExt, future::join_all, poll};
use mongodb::options::ReadConcern;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{super::read::TimedRead, MongoStore, a_product, a_user, at, load, on_nodes};
use crate::{
    domain::*,
    fairness::{Caller, run_for, run_until},
    storage::{
        EventStore, ImportStore, OrderQuery, OrderStore, ProductStore, SessionStore, TaskQuery, TaskStore, UserStore,
    },
};

/// The operations on a collection that the server is running.
async fn running(store: &MongoStore, collection: &str) -> Vec<Document> {
    let namespace = format!("{}.{collection}", store.0.database.name());
    let found = vec![doc! { "$currentOp": {} }, doc! { "$match": { "ns": namespace, "active": true } }];
    store
        .0
        .client
        .database("admin")
        .aggregate(found)
        .read_concern(ReadConcern::local())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_was_given_up_stops_on_the_server() {
    on_nodes(1, async |stores| {
        let store = &stores[0];
        load(store).await;
        let soon = Instant::now() + Duration::from_millis(300);
        let request = run_until(soon, async {
            // All rows together take 40 s.
            let slow = store.0.collections.tasks.find(doc! { "$where": "sleep(100) || true" });
            store.0.with_timeout(slow.batch_size(1000).timed_batch()).await.map(drop)
        });
        let given_up = timeout_at(soon, request).await;
        assert!(given_up.is_err() || given_up.is_ok_and(|read| read.is_err()));
        let stopped = async {
            while !running(store, "tasks").await.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(15), stopped).await.expect("the server should stop the read");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_entities_has_a_time_limit_on_the_server() {
    on_nodes(1, async |stores| {
        let store = &stores[0];
        let data = load(store).await;
        store.0.database.run_command(doc! { "profile": 2 }).await.unwrap();
        let soon = Instant::now() + Duration::from_secs(10);
        run_until(soon, async {
            let sort = Sort { field: TaskSort::DueAt, direction: Direction::Asc };
            let visible = |user: usize| TaskFilter { visible_to: Some(data.users[user].id), ..TaskFilter::default() };
            let task = |filter| TaskQuery { filter, sort, slice: Slice::first(5), fields: TaskFields::ALL };
            store.list_tasks(&[task(visible(1))]).await.unwrap();
            store.list_tasks(&[task(visible(1)), task(TaskFilter::default())]).await.unwrap();
            store.count_tasks(&[visible(1), visible(2)]).await.unwrap();
            let order = |user: usize| OrderQuery {
                filter: OrderFilter { customer: Some(data.users[user].id), ..OrderFilter::default() },
                sort: Sort { field: OrderSort::PlacedAt, direction: Direction::Asc },
                slice: Slice::first(5),
                fields: OrderFields::ALL,
            };
            store.list_orders(&[order(1), order(2)]).await.unwrap();
            store.orders_by_ids(&[data.orders[0].id]).await.unwrap();
            store.products_by_ids(&[data.products[0].id]).await.unwrap();
            store.users_by_ids(&[data.users[0].id]).await.unwrap();
            store.session_users(&[SessionId::generate(at(0))], at(0)).await.unwrap();
            store.read_log(0, LogFilter { user: Some(data.users[0].id), ..LogFilter::ALL }, 5).await.unwrap();
        })
        .await;
        store.0.database.run_command(doc! { "profile": 0 }).await.unwrap();
        let entities = ["users", "sessions", "products", "orders", "tasks"];
        let names = entities.map(|collection| format!("{}.{collection}", store.0.database.name()));
        let profile = store.0.database.collection::<Document>("system.profile");
        let reads = doc! { "ns": { "$in": names.to_vec() }, "$or": [
            { "command.find": { "$exists": true } }, { "command.aggregate": { "$exists": true } },
        ] };
        let reads: Vec<Document> = profile.find(reads).await.unwrap().try_collect().await.unwrap();
        assert!(reads.len() >= 9, "{reads:#?}");
        for read in reads {
            let command = read.get_document("command").unwrap();
            let limit = command.get("maxTimeMS").and_then(|limit| limit.as_i64().or(limit.as_i32().map(i64::from)));
            assert!(limit.is_some_and(|limit| (1..=10_000).contains(&limit)), "{command}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_few_of_a_flood_of_changes() {
    on_nodes(1, async |stores| {
        let store = &stores[0];
        let [flooding, other] = [1, 2].map(|number| Caller::User(a_user(number).id));
        let products = [1, 2].map(a_product);
        store.import_products(&products).await.unwrap();
        // One permit is given back, so that the changes run one after the other.
        let permits = &store.0.change_permits;
        let mut held = Vec::new();
        while permits.free() > 0 {
            held.push(permits.acquire(Caller::Server).await.unwrap());
        }
        let done = Arc::new(Mutex::new(Vec::new()));
        let change = |caller: Caller, product: ProductId| {
            let done = Arc::clone(&done);
            run_for(caller, async move {
                let adjustment = StockAdjustment { product, delta: 1, idempotency: None };
                store.adjust_stock(adjustment, Stamp::system(at(1))).await.unwrap();
                done.lock().push(caller);
            })
        };
        let mut flood = Box::pin(join_all((0..100).map(|_| change(flooding, products[0].id))));
        assert!(poll!(&mut flood).is_pending());
        let mut late = Box::pin(change(other, products[1].id));
        assert!(poll!(&mut late).is_pending());
        held.pop();
        tokio::join!(flood, late);
        let place = done.lock().iter().position(|caller| *caller == other).unwrap();
        assert!(place <= 2, "{place} changes of the other caller came before");
    })
    .await;
}
