//! Trending products: units sold are counted at one moment of the log, and what follows the log equals counting anew.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use orderwire::{domain::*, storage::Store};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::engine::Db;
use crate::support::data::{
    at, buyer, by_system, insert_products, key, new_order, past_order, product, stamp, stamp_by, step,
};

const DAY: i64 = 86_400;
const DAYS: u32 = 3;

fn sold(product: &Product, units: i64) -> SoldProduct {
    SoldProduct { units: Reverse(units), product: product.id }
}

pub async fn sales_are_counted_by_whole_days_up_to_the_newest_order(db: &Db) {
    let count = async |days, limit| db.count_sales(days, limit).await.unwrap();
    let products = ["lamp", "vase", "jar", "cup", "old"].map(product);
    insert_products(db.store(), &products.each_ref()).await;
    let [lamp, vase, jar, cup, old] = &products;
    db.catch_up_log().await.unwrap();
    let none = count(30, 5).await;
    assert_eq!((none.period, none.products, none.through), (None, vec![], 5), "no orders");
    let order = |number: &str, days_ago: i64, status, lines: &[(&Product, i32)]| Order {
        placed_at: at(-days_ago * DAY),
        status,
        ..past_order(number, lines)
    };
    use OrderStatus::*;
    db.import_orders(&[
        order("1", 1000, Delivered, &[(lamp, 2), (vase, 1), (lamp, 3)]),
        order("2", 1005, Pending, &[(vase, 3), (cup, 4)]),
        order("3", 1010, Returned, &[(jar, 4)]),
        order("4", 1010, Cancelled, &[(jar, 50)]),
        order("5", 1030, Delivered, &[(jar, 60), (old, 60)]),
        order("6", 999, Cancelled, &[(old, 60)]),
    ])
    .await
    .unwrap();

    // The cancelled order of day 999 is the newest; units: lamp 5; vase, cup and jar 4 each, so their ids decide.
    let mut ties = [vase, cup, jar].map(|product| sold(product, 4));
    ties.sort();
    let found = count(30, 10).await;
    assert_eq!(found.products, [[sold(lamp, 5)].as_slice(), &ties].concat());
    assert_eq!(found.period, Some(SalesPeriod::ending(at(-999 * DAY), 30)));
    assert_eq!((found.through, found.unnumbered.len()), (5, 0));
    assert_eq!(count(30, 2).await.products, [sold(lamp, 5), ties[0]]);
    assert_eq!(count(7, 1).await.products, [sold(lamp, 5)]);
    assert_eq!(count(1, 10).await.products, []);
    assert_eq!(count(2, 10).await.products, [sold(lamp, 5), sold(vase, 1)]);
    let with_old = count(32, 2).await.products;
    assert_eq!(with_old, [sold(jar, 64), sold(old, 60)]);
}

/// Counts what a ranking has not seen of the log yet; `false` if it has to be counted anew.
async fn follow(store: &dyn Store, ranking: &mut SalesRanking) -> bool {
    store.catch_up_log().await.unwrap();
    let of_orders = LogFilter { kind: Some(EntityKind::Order), ..LogFilter::ALL };
    loop {
        let page = store.read_log(ranking.through(), of_orders, 20).await.unwrap();
        match ranking.count(&page.events, page.through) {
            Ok(()) if page.has_more => {}
            counted => return counted.is_ok(),
        }
    }
}

/// Units sold by the orders themselves.
async fn recount(store: &dyn Store, orders: &[OrderId]) -> Vec<SoldProduct> {
    let orders: Vec<Order> = store.orders_by_ids(orders).await.unwrap().into_iter().flatten().collect();
    let Some(newest) = orders.iter().map(|order| order.placed_at).max() else { return Vec::new() };
    let start = SalesPeriod::ending(newest, DAYS).start();
    let mut units: HashMap<ProductId, i64> = HashMap::new();
    for order in orders.iter().filter(|order| order.status != OrderStatus::Cancelled && order.placed_at >= start) {
        for item in &order.items {
            *units.entry(item.product).or_default() += i64::from(item.quantity);
        }
    }
    let mut sold: Vec<_> =
        units.into_iter().map(|(product, units)| SoldProduct { units: Reverse(units), product }).collect();
    sold.sort();
    sold
}

async fn counted(store: &dyn Store) -> SalesRanking {
    store.count_sales(DAYS, SalesRanking::MAX_PRODUCTS).await.unwrap().into()
}

fn all(ranking: &SalesRanking) -> Vec<SoldProduct> {
    ranking.after(None).collect()
}

