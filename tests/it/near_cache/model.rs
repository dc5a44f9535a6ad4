//! Readers beside writers and a feed that is at times slow, cut off, broken or ahead of what it has confirmed.

use std::{pin::pin, sync::Arc, task::Poll, time::Duration};

use orderwire::{
    domain::*,
    fairness::{Caller, run_for},
    storage::{NearCache, ProductStore, Store, one_operation},
    telemetry::metrics::{CacheName, metrics},
};
use parking_lot::Mutex;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{BYTES, Node, by_name, now, read, reprice};
use crate::{
    contract::engine::Db,
    support::data::{adjustment, product, reread, stamp},
};

const RUN: Duration = Duration::from_secs(15);
/// How old a read may be.
const PROMISE: Duration = Duration::from_secs(1);

/// The rounds of the writer: each writes its number as the price of the first product, then as that of the second. So
/// at each time the first has the number of the second or the next one.
#[derive(Default)]
struct Rounds(Mutex<[Vec<(Instant, i64)>; 2]>);

impl Rounds {
    fn acknowledged(&self, which: usize, round: i64) {
        self.0.lock()[which].push((Instant::now(), round));
    }

    /// The last round that was acknowledged at this time.
    fn at(&self, which: usize, time: Instant) -> i64 {
        let rounds = &self.0.lock()[which];
        rounds[..rounds.partition_point(|(at, _)| *at <= time)].last().map_or(0, |(_, round)| *round)
    }
}

async fn write(store: Arc<dyn Store>, products: [Product; 2], rounds: Arc<Rounds>, stop: CancellationToken) {
    let mut round = 0;
    while !stop.is_cancelled() {
        round += 1;
        for (which, product) in products.iter().enumerate() {
            reprice(&*store, product.id, round).await;
            rounds.acknowledged(which, round);
            if rand::random_bool(0.5) {
                store.adjust_stock(adjustment(product, 1), now()).await.unwrap();
            }
        }
        sleep(Duration::from_millis(rand::random_range(1..30))).await;
    }
}

/// A feed in changing moods.
async fn feed(node: Arc<Node>, start: Seq, stop: CancellationToken) {
    let mut head = start;
    while !stop.is_cancelled() {
        let _ = timeout(Duration::from_millis(100), node.cache.log_read_wanted()).await;
        let random = rand::random_range(0..100);
        let began = Instant::now();
        let entries = node.entries(head).await;
        match random {
            // Slow: it applies what it has read long ago, in parts.
            0..20 => {
                for entries in entries.chunks(3) {
                    sleep(Duration::from_millis(rand::random_range(0..60))).await;
                    node.cache.apply(entries);
                }
            }
            // Ahead: entries come from the bus, and nothing is confirmed.
            20..40 => {
                node.cache.apply(&entries);
                head = entries.last().map_or(head, |last| last.seq);
                continue;
            }
            // Cut off.
            40..43 => {
                sleep(Duration::from_millis(1500)).await;
                continue;
            }
            // The log can't be read.
            43..46 => {
                node.cache.log_is_unreadable();
                sleep(Duration::from_millis(200)).await;
                continue;
            }
            _ => node.cache.apply(&entries),
        }
        head = entries.last().map_or(head, |last| last.seq);
        node.cache.confirm(began);
    }
}

/// The round of each product in what a read found.
async fn look(cache: &NearCache, products: &[Product; 2]) -> Vec<(usize, i64)> {
    let which = rand::random_range(0..4);
    let mut found: Vec<Product> = match which {
        0 => cache.products_by_ids(&[products[0].id]).await.unwrap().into_iter().flatten().collect(),
        1 => cache.products_by_skus(&[products[1].sku.clone()]).await.unwrap().into_iter().flatten().collect(),
        2 => {
            let filter = ProductFilter { status: Some(ProductStatus::Active), ..ProductFilter::default() };
            let page = cache.list_products(&[ListQuery { filter, ..by_name(5) }]).await.unwrap().remove(0);
            page.edges.into_iter().map(|edge| edge.node).collect()
        }
        // A list that ends with each change of the prices.
        _ => {
            let active = Some(ProductStatus::Active);
            let filter = ProductFilter { in_stock: Some(true), status: active, ..ProductFilter::default() };
            let sort = Sort { field: ProductSort::Price, direction: Direction::Desc };
            let page = cache.list_products(&[ListQuery { filter, sort, ..by_name(5) }]).await.unwrap().remove(0);
            page.edges.into_iter().map(|edge| edge.node).collect()
        }
    };
    let is_active = found.iter().all(|product| product.status == ProductStatus::Active);
    assert!(is_active, "a page shows a product that it must not have: {found:?}");
    found.retain(|product| products.iter().any(|known| known.id == product.id));
    assert!(!found.is_empty());
    let which = |product: &Product| products.iter().position(|known| known.id == product.id).unwrap();
    found.iter().map(|product| (which(product), product.price.units())).collect()
}

