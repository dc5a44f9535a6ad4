//! Readers beside writers on two nodes, each with a cache and a feed of its own. What each read answers is compared with the
//! version that it may have.
//!
//! `READS` says how many reads there are, `SEED` which operations are made.

mod history;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use orderwire::{
    cluster::{EventBus, local::LocalBus, redis::RedisBus},
    domain::*,
    fairness::{Caller, run_for},
    service::feed::EventFeed,
    storage::{NearCache, OrderStore, ProductStore, Result, StoreError, UserStore, one_operation},
    telemetry::metrics::{CacheName, metrics},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use ulid::Ulid;

use self::history::{History, Read, Versioned, Write};
use super::{BYTES, by_name, now, orders_of};
use crate::{
    contract::engine::{self, Db},
    support::{
        data::{key, new_order, product, step, user},
        options::feed_options,
    },
};

/// How many reads there are if the environment does not say.
const READS: u64 = 40_000;
const PRODUCTS: usize = 60;
const CUSTOMERS: usize = 10;
const WRITERS: u64 = 3;
const READERS: u64 = 4;

fn reads_wanted() -> u64 {
    std::env::var("READS").map_or(READS, |reads| reads.parse().expect("READS is a number"))
}

fn seed() -> u64 {
    std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().expect("SEED is a number"))
}

/// What both nodes work on, and what they have written.
struct World {
    nodes: [Arc<NearCache>; 2],
    products: Vec<Product>,
    customers: Vec<User>,
    written: [AtomicU64; 2],
    product_history: History<Product>,
    order_history: History<Order>,
    user_history: History<User>,
    orders: Mutex<Vec<(OrderId, UserId)>>,
    reads: AtomicU64,
    wanted: u64,
    /// What could not be checked when it was read.
    unchecked: Mutex<Vec<Unchecked>>,
}

/// An answer with a version whose writer has not noted it yet.
enum Unchecked {
    Product(Product, Read),
    Order(Order, Read),
    User(User, Read),
    /// A product that a page of active ones did not have, and the oldest version that it may have had.
    NotListed(Ulid, i32, Read),
}

impl World {
    fn is_done(&self) -> bool {
        self.reads.load(Ordering::Relaxed) >= self.wanted
    }

    /// Checks what could not be checked before; what is still not known stays, or is a fault at the end.
    fn check_again(&self, is_end: bool) {
        let unchecked = std::mem::take(&mut *self.unchecked.lock());
        let left = unchecked.into_iter().filter(|answer| {
            let is_right = match answer {
                Unchecked::Product(found, read) => self.is_right_product(found, read),
                Unchecked::Order(found, read) => self.order_history.is_right(found, read, Order::clone),
                Unchecked::User(found, read) => self.user_history.is_right(found, read, User::clone),
                Unchecked::NotListed(id, oldest, read) => {
                    self.product_history.first(*id, *oldest, read, |it| !it.status.is_on_sale()).map(|_| true)
                }
            };
            assert_ne!(is_right, Some(false), "{}", answer.describe());
            is_right.is_none()
        });
        let left: Vec<Unchecked> = left.collect();
        if let (true, Some(answer)) = (is_end, left.first()) {
            panic!("nobody has written what was read: {}", answer.describe());
        }
        self.unchecked.lock().extend(left);
    }

    /// Lists leave the description out.
    fn is_right_product(&self, found: &Product, read: &Read) -> Option<bool> {
        let as_read = |it: &Product| Product {
            description: found.description.as_ref().and(it.description.clone()),
            ..it.clone()
        };
        self.product_history.is_right(found, read, as_read)
    }
}

impl Unchecked {
    fn describe(&self) -> String {
        match self {
            Self::Product(found, read) => format!("node {}: {found:?}", read.node),
            Self::Order(found, read) => format!("node {}: {found:?}", read.node),
            Self::User(found, read) => format!("node {}: {found:?}", read.node),
            Self::NotListed(id, oldest, read) => {
                format!("node {}: the product {id} is not listed, and was on sale since version {oldest}", read.node)
            }
        }
    }
}

/// One of those who write, on one node.
struct Writer {
    world: Arc<World>,
    node: usize,
    name: u64,
    random: StdRng,
}

