//! What a node has written is read from memory before its feed has it, as the write left it, and shows nothing else early.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use futures_util::poll;
use orderwire::{
    domain::*,
    fairness::{Caller, run_for},
    storage::*,
};

use super::{BYTES, Node, by_name, now, orders_of, place_now, read, reprice};
use crate::{
    contract::engine::Db,
    support::{
        data::{adjustment, buyer, product, reread, stamp, step, user},
        wait_until,
    },
};

fn once(method: &'static str) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([(method, 1)])
}

/// The feed reads nothing.
pub async fn after_an_own_order_its_products_and_their_page_are_read_from_memory(db: &Db) {
    let products: Vec<Product> = (0..60).map(|number| product(&format!("{number:02}"))).collect();
    db.import_products(&products).await.unwrap();
    let node = Node::new(db, BYTES).await;
    let cache = &*node.cache;
    let stocks = async || {
        let page = cache.list_products(&[by_name(50)]).await.unwrap().remove(0);
        page.edges.into_iter().map(|edge| edge.node.stock).collect::<Vec<_>>()
    };
    let with = |first: i32, last: i32| [vec![first], vec![10; 48], vec![last]].concat();
    assert_eq!(node.fed(stocks()).await, with(10, 10));
    node.calls();

    let order = place_now(cache, "1", &products[0]).await;
    assert_eq!(node.calls(), once("place_order"));
    assert_eq!(stocks().await, with(9, 10));
    assert_eq!(cache.orders_by_ids(&[order.id]).await.unwrap(), [Some(order.clone())]);
    let bought = Product { stock: 9, version: 2, updated_at: order.updated_at, ..products[0].clone() };
    assert_eq!(read(cache, bought.id).await, bought);
    assert_eq!(node.calls(), BTreeMap::new());

    let cancelled = cache.change_order_status(step(order.id, OrderStatus::Cancelled), now()).await.unwrap();
    assert_eq!(node.calls(), once("change_order_status"));
    assert_eq!(stocks().await, with(10, 10));
    assert_eq!(cache.orders_by_ids(&[order.id]).await.unwrap(), [Some(cancelled.order)]);
    assert_eq!(cancelled.products.iter().map(|product| product.stock).collect::<Vec<_>>(), [10]);
    assert_eq!(node.calls(), BTreeMap::new());

    // What another node did to the stock before is in what this one writes.
    db.adjust_stock(adjustment(&products[49], -3), now()).await.unwrap();
    cache.adjust_stock(adjustment(&products[49], -1), now()).await.unwrap();
    assert_eq!(stocks().await, with(10, 6));
    assert_eq!(node.calls(), once("adjust_stock"));

    let in_stock = ProductFilter { in_stock: Some(true), ..ProductFilter::default() };
    let in_stock = [ListQuery { filter: in_stock, ..by_name(50) }];
    assert_eq!(node.fed(cache.list_products(&in_stock)).await.unwrap()[0].edges[49].node.stock, 6);
    assert_eq!(node.calls(), once("list_products"), "a list that depends on the stock");
}

/// A page of a customer's newest orders has each order that was placed since it was read, whatever the feed has.
pub async fn a_page_of_a_customers_newest_orders_grows_in_memory(db: &Db) {
    let lamp = Product { stock: 1000, ..product("lamp") };
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    let cache = &*node.cache;
    let newest = [orders_of(buyer(), None)];
    let from_memory = async || cache.list_orders(&newest).await.unwrap().remove(0);
    place_now(cache, "0", &lamp).await;
    assert_eq!(node.fed(from_memory()).await.edges.len(), 1);
    node.calls();
    for number in 1..=30 {
        let placed = place_now(cache, &number.to_string(), &lamp).await;
        if number % 3 == 0 {
            node.feed().await;
        }
        let page = from_memory().await;
        assert!(page.edges.iter().any(|edge| edge.node == placed), "{number}");
        let calls = node.calls();
        assert!(!calls.contains_key("list_orders"), "order {number}: {calls:?}");
        assert_eq!(page, db.list_orders(&newest).await.unwrap().remove(0), "{number}");
    }
    // An order through another node is in the page once the feed has it.
    let theirs = place_now(db.store(), "theirs", &lamp).await;
    node.feed().await;
    let page = node.fed(from_memory()).await;
    assert_eq!((page.edges.len(), page.has_next), (5, true));
    assert!(page.edges.iter().any(|edge| edge.node == theirs));
    // So is a status, which changes no page of orders of any status.
    node.calls();
    let cancelled = cache.change_order_status(step(theirs.id, OrderStatus::Cancelled), now()).await.unwrap();
    let page = from_memory().await;
    assert!(page.edges.iter().any(|edge| edge.node == cancelled.order));
    assert_eq!(node.calls(), once("change_order_status"));
}

/// Another node changes the product after the commit of this node's write and before its end. The feed has that at once, and
/// perhaps starts anew.
pub async fn an_own_state_that_is_late_takes_the_place_of_no_newer_one(db: &Db) {
    for (sku, restarts) in [("lamp", false), ("vase", true)] {
        let new = product(sku);
        db.insert_product(new.clone(), stamp()).await.unwrap();
        let node = Node::new(db, BYTES).await;
        let mut write = pin!(reprice(&*node.cache, new.id, 5));
        assert!(poll!(&mut write).is_pending());
        let is_committed = async || reread(db.store(), &new).await.version == 2;
        wait_until("the write is committed", Duration::from_secs(20), is_committed).await;
        let newer = db.adjust_stock(adjustment(&new, 1), now()).await.unwrap();
        node.feed().await;
        if restarts {
            node.restart().await;
            node.feed().await;
        }
        assert_eq!(write.await.version, 2);
        assert_eq!(node.fed(read(&node.cache, new.id)).await, newer);
    }
}

