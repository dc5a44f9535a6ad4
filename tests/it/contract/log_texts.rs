//! Long texts in the event log: stored once, read back whole, deleted with the last entry that has them.

use orderwire::domain::*;

use super::engine::Db;
use crate::support::data::{at, key, new_order, product, stamp, task, whole_log};

/// A time long before everything in these tests.
const NEVER: Timestamp = Timestamp::from_unix_millis(-1_000_000_000_000);
const MEGABYTE: u64 = 1_000_000;

/// A text of about this many bytes, another one for each name.
fn text(name: &str, bytes: usize) -> Option<String> {
    let line = format!("{name} 🎁 \"quoted\"\n");
    Some(line.repeat(bytes / line.len()))
}

fn entities(log: &[Event]) -> Vec<&Entity> {
    log.iter().map(|event| &event.entity).collect()
}

pub async fn updates_of_a_large_task_store_its_description_once(db: &Db) {
    let before = db.bytes().await;
    let work = Task { description: text("work", 400_000), ..task("work") };
    let id = work.id;
    let mut states = vec![Entity::from(db.insert_task(work, stamp()).await.unwrap())];
    for number in 0..50 {
        let priority = if number % 2 == 0 { TaskPriority::High } else { TaskPriority::Low };
        let changes = TaskChanges { priority: Some(priority), ..TaskChanges::default() };
        states.push(db.update_task(id, changes, None, stamp()).await.unwrap().into());
    }
    let log = whole_log(db.store()).await;
    assert!(entities(&log).into_iter().eq(&states));
    let grown = db.bytes().await - before;
    assert!(grown < 2 * MEGABYTE, "the database has grown by {grown} bytes");
    assert_eq!(db.texts().await, 1);
}

pub async fn an_order_of_many_products_with_long_descriptions_is_logged_whole(db: &Db) {
    let products: Vec<Product> = (0..500)
        .map(|number| {
            let sku = format!("lamp {number}");
            Product { description: text(&sku, 20_000), ..product(&sku) }
        })
        .collect();
    db.import_products(&products).await.unwrap();
    let lines: Vec<(&Product, i32)> = products.iter().map(|product| (product, 1)).collect();
    for number in ["1", "2"] {
        let before = db.bytes().await;
        let order = db.place_order(new_order(number, &lines), key(number), stamp()).await.unwrap().order;
        let head = db.log_state().await.unwrap().head;
        let log = whole_log(db.store()).await.split_off(head as usize - 501);
        let of_order = log.iter().find(|event| event.entity.kind() == EntityKind::Order).unwrap();
        assert_eq!(db.events_by_ids(&[of_order.id]).await.unwrap(), [Some(of_order.clone())]);
        let ids: Vec<ProductId> = order.items.iter().map(|item| item.product).collect();
        let sold = db.products_by_ids(&ids).await.unwrap().into_iter().flatten().map(Entity::from);
        let mut expected: Vec<Entity> = sold.chain([order.into()]).collect();
        let mut logged: Vec<Entity> = log.into_iter().map(|event| event.entity).collect();
        expected.sort_by_key(Entity::id);
        logged.sort_by_key(Entity::id);
        assert!(logged == expected, "order {number}");
        let grown = db.bytes().await - before;
        let most = if number == "1" { 16 * MEGABYTE } else { 2 * MEGABYTE };
        assert!(grown < most, "order {number} has made the database grow by {grown} bytes");
    }
    assert_eq!(db.texts().await, 500);
}

pub async fn changes_at_the_same_time_share_a_new_text(db: &Db) {
    let other = db.other_node().await;
    let description = text("shared", 50_000);
    let tasks = (0..16).map(|number| {
        let node = if number % 2 == 0 { db.shared() } else { other.clone() };
        let work = Task { description: description.clone(), ..task(&format!("work {number}")) };
        tokio::spawn(async move { node.insert_task(work, stamp()).await.unwrap() })
    });
    for running in tasks.collect::<Vec<_>>() {
        running.await.unwrap();
    }
    other.close().await;
    let log = whole_log(db.store()).await;
    assert_eq!(log.len(), 16);
    assert!(log.iter().all(|event| event.entity.description() == description.as_deref()));
    assert_eq!(db.texts().await, 1);
}

pub async fn pruning_deletes_texts_that_no_entry_has(db: &Db) {
    let (old, shared, new) = (text("old", 5000), text("shared", 5000), text("new", 5000));
    let insert = async |description: &Option<String>, second: i64| {
        let work = Task { description: description.clone(), ..task(&format!("at {second}")) };
        db.insert_task(work, Stamp::system(at(second))).await.unwrap();
        db.catch_up_log().await.unwrap();
    };
    for (description, second) in [(&old, 10), (&shared, 20), (&shared, 50), (&new, 60)] {
        insert(description, second).await;
    }
    assert_eq!(db.texts().await, 3);
    db.prune(at(0), at(35), NEVER).await.unwrap();
    let described = async || -> Vec<Option<String>> {
        let log = whole_log(db.store()).await;
        log.iter().map(|event| event.entity.description().map(str::to_owned)).collect()
    };
    assert_eq!(described().await, [shared.clone(), new.clone()]);

    db.age_texts().await;
    db.prune(at(0), at(35), NEVER).await.unwrap();
    assert_eq!(db.texts().await, 2, "the entry of the old text is gone");
    insert(&shared, 70).await;
    insert(&old, 80).await;
    assert_eq!(described().await, [&shared, &new, &shared, &old].map(Clone::clone));

    db.age_texts().await;
    db.prune(at(0), at(1000), NEVER).await.unwrap();
    assert_eq!(described().await, [old], "the newest entry stays");
    assert_eq!(db.texts().await, 1);
}
