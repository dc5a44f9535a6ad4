//! Metadata: stored and logged whole, versioned like any change, and found by an index.

use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{
    adjustment, at, buyer, by_system, insert_products, place, product, reread, reread_order, stamp, step, task, user,
    whole_log,
};

fn items(pairs: &[(&str, &str)]) -> MetadataItems {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn set(pairs: &[(&str, &str)], private: bool) -> MetadataChange {
    MetadataChange { set: items(pairs), remove: Vec::new(), private }
}

fn of_product(change: MetadataChange) -> ProductChanges {
    ProductChanges { metadata: Some(change), ..ProductChanges::default() }
}

fn of_task(change: MetadataChange) -> TaskChanges {
    TaskChanges { metadata: Some(change), ..TaskChanges::default() }
}

fn of_user(change: MetadataChange) -> UserChanges {
    UserChanges { metadata: Some(change), ..UserChanges::default() }
}

pub async fn each_change_of_metadata_is_stored_and_logged_whole(db: &Db) {
    let (lamp, work, anna) = (product("lamp"), task("work"), user("anna"));
    insert_products(db.store(), &[&lamp]).await;
    db.insert_task(work.clone(), stamp()).await.unwrap();
    db.insert_user(&anna, None).await.unwrap();
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    let lamp = reread(db.store(), &lamp).await;
    let before = whole_log(db.store()).await.len();

    let public = set(&[("erp:id", "4711"), ("note", "a\n\u{e9} \u{1f642}")], false);
    let private = set(&[("cost", "0.35")], true);
    let both = Metadata { public: public.set.clone(), private: private.set.clone() };
    let only_public = Metadata { public: public.set.clone(), ..Metadata::default() };
    for (second, change, metadata) in [(1, &public, &only_public), (2, &private, &both)] {
        let stamp = by_system(second);
        let version = second as i32;
        let product = db.update_product(lamp.id, of_product(change.clone()), None, stamp).await.unwrap();
        let expected = Product {
            metadata: metadata.clone(),
            version: lamp.version + version,
            updated_at: at(second),
            ..lamp.clone()
        };
        assert_eq!(product, expected);
        assert_eq!(reread(db.store(), &lamp).await, expected);
        let changed = db.update_order_metadata(order.id, change.clone(), None, stamp).await.unwrap();
        let expected = Order {
            metadata: metadata.clone(),
            version: order.version + version,
            updated_at: at(second),
            ..order.clone()
        };
        assert_eq!(changed, expected);
        assert_eq!(reread_order(db.store(), order.id).await, expected);
        let changed = db.update_task(work.id, of_task(change.clone()), None, stamp).await.unwrap();
        let expected = Task {
            metadata: metadata.clone(),
            version: work.version + version,
            updated_at: at(second),
            ..work.clone()
        };
        assert_eq!(changed, expected);
        assert_eq!(db.tasks_by_ids(&[work.id]).await.unwrap(), [Some(expected)]);
        let changed = db.update_user(anna.id, of_user(change.clone()), None, stamp).await.unwrap();
        let expected = User {
            metadata: metadata.clone(),
            version: anna.version + version,
            updated_at: at(second),
            ..anna.clone()
        };
        assert_eq!(changed, expected);
        assert_eq!(db.users_by_ids(&[anna.id]).await.unwrap(), [Some(expected)]);
    }
    // The same again changes nothing.
    db.update_product(lamp.id, of_product(public.clone()), None, by_system(3)).await.unwrap();
    db.update_order_metadata(order.id, private.clone(), None, by_system(3)).await.unwrap();
    db.update_task(work.id, of_task(public.clone()), None, by_system(3)).await.unwrap();
    db.update_user(anna.id, of_user(private.clone()), None, by_system(3)).await.unwrap();

    let log = whole_log(db.store()).await;
    let entries = &log[before..];
    assert_eq!(entries.len(), 8);
    assert!(entries.iter().all(|entry| entry.kind == EventKind::Updated && entry.previous_status.is_none()));
    let logged: Vec<_> = entries.iter().filter_map(|entry| entry.entity.metadata()).collect();
    assert_eq!(logged, [&only_public, &only_public, &only_public, &both, &both, &both]);

    // Other changes keep it, and a deleted user has none.
    let sold = db.adjust_stock(adjustment(&lamp, 1), by_system(4)).await.unwrap();
    assert_eq!(sold.metadata, both);
    let confirmed = db.change_order_status(step(order.id, OrderStatus::Confirmed), by_system(4)).await.unwrap().order;
    assert_eq!((confirmed.metadata, confirmed.version), (both.clone(), order.version + 3));
    let remove = MetadataChange {
        remove: vec!["cost".to_owned(), "missing".to_owned()],
        private: true,
        ..MetadataChange::default()
    };
    let removed = db.update_order_metadata(order.id, remove, Some(order.version + 3), by_system(5)).await.unwrap();
    assert_eq!(removed.metadata, only_public);
    assert_eq!(reread_order(db.store(), order.id).await, removed);
    assert_eq!(db.delete_user(anna.id, by_system(5)).await.unwrap().metadata, Metadata::default());
    let stale = db.update_order_metadata(order.id, public, Some(1), by_system(6)).await;
    assert!(matches!(refusal(stale), Refusal::VersionMismatch { .. }));
    let missing = OrderId::derived(at(1), "test", "missing");
    assert_eq!(refusal(db.update_order_metadata(missing, private, None, by_system(6)).await), Refusal::NotFound);
}

pub async fn metadata_is_bounded_and_the_largest_is_logged_whole(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let full = |letter: &str| -> MetadataItems {
        (0..Metadata::MAX_ITEMS).map(|number| (format!("{letter}{number:063}"), "\u{e9}".repeat(512))).collect()
    };
    for private in [false, true] {
        let change = MetadataChange { set: full("k"), remove: Vec::new(), private };
        db.update_product(lamp.id, of_product(change), None, by_system(1)).await.unwrap();
        let one_more = set(&[("one-more", "")], private);
        let refused = db.update_product(lamp.id, of_product(one_more), None, by_system(2)).await;
        assert_eq!(refusal(refused), Refusal::TooMuchMetadata);
    }
    let expected = Metadata { public: full("k"), private: full("k") };
    assert_eq!(reread(db.store(), &lamp).await.metadata, expected);
    db.adjust_stock(adjustment(&lamp, 5), by_system(3)).await.unwrap();
    let order = place(db.store(), "1", &[(&lamp, 1)]).await.unwrap().order;
    let change = MetadataChange { set: full("k"), remove: Vec::new(), private: false };
    db.update_order_metadata(order.id, change, None, by_system(4)).await.unwrap();
    let log = whole_log(db.store()).await;
    let products: Vec<&Metadata> = log
        .iter()
        .rev()
        .filter(|entry| entry.entity.kind() == EntityKind::Product)
        .filter_map(|entry| entry.entity.metadata())
        .collect();
    assert!(products.len() >= 3 && products[..3].iter().all(|found| **found == expected));
    let last = log.last().and_then(|entry| entry.entity.metadata()).unwrap();
    assert_eq!(last.public, expected.public);
    assert!(db.texts().await >= 2, "large metadata is stored once");
}

/// Names of what a list by each filter has.
async fn found(
    db: &Db,
    filter: &MetadataFilter,
    with: impl Fn(&mut ProductFilter, &mut OrderFilter, &mut TaskFilter),
) -> [Vec<String>; 3] {
    let mut products = ProductFilter { metadata: Some(filter.clone()), ..ProductFilter::default() };
    let mut orders = OrderFilter { metadata: Some(filter.clone()), ..OrderFilter::default() };
    let mut tasks = TaskFilter { metadata: Some(filter.clone()), ..TaskFilter::default() };
    with(&mut products, &mut orders, &mut tasks);
    let counts = [
        db.count_products(&[products.clone()]).await.unwrap(),
        db.count_orders(&[orders.clone()]).await.unwrap(),
        db.count_tasks(&[tasks.clone()]).await.unwrap(),
    ];
    let slice = Slice::first(100);
    let sort = Sort { field: ProductSort::Name, direction: Direction::Asc };
    let query = ListQuery { filter: products, sort, slice: slice.clone(), fields: ProductFields::ALL };
    let products = db.list_products(&[query]).await.unwrap().remove(0);
    let sort = Sort { field: OrderSort::PlacedAt, direction: Direction::Asc };
    let query = ListQuery { filter: orders, sort, slice: slice.clone(), fields: OrderFields::ALL };
    let orders = db.list_orders(&[query]).await.unwrap().remove(0);
    let sort = Sort { field: TaskSort::CreatedAt, direction: Direction::Asc };
    let query = ListQuery { filter: tasks, sort, slice, fields: TaskFields::ALL };
    let tasks = db.list_tasks(&[query]).await.unwrap().remove(0);
    let mut found = [
        products.edges.into_iter().map(|edge| edge.node.sku).collect::<Vec<_>>(),
        orders.edges.into_iter().map(|edge| edge.node.number).collect(),
        tasks.edges.into_iter().map(|edge| edge.node.title).collect(),
    ];
    assert_eq!(found.each_ref().map(|found| vec![found.len() as u64]), counts);
    found.iter_mut().for_each(|found| found.sort());
    found
}

pub async fn lists_find_entities_by_their_metadata(db: &Db) {
    let named = ["a", "b", "c"];
    let products = named.map(product);
    insert_products(db.store(), &products.each_ref()).await;
    let tasks = named.map(task);
    let mut orders = Vec::new();
    for name in named {
        orders.push(place(db.store(), name, &[(&products[0], 1)]).await.unwrap().order);
    }
    for task in &tasks {
        db.insert_task(task.clone(), stamp()).await.unwrap();
    }
    let give = async |place: usize, change: MetadataChange| {
        db.update_product(products[place].id, of_product(change.clone()), None, stamp()).await.unwrap();
        db.update_order_metadata(orders[place].id, change.clone(), None, stamp()).await.unwrap();
        db.update_task(tasks[place].id, of_task(change), None, stamp()).await.unwrap();
    };
    give(0, set(&[("erp", "1"), ("color", "red")], false)).await;
    give(1, set(&[("erp", "2")], false)).await;
    give(1, set(&[("color", "red")], true)).await;
    give(2, set(&[("erp", "1")], true)).await;
    let filter = |key: &str, value: Option<&str>, public_only| MetadataFilter {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        public_only,
    };
    let everything = |_: &mut ProductFilter, _: &mut OrderFilter, _: &mut TaskFilter| ();
    // Conditions that choose another index, and that all of them pass.
    let narrowed = |products: &mut ProductFilter, orders: &mut OrderFilter, tasks: &mut TaskFilter| {
        products.status = Some(ProductStatus::Active);
        products.in_stock = Some(true);
        orders.customer = Some(buyer());
        orders.statuses = Some(vec![OrderStatus::Pending, OrderStatus::Confirmed]);
        tasks.visible_to = Some(buyer());
        tasks.statuses = Some(vec![TaskStatus::Todo]);
    };
    for (key, value, public_only, expected) in [
        ("erp", None, true, &["a", "b"][..]),
        ("erp", None, false, &["a", "b", "c"]),
        ("erp", Some("1"), true, &["a"]),
        ("erp", Some("1"), false, &["a", "c"]),
        ("color", Some("red"), true, &["a"]),
        ("color", Some("red"), false, &["a", "b"]),
        ("color", Some("blue"), false, &[]),
        ("er", None, false, &[]),
        ("erp", Some(""), false, &[]),
    ] {
        let filter = filter(key, value, public_only);
        assert_eq!(found(db, &filter, everything).await, [expected; 3], "{filter:?}");
        assert_eq!(found(db, &filter, narrowed).await, [expected; 3], "{filter:?}");
    }
    let remove = MetadataChange { remove: vec!["erp".to_owned()], ..MetadataChange::default() };
    give(0, remove).await;
    give(1, set(&[("erp", "1")], false)).await;
    assert_eq!(found(db, &filter("erp", Some("1"), true), everything).await, [["b"]; 3]);
    assert_eq!(found(db, &filter("erp", Some("2"), false), everything).await, [[""; 0]; 3]);
    for place in [1, 2] {
        db.delete_task(tasks[place].id, stamp()).await.unwrap();
    }
    assert_eq!(found(db, &filter("erp", None, false), everything).await, [vec!["b", "c"], vec!["b", "c"], vec![]]);
}

/// A page of a list by metadata walks the whole list.
pub async fn pages_by_metadata_walk_the_whole_list(db: &Db) {
    let products: Vec<Product> = (0..9)
        .map(|number| {
            let value = if number % 3 == 0 { "other" } else { "same" };
            let metadata = Metadata { public: items(&[("group", value)]), ..Metadata::default() };
            Product { metadata, ..product(&format!("p{number}")) }
        })
        .collect();
    db.import_products(&products).await.unwrap();
    let metadata = MetadataFilter { key: "group".to_owned(), value: Some("same".to_owned()), public_only: true };
    let filter = ProductFilter { metadata: Some(metadata), ..ProductFilter::default() };
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let sort = Sort { field: ProductSort::Name, direction: Direction::Desc };
        let slice = Slice { after, before: None, take: Take::First(2) };
        let query = ListQuery { filter: filter.clone(), sort, slice, fields: ProductFields::ALL };
        let page = db.list_products(&[query]).await.unwrap().remove(0);
        after = page.edges.last().map(|edge| edge.position.clone());
        walked.extend(page.edges.into_iter().map(|edge| edge.node));
        if !page.has_next {
            break;
        }
    }
    let expected: Vec<Product> =
        products.into_iter().rev().filter(|product| product.metadata.public["group"] == "same").collect();
    assert_eq!(walked, expected);
}
