//! What nodes keep for each other in Redis.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Duration};

use orderwire::{
    app::RedisCache,
    domain::*,
    storage::{OrderStore, ProductStore, SharedCache},
};
use tokio::time::{Instant, timeout};

use super::{BYTES, Node, place_now, read, reprice};
use crate::{
    cluster::redis_server::{self, RedisServer},
    contract::engine::Db,
    support::{
        data::{product, stamp},
        wait_until,
    },
};

const SHARED: u64 = 1 << 20;

async fn shared(db: &Db, url: &str) -> Arc<dyn SharedCache> {
    Arc::new(RedisCache::open(url, db.log_state().await.unwrap().log, SHARED).unwrap())
}

/// A node that shares what it reads with others of this log.
async fn node(db: &Db) -> Node {
    Node::sharing(db, BYTES, Some(shared(db, &redis_server::shared_url()).await)).await
}

/// Nodes store what they have read a moment later: reads with new nodes until one finds it.
async fn until_found(db: &Db, id: ProductId, wanted: &Product) {
    let is_found = async || {
        let node = node(db).await;
        assert_eq!(node.fed(read(&node.cache, id)).await, *wanted);
        node.calls().is_empty()
    };
    wait_until("another node has the product", Duration::from_secs(20), is_found).await;
}

pub async fn a_node_that_starts_finds_what_others_have_read(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    for product in [&lamp, &vase] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let order = db.place_order(super::new_order("1", &[(&lamp, 1)]), super::key("1"), stamp()).await.unwrap().order;
    let lamp = db.products_by_ids(&[lamp.id]).await.unwrap().remove(0).unwrap();
    let first = node(db).await;
    assert_eq!(first.fed(read(&first.cache, lamp.id)).await, lamp);
    assert_eq!(first.fed(first.cache.orders_by_ids(&[order.id])).await.unwrap(), [Some(order.clone())]);
    assert_eq!(first.calls(), BTreeMap::from([("orders_by_ids", 1), ("products_by_ids", 1)]));
    until_found(db, lamp.id, &lamp).await;

    let second = node(db).await;
    let none = ProductId::generate(SystemClock.now());
    let found = second.fed(second.cache.products_by_ids(&[none, vase.id, lamp.id])).await.unwrap();
    assert_eq!(found, [None, Some(vase), Some(lamp)], "each in its place");
    assert_eq!(second.fed(second.cache.orders_by_ids(&[order.id])).await.unwrap(), [Some(order)]);
    assert_eq!(second.calls(), BTreeMap::from([("products_by_ids", 1)]), "the lamp and the order were there");
}

pub async fn a_node_asks_the_database_for_what_has_changed_since_another_read_it(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let [first, second] = [node(db).await, node(db).await];
    assert_eq!(first.fed(read(&first.cache, lamp.id)).await, lamp);
    until_found(db, lamp.id, &lamp).await;
    // The second node hears of a change that the first one has not read.
    let new = reprice(db.store(), lamp.id, 5).await;
    second.feed().await;
    second.calls();
    assert_eq!(second.fed(read(&second.cache, lamp.id)).await, new);
    assert_eq!(second.calls(), BTreeMap::from([("products_by_ids", 1)]));
    // A write of its own, which its feed does not have yet, and which forgot how it left the product.
    let third = node(db).await;
    let placed = place_now(&*third.cache, "1", &new).await;
    assert_eq!(placed.items[0].product, lamp.id);
    assert_eq!(third.fed(read(&third.cache, lamp.id)).await.stock, new.stock - 1);
}

pub async fn a_value_of_a_position_that_a_node_does_not_know_is_not_used(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let early = node(db).await;
    assert_eq!(early.fed(read(&early.cache, lamp.id)).await, lamp);
    until_found(db, lamp.id, &lamp).await;
    // A node that starts after more entries does not know what they changed.
    let new = reprice(db.store(), lamp.id, 5).await;
    let late = node(db).await;
    assert_eq!(late.fed(read(&late.cache, lamp.id)).await, new);
    assert_eq!(late.calls(), BTreeMap::from([("products_by_ids", 1)]));
    until_found(db, lamp.id, &new).await;
    // What a node has read that is ahead of this one's feed.
    let behind = Node::sharing(db, BYTES, Some(shared(db, &redis_server::shared_url()).await)).await;
    let state = db.log_state().await.unwrap();
    behind.cache.restart(state.log, state.head - 1);
    behind.cache.confirm(Instant::now());
    assert_eq!(behind.fed(read(&behind.cache, lamp.id)).await, new);
    assert_eq!(behind.calls(), BTreeMap::from([("products_by_ids", 1)]));
}

/// Redis is not there, then it hangs, then it has something else under the name.
pub async fn without_redis_the_database_answers_in_time(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let mut killed = RedisServer::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = format!("redis://{}", silent.local_addr().unwrap());
    let nodes = [&killed.url(), &hanging].map(|url| url.clone());
    killed.kill();
    for url in nodes {
        let node = Node::sharing(db, BYTES, Some(shared(db, &url).await)).await;
        for _ in 0..3 {
            let found = timeout(Duration::from_secs(5), node.fed(read(&node.cache, lamp.id))).await;
            assert_eq!(found.expect("it does not wait for Redis"), lamp);
            node.restart().await;
            node.feed().await;
        }
        assert_eq!(node.calls(), BTreeMap::from([("products_by_ids", 3)]));
    }
    killed.start_again();
    let mut redis = ::redis::Client::open(killed.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let url = killed.url();
    let first = Node::sharing(db, BYTES, Some(shared(db, &url).await)).await;
    assert_eq!(first.fed(read(&first.cache, lamp.id)).await, lamp);
    let keys = async |redis: &mut ::redis::aio::MultiplexedConnection| -> Vec<String> {
        ::redis::cmd("KEYS").arg(format!("*product:{}", lamp.id)).query_async(redis).await.unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    let name = loop {
        if let Some(name) = keys(&mut redis).await.pop() {
            break name;
        }
        assert!(Instant::now() < deadline, "the product is stored");
        tokio::task::yield_now().await;
    };
    for garbage in ["", "{}", "\u{0}", "{\"through\": 1, \"entity\": {}}"] {
        let _: () = ::redis::cmd("SET").arg(&name).arg(garbage).query_async(&mut redis).await.unwrap();
        let node = Node::sharing(db, BYTES, Some(shared(db, &url).await)).await;
        assert_eq!(node.fed(read(&node.cache, lamp.id)).await, lamp, "{garbage:?}");
    }
}
