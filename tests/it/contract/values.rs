//! Values are read exactly as they were written.

use orderwire::domain::*;

use super::engine::Db;
use crate::support::data::{
    at, buyer, by_system, insert_products, key, new_order, product, reread, reread_order, stamp, stamp_by, task, user,
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

pub async fn any_text_is_kept(db: &Db) {
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
        assert_eq!(reread_order(db.store(), placed.order.id).await, placed.order, "{shown:?}");
        let log =
            db.read_log(0, LogFilter { entity: Some(placed.order.id.ulid()), ..LogFilter::ALL }, 9).await.unwrap();
        assert_eq!(log.events[0].entity, Entity::Order(placed.order.into()), "{shown:?}");
    }
}

/// Times keep their milliseconds, also before 1970.
pub async fn any_time_is_kept(db: &Db) {
    let far = [-62_135_596_800_000, -1, 0, 1, 1_764_000_000_001, 253_402_300_799_999];
    for millis in far {
        let time = Timestamp::from_unix_millis(millis);
        let stamp = Stamp { actor: Some(buyer()), permission: Permission::System, at: time };
        let lamp = Product { created_at: time, updated_at: time, ..product(&millis.to_string()) };
        db.insert_product(lamp.clone(), stamp).await.unwrap();
        assert_eq!(whole_log(db.store()).await.last().map(|event| event.occurred_at), Some(time));
        assert_eq!(reread(db.store(), &lamp).await, lamp);
        let work = Task { due_at: Some(time), created_at: time, updated_at: time, ..task(&millis.to_string()) };
        db.insert_task(work.clone(), stamp).await.unwrap();
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(work)]);
        let placed =
            db.place_order(new_order(&millis.to_string(), &[(&lamp, 1)]), key(&lamp.sku), stamp).await.unwrap();
        assert_eq!(reread_order(db.store(), placed.order.id).await.placed_at, time);
    }
    assert!(whole_log(db.store()).await.iter().all(|event| far.contains(&event.occurred_at.unix_millis())));
}

pub async fn any_number_is_kept(db: &Db) {
    for (number, units) in [0, 1, 9_007_199_254_740_993, i64::MAX].into_iter().enumerate() {
        let lamp = Product { price: Decimal::from_units(units), stock: i32::MAX, ..product(&number.to_string()) };
        insert_products(db.store(), &[&lamp]).await;
        assert_eq!(reread(db.store(), &lamp).await, lamp);
    }
}

/// Each field that can be missing is set, left alone beside another change, and removed.
pub async fn missing_values_stay_missing(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let mut expected = lamp.clone();
    let descriptions = [Some(Some("x".to_owned())), None, Some(Some(String::new())), Some(None), None];
    for (second, description) in (1..).zip(descriptions) {
        let description_now = description.clone().unwrap_or(expected.description);
        let (name, version) = (format!("name {second}"), expected.version + 1);
        expected = Product { name, description: description_now, version, updated_at: at(second), ..expected };
        let changes = ProductChanges { name: Some(expected.name.clone()), description, ..ProductChanges::default() };
        let changed = db.update_product(lamp.id, changes, None, stamp_by(buyer(), second)).await.unwrap();
        assert_eq!(changed, expected);
        assert_eq!(reread(db.store(), &lamp).await, expected);
    }

    db.insert_user(&user("anna"), None).await.unwrap();
    let work = task("work");
    db.insert_task(work.clone(), stamp()).await.unwrap();
    let all = |given: bool| TaskChanges {
        description: Some(given.then(|| "how".to_owned())),
        assignee: Some(given.then(|| user("anna").id)),
        due_at: Some(given.then(|| at(60))),
        ..TaskChanges::default()
    };
    let (mut expected, nothing) = (work.clone(), TaskChanges::default());
    let steps = [all(true), nothing.clone(), all(false), nothing, all(true)];
    for (second, changes) in (1..).zip(steps) {
        let changes = TaskChanges { title: Some(format!("title {second}")), ..changes };
        expected = Task {
            title: format!("title {second}"),
            description: changes.description.clone().unwrap_or(expected.description),
            assignee: changes.assignee.unwrap_or(expected.assignee),
            due_at: changes.due_at.unwrap_or(expected.due_at),
            version: expected.version + 1,
            updated_at: at(second),
            ..expected
        };
        let changed = db.update_task(work.id, changes, None, stamp_by(buyer(), second)).await.unwrap();
        assert_eq!(changed, expected);
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(changed)]);
    }

    let anna = user("anna");
    let mut expected = anna.clone();
    for (second, region) in (1..).zip([Some(Some("France".to_owned())), None, Some(None), None]) {
        let region_now = region.clone().unwrap_or(expected.region);
        let (name, version) = (format!("name {second}"), expected.version + 1);
        expected = User { name, region: region_now, version, updated_at: at(second), ..expected };
        let changes = UserChanges { name: Some(expected.name.clone()), region, ..UserChanges::default() };
        assert_eq!(db.update_user(anna.id, changes, None, by_system(second)).await.unwrap(), expected);
        assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(expected.clone())]);
    }
}
