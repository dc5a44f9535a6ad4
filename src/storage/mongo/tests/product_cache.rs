//! Cached products are never older than what a read of the database finds.

use bson::doc;

use super::{a_product, on_nodes};
use crate::{
    domain::*,
    storage::{EventStore, ImportStore, ProductStore, Store, mongo::MongoStore},
};

const PRODUCTS: i64 = 30;

fn stamp() -> Stamp {
    Stamp::system(SystemClock.now())
}

async fn shelf(store: &MongoStore) -> Vec<Product> {
    let products: Vec<Product> = (0..PRODUCTS).map(a_product).collect();
    store.import_products(&products).await.unwrap();
    products
}

async fn all(store: &MongoStore, ids: &[ProductId]) -> Vec<Product> {
    store.products_by_ids(ids).await.unwrap().into_iter().map(Option::unwrap).collect()
}

async fn reprice(store: &MongoStore, id: ProductId, units: i64) -> Product {
    let changes = ProductChanges { price: Some(Decimal::from_units(units)), ..ProductChanges::default() };
    store.update_product(id, changes, None, stamp()).await.unwrap()
}

/// Changes a product without a log entry, so that caches keep the old state.
async fn tamper(store: &MongoStore, id: ProductId) {
    let changed = store.0.collections.products.update_one(doc! { "_id": id }, doc! { "$set": { "name": "tampered" } });
    assert_eq!(changed.await.unwrap().modified_count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_another_node_is_seen_by_the_next_read() {
    on_nodes(2, async |stores| {
        let [one, other] = stores else { panic!("two nodes") };
        let mut products = shelf(one).await;
        let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        assert_eq!(all(one, &ids).await, products);
        for round in 1..20 {
            let place = round as usize % products.len();
            let node = if round % 3 == 0 { one } else { other };
            products[place] = if round % 2 == 0 {
                reprice(node, ids[place], round).await
            } else {
                let adjustment = StockAdjustment { product: ids[place], delta: 1, idempotency: None };
                node.adjust_stock(adjustment, stamp()).await.unwrap()
            };
            assert_eq!(all(one, &ids).await, products, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changed_products_are_read_again() {
    on_nodes(2, async |stores| {
        let [one, other] = stores else { panic!("two nodes") };
        let products = shelf(one).await;
        let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        all(one, &ids).await;
        tamper(other, ids[0]).await;
        tamper(other, ids[1]).await;
        reprice(other, ids[1], 5).await;
        let read = all(one, &ids).await;
        assert_eq!(read[0], products[0], "read from memory");
        assert_eq!(read[1].name, "tampered", "read again");
        assert_eq!(all(other, &ids).await[0].name, "tampered", "each node has its own memory");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_repeated_ids_are_answered_in_their_places() {
    on_nodes(1, async |stores| {
        let products = shelf(&stores[0]).await;
        let late = a_product(PRODUCTS);
        let mut ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        ids.splice(3..3, [ids[0], late.id, ids[0]]);
        let mut expected: Vec<Option<Product>> = products.iter().cloned().map(Some).collect();
        expected.splice(3..3, [Some(products[0].clone()), None, Some(products[0].clone())]);
        for _ in 0..2 {
            assert_eq!(stores[0].products_by_ids(&ids).await.unwrap(), expected);
        }
        // An import has no entry in the log.
        stores[0].import_products(std::slice::from_ref(&late)).await.unwrap();
        expected[4] = Some(late);
        assert_eq!(stores[0].products_by_ids(&ids).await.unwrap(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_products_are_read_again_after_the_log_was_pruned() {
    on_nodes(2, async |stores| {
        let [one, other] = stores else { panic!("two nodes") };
        let products = shelf(one).await;
        let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        reprice(other, ids[0], 1).await;
        all(one, &ids).await;
        let changed = reprice(other, ids[1], 2).await;
        reprice(other, ids[2], 3).await;
        let later = Timestamp::from_unix_millis(SystemClock.now().unix_millis() + 1000);
        other.catch_up_log().await.unwrap();
        other.prune(later, later, later).await.unwrap();
        assert_eq!(all(one, &ids).await[1], changed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cached_reads_are_never_older_than_finished_writes() {
    on_nodes(2, async |stores| {
        let products = shelf(&stores[0]).await;
        let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        let tasks = (0..4).map(|number: usize| {
            let (writer, reader) = (stores[number % 2].clone(), stores[0].clone());
            let ids = ids.clone();
            tokio::spawn(async move {
                for round in 0..15 {
                    let place = number * 7 + round % 5;
                    let written = reprice(&writer, ids[place], round as i64).await;
                    let read = all(&reader, &ids).await;
                    assert!(
                        read[place].version >= written.version,
                        "{} after {}",
                        read[place].version,
                        written.version
                    );
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    })
    .await;
}
