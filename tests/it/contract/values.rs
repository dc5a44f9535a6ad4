//! Values come back exactly as they went in.

use orderwire::{domain::*, storage::StoreError};

use super::engine::Db;
use crate::support::data::{
    adjustment, at, buyer, insert_products, key, new_order, product, reread, reread_order, stamp, stamp_by, task, user,
    whole_log,
};

/// Texts that are easily mangled.
fn texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "\0",
        "a\0b",
        "\u{1}\u{7f}\u{85}",
        "\t\r\n",
        "'; DROP TABLE orders; --",
        "$set",
        "a.b",
        "null",
        "%_\\",
        "naïve 漢字 עברית",
        "e\u{301}",
        "\u{fb03}",
        "👩‍👩‍👧‍👦",
        "\u{feff}\u{fffd}\u{ffff}\u{10ffff}",
        "\u{202e}rtl",
    ];
    texts.into_iter().map(str::to_owned).chain(["long ".repeat(40_000)]).collect()
}

pub async fn of_any_text(db: &Db) {
    for (number, text) in texts().into_iter().enumerate() {
        let shown: String = text.chars().take(20).collect();
        let lamp = Product {
            sku: format!("{number} {}", text.chars().take(100).collect::<String>()),
            name: text.clone(),
            description: Some(text.clone()),
            tags: vec![text.chars().take(100).collect(), String::new()],
            ..product(&number.to_string())
        };
        insert_products(db.store(), &[&lamp]).await;
        assert_eq!(reread(db.store(), &lamp).await, lamp, "{shown:?}");
        assert_eq!(
            db.products_by_skus(std::slice::from_ref(&lamp.sku)).await.unwrap(),
            [Some(lamp.clone())],
            "{shown:?}"
        );

        let work = Task { title: text.clone(), description: Some(text.clone()), ..task(&number.to_string()) };
        db.insert_task(work.clone(), stamp()).await.unwrap();
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(work.clone())], "{shown:?}");

        let anna = User { name: text.clone(), region: Some(text.clone()), ..user(&number.to_string()) };
        db.insert_user(&anna, Some(&text)).await.unwrap();
        let credentials = db.credentials_by_id(anna.id).await.unwrap().unwrap();
        assert_eq!((credentials.user, credentials.password_hash), (anna, Some(text.clone())), "{shown:?}");

        let region = text.chars().take(100).collect();
        let order = NewOrder { region, payment_reference: Some(text), ..new_order(&number.to_string(), &[(&lamp, 1)]) };
        let placed = db.place_order(order, key(&lamp.sku), stamp()).await.unwrap();
        assert_eq!(reread_order(db.store(), placed.value.order.id).await, placed.value.order, "{shown:?}");
        let log =
            db.read_log(0, LogFilter { kind: None, entity: Some(placed.value.order.id.ulid()) }, 9).await.unwrap();
        assert_eq!(log.events[0].entity, Entity::Order(placed.value.order.into()), "{shown:?}");
    }
}

/// Milliseconds are kept, before 1970 too.
pub async fn of_any_time(db: &Db) {
    let far = [-62_135_596_800_000, -1, 0, 1, 1_764_000_000_001, 253_402_300_799_999];
    for millis in far {
        let time = Timestamp::from_unix_millis(millis);
        let stamp = Stamp { actor: Some(buyer()), at: time };
        let lamp = Product { created_at: time, updated_at: time, ..product(&millis.to_string()) };
        let inserted = db.insert_product(lamp.clone(), stamp).await.unwrap();
        assert_eq!(inserted.events[0].occurred_at, time);
        assert_eq!(reread(db.store(), &lamp).await, lamp);
        let work = Task { due_at: Some(time), created_at: time, updated_at: time, ..task(&millis.to_string()) };
        db.insert_task(work.clone(), stamp).await.unwrap();
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(work)]);
        let placed =
            db.place_order(new_order(&millis.to_string(), &[(&lamp, 1)]), key(&lamp.sku), stamp).await.unwrap();
        assert_eq!(reread_order(db.store(), placed.value.order.id).await.placed_at, time);
    }
    assert!(whole_log(db.store()).await.iter().all(|event| far.contains(&event.occurred_at.unix_millis())));
}

