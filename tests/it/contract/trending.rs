//! Trending products: those with the most units sold in the days before the newest order.

use orderwire::domain::*;

use super::engine::Db;
use crate::support::data::{at, past_order, product, stamp};

const DAY: i64 = 86_400;

pub async fn trending_products_have_the_most_recent_units(db: &Db) {
    assert!(db.trending_products(30, 5).await.unwrap().is_empty(), "no orders");
    let [lamp, vase, jar, cup, old] = ["lamp", "vase", "jar", "cup", "old"].map(product);
    let products = [&lamp, &vase, &jar, &cup, &old].map(Clone::clone);
    db.import_products(&products).await.unwrap();
    assert!(db.trending_products(30, 5).await.unwrap().is_empty(), "no orders");
    let order = |number: &str, days_ago: i64, status, lines: &[(&Product, i32)]| Order {
        placed_at: at(-days_ago * DAY),
        status,
        ..past_order(number, lines)
    };
    use OrderStatus::*;
    db.import_orders(&[
        order("1", 1000, Delivered, &[(&lamp, 2), (&vase, 1), (&lamp, 3)]),
        order("2", 1005, Pending, &[(&vase, 3), (&cup, 4)]),
        order("3", 1010, Returned, &[(&jar, 4)]),
        order("4", 1010, Cancelled, &[(&jar, 50)]),
        order("5", 1031, Delivered, &[(&jar, 60), (&old, 60)]),
    ])
    .await
    .unwrap();

    // Units: lamp 5; vase, cup and jar 4 each, so their ids decide.
    let mut ties = [&vase, &cup, &jar];
    ties.sort_by_key(|product| product.id);
    let trending = async |days, limit| {
        db.trending_products(days, limit).await.unwrap().into_iter().map(|product| product.id).collect::<Vec<_>>()
    };
    assert_eq!(trending(30, 10).await, [lamp.id, ties[0].id, ties[1].id, ties[2].id]);
    assert_eq!(trending(30, 2).await, [lamp.id, ties[0].id]);
    let late: Vec<ProductId> = ties.iter().map(|product| product.id).filter(|id| *id != jar.id).collect();
    assert_eq!(trending(6, 10).await, [lamp.id, late[0], late[1]]);
    assert_eq!(trending(32, 1).await, [jar.id]);

    db.update_product(lamp.id, ProductChanges::archive(), None, stamp()).await.unwrap();
    assert_eq!(trending(30, 2).await, [ties[0].id, ties[1].id], "archived ones make room");
}
