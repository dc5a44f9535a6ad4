//! Stock is never below zero, never sold twice and given back once.

use orderwire::{domain::*, storage::StoreError};

use super::{
    changes::staff,
    engine::{Db, refusal},
    order_changes::after_step,
};
use crate::support::data::{
    adjustment, at, insert_products, key, new_order, place, product, reread, reread_order, stamp, step, whole_log,
};

/// 24 buyers race for 10 units.
pub async fn racing_buyers_get_no_more_than_the_stock(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let buyers: Vec<_> = (0..24)
        .map(|number| {
            let (store, lamp) = (db.shared(), lamp.clone());
            tokio::spawn(async move { place(&*store, &number.to_string(), &[(&lamp, 1)]).await })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(placed) => {
                assert!(!placed.replayed);
                sold += 1;
            }
            Err(StoreError::Refused(Refusal::InsufficientStock { input_index: 0, available: 0 })) => {}
            other => panic!("a buyer sees a conflict only when the stock is gone: {other:?}"),
        }
    }
    assert_eq!(sold, 10);
    let lamp = reread(db.store(), &lamp).await;
    assert_eq!((lamp.stock, lamp.version), (0, 11));
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [10]);
    assert_eq!(db.log_state().await.unwrap().head, 21, "one entry for the product and one for the order each");
}

pub async fn orders_naming_two_products_in_opposite_order_do_not_deadlock(db: &Db) {
    let (lamp, vase) = (Product { stock: 100, ..product("lamp") }, Product { stock: 100, ..product("vase") });
    insert_products(db.store(), &[&lamp, &vase]).await;
    let buyers: Vec<_> = (0..20)
        .map(|number| {
            let (store, lamp, vase) = (db.shared(), lamp.clone(), vase.clone());
            let lines = if number % 2 == 0 { [(lamp, 1), (vase, 2)] } else { [(vase, 2), (lamp, 1)] };
            tokio::spawn(async move {
                let lines = lines.each_ref().map(|(product, quantity)| (product, *quantity));
                place(&*store, &number.to_string(), &lines).await.unwrap()
            })
        })
        .collect();
    for buyer in buyers {
        buyer.await.unwrap();
    }
    assert_eq!((reread(db.store(), &lamp).await.stock, reread(db.store(), &vase).await.stock), (80, 60));
}

pub async fn short_stock_names_the_line_and_writes_nothing(db: &Db) {
    let (lamp, vase) = (product("lamp"), Product { stock: 3, ..product("vase") });
    insert_products(db.store(), &[&lamp, &vase]).await;
    let mut order = new_order("1", &[(&lamp, 10), (&vase, 4)]);
    order.lines[1].input_index = 5;
    let refused = db.place_order(order, key("1"), stamp()).await;
    assert_eq!(refusal(refused), Refusal::InsufficientStock { input_index: 5, available: 3 });
    let both = place(db.store(), "2", &[(&lamp, 11), (&vase, 4)]).await;
    assert_eq!(refusal(both), Refusal::InsufficientStock { input_index: 0, available: 10 });
    assert_eq!((reread(db.store(), &lamp).await, reread(db.store(), &vase).await), (lamp.clone(), vase.clone()));
    assert_eq!(whole_log(db.store()).await.len(), 2);
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [0]);

    place(db.store(), "2", &[(&lamp, 10), (&vase, 3)]).await.expect("all there is can be bought, the key is unused");
}

pub async fn missing_and_archived_products_are_not_sold(db: &Db) {
    let (lamp, old) = (product("lamp"), product("old"));
    insert_products(db.store(), &[&lamp, &old]).await;
    db.update_product(old.id, ProductChanges::archive(), None, stamp()).await.unwrap();
    for gone in [&old, &product("never there")] {
        let refused = place(db.store(), "1", &[(&lamp, 1), (gone, 1)]).await;
        assert_eq!(refusal(refused), Refusal::ProductNotFound { input_index: 1 });
    }
    assert_eq!(reread(db.store(), &lamp).await, lamp);
    assert_eq!(db.log_state().await.unwrap().head, 3);
}

