//! Batch reads: the answers come in the order of the questions, `None` for what is missing.

use orderwire::domain::*;

use super::{data_set::DataSet, engine::Db};
use crate::support::data::{
    NOW, adjustment, at, insert_products, place, product, session, stamp, task, user, whole_log,
};

/// Asks for a row, a missing one, another row and the first row again.
macro_rules! answers_in_order {
    ($db:expr, $method:ident, $rows:expr, $key:expr, $missing:expr) => {
        let key = $key;
        let (one, other) = (&$rows[7], &$rows[3]);
        let asked = [key(one), $missing, key(other), key(one)];
        let answer = $db.$method(&asked).await.unwrap();
        assert_eq!(answer, [Some(one.clone()), None, Some(other.clone()), Some(one.clone())], stringify!($method));
        assert_eq!($db.$method(&[]).await.unwrap(), [], stringify!($method));
        assert_eq!($db.$method(&[$missing]).await.unwrap(), [None], stringify!($method));
        let everything: Vec<_> = $rows.iter().rev().map(key).collect();
        let answer = $db.$method(&everything).await.unwrap();
        assert!(answer.iter().flatten().eq($rows.iter().rev()), stringify!($method));
    };
}

pub async fn reads_by_id_answer_in_the_order_asked(db: &Db) {
    let data = DataSet::load(db.store()).await;
    answers_in_order!(db, users_by_ids, data.users, |user: &User| user.id, user("missing").id);
    answers_in_order!(db, products_by_ids, data.products, |product: &Product| product.id, product("missing").id);
    answers_in_order!(
        db,
        orders_by_ids,
        data.orders,
        |order: &Order| order.id,
        OrderId::derived(NOW, "test", "missing")
    );
    answers_in_order!(db, tasks_by_ids, data.tasks, |task: &Task| task.id, TaskId::derived(NOW, "test", "missing"));
}

pub async fn reads_by_name_answer_in_the_order_asked(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let missing = || "missing".to_owned();
    answers_in_order!(db, users_by_emails, data.users, |user: &User| user.email.clone().unwrap(), missing());
    answers_in_order!(db, products_by_skus, data.products, |product: &Product| product.sku.clone(), missing());
    answers_in_order!(db, orders_by_numbers, data.orders, |order: &Order| order.number.clone(), missing());
    assert_eq!(db.products_by_skus(&["sku3".to_owned()]).await.unwrap(), [None], "a SKU is case-sensitive");
}

pub async fn entries_of_the_log_answer_in_the_order_asked(db: &Db) {
    let (lamp, anna) = (Product { description: Some("«ä» ".repeat(5000)), ..product("lamp") }, user("anna"));
    db.insert_user(&anna, None).await.unwrap();
    insert_products(db.store(), &[&lamp]).await;
    for number in 0..5 {
        let work = Task { description: Some(format!("{number}").repeat(5000)), ..task(&format!("work {number}")) };
        db.insert_task(work, stamp()).await.unwrap();
        place(db.store(), &number.to_string(), &[(&lamp, 1)]).await.unwrap();
        db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
    }
    let log = whole_log(db.store()).await;
    let missing = EventId::derived(NOW, "test", "missing");
    answers_in_order!(db, events_by_ids, log, |event: &Event| event.id, missing);

    let ended = session(&anna, 1);
    db.insert_session(&ended, None).await.unwrap();
    db.end_session(ended.id, at(1)).await.unwrap();
    let of_rights = whole_log(db.store()).await.pop().unwrap();
    assert_eq!(of_rights.event_type(), None);
    assert_eq!(db.events_by_ids(&[of_rights.id, log[0].id]).await.unwrap(), [None, Some(log[0].clone())]);

    db.prune(at(0), at(1000), at(0)).await.unwrap();
    assert_eq!(db.events_by_ids(&[log[0].id]).await.unwrap(), [None], "the log does not have it any more");
}

/// An id of another type with the same bits is not found.
pub async fn an_id_finds_only_its_own_type(db: &Db) {
    let lamp = product("lamp");
    db.import_products(std::slice::from_ref(&lamp)).await.unwrap();
    let bits = lamp.id.ulid();
    assert_eq!(db.users_by_ids(&[bits.into()]).await.unwrap(), [None]);
    assert_eq!(db.orders_by_ids(&[bits.into()]).await.unwrap(), [None]);
    assert_eq!(db.tasks_by_ids(&[bits.into()]).await.unwrap(), [None]);
}
