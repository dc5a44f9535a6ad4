//! The life of an order: which status may follow which, and what the history records.

use orderwire::domain::*;

use super::{
    changes::staff,
    engine::{Db, refusal},
    order_changes::after_step,
};
use crate::support::data::{insert_products, new_order, past_order, place, product, reread, reread_order, stamp, step};

/// Tries every pair of statuses, on imported orders that have the first one.
pub async fn every_step_between_statuses_is_allowed_or_refused(db: &Db) {
    let lamp = Product { stock: 0, ..product("lamp") };
    insert_products(db.store(), &[&lamp]).await;
    let (mut stock, mut second) = (0, 0);
    for from in OrderStatus::ALL {
        for to in OrderStatus::ALL {
            second += 1;
            let order = Order { status: from, ..past_order(&format!("{from:?}-{to:?}"), &[(&lamp, 1)]) };
            db.import_orders(std::slice::from_ref(&order)).await.unwrap();
            let head = db.log_state().await.unwrap().head;
            let changed = db.change_order_status(step(order.id, to), staff(second)).await;
            if from.allowed_transitions().contains(&to) {
                let changed = changed.unwrap().order;
                stock += i32::from(to.returns_stock());
                let expected = after_step(order, to, None, second, &changed);
                assert_eq!(changed, expected);
                assert_eq!(reread_order(db.store(), expected.id).await, expected);
                let entries = 1 + Seq::from(to.returns_stock());
                assert_eq!(db.log_state().await.unwrap().head, head + entries);
            } else {
                assert_eq!(refusal(changed), Refusal::InvalidTransition { from, to });
                assert_eq!(reread_order(db.store(), order.id).await, order);
                assert_eq!(db.log_state().await.unwrap().head, head, "a failure is not logged");
            }
            assert_eq!(reread(db.store(), &lamp).await.stock, stock, "{from:?} {to:?}");
        }
    }
    assert_eq!(stock, 3);
}

pub async fn the_history_records_a_whole_life(db: &Db) {
    use OrderStatus::*;
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let mut order = place(db.store(), "1", &[(&lamp, 3)]).await.unwrap().order;
    for (number, to) in [Confirmed, Shipped, Delivered, Returned].into_iter().enumerate() {
        let reason = (number % 2 == 0).then(|| format!("because of {number}"));
        let change =
            StatusChange { reason: reason.clone(), expected_version: Some(order.version), ..step(order.id, to) };
        let second = number as i64 + 1;
        let changed = db.change_order_status(change, staff(second)).await.unwrap().order;
        order = after_step(order, to, reason.as_deref(), second, &changed);
        assert_eq!(changed, order);
        assert_eq!(reread_order(db.store(), order.id).await, order);
    }
    assert_eq!((order.version, order.history.len()), (5, 5));
    assert_eq!(reread(db.store(), &lamp).await.stock, 10, "a return gives the stock back");
}

pub async fn a_stale_version_is_reported_before_a_forbidden_step(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    db.change_order_status(step(order.id, OrderStatus::Confirmed), stamp()).await.unwrap();
    let change = |to, version| StatusChange { expected_version: Some(version), ..step(order.id, to) };
    for (to, version) in [(OrderStatus::Pending, 1), (OrderStatus::Shipped, 1), (OrderStatus::Shipped, 3)] {
        let refused = db.change_order_status(change(to, version), stamp()).await;
        assert_eq!(refusal(refused), Refusal::VersionMismatch { actual: 2 }, "{to:?} {version}");
    }
    let refused = db.change_order_status(change(OrderStatus::Pending, 2), stamp()).await;
    let pending = OrderStatus::Pending;
    assert_eq!(refusal(refused), Refusal::InvalidTransition { from: OrderStatus::Confirmed, to: pending });
    let missing = StatusChange { order: new_order("missing", &[]).id, ..change(OrderStatus::Shipped, 1) };
    let refused = db.change_order_status(missing, stamp()).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
}
