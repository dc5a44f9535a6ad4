//! Readers beside writers on two nodes, each with a cache and a feed of its own. What each read answers is compared with the
//! version that it may have.
//!
//! `READS` says how many reads there are, `SEED` which operations are made.

mod history;
mod reader;
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use orderwire::{
    app::RedisCache,
    cluster::{EventBus, local::LocalBus, redis::RedisBus},
    domain::*,
    fairness::Caller,
    service::feed::EventFeed,
    storage::{NearCache, SharedCache},
    telemetry::metrics::{CacheName, metrics},
};
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};
use ulid::Ulid;

use self::{
    history::{History, Read, Write},
    reader::Reader,
    writer::Writer,
};
use super::BYTES;
use crate::{
    contract::engine::{self, Db},
    support::{
        data::{product, user},
        options::feed_options,
    },
};

/// How many reads there are if the environment does not say.
const READS: u64 = 20_000;
const PRODUCTS: usize = 60;
const CUSTOMERS: usize = 10;
const WRITERS: u64 = 2;
const READERS: u64 = 6;

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

    /// Those of a customer that may be on their first page, and many more. Older ones need not be looked at by each read.
    fn newest_orders(&self, customer: UserId) -> Vec<OrderId> {
        let orders = self.orders.lock();
        orders.iter().rev().filter(|(_, of)| *of == customer).map(|(order, _)| *order).take(200).collect()
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

/// `bus` gives each node its end of the bus of this log, and `shared` what nodes keep for each other. Each node has `bytes` of
/// memory.
async fn check_reads_on_two_nodes(
    db: &Db,
    bytes: usize,
    bus: impl AsyncFn(LogId) -> Arc<dyn EventBus>,
    shared: impl Fn(LogId) -> Option<Arc<dyn SharedCache>>,
) {
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
        let cache = Arc::new(NearCache::new(store.clone(), bytes).with_shared(shared(log)));
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
    assert!(bytes < BYTES || asked - missed > reads / 2, "most are answered from memory");
    let [asked, missed] = [&metrics().cache_lookups, &metrics().cache_misses].map(|of| of.get(CacheName::Shared).get());
    println!("{} of {asked} that were not there were read by another node", asked - missed);
    assert_eq!(asked - missed > 0, shared(log).is_some());
}

/// As long as the reads may take, in a debug build beside other tests.
fn deadline() -> Duration {
    Duration::from_secs(120) + Duration::from_millis(10 * reads_wanted())
}

/// The nodes share a bus in the process.
mod sqlite {
    use super::*;
    use crate::contract::sqlite::Sqlite;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_read_of_two_nodes_shows_a_version_that_it_may_have() {
        let bus: Arc<dyn EventBus> = Arc::new(LocalBus::new());
        let check = async |db: &mut Db| check_reads_on_two_nodes(db, BYTES, async |_| bus.clone(), |_| None).await;
        engine::check_within::<Sqlite>("two_nodes", deadline(), check).await;
    }
}

/// The nodes hear of each other over Redis.
mod mongodb {
    use super::*;
    use crate::{cluster::redis_server, contract::mongodb::Mongodb};

    async fn connect(log: LogId) -> Arc<dyn EventBus> {
        Arc::new(RedisBus::connect(&redis_server::shared_url(), log, Duration::from_secs(10)).await.unwrap())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_read_of_two_nodes_shows_a_version_that_it_may_have() {
        let check = async |db: &mut Db| check_reads_on_two_nodes(db, BYTES, connect, |_| None).await;
        engine::check_within::<Mongodb>("two_nodes", deadline(), check).await;
    }

    /// Memory holds some of the products, so most reads ask Redis.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_read_of_nodes_that_share_a_cache_shows_a_version_that_it_may_have() {
        let shared = |log| -> Option<Arc<dyn SharedCache>> {
            Some(Arc::new(RedisCache::open(&redis_server::shared_url(), log, 1 << 20).unwrap()))
        };
        let check = async |db: &mut Db| check_reads_on_two_nodes(db, 24 * 1024, connect, shared).await;
        engine::check_within::<Mongodb>("two_nodes", deadline(), check).await;
    }
}
