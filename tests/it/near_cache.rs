//! The cache of a node, whose feed the tests steer. It is never older than promised, whatever the feed does.

mod model;
mod own_writes;
mod shared;
mod tokens;
mod transports;
mod two_nodes;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use orderwire::{
    domain::*,
    fairness::{Caller, run_for},
    storage::{
        CallCounts, ImportStore, InstrumentedStore, NearCache, OrderQuery, OrderStore, ProductQuery, ProductStore,
        SharedCache, Store, TaskStore, one_operation,
    },
    telemetry::metrics::metrics,
};
use tokio::time::{Instant, timeout};

use crate::{
    contract::engine::Db,
    support::{
        data::{adjustment, key, new_order, product, stamp, user},
        wait_until,
    },
};

const BYTES: usize = 16 * 1024 * 1024;

/// A node with a cache. Another one writes to `store` directly.
struct Node {
    store: Arc<dyn Store>,
    cache: Arc<NearCache>,
    counts: CallCounts,
}

impl Node {
    async fn new(db: &Db, bytes: usize) -> Self {
        Self::sharing(db, bytes, None).await
    }

    /// The same with what nodes keep for each other.
    async fn sharing(db: &Db, bytes: usize, shared: Option<Arc<dyn SharedCache>>) -> Self {
        let counts = CallCounts::default();
        let engine: Arc<dyn Store> = Arc::new(InstrumentedStore::new(db.shared(), Some(counts.clone())));
        let cache = NearCache::new(engine, bytes).with_shared(shared);
        let node = Self { store: db.shared(), cache: Arc::new(cache), counts };
        node.restart().await;
        node.feed().await;
        node
    }

    /// Starts the cache at the end of the log.
    async fn restart(&self) {
        self.store.catch_up_log().await.unwrap();
        let state = self.store.log_state().await.unwrap();
        self.cache.restart(state.log, state.head);
    }

    /// Entries that the feed has not applied.
    async fn entries(&self, after: Seq) -> Vec<Arc<Event>> {
        self.store.catch_up_log().await.unwrap();
        let page = self.store.read_log(after, LogFilter::ALL, 10_000).await.unwrap();
        assert!(!page.has_more);
        page.events.into_iter().map(Arc::new).collect()
    }

    /// Has the feed read the log to its end.
    async fn feed(&self) {
        let began = Instant::now();
        self.cache.apply(&self.entries(0).await);
        self.cache.confirm(began);
    }

    /// Runs `reads` beside a feed that reads the log when it is asked to.
    async fn fed<T>(&self, reads: impl Future<Output = T>) -> T {
        let feed = async {
            loop {
                self.cache.log_read_wanted().await;
                self.feed().await;
            }
        };
        tokio::select! {
            result = reads => result,
            () = feed => unreachable!(),
        }
    }

    /// How often the engine was called since the last call of this function.
    fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.counts.take()
    }
}

fn by_name(take: u32) -> ProductQuery {
    ListQuery {
        filter: ProductFilter::default(),
        sort: Sort { field: ProductSort::Name, direction: Direction::Asc },
        slice: Slice::first(take),
        fields: ProductFields { description: false },
    }
}

async fn read(cache: &NearCache, id: ProductId) -> Product {
    cache.products_by_ids(&[id]).await.unwrap().remove(0).unwrap()
}

/// A change that is made now: whether a read shows something new depends on the time, too.
fn now() -> Stamp {
    Stamp::system(SystemClock.now())
}

async fn reprice(store: &dyn Store, id: ProductId, units: i64) -> Product {
    let changes = ProductChanges { price: Some(Decimal::from_units(units)), ..ProductChanges::default() };
    store.update_product(id, changes, None, now()).await.unwrap()
}

/// Places an order for one unit of a product.
async fn place_now(store: &dyn Store, number: &str, product: &Product) -> Order {
    store.place_order(new_order(number, &[(product, 1)]), key(number), now()).await.unwrap().order
}

/// Whether a read ends without a feed that reads the log.
async fn ends_at_once<T>(read: impl Future<Output = T>) -> Option<T> {
    timeout(Duration::from_millis(500), read).await.ok()
}