async fn client(
    caller: Caller,
    cache: Arc<NearCache>,
    products: [Product; 2],
    rounds: Arc<Rounds>,
    stop: CancellationToken,
) -> u64 {
    let (mut seen, mut reads) = ([0, 0], 0);
    while !stop.is_cancelled() {
        let began = Instant::now();
        let found = run_for(caller, one_operation(look(&cache, &products))).await;
        reads += 1;
        let before = seen;
        for (which, round) in found {
            let promised = began.checked_sub(PROMISE).map_or(0, |then| rounds.at(which, then));
            assert!(round >= promised, "product {which} is at {round}, a second ago at {promised}");
            // What was seen of one product says something of the other.
            let least = if which == 0 { before[0].max(before[1]) } else { before[1].max(before[0] - 1) };
            assert!(round >= least, "product {which} is at {round} after {before:?} was seen");
            seen[which] = seen[which].max(round);
        }
        if rand::random_bool(0.2) {
            sleep(Duration::from_millis(1)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
    reads
}

/// Writes through the cache, and finds each write at once.
async fn own_writer(cache: Arc<NearCache>, mine: Product, stop: CancellationToken) {
    let mut written = 0;
    while !stop.is_cancelled() {
        written += 1;
        reprice(&*cache, mine.id, written).await;
        let found = cache.products_by_ids(&[mine.id]).await.unwrap().remove(0).unwrap();
        assert_eq!(found.price.units(), written);
        sleep(Duration::from_millis(20)).await;
    }
}

/// Another node archives the product and takes it back, and this node changes its stock meanwhile.
async fn archive_and_restock(node: Arc<Node>, product: Product, stop: CancellationToken) {
    let statuses = ProductStatus::ALL.into_iter().rev().cycle();
    for status in statuses.take_while(|_| !stop.is_cancelled()) {
        let changes = ProductChanges { status: Some(status), ..ProductChanges::default() };
        node.store.update_product(product.id, changes, None, now()).await.unwrap();
        for _ in 0..3 {
            node.cache.adjust_stock(adjustment(&product, 1), now()).await.unwrap();
            sleep(Duration::from_millis(rand::random_range(0..40))).await;
        }
    }
}

/// Polls a future seldom: what it does after it has waited for the database, it does late.
async fn polled_late<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = futures_util::poll!(&mut future) {
            return output;
        }
        sleep(Duration::from_millis(rand::random_range(0..150))).await;
    }
}

/// This node changes a new product and hears late of its own commit. Another node has changed the product again by then, and
/// the feed may have that.
async fn late_write(node: Arc<Node>, new: Product) {
    node.store.insert_product(new.clone(), now()).await.unwrap();
    if rand::random_bool(0.5) {
        read(&node.cache, new.id).await;
    }
    let (cache, adjusted) = (node.cache.clone(), adjustment(&new, 1));
    let is_stock = rand::random_bool(0.3);
    let write = async move {
        if is_stock {
            cache.adjust_stock(adjusted, now()).await.unwrap()
        } else {
            reprice(&*cache, adjusted.product, 3).await
        }
    };
    let write = tokio::spawn(polled_late(write));
    while reread(&*node.store, &new).await.version < 2 {
        sleep(Duration::from_millis(2)).await;
    }
    let newest = reprice(&*node.store, new.id, 7).await.version;
    let acknowledged = Instant::now();
    let mut seen = write.await.unwrap().version;
    while acknowledged.elapsed() < PROMISE + Duration::from_millis(300) {
        let is_promised = acknowledged.elapsed() > PROMISE;
        let found = read(&node.cache, new.id).await.version;
        assert!(found >= seen, "version {found} after {seen}");
        assert!(found == newest || !is_promised, "version {found} a second after {newest}");
        seen = found;
        sleep(Duration::from_millis(rand::random_range(0..100))).await;
    }
}

async fn late_writes(node: Arc<Node>, stop: CancellationToken) {
    let mut writes = JoinSet::new();
    for number in (0..).take_while(|_| !stop.is_cancelled()) {
        // Archived, so that no list of the clients has it.
        let new = Product { status: ProductStatus::Archived, ..product(&format!("late {number}")) };
        writes.spawn(late_write(node.clone(), new));
        sleep(Duration::from_millis(100)).await;
    }
    writes.join_all().await;
}

pub async fn no_read_is_older_than_promised_and_none_goes_back_in_time(db: &Db) {
    let [first, second, mine] =
        ["first", "second", "third"].map(|sku| Product { price: Decimal::ZERO, ..product(sku) });
    for product in [&first, &second] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    // Archived, so that no list of the clients has it.
    let mine = Product { status: ProductStatus::Archived, ..mine };
    let toggled = product("toggled");
    for product in [&mine, &toggled] {
        db.insert_product(product.clone(), stamp()).await.unwrap();
    }
    let node = Arc::new(Node::new(db, BYTES).await);
    let head = db.log_state().await.unwrap().head;
    let (products, rounds, stop) = ([first, second], Arc::new(Rounds::default()), CancellationToken::new());
    let feed = tokio::spawn(feed(node.clone(), head, stop.clone()));
    let writer = tokio::spawn(write(node.store.clone(), products.clone(), rounds.clone(), stop.clone()));
    let clients: Vec<_> = (0..6)
        .map(|number| {
            // Callers who can be told apart, and others.
            let caller = if number < 3 { Caller::User(UserId::from_bytes([number; 16])) } else { Caller::Server };
            tokio::spawn(client(caller, node.cache.clone(), products.clone(), rounds.clone(), stop.clone()))
        })
        .collect();
    let own = tokio::spawn(own_writer(node.cache.clone(), mine, stop.clone()));
    let toggle = tokio::spawn(archive_and_restock(node.clone(), toggled, stop.clone()));
    let late = tokio::spawn(late_writes(node.clone(), stop.clone()));
    sleep(RUN).await;
    stop.cancel();
    let mut reads = 0;
    for client in clients {
        reads += client.await.unwrap();
    }
    writer.await.unwrap();
    own.await.unwrap();
    toggle.await.unwrap();
    late.await.unwrap();
    feed.await.unwrap();
    let hits = |cache| metrics().cache_lookups.get(cache).get() - metrics().cache_misses.get(cache).get();
    let hits = hits(CacheName::Products) + hits(CacheName::Pages);
    println!("{reads} reads, {hits} from memory");
    assert!(hits > 0, "the cache answers, too");
}
