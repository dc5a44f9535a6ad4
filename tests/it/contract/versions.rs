//! Versions: a stale one is refused, and of racing changes of one version exactly one succeeds.

use orderwire::{domain::*, storage::StoreError};

use super::engine::{Db, refusal};
use crate::support::data::{at, by_system, insert_products, product, reread, stamp, stamp_by, task, user};

pub async fn a_stale_version_of_a_product_is_refused(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let rename = |name: &str| ProductChanges { name: Some(name.to_owned()), ..ProductChanges::default() };
    let stamp = stamp_by(user("staff").id, 5);
    let changed = db.update_product(lamp.id, rename("one"), Some(1), stamp).await.unwrap();
    assert_eq!(changed, Product { name: "one".into(), version: 2, updated_at: at(5), ..lamp.clone() });
    assert_eq!(reread(db.store(), &lamp).await, changed);
    for stale in [0, 1, 3, i32::MAX] {
        let refused = db.update_product(lamp.id, rename("two"), Some(stale), stamp).await;
        assert_eq!(refusal(refused), Refusal::VersionMismatch { actual: 2 });
    }
    assert_eq!(reread(db.store(), &lamp).await, changed);
    assert_eq!(db.update_product(lamp.id, rename("two"), None, stamp).await.unwrap().version, 3);
    let refused = db.update_product(product("missing").id, rename("x"), Some(1), stamp).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
}

pub async fn a_stale_version_of_a_task_is_refused(db: &Db) {
    let work = task("work");
    assert_eq!(db.insert_task(work.clone(), stamp()).await.unwrap(), work);
    let rename = |title: &str| TaskChanges { title: Some(title.to_owned()), ..TaskChanges::default() };
    let stamp = stamp_by(user("staff").id, 5);
    let changed = db.update_task(work.id, rename("one"), Some(1), stamp).await.unwrap();
    assert_eq!(changed, Task { title: "one".into(), version: 2, updated_at: at(5), ..work.clone() });
    let refused = db.update_task(work.id, rename("two"), Some(1), stamp).await;
    assert_eq!(refusal(refused), Refusal::VersionMismatch { actual: 2 });
    assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(changed.clone())]);

    let deleted = db.delete_task(work.id, stamp_by(user("staff").id, 7)).await.unwrap();
    assert_eq!(deleted, Task { version: 3, updated_at: at(7), ..changed });
    assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [None]);
    let refused = db.delete_task(work.id, stamp).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
    let refused = db.update_task(work.id, rename("x"), Some(2), stamp).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
}

pub async fn a_stale_version_of_a_user_is_refused(db: &Db) {
    let anna = user("anna");
    db.insert_user(&anna, None).await.unwrap();
    let rename = |name: &str| UserChanges { name: Some(name.to_owned()), ..UserChanges::default() };
    let changed = db.update_user(anna.id, rename("one"), Some(1), by_system(5)).await.unwrap();
    assert_eq!(changed, User { name: "one".into(), version: 2, updated_at: at(5), ..anna.clone() });
    let refused = db.update_user(anna.id, rename("two"), Some(1), by_system(6)).await;
    assert_eq!(refusal(refused), Refusal::VersionMismatch { actual: 2 });
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(changed)]);
    let refused = db.update_user(user("missing").id, rename("x"), Some(1), by_system(6)).await;
    assert_eq!(refusal(refused), Refusal::NotFound);
}

/// Eight callers change the same version of a product, a task and a user at once.
pub async fn of_racing_changes_of_a_version_one_wins(db: &Db) {
    let (lamp, work, anna) = (product("lamp"), task("work"), user("anna"));
    insert_products(db.store(), &[&lamp]).await;
    db.insert_task(work.clone(), stamp()).await.unwrap();
    db.insert_user(&anna, None).await.unwrap();
    let racers: Vec<_> = (0..8)
        .map(|number| {
            let (store, name) = (db.shared(), Some(format!("by {number}")));
            let (lamp, work, anna) = (lamp.id, work.id, anna.id);
            tokio::spawn(async move {
                let product = ProductChanges { name: name.clone(), ..ProductChanges::default() };
                let task = TaskChanges { title: name.clone(), ..TaskChanges::default() };
                let user = UserChanges { name, ..UserChanges::default() };
                [
                    store.update_product(lamp, product, Some(1), stamp()).await.map(|_| ()),
                    store.update_task(work, task, Some(1), stamp()).await.map(|_| ()),
                    store.update_user(anna, user, Some(1), by_system(0)).await.map(|_| ()),
                ]
            })
        })
        .collect();
    let mut won = [0; 3];
    for racer in racers {
        for (won, outcome) in won.iter_mut().zip(racer.await.unwrap()) {
            match outcome {
                Ok(()) => *won += 1,
                Err(StoreError::Refused(Refusal::VersionMismatch { actual: 2 })) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(won, [1, 1, 1]);
}

/// Without an expected version no change is lost.
pub async fn the_version_grows_by_one_with_each_racing_change(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let racers: Vec<_> = (0..8)
        .map(|number| {
            let (store, id) = (db.shared(), lamp.id);
            tokio::spawn(async move {
                let changes = if number % 2 == 0 {
                    let name = Some(format!("by {number}"));
                    ProductChanges { name, description: Some(None), ..ProductChanges::default() }
                } else {
                    let price = Some(Decimal::from_units(number));
                    ProductChanges { price, tags: Some(vec![]), ..ProductChanges::default() }
                };
                store.update_product(id, changes, None, stamp()).await.unwrap()
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    let last = reread(db.store(), &lamp).await;
    assert!(last.name.starts_with("by ") && last.price < lamp.price, "{last:?}");
    let (name, price) = (last.name.clone(), last.price);
    assert_eq!(last, Product { name, price, description: None, tags: vec![], version: 9, ..lamp });
}
