//! An order's life: what may follow what, and what is recorded.

use orderwire::{
    domain::*,
    storage::{StatusChange, StoreError},
};

use super::engine::Db;
use crate::support::data::{
    at, insert_products, new_order, past_order, place, product, reread, reread_order, stamp, stamp_by, step, user,
};

/// Every pair of states, on imported orders in the first of the two.
pub async fn steps_are_allowed_or_refused(db: &Db) {
    let lamp = Product { stock: 0, ..product("lamp") };
    insert_products(db.store(), &[&lamp]).await;
    let mut stock = 0;
    for from in OrderStatus::ALL {
        for to in OrderStatus::ALL {
            let order = Order { status: from, ..past_order(&format!("{from:?}-{to:?}"), &[(&lamp, 1)]) };
            db.import_orders(std::slice::from_ref(&order)).await.unwrap();
            let head = db.log_state().await.unwrap().head;
            let changed = db.change_order_status(step(order.id, to), stamp()).await;
            if from.allowed_transitions().contains(&to) {
                let changed = changed.unwrap();
                stock += i32::from(to.returns_stock());
                let expected = order.transition(to, None, stamp(), changed.value.history[1].seq).unwrap();
                assert_eq!(changed.value, expected);
                assert_eq!(reread_order(db.store(), expected.id).await, expected);
            } else {
                let Err(StoreError::InvalidTransition(refused)) = changed else {
                    panic!("{from:?} {to:?}: {changed:?}")
                };
                assert_eq!(refused, InvalidTransition { from, to });
                assert_eq!(reread_order(db.store(), order.id).await, order);
                assert_eq!(db.log_state().await.unwrap().head, head, "a failure is not logged");
            }
            assert_eq!(reread(db.store(), &lamp).await.stock, stock, "{from:?} {to:?}");
        }
    }
    assert_eq!(stock, 3);
}

pub async fn a_whole_life_is_recorded(db: &Db) {
    use OrderStatus::*;
    let (lamp, staff) = (product("lamp"), user("staff").id);
    insert_products(db.store(), &[&lamp]).await;
    let mut order = place(db.store(), "1", &[(&lamp, 3)]).await.unwrap().value.order;
    for (number, to) in [Confirmed, Shipped, Delivered, Returned].into_iter().enumerate() {
        let reason = (number % 2 == 0).then(|| format!("because of {number}"));
        let change =
            StatusChange { reason: reason.clone(), expected_version: Some(order.version), ..step(order.id, to) };
        let stamp = stamp_by(staff, number as i64);
        let changed = db.change_order_status(change, stamp).await.unwrap();
        let head = db.log_state().await.unwrap().head;
        order = order.transition(to, reason, stamp, head).unwrap();
        assert_eq!(changed.value, order);
        assert_eq!(reread_order(db.store(), order.id).await, order);
    }
    assert_eq!((order.version, order.history.len()), (5, 5));
    assert_eq!(reread(db.store(), &lamp).await.stock, 10, "a return gives the stock back");
}

pub async fn a_stale_version_is_reported_before_a_forbidden_step(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().value.order;
    db.change_order_status(step(order.id, OrderStatus::Confirmed), stamp()).await.unwrap();
    let change = |to, version| StatusChange { expected_version: Some(version), ..step(order.id, to) };
    for (to, version) in [(OrderStatus::Pending, 1), (OrderStatus::Shipped, 1), (OrderStatus::Shipped, 3)] {
        let refused = db.change_order_status(change(to, version), stamp()).await;
        assert!(matches!(refused, Err(StoreError::VersionMismatch { actual: 2 })), "{to:?} {version}: {refused:?}");
    }
    let refused = db.change_order_status(change(OrderStatus::Pending, 2), stamp()).await;
    assert!(matches!(refused, Err(StoreError::InvalidTransition(_))), "{refused:?}");
    let missing = StatusChange { order: new_order("missing", &[]).id, ..change(OrderStatus::Shipped, 1) };
    let refused = db.change_order_status(missing, stamp()).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}

/// Of an imported order: two lines for one product, one for a product that is not there.
pub async fn stock_comes_back_to_the_products_there_are(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let order = past_order("1", &[(&lamp, 1), (&product("never there"), 5), (&lamp, 2)]);
    db.import_orders(std::slice::from_ref(&order)).await.unwrap();
    let returned =
        db.change_order_status(step(order.id, OrderStatus::Returned), stamp_by(user("x").id, 9)).await.unwrap();
    let entities: Vec<EntityKind> = returned.events.iter().map(|event| event.entity.kind()).collect();
    assert_eq!(entities, [EntityKind::Product, EntityKind::Order], "one entry for each product, then the order's");
    let lamp_now = reread(db.store(), &lamp).await;
    assert_eq!(lamp_now, Product { stock: 13, version: 2, updated_at: at(9), ..lamp });
    assert_eq!(returned.events[0].entity, Entity::Product(lamp_now.into()));
}