pub async fn sales_that_follow_the_log_equal_those_that_are_counted_anew(db: &Db) {
    let seed = std::env::var("ORDERWIRE_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("ORDERWIRE_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let products: Vec<Product> =
        (0..8).map(|number| Product { stock: 10_000, ..product(&format!("p{number}")) }).collect();
    insert_products(db.store(), &products.iter().collect::<Vec<_>>()).await;
    let (mut now, mut orders, mut ranking) = (0, Vec::new(), counted(db.store()).await);
    let (mut compared, mut recounted) = (0, 0);
    for round in 0..150 {
        match random.random_range(0..10) {
            0 => now += random.random_range(1..DAY),
            1..=5 => {
                let lines: Vec<_> = (0..random.random_range(1..4))
                    .map(|_| (&products[random.random_range(0..products.len())], random.random_range(1..9)))
                    .collect();
                let number = round.to_string();
                // Clocks of nodes differ: an order may be older than the one before it.
                let stamp = stamp_by(buyer(), now - random.random_range(0..DAY / 2));
                let placed = db.place_order(new_order(&number, &lines), key(&number), stamp).await.unwrap();
                orders.push(placed.order.id);
            }
            6..=8 if !orders.is_empty() => {
                let order = orders[random.random_range(0..orders.len())];
                let to = OrderStatus::ALL[random.random_range(0..OrderStatus::ALL.len())];
                // Most steps are not allowed.
                let _ = db.change_order_status(step(order, to), by_system(now)).await;
            }
            _ => {
                let archived = &products[random.random_range(0..2)];
                db.update_product(archived.id, ProductChanges::archive(), None, stamp()).await.unwrap();
                let restored = ProductChanges { status: Some(ProductStatus::Active), ..ProductChanges::default() };
                db.update_product(archived.id, restored, None, stamp()).await.unwrap();
            }
        }
        if random.random_range(0..3) == 0 {
            if !follow(db.store(), &mut ranking).await {
                recounted += 1;
                ranking = counted(db.store()).await;
            }
            compared += 1;
            let expected = recount(db.store(), &orders).await;
            assert_eq!(all(&ranking), expected, "after {round} changes, seed {seed}");
            assert_eq!(all(&counted(db.store()).await), expected, "after {round} changes, seed {seed}");
        }
    }
    assert!(compared > 10 && recounted > 0, "{compared} comparisons, {recounted} of them counted anew");
}

/// Places orders and cancels every second of them.
async fn buy(store: Arc<dyn Store>, number: usize, products: Vec<Product>) -> Vec<OrderId> {
    let mut orders = Vec::new();
    for round in 0..12 {
        let number = format!("{number} {round}");
        let lines = [(&products[round % 3], 1), (&products[3], 2)];
        let stamp = stamp_by(buyer(), 0);
        let placed = store.place_order(new_order(&number, &lines), key(&number), stamp).await.unwrap();
        orders.push(placed.order.id);
        if round % 2 == 0 {
            store.change_order_status(step(placed.order.id, OrderStatus::Cancelled), by_system(1)).await.unwrap();
        }
    }
    orders
}

pub async fn sales_counted_while_others_buy_have_each_order_once(db: &Db) {
    let products: Vec<Product> =
        (0..4).map(|number| Product { stock: 10_000, ..product(&format!("p{number}")) }).collect();
    insert_products(db.store(), &products.iter().collect::<Vec<_>>()).await;
    let first = buy(db.shared(), 99, products.clone()).await;
    let buyers: Vec<_> = (0..4).map(|number| tokio::spawn(buy(db.shared(), number, products.clone()))).collect();
    let mut counts: Vec<CountedSales> = Vec::new();
    while !buyers.iter().all(tokio::task::JoinHandle::is_finished) {
        let count = db.count_sales(DAYS, SalesRanking::MAX_PRODUCTS).await.unwrap();
        if counts.last() != Some(&count) {
            counts.push(count);
        }
        tokio::task::yield_now().await;
    }
    let mut orders = first;
    for buyer in buyers {
        orders.extend(buyer.await.unwrap());
    }
    let expected = recount(db.store(), &orders).await;
    assert_eq!(expected.len(), 4);
    assert!(counts.len() > 1, "counted while others buy");
    for count in counts {
        let mut ranking = SalesRanking::from(count.clone());
        assert!(follow(db.store(), &mut ranking).await);
        assert_eq!(all(&ranking), expected, "{count:?}");
    }
}
