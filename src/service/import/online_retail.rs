//! Imports the UCI "Online Retail" data set, in which a row is one product on one invoice.
//!
//! Products, users and orders all come from the same rows, and their fields are known only at the end of the file (the
//! most frequent description, the last price). So the file is read twice: the first pass collects products and users,
//! which are then stored, and the second pass builds the orders.
//!
//! - Each `StockCode` and `CustomerID` of a well-formed row, even of a cancelled one or one without a customer, becomes a
//!   product or user, created at the time of its first row.
//! - Each `InvoiceNo` that does not start with `C` and has a customer becomes a delivered order with one line per row.
//!   Stock does not change.

mod orders;
mod row;
mod survey;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use tokio::{sync::mpsc, task::spawn_blocking};

use self::{
    orders::{ImportPlan, OrderBatch, OrderState, PlannedOrder, PlannedProduct},
    row::{HEADER, SOURCE},
    survey::{InvoiceNotes, Survey},
};
use super::{
    Counts, ImportError, ImportSource, Progress, RejectCounts, Stage, error::broken_off, rejects::RejectsWriter,
};
use crate::{
    domain::{Decimal, OrderId, Product, User, UserId},
    storage::Store,
};

/// How many products or users are looked up and stored together; enough for the whole data set in one commit.
const ENTITIES_PER_BATCH: usize = 5_000;
/// How many orders are looked up together.
const ORDERS_PER_LOOKUP: usize = 200;
/// How many batches of orders may wait to be stored.
const BATCHES_WAITING: usize = 2;

/// Options of the import.
#[derive(Debug, Clone)]
pub struct OnlineRetailOptions {
    /// Stock of each new product, in units; not negative.
    pub stock: i32,
    /// Path of the CSV file for rejected rows, with `line`, `reason` and the original fields. With `None`, they are only
    /// counted.
    pub rejects: Option<PathBuf>,
    /// How many order lines are stored in one commit. More are faster; fewer use less memory and block other writers for
    /// less time.
    pub items_per_batch: usize,
}

impl OnlineRetailOptions {
    /// The default stock of a new product, in units.
    pub const DEFAULT_STOCK: i32 = 1000;
    /// SQLite commits so many lines in a fraction of a second. Much smaller batches rewrite each page of the index by
    /// product many times.
    pub const DEFAULT_ITEMS_PER_BATCH: usize = 40_000;
}

impl Default for OnlineRetailOptions {
    fn default() -> Self {
        Self { stock: Self::DEFAULT_STOCK, rejects: None, items_per_batch: Self::DEFAULT_ITEMS_PER_BATCH }
    }
}

/// Summary of an import. `rows` is the sum of `items.total` and all of `rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnlineRetailSummary {
    /// Number of rows in the file, without the header.
    pub rows: u64,
    /// Products of all well-formed rows.
    pub products: Counts,
    /// Users of all well-formed rows.
    pub users: Counts,
    /// Orders built from the rows.
    pub orders: Counts,
    /// Rows that are lines of these orders.
    pub items: Counts,
    /// Rows that are not lines of these orders, by reason.
    pub rejected: RejectCounts,
}

/// Imports the file. If a product's SKU or a user's e-mail address already exists, orders refer to that product or
/// user. An order whose number already exists under another id is rejected.
pub async fn import(
    store: &dyn Store,
    source: &ImportSource,
    options: OnlineRetailOptions,
    progress: Arc<dyn Progress>,
) -> Result<OnlineRetailSummary, ImportError> {
    let survey = {
        let (source, progress) = (source.clone(), Arc::clone(&progress));
        spawn_blocking(move || Survey::read(&source, &*progress)).await.map_err(broken_off)??
    };
    let rejects = RejectsWriter::create(options.rejects.as_deref(), std::slice::from_ref(source), &HEADER)?;
    let mut summary = OnlineRetailSummary { rows: survey.rows, ..OnlineRetailSummary::default() };
    let products;
    let users;
    (products, summary.products) = store_products(store, survey.products(options.stock), &*progress).await?;
    (users, summary.users) = store_users(store, survey.users(), &*progress).await?;
    let orders = plan_orders(store, survey.invoices, &*progress).await?;
    let count = |state| orders.values().filter(|order| order.state == state).count() as u64;
    summary.orders = Counts { total: count(OrderState::New) + count(OrderState::Stored), new: 0 };

    let plan = ImportPlan { rows: survey.rows, products, users, orders };
    let (sender, batches) = mpsc::channel(BATCHES_WAITING);
    let reading = {
        let source = source.clone();
        spawn_blocking(move || orders::read(&source, plan, rejects, options.items_per_batch, &sender))
    };
    summary.orders.new = store_orders(store, batches, summary.rows, &*progress).await?;
    let outcome = reading.await.map_err(broken_off)??;
    summary.items = outcome.items;
    summary.rejected = outcome.rejected;
    Ok(summary)
}

