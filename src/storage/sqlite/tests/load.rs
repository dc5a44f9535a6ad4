//! Imports: rows that exist already stay as they are.

use super::*;

fn order_of(number: usize, products: &[Product], items: usize) -> Order {
    let lines: Vec<(&Product, i32)> =
        (0..items).map(|line| (&products[(number * 7 + line * 131) % products.len()], 1)).collect();
    let mut order = new_order(&number.to_string(), &lines);
    order.id = OrderId::derived(at(number as i64), "test", &number.to_string());
    order.customer = user(&(number % 4000).to_string()).id;
    let bought = lines.iter().map(|(product, _)| (product.id, (*product).clone())).collect();
    order.place(&bought, stamp(number as i64 * 60_000)).unwrap().record().0
}

#[tokio::test]
async fn repeated_import_changes_nothing_and_a_duplicate_undoes_the_batch() {
    let store = temporary().await;
    let products = [product("a", 1), product("b", 1)];
    assert_eq!(store.import_products(&products).await.unwrap(), 2);
    let mut changed = products.clone();
    changed[0].name = "Changed".to_owned();
    assert_eq!(store.import_products(&changed).await.unwrap(), 0);
    assert_eq!(store.products_by_ids(&[products[0].id]).await.unwrap(), [Some(products[0].clone())]);

    let orders: Vec<Order> = (0..3).map(|number| order_of(number, &products, 2)).collect();
    assert_eq!(store.import_orders(&orders[..2]).await.unwrap(), 2);
    assert_eq!(store.import_orders(&orders).await.unwrap(), 1);
    assert_eq!(store.orders_by_ids(&[orders[1].id]).await.unwrap(), [Some(orders[1].clone())]);

    let mut clash = [order_of(8, &products, 1), order_of(9, &products, 1)];
    clash[1].number = "1".to_owned();
    let refused = store.import_orders(&clash).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refusal::Duplicate(UniqueKey::OrderNumber)))), "{refused:?}");
    assert_eq!(store.count_orders(&[OrderFilter::default()]).await.unwrap(), [3]);
    assert_eq!(store.log_state().await.unwrap().head, 0);
}