/// The feed applies an entry about a product between the read of it and its end.
async fn a_value_that_changed_while_it_was_read_is_not_kept(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    let cache = node.cache.clone();
    let reading = tokio::spawn(async move {
        let page = cache.list_products(&[by_name(5)]).await.unwrap().remove(0);
        (page.edges[0].node.price, read(&cache, lamp.id).await.price)
    });
    // The database has answered.
    node.cache.log_read_wanted().await;
    let new = reprice(db.store(), lamp.id, 5).await.price;
    node.feed().await;
    let (old, then) = node.fed(reading).await.unwrap();
    assert_eq!((old, then), (lamp.price, new), "the next read finds the new price");
    node.calls();
    assert_eq!(node.fed(node.cache.list_products(&[by_name(5)])).await.unwrap()[0].edges[0].node.price, new);
    assert_eq!(node.calls().get("list_products"), Some(&1), "the page was not kept either");
}

fn orders_of(customer: UserId, statuses: Option<Vec<OrderStatus>>) -> OrderQuery {
    ListQuery {
        filter: OrderFilter { customer: Some(customer), statuses, ..OrderFilter::default() },
        sort: Sort { field: OrderSort::PlacedAt, direction: Direction::Desc },
        slice: Slice::first(5),
        fields: OrderFields::ALL,
    }
}

/// The feed of this node reads nothing.
async fn a_read_that_shows_nothing_new_waits_for_no_feed(db: &Db) {
    let (lamp, vase, jug) = (product("lamp"), product("vase"), product("jug"));
    for product in [&lamp, &vase, &jug] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let cache = &*node.cache;
    node.calls();
    for _ in 0..2 {
        assert_eq!(ends_at_once(read(cache, lamp.id)).await, Some(lamp.clone()), "it changed long ago");
        let missing = ends_at_once(cache.products_by_skus(&["jar".to_owned()])).await.unwrap();
        assert_eq!(missing.unwrap(), [None], "products are not deleted");
    }
    let calls = node.calls();
    assert_eq!((calls.get("products_by_ids"), calls.get("products_by_skus")), (Some(&1), Some(&2)), "{calls:?}");

    let mine = reprice(cache, lamp.id, 3).await;
    assert_eq!(ends_at_once(read(cache, lamp.id)).await, Some(mine), "the node itself changed it");
    let order = place_now(cache, "1", &vase).await;
    assert_eq!(ends_at_once(cache.orders_by_ids(&[order.id])).await.unwrap().unwrap(), [Some(order.clone())]);
    let page = ends_at_once(cache.list_orders(&[orders_of(order.customer, None)])).await.unwrap().unwrap();
    assert_eq!(page[0].edges[0].node, order);
    assert_eq!(ends_at_once(read(cache, vase.id)).await.unwrap().stock, vase.stock - 1);

    // What another node has changed shows once the feed has it; or in a second, when the feed counts as cut off.
    let theirs = reprice(db.store(), jug.id, 4).await;
    let reading = {
        let cache = node.cache.clone();
        tokio::spawn(async move { read(&cache, jug.id).await })
    };
    node.cache.log_read_wanted().await;
    assert!(!reading.is_finished());
    node.feed().await;
    assert_eq!(reading.await.unwrap(), theirs);
    let theirs = reprice(db.store(), jug.id, 5).await;
    node.cache.apply(&node.entries(0).await);
    assert_eq!(ends_at_once(read(cache, jug.id)).await, Some(theirs), "the feed has the entry");
    place_now(db.store(), "2", &vase).await;
    let pending = orders_of(order.customer, Some(vec![OrderStatus::Pending]));
    // A page that is not in memory, unlike the one that was read before.
    let shorter = ListQuery { slice: Slice::first(4), ..orders_of(order.customer, None) };
    for news in [shorter, pending] {
        let began = Instant::now();
        let page = node.fed(cache.list_orders(&[news])).await.unwrap();
        assert_eq!(page[0].edges.len(), 2);
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

/// The feed of this node reads nothing by itself.
async fn a_signed_in_reader_waits_only_for_what_memory_would_show_older(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    for product in [&lamp, &vase] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let [anna, ben] = [1, 2].map(|number| Caller::User(UserId::from_bytes([number; 16])));
    let list = async |caller, take| {
        let query = [by_name(take)];
        let pages = run_for(caller, one_operation(node.cache.list_products(&query)));
        let nodes = ends_at_once(pages).await?.unwrap().remove(0).edges.into_iter();
        Some(nodes.map(|edge| edge.node.price).collect::<Vec<_>>())
    };
    let lamp_of = async |caller| {
        let read = run_for(caller, one_operation(read(&node.cache, lamp.id)));
        Some(timeout(Duration::from_millis(200), read).await.ok()?.price)
    };
    assert_eq!(lamp_of(anna).await, Some(lamp.price), "it is in memory now");
    let new = reprice(db.store(), lamp.id, 1).await.price;
    assert_eq!(list(anna, 5).await, Some(vec![new, vase.price]));
    assert_eq!(lamp_of(anna).await, None, "memory is older than what Anna has seen");
    assert_eq!(lamp_of(ben).await, Some(lamp.price), "but not than what Ben has seen");
    node.feed().await;
    assert_eq!((lamp_of(anna).await, lamp_of(ben).await), (Some(new), Some(new)));

    assert_eq!(list(anna, 4).await, Some(vec![new, vase.price]));
    node.feed().await;
    node.calls();
    assert_eq!(list(ben, 4).await, Some(vec![new, vase.price]));
    assert_eq!(node.calls(), BTreeMap::new(), "what Anna read is in memory since the feed has it");
}

async fn counts_are_kept_until_what_they_count_changes(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    let all = ProductFilter::default();
    let in_stock = ProductFilter { in_stock: Some(true), ..ProductFilter::default() };
    let count = async || node.fed(node.cache.count_products(&[all.clone(), in_stock.clone()])).await.unwrap();
    assert_eq!(count().await, [1, 1]);
    node.calls();
    assert_eq!((count().await, node.calls()), (vec![1, 1], BTreeMap::new()));
    db.adjust_stock(adjustment(&lamp, -lamp.stock), now()).await.unwrap();
    node.feed().await;
    assert_eq!(count().await, [1, 0]);
    node.cache.insert_product(vase, now()).await.unwrap();
    assert_eq!(count().await, [2, 1], "before the feed has it");
    let buyer = UserId::from_bytes([7; 16]);
    let orders = [None, Some(buyer)].map(|customer| OrderFilter { customer, ..OrderFilter::default() });
    assert_eq!(node.fed(node.cache.count_orders(&orders)).await.unwrap(), [0, 0]);
    place_now(db.store(), "1", &product("vase")).await;
    node.feed().await;
    node.calls();
    assert_eq!(node.fed(node.cache.count_orders(&orders)).await.unwrap(), [1, 0]);
    assert_eq!(node.calls(), BTreeMap::from([("count_orders", 1)]));
}

async fn of_many_who_miss_the_same_product_one_reads_it(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let cache = node.cache.clone();
            async move { (read(&cache, lamp.id).await, cache.list_products(&[by_name(1)]).await.unwrap().remove(0)) }
        })
        .collect();
    let answers = node.fed(futures_util::future::join_all(readers)).await;
    for (found, page) in answers {
        assert_eq!((&found, page.edges[0].node.id), (&lamp, lamp.id));
    }
    let calls = node.calls();
    assert_eq!((calls.get("products_by_ids"), calls.get("list_products")), (Some(&1), Some(&1)), "{calls:?}");
}

