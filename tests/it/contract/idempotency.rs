//! Idempotency keys: repeating a call is harmless.

use orderwire::domain::*;

use super::{
    changes::staff,
    engine::{Db, refusal},
};
use crate::support::data::{
    adjustment, at, buyer, insert_products, key, new_order, place, product, reread, stamp, step, user, whole_log,
};

pub async fn a_repeated_order_is_answered_from_the_first(db: &mut Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let first = place(db.store(), "1", &[(&lamp, 2)]).await.unwrap();
    assert!(!first.replayed);
    assert_eq!(db.log_state().await.unwrap().head, 3);

    for reopened in [false, true] {
        if reopened {
            db.reopen().await;
        }
        // A repeated call is made with an id and a number of its own.
        let again = db.place_order(new_order("other number", &[(&lamp, 2)]), key("1"), stamp()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(db.log_state().await.unwrap().head, 3, "nothing is logged again");
        assert_eq!(again.order, first.order);
    }
    let confirmed = db.change_order_status(step(first.order.id, OrderStatus::Confirmed), stamp()).await.unwrap();
    let again = place(db.store(), "1", &[(&lamp, 2)]).await.unwrap();
    assert_eq!((again.order, again.replayed), (confirmed.order, true));
    assert_eq!(reread(db.store(), &lamp).await.stock, 8);
    assert_eq!(whole_log(db.store()).await.len(), 4);
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [1]);
}

/// The answer is the first order even when the same order could not be placed now.
pub async fn a_repeated_order_is_answered_when_the_stock_is_gone(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let first = place(db.store(), "1", &[(&lamp, 10)]).await.unwrap();
    db.update_product(lamp.id, ProductChanges::archive(), None, stamp()).await.unwrap();
    let again = place(db.store(), "1", &[(&lamp, 10)]).await.unwrap();
    assert_eq!((again.order, again.replayed), (first.order, true));
}

pub async fn a_key_with_another_input_is_refused(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    place(db.store(), "1", &[(&lamp, 2)]).await.unwrap();
    let other_input = Idempotency { fingerprint: [7; 32], ..key("1") };
    let refused = db.place_order(new_order("2", &[(&lamp, 1)]), other_input.clone(), stamp()).await;
    assert_eq!(refusal(refused), Refusal::IdempotencyKeyReused);
    assert_eq!(reread(db.store(), &lamp).await.stock, 8);

    // The same text of another user, or for another mutation, is another key.
    let other_user = Idempotency { user: user("other").id, ..other_input.clone() };
    assert!(!db.place_order(new_order("2", &[(&lamp, 1)]), other_user, stamp()).await.unwrap().replayed);
    let other_scope = Idempotency { scope: "adjustStock", ..other_input };
    let adjust = StockAdjustment { idempotency: Some(other_scope), ..adjustment(&lamp, -1) };
    assert_eq!(db.adjust_stock(adjust, stamp()).await.unwrap().stock, 6);
}

/// The same call twelve times at once places one order.
pub async fn parallel_calls_with_one_key_place_one_order(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let calls: Vec<_> = (0..12)
        .map(|number| {
            let (store, lamp) = (db.shared(), lamp.clone());
            tokio::spawn(async move {
                let order = new_order(&number.to_string(), &[(&lamp, 1)]);
                store.place_order(order, key("same"), stamp()).await.unwrap()
            })
        })
        .collect();
    let mut placed = Vec::new();
    for call in calls {
        placed.push(call.await.unwrap());
    }
    assert_eq!(placed.iter().filter(|placed| !placed.replayed).count(), 1);
    assert!(placed.iter().all(|one| one.order == placed[0].order));
    assert_eq!(reread(db.store(), &lamp).await.stock, 9);
    assert_eq!(db.count_orders(&[OrderFilter::default()]).await.unwrap(), [1]);
    assert_eq!(db.log_state().await.unwrap().head, 3);
}

pub async fn a_repeated_adjustment_counts_once(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let keyed = |text, delta| StockAdjustment {
        idempotency: Some(Idempotency { scope: "adjustStock", ..key(text) }),
        ..adjustment(&lamp, delta)
    };
    let refused = db.adjust_stock(keyed("a", -11), stamp()).await;
    assert_eq!(refusal(refused), Refusal::InsufficientStock { input_index: 0, available: 10 });
    let first = db.adjust_stock(keyed("a", 5), stamp()).await.expect("a failure does not use up the key");
    assert_eq!(first.stock, 15);
    db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();

    let again = db.adjust_stock(keyed("a", 5), stamp()).await.unwrap();
    assert_eq!(db.log_state().await.unwrap().head, 3, "nothing is logged again");
    assert_eq!(again, reread(db.store(), &lamp).await, "the product as it is now");
    let other = StockAdjustment {
        idempotency: Some(Idempotency { scope: "adjustStock", fingerprint: [7; 32], ..key("a") }),
        ..adjustment(&lamp, 6)
    };
    let refused = db.adjust_stock(other, stamp()).await;
    assert_eq!(refusal(refused), Refusal::IdempotencyKeyReused);

    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (store, adjust) = (db.shared(), keyed("b", 100));
            tokio::spawn(async move { store.adjust_stock(adjust, stamp()).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!((db.log_state().await.unwrap().head, reread(db.store(), &lamp).await.stock), (4, 116));
}

pub async fn a_failed_order_does_not_use_up_its_key(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    assert!(place(db.store(), "1", &[(&lamp, 11)]).await.is_err());
    let corrected = Idempotency { fingerprint: [7; 32], ..key("1") };
    let placed = db.place_order(new_order("1", &[(&lamp, 10)]), corrected, stamp()).await.unwrap();
    assert!(!placed.replayed);
    assert_eq!(placed.order.customer, buyer());
}

/// The same key and input for another product are answered with the product of the first call.
pub async fn a_repeated_adjustment_answers_with_the_product_of_the_first_call(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    let keyed = |product: &Product| StockAdjustment {
        idempotency: Some(Idempotency { scope: "adjustStock", ..key("a") }),
        ..adjustment(product, 1)
    };
    let first = db.adjust_stock(keyed(&lamp), staff(1)).await.unwrap();
    let lamp = Product { stock: 11, version: 2, updated_at: at(1), ..lamp };
    assert_eq!(first, lamp);
    let again = db.adjust_stock(keyed(&vase), staff(2)).await.unwrap();
    assert_eq!(again, lamp);
    assert_eq!(db.log_state().await.unwrap().head, 3, "nothing is logged again");
    assert_eq!(reread(db.store(), &vase).await, vase);
}
