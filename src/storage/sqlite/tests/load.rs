//! Loading: what is there already stays, and a whole year of a shop goes in quickly.

use super::*;

fn order_of(number: usize, products: &[Product], items: usize) -> Order {
    let lines: Vec<(&Product, i32)> =
        (0..items).map(|line| (&products[(number * 7 + line * 131) % products.len()], 1)).collect();
    let mut order = new_order(&number.to_string(), &lines);
    order.id = OrderId::derived(at(number as i64), "test", &number.to_string());
    order.customer = user(&(number % 4000).to_string()).id;
    let bought: Vec<Product> = lines.iter().map(|(product, _)| (*product).clone()).collect();
    order.place(&bought, stamp(number as i64 * 60_000), 0).unwrap()
}

#[tokio::test]
async fn loading_again_changes_nothing_and_a_clash_undoes_the_batch() {
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
    assert!(matches!(refused, Err(StoreError::Duplicate(UniqueKey::OrderNumber))), "{refused:?}");
    assert_eq!(store.count_orders(&[OrderFilter::default()]).await.unwrap(), [3]);
    assert_eq!(store.log_state().await.unwrap().head, 0);
}

/// A measurement, for a release build: `cargo test --release -- --ignored --nocapture a_year_of_a_shop`.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_year_of_a_shop() {
    let store = temporary().await;
    let products: Vec<Product> = (0..4000).map(|number| product(&format!("SKU{number}"), 1000)).collect();
    let users: Vec<User> = (0..4400).map(|number| user(&number.to_string())).collect();
    let orders: Vec<Order> = (0..18_536).map(|number| order_of(number, &products, 21 + number % 2)).collect();
    let began = std::time::Instant::now();
    store.import_products(&products).await.unwrap();
    store.import_users(&users).await.unwrap();
    println!("products and users: {:?}", began.elapsed());
    for batch in orders.chunks(1000) {
        store.import_orders(batch).await.unwrap();
    }
    let items: usize = orders.iter().map(|order| order.items.len()).sum();
    println!("and {} orders with {items} items: {:?}", orders.len(), began.elapsed());
    let time = |label: &str, began: std::time::Instant, times: u32| {
        println!("{label}: {:?}", began.elapsed() / times);
    };
    let sort = Sort { field: OrderSort::PlacedAt, direction: Direction::Desc };
    let query = OrderQuery { filter: OrderFilter::default(), sort, slice: Slice::first(20), fields: OrderFields::ALL };
    let began = std::time::Instant::now();
    for _ in 0..200 {
        store.list_orders(std::slice::from_ref(&query)).await.unwrap();
    }
    time("20 orders with their items", began, 200);
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        store.products_by_ids(&[products[5].id]).await.unwrap();
    }
    time("a product by id", began, 1000);
    let began = std::time::Instant::now();
    for _ in 0..20 {
        store.trending_products(30, 10).await.unwrap();
    }
    time("trending products", began, 20);
    let began = std::time::Instant::now();
    for number in 0..200 {
        let order = new_order(&format!("n{number}"), &[(&products[number], 1), (&products[number + 1], 1)]);
        store.place_order(order, key(&number.to_string()), stamp(1)).await.unwrap();
    }
    time("placing an order, one after the other", began, 200);
    let began = std::time::Instant::now();
    let placing = (0..2000).map(|number| {
        let order = new_order(&format!("m{number}"), &[(&products[number], 1), (&products[number + 1], 1)]);
        store.place_order(order, key(&format!("m{number}")), stamp(1))
    });
    futures_util::future::try_join_all(placing).await.unwrap();
    time("placing an order, all at once", began, 2000);
}