pub async fn of_any_number(db: &Db) {
    for (number, units) in [0, 1, 9_007_199_254_740_993, i64::MAX].into_iter().enumerate() {
        let lamp = Product { price: Decimal::from_units(units), stock: i32::MAX, ..product(&number.to_string()) };
        insert_products(db.store(), &[&lamp]).await;
        assert_eq!(reread(db.store(), &lamp).await, lamp);
    }
}

/// Set, left alone, removed: for every field that can be missing.
pub async fn that_can_be_missing(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    for description in [Some(Some("x".to_owned())), None, Some(Some(String::new())), Some(None), None] {
        let before = reread(db.store(), &lamp).await;
        let changes = ProductChanges { description, ..ProductChanges::default() };
        let changed = db.update_product(lamp.id, changes.clone(), None, stamp()).await.unwrap().value;
        assert_eq!(changed, before.changed(changes, at(0)));
        assert_eq!(reread(db.store(), &lamp).await, changed);
    }

    let work = task("work");
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let all = |given: bool| TaskChanges {
        description: Some(given.then(|| "how".to_owned())),
        assignee: Some(given.then(|| user("anna").id)),
        due_at: Some(given.then(|| at(60))),
        ..TaskChanges::default()
    };
    for changes in [all(true), TaskChanges::default(), all(false), TaskChanges::default(), all(true)] {
        let before = db.tasks_by_ids(&[work.id]).await.unwrap().remove(0).unwrap();
        let changed = db.update_task(work.id, changes.clone(), None, stamp_by(buyer(), 1)).await.unwrap().value;
        assert_eq!(changed, before.changed(changes, at(1)));
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(changed)]);
    }

    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    for region in [Some(Some("France".to_owned())), None, Some(None), None] {
        let before = db.users_by_ids(&[anna.id]).await.unwrap().remove(0).unwrap();
        let changes = UserChanges { region, ..UserChanges::default() };
        let changed = db.update_user(anna.id, changes.clone(), None, at(1)).await.unwrap();
        assert_eq!(changed, before.changed(changes, at(1)));
        assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(changed)]);
    }
}

/// A change to every field at once, and everything read back.
pub async fn of_every_field(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let changes = ProductChanges {
        name: Some("Zebra lamp".into()),
        description: Some(Some("striped".into())),
        price: Some(Decimal::from_units(7)),
        tags: Some(vec!["b".into(), "a".into(), "b".into()]),
        status: Some(ProductStatus::Archived),
    };
    let changed = db.update_product(lamp.id, changes.clone(), Some(1), stamp()).await.unwrap().value;
    assert_eq!(changed, lamp.clone().changed(changes, at(0)));
    assert_eq!(reread(db.store(), &lamp).await, changed);
    db.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();

    let anna = User { role: UserRole::Staff, ..user("anna") };
    db.insert_user(&anna, Some("hash")).await.unwrap();
    let changes = UserChanges {
        name: Some("Anne".into()),
        email: Some("anne@example.com".into()),
        region: Some(Some("France".into())),
        role: Some(UserRole::Admin),
    };
    let changed = db.update_user(anna.id, changes.clone(), Some(1), at(3)).await.unwrap();
    assert_eq!(changed, anna.clone().changed(changes, at(3)));
    let asked = ["anna@example.com".to_owned(), "anne@example.com".to_owned()];
    assert_eq!(db.users_by_emails(&asked).await.unwrap(), [None, Some(changed)]);
    let credentials = db.credentials_by_email("anne@example.com").await.unwrap().unwrap();
    assert_eq!(credentials.password_hash.as_deref(), Some("hash"));
    let refused = db.set_password(user("missing").id, "hash", at(4)).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}
