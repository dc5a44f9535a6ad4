//! Tests of this engine alone: query plans, errors at start, the product cache and nodes that collide.

mod backlog;
mod merged_scan;
mod nodes;
mod plans;
mod schema;
mod sequencer;
mod start;
mod turns;
mod words;

use std::time::Duration;

use bson::doc;
use tokio::time::timeout;

use super::{MongoOptions, MongoStore};
use crate::{
    domain::*,
    storage::{ImportStore, Store},
};

const DIRECTIONS: [Direction; 2] = [Direction::Asc, Direction::Desc];
/// Rows of each kind: enough for the server to prefer an index.
const ROWS: i64 = 400;

fn server() -> String {
    std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect(
        "ORDERWIRE_TEST_MONGODB_URL names no MongoDB; start the tests with: scripts/services run cargo nextest run",
    )
}

/// The server's URL with a database in its place.
fn url_of(database: &str) -> String {
    let server = server();
    let (address, options) = server.split_once('?').unwrap_or((&server, ""));
    format!("{}/{database}?{options}", address.trim_end_matches('/'))
}

/// The options that the default configuration gives.
fn default_options() -> MongoOptions {
    crate::app::mongo_options(&crate::config::Config::default())
}

/// Runs a test on `nodes` stores that share a database of their own, and drops the database even if the test fails.
async fn on_nodes(nodes: usize, test: impl AsyncFnOnce(&[MongoStore])) {
    let database = format!("engine_{:032x}", rand::random::<u128>());
    let mut stores = Vec::new();
    for _ in 0..nodes {
        stores.push(MongoStore::connect(&url_of(&database), default_options()).await.unwrap());
    }
    let outcome = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(&stores))).await;
    drop_database(&stores[0]).await;
    for store in stores {
        store.close().await;
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Deletes the database. A transaction that a test has left open, as a crash does, holds this up until it is ended.
async fn drop_database(store: &MongoStore) {
    let dropped = async {
        while store.0.database.run_command(doc! { "dropDatabase": 1, "maxTimeMS": 500 }).await.is_err() {
            store.0.end_abandoned_transactions().await.unwrap();
        }
    };
    timeout(Duration::from_secs(60), dropped).await.expect("the database should be dropped");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000 + seconds * 1000)
}

fn a_product(number: i64) -> Product {
    let (sku, name) = (format!("SKU{number}"), format!("Lantern {}", number % 7));
    let product = NewProduct {
        description: Some("warm light".into()),
        stock: (number % 5) as i32,
        tags: vec![format!("tag{}", number % 3)],
        ..NewProduct::new(sku, name, Decimal::from_units(number % 11), CurrencyCode::GBP)
    };
    product.create(ProductId::generate(at(number % 50)), at(number % 50))
}

fn a_user(number: i64) -> User {
    User {
        metadata: Metadata::default(),
        id: UserId::generate(at(number)),
        email: Some(format!("user-{number}@example.com")),
        name: format!("User {}", number % 9),
        role: [UserRole::Customer, UserRole::Staff][number as usize % 2],
        region: None,
        deleted_at: None,
        version: 1,
        created_at: at(number % 50),
        updated_at: at(number),
    }
}

fn an_order(number: i64, users: &[User], products: &[Product]) -> Order {
    let product = &products[number as usize % products.len()];
    let item = OrderItem {
        product: product.id,
        sku: product.sku.clone(),
        name: product.name.clone(),
        quantity: 1,
        unit_price: product.price,
        line_total: product.price,
    };
    Order {
        metadata: Metadata::default(),
        id: OrderId::generate(at(number)),
        number: number.to_string(),
        region: ["UK", "France", "Japan"][number as usize % 3].into(),
        customer: users[number as usize % 8].id,
        items: vec![item],
        total: Decimal::from_units(number % 13),
        currency: CurrencyCode::GBP,
        status: OrderStatus::ALL[number as usize % 6],
        history: Vec::new(),
        payment_reference: None,
        version: 1,
        placed_at: at(number % 100),
        created_at: at(number),
        updated_at: at(number),
    }
}

fn a_task(number: i64, users: &[User], orders: &[Order]) -> Task {
    let title = format!("Pack lantern {number}");
    Task {
        status: [TaskStatus::Todo, TaskStatus::InProgress, TaskStatus::Done][number as usize % 3],
        priority: [TaskPriority::Low, TaskPriority::Medium, TaskPriority::High, TaskPriority::Urgent]
            [number as usize % 4],
        assignee: (number % 2 == 0).then(|| users[number as usize % 7].id),
        order: (number % 3 == 0).then(|| orders[number as usize % 30].id),
        due_at: (number % 4 != 0).then(|| at(number % 60)),
        updated_at: at(number),
        ..Task::new(TaskId::generate(at(number)), title, users[number as usize % 5].id, at(number % 50))
    }
}

struct Data {
    users: Vec<User>,
    products: Vec<Product>,
    orders: Vec<Order>,
    tasks: Vec<Task>,
}

async fn load(store: &MongoStore) -> Data {
    let users: Vec<User> = (0..ROWS).map(a_user).collect();
    let products: Vec<Product> = (0..ROWS).map(a_product).collect();
    let orders: Vec<Order> = (0..ROWS).map(|number| an_order(number, &users, &products)).collect();
    let tasks: Vec<Task> = (0..ROWS).map(|number| a_task(number, &users, &orders)).collect();
    store.import_users(&users).await.unwrap();
    store.import_products(&products).await.unwrap();
    store.import_orders(&orders).await.unwrap();
    store.import_tasks(&tasks).await.unwrap();
    Data { users, products, orders, tasks }
}
