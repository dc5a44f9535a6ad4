//! Tests of this engine alone; `tests/it/contract` tests what every engine must do.

mod engine;
mod lists;
mod load;
mod memory;
mod plans;
mod turns;
mod words;

use super::{SqliteLocation, SqliteOptions, SqliteStore};
use crate::{domain::*, storage::*};

/// `millis` milliseconds after 2026-01-01T00:00:00Z.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_767_225_600_000 + millis)
}

fn stamp(millis: i64) -> Stamp {
    Stamp::system(at(millis))
}

/// The options that the default configuration gives.
fn default_options() -> SqliteOptions {
    crate::app::sqlite_options(&crate::config::Config::default())
}

async fn temporary() -> SqliteStore {
    SqliteStore::open(SqliteLocation::Temporary, default_options()).await.unwrap()
}

fn user(name: &str) -> User {
    User {
        metadata: Metadata::default(),
        id: UserId::derived(at(0), "test", name),
        email: Some(format!("{name}@example.com").to_lowercase()),
        name: name.to_owned(),
        role: UserRole::Customer,
        region: None,
        deleted_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn product(sku: &str, stock: i32) -> Product {
    let new = NewProduct::new(sku, format!("Thing {sku}"), Decimal::from_units(12_500), CurrencyCode::GBP);
    NewProduct { stock, ..new }.create(ProductId::derived(at(0), "test", sku), at(0))
}

fn task(title: &str) -> Task {
    Task::new(TaskId::derived(at(0), "test", title), title, user("creator").id, at(0))
}

/// An order with this number and a line for each product and quantity.
fn new_order(number: &str, lines: &[(&Product, i32)]) -> NewOrder {
    let line = |(input_index, (product, quantity)): (usize, &(&Product, i32))| OrderLine {
        product: product.id,
        quantity: *quantity,
        input_index,
    };
    NewOrder {
        id: OrderId::derived(at(0), "test", number),
        number: number.to_owned(),
        region: "Malta".to_owned(),
        customer: user("buyer").id,
        lines: lines.iter().enumerate().map(line).collect(),
        payment_reference: None,
    }
}

fn key(text: &str) -> Idempotency {
    Idempotency { user: user("buyer").id, scope: "placeOrder", key: text.to_owned(), fingerprint: [7; 32] }
}