/// Stores missing products; returns the product of each `StockCode`.
async fn store_products(
    store: &dyn Store,
    products: Vec<Product>,
    progress: &dyn Progress,
) -> Result<(HashMap<Box<str>, PlannedProduct>, Counts), ImportError> {
    let mut counts = Counts { total: products.len() as u64, new: 0 };
    let mut planned = HashMap::with_capacity(products.len());
    for chunk in products.chunks(ENTITIES_PER_BATCH) {
        let skus: Vec<String> = chunk.iter().map(|product| product.sku.clone()).collect();
        let found = store.products_by_skus(&skus).await?;
        let missing: Vec<Product> =
            chunk.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(product, _)| product.clone()).collect();
        counts.new += store.import_products(&missing).await?;
        for (product, found) in chunk.iter().zip(&found) {
            let id = found.as_ref().map_or(product.id, |found| found.id);
            planned.insert(product.sku.as_str().into(), PlannedProduct { id, name: product.name.as_str().into() });
        }
        progress.update(Stage::Products, planned.len() as u64, counts.total);
    }
    Ok((planned, counts))
}

/// Stores missing users; returns the user of each `CustomerID`.
async fn store_users(
    store: &dyn Store,
    users: Vec<(&str, User)>,
    progress: &dyn Progress,
) -> Result<(HashMap<Box<str>, UserId>, Counts), ImportError> {
    let mut counts = Counts { total: users.len() as u64, new: 0 };
    let mut planned = HashMap::with_capacity(users.len());
    for chunk in users.chunks(ENTITIES_PER_BATCH) {
        let emails: Vec<String> = chunk.iter().filter_map(|(_, user)| user.email.clone()).collect();
        let found = store.users_by_emails(&emails).await?;
        let missing: Vec<User> =
            chunk.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|((_, user), _)| user.clone()).collect();
        counts.new += store.import_users(&missing).await?;
        for ((customer, user), found) in chunk.iter().zip(&found) {
            planned.insert((*customer).into(), found.as_ref().map_or(user.id, |found| found.id));
        }
        progress.update(Stage::Users, planned.len() as u64, counts.total);
    }
    Ok((planned, counts))
}

/// Determines which orders are already stored and which numbers other orders have.
async fn plan_orders(
    store: &dyn Store,
    invoices: HashMap<Box<str>, InvoiceNotes>,
    progress: &dyn Progress,
) -> Result<HashMap<Box<str>, PlannedOrder>, ImportError> {
    let mut orders: HashMap<Box<str>, PlannedOrder> = invoices.into_iter().map(planned_order).collect();
    let numbers: Vec<String> = orders.keys().map(|number| String::from(&**number)).collect();
    let mut done = 0;
    for chunk in numbers.chunks(ORDERS_PER_LOOKUP) {
        for found in store.orders_by_numbers(chunk).await?.into_iter().flatten() {
            if let Some(order) = orders.get_mut(&*found.number) {
                order.state = if found.id == order.id { OrderState::Stored } else { OrderState::NumberTaken };
            }
        }
        done += chunk.len();
        progress.update(Stage::Comparing, done as u64, numbers.len() as u64);
    }
    Ok(orders)
}

fn planned_order((number, notes): (Box<str>, InvoiceNotes)) -> (Box<str>, PlannedOrder) {
    let order = PlannedOrder {
        id: OrderId::derived(notes.placed_at, SOURCE, &number),
        state: OrderState::New,
        customer: notes.customer,
        placed_at: notes.placed_at,
        last_row: notes.last_row,
        total: Decimal::ZERO,
    };
    (number, order)
}

/// Stores the batches as they arrive; returns the number of new orders.
async fn store_orders(
    store: &dyn Store,
    mut batches: mpsc::Receiver<OrderBatch>,
    rows: u64,
    progress: &dyn Progress,
) -> Result<u64, ImportError> {
    let mut new = 0;
    while let Some(batch) = batches.recv().await {
        if !batch.orders.is_empty() {
            new += store.import_orders(&batch.orders).await?;
        }
        progress.update(Stage::Orders, batch.rows, rows);
    }
    Ok(new)
}