async fn what_is_cached_is_read_from_memory_until_it_changes(db: &Db) {
    let (lamp, vase) = (product("lamp"), product("vase"));
    for product in [&lamp, &vase] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Node::new(db, BYTES).await;
    let list = async || {
        let pages = node.fed(node.cache.list_products(&[by_name(5)])).await.unwrap();
        pages[0].edges.iter().map(|edge| (edge.node.stock, edge.node.price.units())).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [(10, 25_000); 2]);
    node.calls();
    let named = node.fed(node.cache.products_by_skus(&["vase".to_owned(), "jar".to_owned()])).await.unwrap();
    assert_eq!(named, [Some(vase.clone()), None]);
    assert_eq!(node.calls(), BTreeMap::from([("products_by_skus", 1)]));
    assert_eq!(node.fed(node.cache.products_by_skus(&["vase".to_owned()])).await.unwrap(), [Some(vase.clone())]);
    assert_eq!(list().await, [(10, 25_000); 2]);
    assert_eq!(node.calls(), BTreeMap::new());

    db.adjust_stock(adjustment(&lamp, -1), stamp()).await.unwrap();
    node.feed().await;
    assert_eq!(list().await, [(9, 25_000), (10, 25_000)]);
    assert_eq!(node.calls(), BTreeMap::new(), "the entry has the stock, and the page stays as it was");
    reprice(db.store(), vase.id, 1).await;
    node.feed().await;
    assert_eq!(list().await, [(9, 25_000), (10, 1)]);
    assert_eq!(node.calls(), BTreeMap::from([("list_products", 1)]));
}

