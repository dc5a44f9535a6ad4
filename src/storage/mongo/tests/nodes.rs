//! Several nodes on one database, and cancelled callers.

use std::{sync::Arc, time::Duration};

use bson::{Document, doc};
use futures_util::FutureExt;
use mongodb::{Client, options::ClientOptions};
use tokio::sync::Semaphore;

use super::{MongoStore, a_product, on_nodes, server};
use crate::{
    domain::*,
    storage::{
        EventStore, ImportStore, OrderStore, ProductStore, StoreError,
        mongo::transaction::{LogAccess, fail},
    },
};

fn new_order(products: &[&Product]) -> (NewOrder, Idempotency, Stamp) {
    let stamp = Stamp { actor: None, at: SystemClock.now() };
    let id = OrderId::generate(stamp.at);
    let user = UserId::generate(stamp.at);
    let line = |(input_index, product): (usize, &&Product)| OrderLine { product: product.id, quantity: 1, input_index };
    let order = NewOrder {
        id,
        number: id.to_string(),
        region: "UK".into(),
        customer: user,
        lines: products.iter().enumerate().map(line).collect(),
        payment_reference: None,
    };
    (order, Idempotency { user, scope: "place", key: id.to_string(), fingerprint: [1; 32] }, stamp)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_collide_sell_each_unit_once_and_number_without_gaps() {
    const UNITS: i32 = 60;
    on_nodes(3, async |stores| {
        let [lamp, vase] = [1, 2].map(|number| Product { stock: UNITS, ..a_product(number) });
        stores[0].import_products(&[lamp.clone(), vase.clone()]).await.unwrap();
        let buyers = (0..90).map(|number| {
            let store = stores[number % stores.len()].clone();
            let products = if number % 2 == 0 { [lamp.clone(), vase.clone()] } else { [vase.clone(), lamp.clone()] };
            tokio::spawn(async move {
                let (order, key, stamp) = new_order(&products.iter().collect::<Vec<_>>());
                store.place_order(order, key, stamp).await
            })
        });
        let mut sold = 0;
        for buyer in buyers.collect::<Vec<_>>() {
            match buyer.await.unwrap() {
                Ok(placed) => sold += placed.events.len() as i32 / 3,
                Err(StoreError::Refused(Refusal::InsufficientStock { available: 0, .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sold, UNITS);
        let left = stores[1].products_by_ids(&[lamp.id, vase.id]).await.unwrap();
        assert!(left.iter().flatten().all(|product| product.stock == 0 && product.version == 1 + UNITS));
        let log = stores[2].read_log(0, LogFilter::ALL, 1000).await.unwrap();
        let numbers: Vec<Seq> = log.events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=Seq::from(UNITS) * 3).collect::<Vec<_>>());
    })
    .await;
}

/// How many transactions the server has aborted, among them those that collided.
async fn aborted(store: &MongoStore) -> i64 {
    let admin = store.0.client.database("admin");
    let status = admin.run_command(doc! { "serverStatus": 1 }).await.unwrap();
    status.get_document("transactions").unwrap().get_i64("totalAborted").unwrap()
}

/// One transaction takes the log's first number and hangs while another node tries to commit. Returns the log.
async fn commit_in_the_wrong_order(stores: &[MongoStore], late_one_fails: bool) -> Vec<Event> {
    let [late_node, quick_node] = stores else { panic!("two nodes") };
    let lamp = Product { stock: 10, ..a_product(1) };
    quick_node.import_products(std::slice::from_ref(&lamp)).await.unwrap();
    let (taken, may_commit) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let late = tokio::spawn({
        let (store, taken, may_commit) = (late_node.0.clone(), taken.clone(), may_commit.clone());
        async move {
            let attempt = store.transaction(LogAccess::Append, move |transaction| {
                let (taken, may_commit, vase) = (taken.clone(), may_commit.clone(), a_product(2));
                async move {
                    let seq = transaction.allocate_seqs(1).await?;
                    taken.add_permits(1);
                    may_commit.acquire().await.unwrap().forget();
                    let stamp = Stamp { actor: None, at: SystemClock.now() };
                    transaction
                        .append_events(&[EventDraft::new(EventKind::Created, vase).numbered(seq, stamp)])
                        .await?;
                    if late_one_fails { fail(Refusal::NotFound) } else { Ok(()) }
                }
                .boxed()
            });
            attempt.await
        }
    });
    taken.acquire().await.unwrap().forget();
    let before = aborted(quick_node).await;
    let quick = tokio::spawn({
        let (store, (order, key, stamp)) = (quick_node.clone(), new_order(&[&lamp]));
        async move { store.place_order(order, key, stamp).await }
    });
    let collided = async { while aborted(quick_node).await == before {} };
    tokio::time::timeout(Duration::from_secs(10), collided).await.expect("both want the number");
    assert!(!quick.is_finished(), "it went past the one before it");
    assert_eq!(quick_node.log_state().await.unwrap().head, 0);
    assert!(quick_node.read_log(0, LogFilter::ALL, 10).await.unwrap().events.is_empty());
    may_commit.add_permits(1);
    assert_eq!(late.await.unwrap().is_err(), late_one_fails);
    quick.await.unwrap().unwrap();
    quick_node.read_log(0, LogFilter::ALL, 10).await.unwrap().events
}

#[tokio::test(flavor = "multi_thread")]
async fn late_commit_holds_back_later_log_entries() {
    on_nodes(2, async |stores| {
        let log = commit_in_the_wrong_order(stores, false).await;
        let numbers: Vec<Seq> = log.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(log[0].kind, EventKind::Created, "the late one is first");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn number_of_an_aborted_transaction_is_used_again() {
    on_nodes(2, async |stores| {
        let log = commit_in_the_wrong_order(stores, true).await;
        assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_of_a_killed_process_does_not_block_others() {
    on_nodes(2, async |stores| {
        let [_, living] = stores else { panic!("two nodes") };
        let lamp = Product { stock: 10, ..a_product(1) };
        living.import_products(std::slice::from_ref(&lamp)).await.unwrap();
        let mut options = ClientOptions::parse(server()).await.unwrap();
        options.app_name = Some(living.0.app_name.clone());
        let killed = Client::with_options(options).unwrap();
        let mut session = killed.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let counters = killed.database(living.0.database.name()).collection::<Document>("counters");
        let take = counters.update_one(doc! { "_id": "log" }, doc! { "$inc": { "seq": 1 } });
        take.session(&mut session).await.unwrap();
        // Never ended by the driver, as after kill -9.
        std::mem::forget(session);
        let (order, key, stamp) = new_order(&[&lamp]);
        let placed = living.place_order(order, key, stamp).await.unwrap();
        assert_eq!(placed.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_caller_leaves_no_transaction_open() {
    on_nodes(1, async |stores| {
        let lamp = Product { stock: 1000, ..a_product(1) };
        stores[0].import_products(std::slice::from_ref(&lamp)).await.unwrap();
        for number in 0..50 {
            let (order, key, stamp) = new_order(&[&lamp]);
            let call = stores[0].place_order(order, key, stamp);
            let patience = std::time::Duration::from_micros(number * 100);
            let _ = tokio::time::timeout(patience, call).await;
        }
        let (order, key, stamp) = new_order(&[&lamp]);
        let last = stores[0].place_order(order, key, stamp).await.unwrap();
        let placed = stores[0].count_orders(&[OrderFilter::default()]).await.unwrap()[0];
        assert_eq!(last.events.last().unwrap().seq, placed as Seq * 2, "every order is whole");
    })
    .await;
}
