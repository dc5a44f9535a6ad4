//! Several nodes on one database, and callers that go away.

use super::{a_product, on_nodes};
use crate::{
    domain::*,
    storage::{EventStore, Idempotency, ImportStore, OrderStore, ProductStore, StoreError},
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
                Err(StoreError::InsufficientStock { available: 0, .. }) => {}
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

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_transaction_behind() {
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
