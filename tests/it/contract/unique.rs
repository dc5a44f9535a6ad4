//! Values that only one entity may have.

use orderwire::{domain::*, storage::StoreError};

use super::engine::{Db, refusal};
use crate::support::data::{
    NOW, buyer, by_system, insert_products, key, new_order, place, product, reread, stamp, user,
};

pub async fn a_taken_e_mail_address_is_refused(db: &Db) {
    let (anna, bert) = (user("anna"), user("bert"));
    db.insert_user(&anna, None).await.unwrap();
    db.insert_user(&bert, None).await.unwrap();
    let other = User { id: UserId::derived(NOW, "test", "other anna"), ..anna.clone() };
    let refused = db.insert_user(&other, Some("$argon2id$")).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Email));
    assert_eq!(db.users_by_ids(&[other.id]).await.unwrap(), [None]);

    let taken = UserChanges { email: anna.email.clone(), name: Some("Bertha".into()), ..UserChanges::default() };
    let refused = db.update_user(bert.id, taken.clone(), None, by_system(1)).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Email));
    assert_eq!(db.users_by_ids(&[bert.id]).await.unwrap(), [Some(bert)], "nothing changed");
    db.update_user(anna.id, taken, None, by_system(1)).await.expect("one's own address is free");
}

pub async fn a_changed_e_mail_address_leaves_the_old_one_free(db: &Db) {
    let (anna, bert) = (user("anna"), user("bert"));
    for user in [&anna, &bert] {
        db.insert_user(user, None).await.unwrap();
    }
    let address = |user: &User| user.email.clone().unwrap();
    let move_to = |email: &str| UserChanges { email: Some(email.to_owned()), ..UserChanges::default() };
    let moved = db.update_user(anna.id, move_to("new@example.com"), None, by_system(1)).await.unwrap();
    assert_eq!(db.users_by_emails(&[address(&anna), address(&moved)]).await.unwrap(), [None, Some(moved.clone())]);
    let taker = db.update_user(bert.id, move_to(&address(&anna)), None, by_system(2)).await.unwrap();
    let both = db.users_by_emails(&[address(&anna), address(&bert), address(&moved)]).await.unwrap();
    assert_eq!(both, [Some(taker.clone()), None, Some(moved.clone())]);
    let signing_in = db.credentials_by_email(&address(&anna)).await.unwrap().map(|credentials| credentials.user);
    assert_eq!(signing_in, Some(taker));
    assert_eq!(db.credentials_by_email(&address(&bert)).await.unwrap(), None);

    let refused = db.update_user(bert.id, move_to(&address(&moved)), None, by_system(3)).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Email));
    let other = User { id: UserId::derived(NOW, "test", "another bert"), ..bert };
    assert_eq!(db.import_users(std::slice::from_ref(&other)).await.unwrap(), 1, "the address of bert is free");
}

pub async fn an_order_is_found_by_number_and_listed_whatever_its_region(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let mut placed = Vec::new();
    for (number, region) in [("1", "France"), ("2", "Japan"), ("3", "France"), ("4", "$region")] {
        let order = NewOrder { region: region.to_owned(), ..new_order(number, &[(&lamp, 1)]) };
        placed.push(db.place_order(order, key(number), stamp()).await.unwrap().order);
    }
    let numbers: Vec<String> = placed.iter().rev().map(|order| order.number.clone()).collect();
    let mut found = db.orders_by_numbers(&numbers).await.unwrap();
    found.reverse();
    assert_eq!(found, placed.iter().cloned().map(Some).collect::<Vec<_>>());
    let of = |customer| OrderFilter { customer: Some(customer), ..OrderFilter::default() };
    let in_france = OrderFilter { region: Some("France".to_owned()), ..of(buyer()) };
    let nobody = of(user("nobody").id);
    assert_eq!(db.count_orders(&[of(buyer()), in_france, nobody]).await.unwrap(), [4, 2, 0]);
}

pub async fn a_taken_sku_is_refused(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp, &product("LAMP")]).await;
    let other = Product { id: ProductId::derived(NOW, "test", "other lamp"), ..lamp };
    let refused = db.insert_product(other.clone(), stamp()).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::Sku));
    assert_eq!(db.products_by_ids(&[other.id]).await.unwrap(), [None]);
    assert_eq!(db.log_state().await.unwrap().head, 2, "a failure is not logged");
}

pub async fn a_taken_order_number_is_refused(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    place(db.store(), "1", &[(&lamp, 1)]).await.unwrap();
    let again = NewOrder { id: OrderId::derived(NOW, "test", "other"), ..new_order("1", &[(&lamp, 1)]) };
    let refused = db.place_order(again.clone(), key("another key"), stamp()).await;
    assert_eq!(refusal(refused), Refusal::Duplicate(UniqueKey::OrderNumber));
    assert_eq!(reread(db.store(), &lamp).await.stock, 9, "the stock of the refused order is not taken");
    assert_eq!(db.orders_by_ids(&[again.id]).await.unwrap(), [None]);
    assert_eq!(db.log_state().await.unwrap().head, 3);

    let free = NewOrder { number: "2".to_owned(), ..again };
    let placed = db.place_order(free, key("another key"), stamp()).await.unwrap();
    assert!(!placed.replayed, "a failure does not use up the key");
}

pub async fn of_racers_for_a_unique_value_one_gets_it(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let racers: Vec<_> = (0..8)
        .map(|number| {
            let (store, lamp) = (db.shared(), lamp.clone());
            tokio::spawn(async move {
                let racer = User { email: Some("same@example.com".into()), ..user(&format!("racer {number}")) };
                let sku = Product { sku: "same".into(), ..product(&format!("racer {number}")) };
                let order = NewOrder { number: "same".into(), ..new_order(&format!("racer {number}"), &[(&lamp, 1)]) };
                let key = key(&format!("racer {number}"));
                (
                    store.insert_user(&racer, None).await,
                    store.insert_product(sku, stamp()).await,
                    store.place_order(order, key, stamp()).await,
                )
            })
        })
        .collect();
    let (mut users, mut products, mut orders) = (0, 0, 0);
    for racer in racers {
        let (by_user, by_product, by_order) = racer.await.unwrap();
        match by_user {
            Ok(()) => users += 1,
            Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::Email))) => {}
            other => panic!("{other:?}"),
        }
        match by_product {
            Ok(_) => products += 1,
            Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::Sku))) => {}
            other => panic!("{other:?}"),
        }
        match by_order {
            Ok(placed) => orders += i32::from(!placed.replayed),
            Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::OrderNumber))) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((users, products, orders), (1, 1, 1));
    assert_eq!(reread(db.store(), &lamp).await.stock, 9);
}
