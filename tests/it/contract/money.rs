//! Money is exact, frozen on each line of an order, and never out of range.

use orderwire::domain::*;

use super::engine::{Db, refusal};
use crate::support::data::{at, insert_products, place, product, reread, reread_order, stamp};

fn priced(sku: &str, units: i64) -> Product {
    Product { price: Decimal::from_units(units), ..product(sku) }
}

pub async fn totals_are_exact(db: &Db) {
    let prices = [10, 1, 85_001, 0, 3_333_333];
    let products: Vec<Product> = prices.iter().map(|units| priced(&format!("at {units}"), *units)).collect();
    insert_products(db.store(), &products.iter().collect::<Vec<_>>()).await;
    let lines: Vec<(&Product, i32)> = products.iter().zip([3, 7, 9, 10, 1]).collect();
    let order = place(db.store(), "1", &lines).await.unwrap().order;
    assert_eq!(order.total.to_string(), "409.8379");
    assert_eq!(order.items.iter().map(|item| item.line_total.units()).sum::<i64>(), order.total.units());
    assert_eq!(order.items[0].line_total.to_string(), "0.003");
    assert_eq!(reread_order(db.store(), order.id).await, order);
}

/// A line keeps the name and price of the product when the order was placed.
pub async fn the_price_of_a_line_is_frozen(db: &Db) {
    let lamp = product("lamp");
    insert_products(db.store(), &[&lamp]).await;
    let order = place(db.store(), "1", &[(&lamp, 2)]).await.unwrap().order;
    let item = OrderItem {
        product: lamp.id,
        sku: lamp.sku.clone(),
        name: lamp.name.clone(),
        quantity: 2,
        unit_price: lamp.price,
        line_total: Decimal::from_units(50_000),
    };
    assert_eq!(order.items, [item]);
    let changes = ProductChanges {
        name: Some("Dearer".into()),
        price: Some(Decimal::from_units(1)),
        ..ProductChanges::default()
    };
    db.update_product(lamp.id, changes, None, stamp()).await.unwrap();
    assert_eq!(reread_order(db.store(), order.id).await, order);
    let cheap = place(db.store(), "2", &[(&lamp, 2)]).await.unwrap().order;
    assert_eq!((cheap.total.units(), cheap.items[0].name.as_str()), (2, "Dearer"));
}

pub async fn a_total_past_the_range_is_refused(db: &Db) {
    let (most, least) = (priced("most", i64::MAX), priced("least", 1));
    insert_products(db.store(), &[&most, &least]).await;
    for lines in [&[(&most, 2)][..], &[(&most, 1), (&least, 1)]] {
        let refused = place(db.store(), "1", lines).await;
        assert_eq!(refusal(refused), Refusal::TotalOutOfRange);
    }
    assert_eq!((reread(db.store(), &most).await, reread(db.store(), &least).await), (most.clone(), least));
    assert_eq!(db.log_state().await.unwrap().head, 2);
    let order = place(db.store(), "1", &[(&most, 1)]).await.unwrap().order;
    assert_eq!(order.total.units(), i64::MAX);
    assert_eq!(reread_order(db.store(), order.id).await, order);
}

pub async fn an_order_in_two_currencies_is_refused(db: &Db) {
    let (pounds, euros) = (product("pounds"), Product { currency: "EUR".parse().unwrap(), ..product("euros") });
    insert_products(db.store(), &[&pounds, &euros]).await;
    let refused = place(db.store(), "1", &[(&pounds, 1), (&euros, 1)]).await;
    assert_eq!(refusal(refused), Refusal::MixedCurrencies { input_index: 1 });
    assert_eq!((reread(db.store(), &pounds).await, reread(db.store(), &euros).await), (pounds, euros.clone()));
    let order = place(db.store(), "1", &[(&euros, 1)]).await.unwrap().order;
    assert_eq!(order.currency.as_str(), "EUR");
    assert_eq!(order.created_at, at(0));
}
