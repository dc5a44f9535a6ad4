//! Bulk loading can be repeated and appends nothing to the log.

use orderwire::domain::*;

use super::{
    changes::staff,
    engine::{Db, refusal},
};
use crate::support::data::{
    NOW, at, by_system, insert_products, past_order, place, product, reread, reread_order, step, task, user,
};

pub async fn importing_twice_changes_nothing(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    let orders = [past_order("1", &[(&lamp, 2), (&vase, 1), (&lamp, 3)]), past_order("2", &[(&vase, 1)])];
    for new in [2, 0] {
        assert_eq!(db.import_users(&[user("anna"), user("bert")]).await.unwrap(), new);
        assert_eq!(db.import_products(&[lamp.clone(), vase.clone()]).await.unwrap(), new);
        assert_eq!(db.import_orders(&orders).await.unwrap(), new);
        assert_eq!(db.import_tasks(&[task("a"), task("b")]).await.unwrap(), new);
    }
    assert_eq!(db.import_users(&[]).await.unwrap(), 0);
    assert_eq!(db.import_products(&[product("jar"), lamp.clone(), product("jar")]).await.unwrap(), 1, "counts the new");
    assert_eq!(db.import_tasks(&[task("a"), task("c")]).await.unwrap(), 1);

    assert_eq!(db.log_state().await.unwrap().head, 0, "nothing is announced");
    assert_eq!(reread(db.store(), &lamp).await, lamp, "no stock is taken");
    assert_eq!(reread_order(db.store(), orders[0].id).await, orders[0]);
    assert_eq!(db.users_by_ids(&[user("anna").id]).await.unwrap(), [Some(user("anna"))]);
    let credentials = db.credentials_by_email("anna@example.com").await.unwrap().unwrap();
    assert_eq!(credentials.password_hash, None);
}

pub async fn importing_again_keeps_later_changes(db: &Db) {
    let (lamp, work, anna) = (product("lamp"), task("work"), user("anna"));
    let order = past_order("1", &[(&lamp, 1)]);
    let load = async || {
        db.import_users(std::slice::from_ref(&anna)).await.unwrap()
            + db.import_products(std::slice::from_ref(&lamp)).await.unwrap()
            + db.import_orders(std::slice::from_ref(&order)).await.unwrap()
            + db.import_tasks(std::slice::from_ref(&work)).await.unwrap()
    };
    assert_eq!(load().await, 4);
    let rename = ProductChanges { name: Some("Lamp".into()), ..ProductChanges::default() };
    let new_lamp = db.update_product(lamp.id, rename, None, staff(1)).await.unwrap();
    let new_order = db.change_order_status(step(order.id, OrderStatus::Returned), staff(2)).await.unwrap();
    let done = TaskChanges { status: Some(TaskStatus::Done), ..TaskChanges::default() };
    let new_work = db.update_task(work.id, done, None, staff(3)).await.unwrap();
    let gone = db.delete_user(anna.id, by_system(4)).await.unwrap();
    assert_eq!(load().await, 0);
    assert_eq!(reread(db.store(), &lamp).await, Product { stock: 11, version: 3, updated_at: at(2), ..new_lamp });
    assert_eq!(reread_order(db.store(), order.id).await, new_order.order);
    assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(new_work)]);
    assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(gone)]);
    assert_eq!(db.users_by_emails(&["anna@example.com".into()]).await.unwrap(), [None]);
}

pub async fn importing_a_taken_unique_value_is_refused(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    db.insert_user(&user("anna"), None).await.unwrap();
    place(db.store(), "1", &[(&lamp, 1)]).await.unwrap();

    let other = User { id: UserId::derived(NOW, "other", "anna"), ..user("anna") };
    let refused = db.import_users(&[user("bert"), other]).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Email));
    let other = Product { id: ProductId::derived(NOW, "other", "lamp"), ..lamp.clone() };
    let refused = db.import_products(&[product("vase"), other.clone()]).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Sku));
    assert_eq!(db.products_by_ids(&[other.id]).await.unwrap(), [None]);
    let other = Order { id: OrderId::derived(NOW, "other", "1"), ..past_order("1", &[(&lamp, 1)]) };
    let refused = db.import_orders(&[past_order("2", &[(&lamp, 1)]), other]).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::OrderNumber));
}

/// Imported rows are searched, filtered and bought like others.
pub async fn thousands_of_imported_rows_are_searched_and_bought(db: &Db) {
    let products: Vec<Product> = (0..1500).map(|number| product(&format!("n{number}"))).collect();
    assert_eq!(db.import_products(&products).await.unwrap(), 1500);
    assert_eq!(db.import_products(&products[700..]).await.unwrap(), 0);
    let search = |text| ProductFilter { search: SearchTerms::parse(text).ok(), ..ProductFilter::default() };
    assert_eq!(db.count_products(&[search("product"), search("n77")]).await.unwrap(), [1500, 1]);

    let lines: Vec<(&Product, i32)> = products[..600].iter().map(|product| (product, 1)).collect();
    let orders = [past_order("long", &lines), past_order("short", &lines[..1])];
    assert_eq!(db.import_orders(&orders).await.unwrap(), 2);
    assert_eq!(reread_order(db.store(), orders[0].id).await, orders[0]);
    let with = |product: &Product| OrderFilter { product: Some(product.id), ..OrderFilter::default() };
    assert_eq!(
        db.count_orders(&[with(&products[0]), with(&products[599]), with(&products[600])]).await.unwrap(),
        [2, 1, 0]
    );
    place(db.store(), "bought", &[(&products[1499], 1)]).await.unwrap();
}