pub async fn stock_is_adjusted_within_its_range(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let adjusted = db.adjust_stock(adjustment(&lamp, -10), stamp()).await.unwrap();
    assert_eq!((adjusted.stock, adjusted.version), (0, 2));
    for delta in [-1, i32::MIN] {
        let refused = db.adjust_stock(adjustment(&lamp, delta), stamp()).await;
        assert_eq!(refusal(refused), Refusal::InsufficientStock { input_index: 0, available: 0 });
    }
    let full = db.adjust_stock(adjustment(&lamp, i32::MAX), stamp()).await.unwrap();
    assert_eq!(full.stock, i32::MAX);
    for delta in [1, i32::MAX] {
        let refused = db.adjust_stock(adjustment(&lamp, delta), stamp()).await;
        assert_eq!(refusal(refused), Refusal::StockOutOfRange);
    }
    let refused = db.adjust_stock(adjustment(&product("missing"), 1), stamp()).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    assert_eq!(reread(db.store(), &lamp).await, full);
    assert_eq!(db.log_state().await.unwrap().head, 3);

    db.update_product(lamp.id, ProductChanges::archive(), None, stamp()).await.unwrap();
    db.adjust_stock(adjustment(&lamp, -1), stamp()).await.expect("archived products can be adjusted");
}

pub async fn racing_adjustments_all_count(db: &Db) {
    let lamp = Product { stock: 0, ..product("lamp") };
    insert_products(db.store(), &[&lamp]).await;
    let racers: Vec<_> = (1..=16)
        .map(|delta| {
            let (store, lamp) = (db.shared(), lamp.clone());
            tokio::spawn(async move { store.adjust_stock(adjustment(&lamp, delta), stamp()).await.unwrap() })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    let lamp = reread(db.store(), &lamp).await;
    assert_eq!((lamp.stock, lamp.version), (136, 17));
}

/// Six callers cancel the same order at once: one succeeds.
pub async fn racing_cancellations_return_the_stock_once(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    let order = place(db.store(), "1", &[(&lamp, 4), (&vase, 1)]).await.unwrap().order;
    let racers: Vec<_> = (0..6)
        .map(|_| {
            let (store, id) = (db.shared(), order.id);
            tokio::spawn(async move { store.change_order_status(step(id, OrderStatus::Cancelled), stamp()).await })
        })
        .collect();
    let mut cancelled = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => cancelled += 1,
            Err(StoreError::Refused(Refusal::InvalidTransition { from, .. })) => {
                assert_eq!(from, OrderStatus::Cancelled)
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(cancelled, 1);
    assert_eq!((reread(db.store(), &lamp).await.stock, reread(db.store(), &vase).await.stock), (10, 10));
    assert_eq!(reread_order(db.store(), order.id).await.version, 2);
}

/// Whichever of the two comes first, stock and status agree.
pub async fn stock_agrees_with_the_order_when_cancel_races_confirm(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    for round in 0..6 {
        let order = place(db.store(), &round.to_string(), &[(&lamp, 10)]).await.unwrap().order;
        let change = |to| {
            let (store, id) = (db.shared(), order.id);
            tokio::spawn(async move {
                let first_version = StatusChange { expected_version: Some(1), ..step(id, to) };
                store.change_order_status(first_version, stamp()).await
            })
        };
        let (cancel, confirm) = (change(OrderStatus::Cancelled), change(OrderStatus::Confirmed));
        let (cancel, confirm) = (cancel.await.unwrap(), confirm.await.unwrap());
        let (won, lost) = if cancel.is_ok() { (cancel, confirm) } else { (confirm, cancel) };
        assert_eq!(refusal(lost), Refusal::VersionMismatch { actual: 2 });
        let order = reread_order(db.store(), order.id).await;
        assert_eq!(order, won.unwrap().order);
        if order.status == OrderStatus::Confirmed {
            assert_eq!(reread(db.store(), &lamp).await.stock, 0);
            db.change_order_status(step(order.id, OrderStatus::Cancelled), stamp()).await.unwrap();
        }
        assert_eq!(reread(db.store(), &lamp).await.stock, 10);
    }
}

/// A cancellation is not refused for a full shelf: nobody could correct the order.
pub async fn stock_returned_to_a_full_shelf_stays_at_its_largest_value(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let order = place(db.store(), "1", &[(&lamp, 10)]).await.unwrap().order;
    db.adjust_stock(adjustment(&lamp, i32::MAX), stamp()).await.unwrap();
    let cancelled = db.change_order_status(step(order.id, OrderStatus::Cancelled), staff(2)).await.unwrap().order;
    assert_eq!(cancelled, after_step(order, OrderStatus::Cancelled, None, 2, &cancelled));
    let full = Product { stock: i32::MAX, version: 4, updated_at: at(2), ..lamp };
    assert_eq!(reread(db.store(), &full).await, full);
}
