//! Several nodes on one database, and cancelled callers.

use std::sync::Arc;

use bson::{Document, doc};
use futures_util::FutureExt;
use mongodb::{Client, options::ClientOptions};
use tokio::sync::Semaphore;

use super::{MongoStore, a_product, on_nodes, server};
use crate::{
    domain::*,
    storage::{EventStore, ImportStore, OrderStore, ProductStore, StoreError, mongo::transaction::fail},
};

fn new_order(products: &[&Product]) -> (NewOrder, Idempotency, Stamp) {
    let stamp = Stamp::system(SystemClock.now());
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
                Ok(_) => sold += 1,
                Err(StoreError::Refused(Refusal::InsufficientStock { available: 0, .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sold, UNITS);
        let left = stores[1].products_by_ids(&[lamp.id, vase.id]).await.unwrap();
        assert!(left.iter().flatten().all(|product| product.stock == 0 && product.version == 1 + UNITS));
        stores[2].catch_up_log().await.unwrap();
        let log = stores[2].read_log(0, LogFilter::ALL, 1000).await.unwrap();
        let numbers: Vec<Seq> = log.events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=Seq::from(UNITS) * 3).collect::<Vec<_>>());
    })
    .await;
}

/// One node commits a change of an entity while the transaction of another node is still open. Returns the log.
async fn commit_out_of_order(stores: &[MongoStore], slow_one_fails: bool) -> Vec<Event> {
    let [slow_node, quick_node] = stores else { panic!("two nodes") };
    let lamp = Product { stock: 10, ..a_product(1) };
    quick_node.import_products(std::slice::from_ref(&lamp)).await.unwrap();
    let (written, may_commit) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = tokio::spawn({
        let (store, written, may_commit) = (slow_node.0.clone(), written.clone(), may_commit.clone());
        async move {
            let attempt = store.transaction(move |transaction| {
                let (written, may_commit, vase) = (written.clone(), may_commit.clone(), a_product(2));
                async move {
                    let stamp = Stamp::system(SystemClock.now());
                    transaction.append_events(&[EventDraft::new(EventKind::Created, vase, stamp)]).await?;
                    written.add_permits(1);
                    may_commit.acquire().await.unwrap().forget();
                    if slow_one_fails { fail(Refusal::NotFound) } else { Ok(()) }
                }
                .boxed()
            });
            attempt.await
        }
    });
    written.acquire().await.unwrap().forget();
    let (order, key, stamp) = new_order(&[&lamp]);
    quick_node.place_order(order, key, stamp).await.expect("nobody waits for the open transaction");
    quick_node.catch_up_log().await.unwrap();
    assert_eq!(quick_node.log_state().await.unwrap().head, 2);
    may_commit.add_permits(1);
    assert_eq!(slow.await.unwrap().is_err(), slow_one_fails);
    quick_node.catch_up_log().await.unwrap();
    quick_node.read_log(0, LogFilter::ALL, 10).await.unwrap().events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_numbered_when_its_transaction_has_committed() {
    on_nodes(2, async |stores| {
        let log = commit_out_of_order(stores, false).await;
        assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(log[2].kind, EventKind::Created, "the slow one is last");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_transaction_leaves_no_entry_and_no_gap() {
    on_nodes(2, async |stores| {
        let log = commit_out_of_order(stores, true).await;
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
        let products = killed.database(living.0.database.name()).collection::<Document>("products");
        let sell = products.update_one(doc! { "_id": lamp.id }, doc! { "$inc": { "stock": -1 } });
        sell.session(&mut session).await.unwrap();
        // Never ended by the driver, as after kill -9.
        std::mem::forget(session);
        let (order, key, stamp) = new_order(&[&lamp]);
        living.place_order(order, key, stamp).await.unwrap();
        assert_eq!(living.products_by_ids(&[lamp.id]).await.unwrap()[0].as_ref().map(|lamp| lamp.stock), Some(9));
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
        stores[0].place_order(order, key, stamp).await.unwrap();
        let placed = stores[0].count_orders(&[OrderFilter::default()]).await.unwrap()[0];
        stores[0].catch_up_log().await.unwrap();
        assert_eq!(stores[0].log_state().await.unwrap().head, placed as Seq * 2, "every order is whole");
    })
    .await;
}
