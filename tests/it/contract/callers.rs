//! Many callers at once: a caller who hangs up leaves nothing half done, and the failure of one does not touch others.

use std::time::Duration;

use orderwire::{domain::*, storage::StoreError};
use tokio::time::timeout;

use super::engine::Db;
use crate::support::data::{insert_products, key, new_order, place, product, reread, stamp, whole_log};

/// Clients hang up while their orders are placed. Each order is stored with its stock taken and its entries, or not at
/// all, and holds up no other.
pub async fn callers_who_hang_up_leave_whole_orders_or_none(db: &mut Db) {
    let lamp = Product { stock: 1000, ..product("lamp") };
    insert_products(db.store(), &[&lamp]).await;
    let callers: Vec<_> = (0..40)
        .map(|number| {
            let (store, lamp) = (db.shared(), lamp.clone());
            let patience = Duration::from_micros(number * 250);
            tokio::spawn(
                async move { timeout(patience, place(&*store, &number.to_string(), &[(&lamp, 1)])).await.is_ok() },
            )
        })
        .collect();
    let mut served = 0;
    for caller in callers {
        served += u64::from(caller.await.unwrap());
    }
    place(db.store(), "last", &[(&lamp, 1)]).await.expect("no lock is left behind");
    db.reopen().await;
    let orders = db.count_orders(&[OrderFilter::default()]).await.unwrap()[0];
    assert!(orders > served && orders <= 41, "{orders} orders, {served} served, and the last");
    assert_eq!(u64::from(reread(db.store(), &lamp).await.stock.unsigned_abs()), 1000 - orders);
    let log = whole_log(db.store()).await;
    assert!(log.iter().map(|event| event.seq).eq(1..=1 + 2 * orders as Seq));
    for number in 0..40 {
        let number = number.to_string();
        let there = db.orders_by_numbers(std::slice::from_ref(&number)).await.unwrap()[0].is_some();
        let again = place(db.store(), &number, &[(&lamp, 1)]).await.unwrap();
        assert_eq!(again.replayed, there, "the key is used exactly when the order is there");
    }
}

/// Orders that are placed, are refused, or repeat a key or a number: all at once, each with the answer it gets alone.
pub async fn concurrent_orders_of_all_kinds_get_their_own_answers(db: &Db) {
    let (lamp, rare) = (Product { stock: 1000, ..product("lamp") }, Product { stock: 2, ..product("rare") });
    let priceless = Product { price: Decimal::from_units(i64::MAX), ..product("priceless") };
    insert_products(db.store(), &[&lamp, &rare, &priceless]).await;
    place(db.store(), "taken", &[(&lamp, 1)]).await.unwrap();
    let callers: Vec<_> = (0..42)
        .map(|number| {
            let (store, lamp, rare, priceless) = (db.shared(), lamp.clone(), rare.clone(), priceless.clone());
            tokio::spawn(async move {
                let name = number.to_string();
                let good = new_order(&name, &[(&lamp, 1)]);
                let (order, key) = match number % 7 {
                    0 => (good, key(&name)),
                    1 => (new_order(&name, &[(&lamp, 1), (&rare, 1)]), key(&name)),
                    2 => (new_order(&name, &[(&lamp, 1), (&product("missing"), 1)]), key(&name)),
                    3 => (NewOrder { number: "taken".into(), ..good }, key(&name)),
                    4 => (good, key("shared")),
                    5 => (good, Idempotency { fingerprint: [9; 32], ..key("taken") }),
                    _ => (new_order(&name, &[(&lamp, 1), (&priceless, 2)]), key(&name)),
                };
                (number % 7, store.place_order(order, key, stamp()).await)
            })
        })
        .collect();
    let (mut good, mut rare_sold, mut shared) = (0, 0, 0);
    for caller in callers {
        match caller.await.unwrap() {
            (0, Ok(placed)) if !placed.replayed => good += 1,
            (1, Ok(placed)) if !placed.replayed => rare_sold += 1,
            (1, Err(StoreError::Refused(Refusal::InsufficientStock { input_index: 1, available: 0 }))) => {}
            (2, Err(StoreError::Refused(Refusal::ProductNotFound { input_index: 1 }))) => {}
            (3, Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::OrderNumber)))) => {}
            (4, Ok(placed)) => shared += i32::from(!placed.replayed),
            (5, Err(StoreError::Refused(Refusal::IdempotencyKeyReused))) => {}
            (6, Err(StoreError::Refused(Refusal::TotalOutOfRange))) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((good, rare_sold, shared), (6, 2, 1));
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [10]);
    assert_eq!(reread(db.store(), &lamp).await.stock, 990);
    assert_eq!(reread(db.store(), &rare).await.stock, 0);
    assert_eq!(reread(db.store(), &priceless).await, priceless);
    assert_eq!(db.log_state().await.unwrap().head, 3 + 8 * 2 + 2 * 3);
}