/// Whoever reads the product finds it as this node has left it. The page of active products is of before, until the feed has
/// more.
pub async fn an_own_change_of_stock_shows_no_archived_product_in_a_page_of_active_ones(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    for product in [&lamp, &vase] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let active = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
    let list = async || {
        let query = ListQuery { filter: active.clone(), ..by_name(5) };
        let page = node.fed(node.cache.list_products(&[query])).await.unwrap().remove(0);
        page.edges.into_iter().map(|edge| (edge.node.sku, edge.node.status)).collect::<Vec<_>>()
    };
    let both = [&lamp, &vase].map(|product| (product.sku.clone(), ProductStatus::Active));
    assert_eq!(list().await, both);
    db.update_product(lamp.id, ProductChanges::archive(), None, now()).await.unwrap();
    let mine = node.cache.adjust_stock(adjustment(&lamp, 1), now()).await.unwrap();
    assert_eq!((mine.stock, mine.status), (11, ProductStatus::Archived));
    assert_eq!(read(&node.cache, lamp.id).await, mine);
    assert_eq!(list().await, both[1..]);
}

/// The page was read after this node's write and before another node's. What ends it is an entry about a product that this node
/// has written, too.
pub async fn an_entry_after_an_own_write_ends_the_page_that_was_read_between_them(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    for product in [&lamp, &vase] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
    let active = [ListQuery { filter, ..by_name(5) }];
    let list = async || {
        let read = one_operation(node.cache.list_products(&active));
        let page = run_for(Caller::User(UserId::from_bytes([1; 16])), read).await.unwrap().remove(0);
        page.edges.into_iter().map(|edge| edge.node.sku).collect::<Vec<_>>()
    };
    read(&node.cache, lamp.id).await;
    node.cache.adjust_stock(adjustment(&lamp, 1), now()).await.unwrap();
    assert_eq!(list().await, ["lamp", "vase"], "it is kept when the feed has more");
    db.update_product(lamp.id, ProductChanges::archive(), None, now()).await.unwrap();
    node.feed().await;
    assert_eq!(list().await, ["vase"]);
}

pub async fn users_are_read_from_memory_until_they_change(db: &Db) {
    let [anna, ben] = ["anna", "ben"].map(user);
    for user in [&anna, &ben] {
        db.insert_user(user, Some("hash")).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let cache: &Arc<NearCache> = &node.cache;
    let both = async || {
        let found = node.fed(cache.users_by_ids(&[anna.id, ben.id])).await.unwrap();
        <[Option<User>; 2]>::try_from(found).unwrap().map(Option::unwrap)
    };
    let by_email = async |email: &str| node.fed(cache.users_by_emails(&[email.to_owned()])).await.unwrap().remove(0);
    let names = async || {
        let sort = Sort { field: UserSort::Name, direction: Direction::Asc };
        let query = ListQuery { filter: UserFilter::default(), sort, slice: Slice::first(5), fields: () };
        let (page, count) = node
            .fed(async { (cache.list_users(&[query]).await, cache.count_users(&[UserFilter::default()]).await) })
            .await;
        let names: Vec<String> = page.unwrap().remove(0).edges.into_iter().map(|edge| edge.node.name).collect();
        assert_eq!(count.unwrap(), [names.len() as u64]);
        names
    };
    for is_cached in [false, true] {
        assert_eq!((both().await, names().await), ([anna.clone(), ben.clone()], vec!["anna".into(), "ben".into()]));
        assert_eq!(by_email("anna@example.com").await, Some(anna.clone()));
        assert_eq!(node.calls().is_empty(), is_cached);
    }

    // Another node gives Anna another name and address.
    let renamed = UserChanges {
        name: Some("Zoe".into()),
        email: Some("zoe@example.com".into()),
        role: Some(UserRole::Staff),
        ..UserChanges::default()
    };
    let zoe = db.update_user(anna.id, renamed, None, now()).await.unwrap();
    node.feed().await;
    assert_eq!((both().await, names().await), ([zoe.clone(), ben.clone()], vec!["ben".into(), "Zoe".into()]));
    assert_eq!((by_email("anna@example.com").await, by_email("zoe@example.com").await), (None, Some(zoe.clone())));

    // This node changes both, and its feed reads nothing.
    node.feed().await;
    node.calls();
    let zoe = cache.set_password(zoe.id, "another hash", None, now()).await.unwrap();
    let gone = cache.delete_user(ben.id, now()).await.unwrap();
    assert_eq!(gone.name, "Deleted user");
    let found = cache.users_by_ids(&[zoe.id, gone.id]).await.unwrap();
    assert_eq!(found, [Some(zoe), Some(gone.clone())]);
    assert_eq!(node.calls(), BTreeMap::from([("set_password", 1), ("delete_user", 1)]));
    assert_eq!((names().await, by_email("ben@example.com").await), (vec!["Zoe".to_owned()], None));
    let hashes = db.credentials_by_id(anna.id).await.unwrap().unwrap().password_hash;
    assert!(!format!("{:?}", both().await).contains(&hashes.unwrap()));

    let ella = user("ella");
    cache.insert_user(&ella, None).await.unwrap();
    node.calls();
    assert_eq!(cache.users_by_ids(&[ella.id]).await.unwrap(), [Some(ella.clone())]);
    assert_eq!(node.calls(), BTreeMap::new());
    db.delete_user(ella.id, now()).await.unwrap();
    node.feed().await;
    assert!(node.fed(cache.users_by_ids(&[ella.id])).await.unwrap()[0].as_ref().unwrap().is_deleted());
}