async fn a_node_reads_its_own_writes_before_its_feed_has_them(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    node.fed(node.cache.list_products(&[by_name(5)])).await.unwrap();
    let users: Vec<User> = (0..=20).map(|number| user(&number.to_string())).collect();
    db.import_users(&users).await.unwrap();
    let mut task = Task { assignee: Some(users[0].id), ..crate::support::data::task("work") };
    node.cache.insert_task(task.clone(), stamp()).await.unwrap();
    let tasks_of = |user| ListQuery {
        filter: TaskFilter { assignee: Some(user), ..TaskFilter::default() },
        sort: Sort { field: TaskSort::CreatedAt, direction: Direction::Asc },
        slice: Slice::first(5),
        fields: TaskFields::ALL,
    };
    for (round, new) in (0..).zip(users[1..].iter().map(|user| user.id)) {
        let old = task.assignee.unwrap();
        let written = reprice(&*node.cache, lamp.id, round).await;
        let adjusted = node.cache.adjust_stock(adjustment(&lamp, 1), stamp()).await.unwrap();
        assert_eq!((written.version + 1, adjusted.price), (adjusted.version, written.price));
        let given = TaskChanges { assignee: Some(Some(new)), ..TaskChanges::default() };
        task = node.cache.update_task(task.id, given, None, stamp()).await.unwrap();
        let (found, page, left, got) = node
            .fed(async {
                let cache = &node.cache;
                let page = cache.list_products(&[by_name(5)]).await.unwrap().remove(0);
                let [left, got] =
                    <[Page<Task>; 2]>::try_from(cache.list_tasks(&[tasks_of(old), tasks_of(new)]).await.unwrap())
                        .unwrap();
                (read(cache, lamp.id).await, page, left, got)
            })
            .await;
        assert_eq!((found.version, page.edges[0].node.version), (adjusted.version, adjusted.version));
        assert_eq!((left.edges.len(), got.edges.len()), (0, 1));
    }
    let stocked = vec![product("jar")];
    node.cache.import_products(&stocked).await.unwrap();
    assert_eq!(node.fed(node.cache.list_products(&[by_name(5)])).await.unwrap()[0].edges.len(), 2, "an import too");
}

async fn the_database_answers_while_the_feed_is_cut_off(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    assert_eq!(node.fed(read(&node.cache, lamp.id)).await, lamp);
    node.calls();
    assert_eq!(read(&node.cache, lamp.id).await, lamp);
    assert_eq!(node.calls(), BTreeMap::new());
    // The feed stops. For a second, the cache may answer; the first read after it waits whether the feed comes back.
    let new = reprice(db.store(), lamp.id, 1).await;
    let answers = async || read(&node.cache, lamp.id).await == new;
    wait_until("the database answers", Duration::from_secs(5), answers).await;
    let later = reprice(db.store(), lamp.id, 2).await;
    let waited = Instant::now();
    assert_eq!(read(&node.cache, lamp.id).await, later);
    assert!(waited.elapsed() < Duration::from_millis(500), "it is known to be cut off: {:?}", waited.elapsed());
    assert!(metrics().near_cache_bypasses.get() >= 2);
    // It comes back. Of what was read meanwhile, nothing is kept.
    node.feed().await;
    node.calls();
    assert_eq!(node.fed(read(&node.cache, lamp.id)).await, later);
    assert_eq!(node.calls(), BTreeMap::from([("products_by_ids", 1)]));
    let from_memory = async {
        loop {
            assert_eq!(node.fed(read(&node.cache, lamp.id)).await, later);
            if node.calls().is_empty() {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), from_memory).await.expect("the cache should answer again");
}

async fn a_gap_and_a_restart_of_the_feed_forget_everything(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let node = Node::new(db, BYTES).await;
    assert_eq!(node.fed(read(&node.cache, lamp.id)).await, lamp);
    let missed = reprice(db.store(), lamp.id, 1).await;
    db.insert_product(product("vase"), stamp()).await.unwrap();
    let began = Instant::now();
    node.cache.apply(&node.entries(2).await);
    node.cache.confirm(began);
    assert_eq!(node.fed(read(&node.cache, lamp.id)).await, missed);
    node.cache.restart(db.log_state().await.unwrap().log, 2);
    let unseen = reprice(db.store(), lamp.id, 2).await;
    assert_eq!(node.fed(read(&node.cache, lamp.id)).await, unseen);
}

async fn a_cache_of_any_size_answers_and_stays_within_its_bytes(db: &Db) {
    let products: Vec<Product> = (0..200).map(|number| product(&format!("{number:03}"))).collect();
    db.import_products(&products).await.unwrap();
    for bytes in [1, 64 * 1024, usize::MAX] {
        let node = Node::new(db, bytes).await;
        for _ in 0..2 {
            for product in &products {
                assert_eq!(node.fed(read(&node.cache, product.id)).await, *product);
            }
            assert_eq!(node.fed(node.cache.list_products(&[by_name(200)])).await.unwrap()[0].edges.len(), 200);
        }
        let settled = async {
            loop {
                node.feed().await;
                let taken = usize::try_from(metrics().near_cache_bytes.get()).unwrap();
                if taken <= bytes {
                    return taken;
                }
                tokio::task::yield_now().await;
            }
        };
        let taken = timeout(Duration::from_secs(20), settled).await.expect("the cache should keep its bound");
        assert!(bytes == 1 || taken > 10 * 1024, "{taken} of {bytes}");
    }
    assert!(metrics().near_cache_evictions.get() > 0);
}

async fn a_cache_without_a_feed_leaves_all_to_the_database(db: &Db) {
    let lamp = product("lamp");
    db.insert_product(lamp.clone(), stamp()).await.unwrap();
    let cache = NearCache::new(db.shared(), BYTES);
    let began = Instant::now();
    assert_eq!(read(&cache, lamp.id).await, lamp);
    let new = reprice(db.store(), lamp.id, 9).await;
    assert_eq!(read(&cache, lamp.id).await, new);
    assert!(began.elapsed() < Duration::from_secs(1), "it waits for no feed");
}

macro_rules! on {
    ($module:ident, $engine:ident; $($test:ident)+) => {
        mod $module {
            use crate::contract::{$module::$engine, engine};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    engine::check::<$engine>("near_cache", async |db| super::$test(db).await).await;
                }
            )+
        }
    };
}

