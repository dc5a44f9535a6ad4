//! Every kind of change of orders, each at a time of its own: the whole value it answers with, the whole values that are
//! stored and the whole log entries that it appends.

use std::sync::Arc;

use orderwire::{
    domain::*,
    storage::{Moved, Placed},
};

use super::{
    changes::staff,
    engine::{Db, refusal},
    seen_log::{SeenLog, of_order, said, said_of_stock},
};
use crate::support::data::{
    at, buyer, insert_products, key, new_order, past_order, product, reread, reread_order, stamp_by, step, user,
};

fn frozen(product: &Product, quantity: i32) -> OrderItem {
    OrderItem {
        product: product.id,
        sku: product.sku.clone(),
        name: product.name.clone(),
        quantity,
        unit_price: product.price,
        line_total: product.price.checked_mul(quantity).unwrap(),
    }
}

/// The buyer's order at version 1, placed at `second`. Its history names the same entry as that of `answer`.
fn placed(number: &str, items: Vec<OrderItem>, total: i64, second: i64, answer: &Order) -> Order {
    Order {
        id: new_order(number, &[]).id,
        number: number.to_owned(),
        region: "United Kingdom".to_owned(),
        customer: buyer(),
        items,
        total: Decimal::from_units(total),
        currency: CurrencyCode::GBP,
        status: OrderStatus::Pending,
        history: vec![HistoryEntry {
            event: answer.history.last().and_then(|step| step.event),
            from: None,
            to: OrderStatus::Pending,
            actor: Some(buyer()),
            reason: None,
            at: at(second),
        }],
        payment_reference: None,
        version: 1,
        placed_at: at(second),
        created_at: at(second),
        updated_at: at(second),
    }
}

pub async fn each_change_of_an_order_is_stored_and_logged_whole(db: &Db) {
    let (lamp, vase) = (product("lamp"), Product { price: Decimal::from_units(3), ..product("vase") });
    insert_products(db.store(), &[&lamp, &vase]).await;
    let mut log = SeenLog::new(db).await;

    let by_buyer = |second| stamp_by(buyer(), second);
    let items = vec![frozen(&vase, 2), frozen(&lamp, 1)];
    let (vase, lamp) = (
        Product { stock: 8, version: 2, updated_at: at(1), ..vase },
        Product { stock: 9, version: 2, updated_at: at(1), ..lamp },
    );
    let answer = db.place_order(new_order("1", &[(&vase, 2), (&lamp, 1)]), key("1"), by_buyer(1)).await.unwrap();
    let order = placed("1", items, 25_006, 1, &answer.order);
    let products = [&vase, &lamp].map(|product| Arc::new(product.clone())).to_vec();
    assert_eq!(answer, Placed { order: order.clone(), replayed: false, products });
    let entries = [said_of_stock(10, &vase), said_of_stock(10, &lamp), said(EventKind::Created, of_order(&order))];
    log.assert_appended(db, by_buyer(1), &entries).await;
    assert_eq!(reread_order(db.store(), order.id).await, order);
    assert_eq!([reread(db.store(), &vase).await, reread(db.store(), &lamp).await], [vase.clone(), lamp.clone()]);

    let again = db.place_order(new_order("2", &[(&vase, 2), (&lamp, 1)]), key("1"), by_buyer(2)).await.unwrap();
    assert_eq!(again, Placed { order: order.clone(), replayed: true, products: Vec::new() });
    log.assert_appended(db, by_buyer(2), &[]).await;
    assert_eq!(reread(db.store(), &lamp).await, lamp, "a repeated call changes nothing");

    let confirmed = db.change_order_status(step(order.id, OrderStatus::Confirmed), staff(3)).await.unwrap();
    let order = after_step(order, OrderStatus::Confirmed, None, 3, &confirmed.order);
    assert_eq!(confirmed, Moved { order: order.clone(), products: Vec::new() });
    let entry = (EventKind::StatusChanged, Some(OrderStatus::Pending), of_order(&order), Before::default());
    log.assert_appended(db, staff(3), &[entry]).await;
    assert_eq!(reread_order(db.store(), order.id).await, order);
    assert_eq!(reread(db.store(), &lamp).await, lamp, "the stock stays taken");

    let (vase, lamp) = (
        Product { stock: 10, version: 3, updated_at: at(4), ..vase },
        Product { stock: 10, version: 3, updated_at: at(4), ..lamp },
    );
    let cancel = StatusChange {
        reason: Some("no money".into()),
        expected_version: Some(2),
        ..step(order.id, OrderStatus::Cancelled)
    };
    let cancelled = db.change_order_status(cancel, staff(4)).await.unwrap();
    let order = after_step(order, OrderStatus::Cancelled, Some("no money"), 4, &cancelled.order);
    let products = [&vase, &lamp].map(|product| Arc::new(product.clone())).to_vec();
    assert_eq!(cancelled, Moved { order: order.clone(), products });
    let entries = [
        said_of_stock(8, &vase),
        said_of_stock(9, &lamp),
        (EventKind::StatusChanged, Some(OrderStatus::Confirmed), of_order(&order), Before::default()),
    ];
    log.assert_appended(db, staff(4), &entries).await;
    assert_eq!(reread_order(db.store(), order.id).await, order);
    assert_eq!([reread(db.store(), &vase).await, reread(db.store(), &lamp).await], [vase, lamp]);
}