impl Writer {
    async fn run(mut self) {
        let mut number = 0;
        while !self.world.is_done() {
            number += 1;
            match self.write(number).await {
                Ok(()) => _ = self.world.written[self.node].fetch_add(1, Ordering::Relaxed),
                Err(StoreError::Refused(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let pause = self.random.random_range(0..20);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn write(&mut self, number: u64) -> Result<()> {
        let world = Arc::clone(&self.world);
        let (cache, node, began) = (&world.nodes[self.node], self.node, Instant::now());
        let done = || Write { node, began, acknowledged: Instant::now() };
        let product = world.products.choose(&mut self.random).unwrap();
        match self.random.random_range(0..100) {
            0..45 => {
                let count = self.random.random_range(1..4);
                let bought: Vec<_> =
                    world.products.choose_multiple(&mut self.random, count).map(|it| (it, 1)).collect();
                let customer = world.customers.choose(&mut self.random).unwrap().id;
                let name = format!("{}-{number}", self.name);
                let order = NewOrder { customer, ..new_order(&name, &bought) };
                let placed = cache.place_order(order, Idempotency { user: customer, ..key(&name) }, now()).await?;
                let write = done();
                world.order_history.note(write, &placed.order);
                placed.products.iter().for_each(|product| world.product_history.note(write, product));
                world.orders.lock().push((placed.order.id, customer));
            }
            45..60 => {
                let adjustment = StockAdjustment { product: product.id, delta: 5, idempotency: None };
                let product = cache.adjust_stock(adjustment, now()).await?;
                world.product_history.note(done(), &product);
            }
            60..80 => {
                let status = *[ProductStatus::Active, ProductStatus::Active, ProductStatus::Archived]
                    .choose(&mut self.random)
                    .unwrap();
                // No two changes are the same, so each makes a version.
                let price = Decimal::from_units((self.name * 1_000_000 + number) as i64);
                let changes = ProductChanges { price: Some(price), status: Some(status), ..ProductChanges::default() };
                let product = cache.update_product(product.id, changes, None, now()).await?;
                world.product_history.note(done(), &product);
            }
            80..90 => {
                let Some((order, _)) = world.orders.lock().choose(&mut self.random).copied() else { return Ok(()) };
                let to = *[OrderStatus::Confirmed, OrderStatus::Cancelled].choose(&mut self.random).unwrap();
                let moved = cache.change_order_status(step(order, to), now()).await?;
                let write = done();
                world.order_history.note(write, &moved.order);
                moved.products.iter().for_each(|product| world.product_history.note(write, product));
            }
            _ => {
                let customer = world.customers.choose(&mut self.random).unwrap().id;
                let name = Some(format!("{}-{number}", self.name));
                let user =
                    cache.update_user(customer, UserChanges { name, ..UserChanges::default() }, None, now()).await?;
                world.user_history.note(done(), &user);
            }
        }
        Ok(())
    }
}

/// One of those who read, on one node, and the versions that they have seen.
struct Reader {
    world: Arc<World>,
    node: usize,
    caller: Caller,
    random: StdRng,
    seen: HashMap<Ulid, i32>,
}

impl Reader {
    async fn run(mut self) {
        while !self.world.is_done() {
            let caller = self.caller;
            run_for(caller, one_operation(self.read())).await;
            if self.world.reads.fetch_add(1, Ordering::Relaxed) % 1000 == 0 {
                self.world.check_again(false);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn read(&mut self) {
        let world = Arc::clone(&self.world);
        let (cache, node, began) = (&world.nodes[self.node], self.node, Instant::now());
        // As with a token: what any node has acknowledged before.
        let sees_all = self.random.random_bool(0.001) && cache.catch_up().await;
        let done = || Read { node, began, ended: Instant::now(), sees_all };
        match self.random.random_range(0..100) {
            0..75 => {
                let id = world.products.choose(&mut self.random).unwrap().id;
                let found = cache.products_by_ids(&[id]).await.unwrap().remove(0).unwrap();
                self.found_product(found, &done());
            }
            75..85 => {
                let id = world.customers.choose(&mut self.random).unwrap().id;
                let (found, read) = (cache.users_by_ids(&[id]).await.unwrap().remove(0).unwrap(), done());
                self.check(&world.user_history, &found, &read);
                match world.user_history.is_right(&found, &read, User::clone) {
                    None => world.unchecked.lock().push(Unchecked::User(found, read)),
                    is_right => assert_eq!(is_right, Some(true), "{found:?}"),
                }
            }
            85..92 => {
                let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
                let query = ListQuery { filter, ..by_name(PRODUCTS as u32) };
                let (page, read) = (cache.list_products(&[query]).await.unwrap().remove(0), done());
                let mut listed: Vec<Ulid> = page.edges.iter().map(|edge| edge.node.id.ulid()).collect();
                for edge in page.edges {
                    assert_eq!(edge.node.status, ProductStatus::Active, "{:?}", edge.node);
                    self.found_product(edge.node, &read);
                }
                listed.sort();
                for id in world.products.iter().map(|it| it.id.ulid()).filter(|id| listed.binary_search(id).is_err()) {
                    self.not_listed(id, &read);
                }
            }
            _ => self.read_orders(done).await,
        }
    }

    /// The newest orders of a customer: those that must be there are, each in a version that it may have.
    async fn read_orders(&mut self, done: impl Fn() -> Read) {
        let world = Arc::clone(&self.world);
        let customer = world.customers.choose(&mut self.random).unwrap().id;
        let all: Vec<OrderId> =
            world.orders.lock().iter().filter(|(_, of)| *of == customer).map(|(order, _)| *order).collect();
        let query = [orders_of(customer, None)];
        let (page, read) = (world.nodes[self.node].list_orders(&query).await.unwrap().remove(0), done());
        let oldest = page.edges.last().filter(|_| page.has_next).map(|edge| edge.node.placed_at);
        let missing = all.into_iter().filter(|order| !page.edges.iter().any(|edge| edge.node.id == *order));
        for order in missing.map(OrderId::ulid).filter(|order| world.order_history.oldest(*order, &read) > 0) {
            let is_older = world.order_history.first(order, 1, &read, |it| oldest.is_some_and(|at| it.placed_at <= at));
            assert!(is_older.is_some(), "node {}: the order {order} is not among those of {customer}", self.node);
        }
        for order in page.edges.into_iter().map(|edge| edge.node) {
            self.check(&world.order_history, &order, &read);
            match world.order_history.is_right(&order, &read, Order::clone) {
                None => world.unchecked.lock().push(Unchecked::Order(order, read)),
                is_right => assert_eq!(is_right, Some(true), "{order:?}"),
            }
        }
    }

    fn found_product(&mut self, found: Product, read: &Read) {
        let world = Arc::clone(&self.world);
        self.check(&world.product_history, &found, read);
        match world.is_right_product(&found, read) {
            None => world.unchecked.lock().push(Unchecked::Product(found, *read)),
            is_right => assert_eq!(is_right, Some(true), "{found:?}"),
        }
    }

    /// A product that a page of active ones does not have must have been archived.
    fn not_listed(&mut self, id: Ulid, read: &Read) {
        let history = &self.world.product_history;
        let seen = self.seen.entry(id).or_default();
        let oldest = history.oldest(id, read).max(*seen);
        match history.first(id, oldest, read, |it| !it.status.is_on_sale()) {
            Some(archived) => *seen = archived.max(*seen),
            None => self.world.unchecked.lock().push(Unchecked::NotListed(id, oldest, *read)),
        }
    }

    /// A version is not older than promised, than what this node wrote, and than what was seen before.
    fn check<T: Versioned>(&mut self, history: &History<T>, found: &T, read: &Read) {
        let (id, version) = found.id_and_version();
        let seen = self.seen.entry(id).or_default();
        let oldest = history.oldest(id, read);
        assert!(version >= oldest.max(*seen), "node {}: {found:?} after {seen} was seen, must be {oldest}", read.node);
        *seen = version;
    }
}

/// `bus` gives each node its end of the bus of this log.
async fn check_reads_on_two_nodes(db: &Db, bus: impl AsyncFn(LogId) -> Arc<dyn EventBus>) {
    let (seed, wanted) = (seed(), reads_wanted());
    println!("SEED={seed}");
    let products: Vec<Product> =
        (0..PRODUCTS).map(|number| Product { stock: 1000, ..product(&format!("{number:02}")) }).collect();
    let customers: Vec<User> = (0..CUSTOMERS).map(|number| user(&format!("customer {number}"))).collect();
    db.import_products(&products).await.unwrap();
    db.import_users(&customers).await.unwrap();
    let (mut nodes, mut parts) = (Vec::new(), Vec::new());
    let log = db.log_state().await.unwrap().log;
    for _ in 0..2 {
        let store = db.other_node().await;
        let cache = Arc::new(NearCache::new(store.clone(), BYTES));
        let feed =
            EventFeed::start_with(store.clone(), bus(log).await, feed_options(), Some(cache.clone())).await.unwrap();
        nodes.push(cache);
        parts.push((store, feed));
    }
    let world = Arc::new(World {
        nodes: nodes.try_into().unwrap_or_else(|_| unreachable!()),
        products,
        customers,
        written: Default::default(),
        product_history: History::default(),
        order_history: History::default(),
        user_history: History::default(),
        orders: Mutex::default(),
        reads: AtomicU64::new(0),
        wanted,
        unchecked: Mutex::default(),
    });
    let start = Instant::now();
    let first = Write { node: 0, began: start, acknowledged: start };
    world.products.iter().for_each(|product| world.product_history.note(first, product));
    world.customers.iter().for_each(|user| world.user_history.note(first, user));

    let mut tasks = JoinSet::new();
    for node in [0, 1] {
        for number in 0..WRITERS {
            let name = node as u64 * WRITERS + number;
            let random = StdRng::seed_from_u64(seed.wrapping_add(name));
            tasks.spawn(Writer { world: world.clone(), node, name, random }.run());
        }
        for number in 0..READERS {
            let random = StdRng::seed_from_u64(seed.wrapping_add(100 + node as u64 * READERS + number));
            // Half of them are signed in.
            let user = UserId::from_bytes([1 + number as u8; 16]);
            let caller = if number % 2 == 0 { Caller::User(user) } else { Caller::Server };
            tasks.spawn(Reader { world: world.clone(), node, caller, random, seen: HashMap::new() }.run());
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    world.check_again(true);
    for (store, feed) in parts {
        feed.shutdown().await;
        store.close().await;
    }
    let of_caches = [CacheName::Products, CacheName::Users, CacheName::Pages];
    let asked: u64 = of_caches.iter().map(|cache| metrics().cache_lookups.get(*cache).get()).sum();
    let missed: u64 = of_caches.iter().map(|cache| metrics().cache_misses.get(*cache).get()).sum();
    let written: u64 = world.written.iter().map(|written| written.load(Ordering::Relaxed)).sum();
    let reads = world.reads.load(Ordering::Relaxed);
    println!("{reads} reads were right, {} of them from memory, beside {written} writes", asked - missed);
    assert!(asked - missed > reads / 2, "most are answered from memory");
}

/// As long as the reads may take, in a debug build beside other tests.
fn deadline() -> Duration {
    Duration::from_secs(120) + Duration::from_millis(reads_wanted())
}

/// The nodes share a bus in the process.
mod sqlite {
    use super::*;
    use crate::contract::sqlite::Sqlite;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_read_of_two_nodes_shows_a_version_that_it_may_have() {
        let bus: Arc<dyn EventBus> = Arc::new(LocalBus::new());
        let check = async |db: &mut Db| check_reads_on_two_nodes(db, async |_| bus.clone()).await;
        engine::check_within::<Sqlite>("two_nodes", deadline(), check).await;
    }
}

/// The nodes hear of each other over Redis.
mod mongodb {
    use super::*;
    use crate::{cluster::redis_server, contract::mongodb::Mongodb};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_read_of_two_nodes_shows_a_version_that_it_may_have() {
        let connect = async |log| {
            let url = redis_server::shared_url();
            let bus = RedisBus::connect(&url, log, Duration::from_secs(10)).await.unwrap();
            Arc::new(bus) as Arc<dyn EventBus>
        };
        let check = async |db: &mut Db| check_reads_on_two_nodes(db, connect).await;
        engine::check_within::<Mongodb>("two_nodes", deadline(), check).await;
    }
}