macro_rules! on_each_engine {
    ($($test:ident)+) => {
        on!(sqlite, Sqlite; $($test)+);
        on!(mongodb, Mongodb; $($test)+);
    };
}

use model::no_read_is_older_than_promised_and_none_goes_back_in_time;
use own_writes::{
    a_page_of_a_customers_newest_orders_grows_in_memory,
    after_an_own_order_its_products_and_their_page_are_read_from_memory,
    an_entry_after_an_own_write_ends_the_page_that_was_read_between_them,
    an_own_change_of_stock_shows_no_archived_product_in_a_page_of_active_ones,
    an_own_state_that_is_late_takes_the_place_of_no_newer_one, users_are_read_from_memory_until_they_change,
};
use shared::{
    a_node_asks_the_database_for_what_has_changed_since_another_read_it,
    a_node_that_starts_finds_what_others_have_read, a_value_of_a_position_that_a_node_does_not_know_is_not_used,
    without_redis_the_database_answers_in_time,
};
use tokens::{
    a_read_with_a_token_sees_the_mutation_on_a_node_whose_feed_never_catches_up,
    a_read_with_a_token_sees_the_mutation_on_each_node, a_token_of_another_deployment_or_from_the_future_is_refused,
};

on_each_engine! {
    a_value_that_changed_while_it_was_read_is_not_kept
    a_read_that_shows_nothing_new_waits_for_no_feed
    a_signed_in_reader_waits_only_for_what_memory_would_show_older
    counts_are_kept_until_what_they_count_changes
    of_many_who_miss_the_same_product_one_reads_it
    what_is_cached_is_read_from_memory_until_it_changes
    a_node_reads_its_own_writes_before_its_feed_has_them
    the_database_answers_while_the_feed_is_cut_off
    a_gap_and_a_restart_of_the_feed_forget_everything
    a_cache_of_any_size_answers_and_stays_within_its_bytes
    a_cache_without_a_feed_leaves_all_to_the_database
    after_an_own_order_its_products_and_their_page_are_read_from_memory
    an_own_change_of_stock_shows_no_archived_product_in_a_page_of_active_ones
    an_entry_after_an_own_write_ends_the_page_that_was_read_between_them
    an_own_state_that_is_late_takes_the_place_of_no_newer_one
    a_page_of_a_customers_newest_orders_grows_in_memory
    users_are_read_from_memory_until_they_change
    no_read_is_older_than_promised_and_none_goes_back_in_time
    a_node_that_starts_finds_what_others_have_read
    a_node_asks_the_database_for_what_has_changed_since_another_read_it
    a_value_of_a_position_that_a_node_does_not_know_is_not_used
    without_redis_the_database_answers_in_time
    a_read_with_a_token_sees_the_mutation_on_each_node
    a_read_with_a_token_sees_the_mutation_on_a_node_whose_feed_never_catches_up
    a_token_of_another_deployment_or_from_the_future_is_refused
}