/// The order after staff moved it to `to` at `second`. Its history names the same entry as that of `answer`.
pub fn after_step(order: Order, to: OrderStatus, reason: Option<&str>, second: i64, answer: &Order) -> Order {
    let mut order = order;
    order.history.push(HistoryEntry {
        event: answer.history.last().and_then(|step| step.event),
        from: Some(order.status),
        to,
        actor: Some(user("staff").id),
        reason: reason.map(str::to_owned),
        at: at(second),
    });
    Order { status: to, version: order.version + 1, updated_at: at(second), ..order }
}

/// The products come back in the order of the lines, each once; a product that is gone is passed over.
pub async fn a_returned_order_restocks_each_product_once(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    let mut log = SeenLog::new(db).await;
    let order = past_order("1", &[(&vase, 1), (&product("never there"), 5), (&lamp, 2), (&vase, 3)]);
    db.import_orders(std::slice::from_ref(&order)).await.unwrap();
    let returned = db.change_order_status(step(order.id, OrderStatus::Returned), staff(9)).await.unwrap();
    let vase = Product { stock: 14, version: 2, updated_at: at(9), ..vase };
    let lamp = Product { stock: 12, version: 2, updated_at: at(9), ..lamp };
    let order = after_step(order, OrderStatus::Returned, None, 9, &returned.order);
    let products = [&vase, &lamp].map(|product| Arc::new(product.clone())).to_vec();
    assert_eq!(returned, Moved { order: order.clone(), products });
    let entries = [
        said_of_stock(10, &vase),
        said_of_stock(10, &lamp),
        (EventKind::StatusChanged, Some(OrderStatus::Delivered), of_order(&order), Before::default()),
    ];
    log.assert_appended(db, staff(9), &entries).await;
    assert_eq!([reread(db.store(), &vase).await, reread(db.store(), &lamp).await], [vase, lamp]);
}

pub async fn two_lines_of_one_product_are_summed(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    insert_products(db.store(), &[&lamp, &vase]).await;
    let mut log = SeenLog::new(db).await;
    let items = vec![frozen(&lamp, 5), frozen(&vase, 1)];
    let lines = [(&lamp, 2), (&vase, 1), (&lamp, 3)];
    let answer = db.place_order(new_order("1", &lines), key("1"), stamp_by(buyer(), 1)).await.unwrap();
    let order = placed("1", items, 150_000, 1, &answer.order);
    assert_eq!(answer.order, order);
    let lamp = Product { stock: 5, version: 2, updated_at: at(1), ..lamp };
    let vase = Product { stock: 9, version: 2, updated_at: at(1), ..vase };
    let entries = [said_of_stock(10, &lamp), said_of_stock(10, &vase), said(EventKind::Created, of_order(&order))];
    log.assert_appended(db, stamp_by(buyer(), 1), &entries).await;
    assert_eq!([reread(db.store(), &lamp).await, reread(db.store(), &vase).await], [lamp.clone(), vase.clone()]);

    let refused = db.place_order(new_order("2", &[(&vase, 1), (&lamp, 3), (&lamp, 3)]), key("2"), staff(2)).await;
    assert_eq!(
        refusal(refused),
        Refusal::InsufficientStock { input_index: 1, available: 5 },
        "the first line of the product is named"
    );
    assert_eq!([reread(db.store(), &lamp).await, reread(db.store(), &vase).await], [lamp, vase]);
}
