//! Every read that an operation makes counts the bytes that it loads and the rows that it examines, and stops at the budget
//! of its operation.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use futures_util::future::BoxFuture;
use orderwire::{
    domain::*,
    fairness::{Caller, OverBudget, ReadMeter, run_metered},
    storage::{Result, Store, StoreError},
};

use super::{
    engine::Db,
    listed::{Listed, query},
};
use crate::support::data::{at, past_order, product, stamp, task, user, whole_log};

/// Entities of each kind.
const COUNT: usize = 40;
/// Bytes of each description.
const LONG: usize = 60_000;
/// Tasks that a scan examines.
const SCANNED: usize = 10_000;
/// Bytes that arrive at once at most: a reply of MongoDB.
const REPLY: usize = 16 * 1024 * 1024;

/// Counts everything, and refuses bytes beyond a limit.
struct Meter {
    limit: usize,
    bytes: AtomicUsize,
    rows: AtomicU64,
}

impl Meter {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, bytes: AtomicUsize::new(0), rows: AtomicU64::new(0) })
    }
}

impl ReadMeter for Meter {
    fn examine(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
    }

    fn load(&self, bytes: usize) -> std::result::Result<(), OverBudget> {
        let loaded = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        if loaded > self.limit { Err(OverBudget::Operation(self.limit)) } else { Ok(()) }
    }
}

/// Large entities of every kind.
struct Entities {
    users: Vec<User>,
    products: Vec<Product>,
    orders: Vec<Order>,
    tasks: Vec<Task>,
    events: Vec<Event>,
}

impl Entities {
    async fn store(db: &Db) -> Self {
        let description = Some("x".repeat(LONG));
        let users: Vec<User> = (0..COUNT).map(|number| user(&format!("user {number}"))).collect();
        let products: Vec<Product> = (0..COUNT)
            .map(|number| Product { description: description.clone(), ..product(&format!("P{number}")) })
            .collect();
        let lines: Vec<(&Product, i32)> = products.iter().map(|product| (product, 1)).collect();
        let orders: Vec<Order> = (0..COUNT).map(|number| past_order(&number.to_string(), &lines)).collect();
        let tasks: Vec<Task> = (0..COUNT)
            .map(|number| Task { description: description.clone(), ..task(&format!("task {number}")) })
            .collect();
        db.import_users(&users).await.unwrap();
        db.import_products(&products).await.unwrap();
        db.import_orders(&orders).await.unwrap();
        db.import_tasks(&tasks).await.unwrap();
        for number in 0..COUNT {
            let work = Task { description: description.clone(), ..task(&format!("logged {number}")) };
            db.insert_task(work, stamp()).await.unwrap();
        }
        Self { users, products, orders, tasks, events: whole_log(db.store()).await }
    }
}

type Read = Box<dyn Fn(Arc<dyn Store>) -> BoxFuture<'static, Result<()>>>;

/// A read, whose answer does not matter.
macro_rules! read {
    ($method:ident($argument:expr)) => {{
        let argument = $argument.clone();
        let read = move |store: Arc<dyn Store>| -> BoxFuture<'static, Result<()>> {
            let argument = argument.clone();
            Box::pin(async move { store.$method(&argument).await.map(drop) })
        };
        (stringify!($method), Box::new(read) as Read)
    }};
}

fn whole_page<T: Listed>(field: T::Sort) -> Vec<super::listed::Query<T>> {
    let sort = Sort { field, direction: Direction::Asc };
    vec![query::<T>(&T::Filter::default(), sort, Slice::first(COUNT as u32))]
}

fn reads(entities: &Entities) -> Vec<(&'static str, Read)> {
    let users: Vec<UserId> = entities.users.iter().map(|user| user.id).collect();
    let emails: Vec<String> = entities.users.iter().filter_map(|user| user.email.clone()).collect();
    let products: Vec<ProductId> = entities.products.iter().map(|product| product.id).collect();
    let skus: Vec<String> = entities.products.iter().map(|product| product.sku.clone()).collect();
    let orders: Vec<OrderId> = entities.orders.iter().map(|order| order.id).collect();
    let numbers: Vec<String> = entities.orders.iter().map(|order| order.number.clone()).collect();
    let tasks: Vec<TaskId> = entities.tasks.iter().map(|task| task.id).collect();
    let events: Vec<EventId> = entities.events.iter().map(|event| event.id).collect();
    vec![
        read!(users_by_ids(users)),
        read!(users_by_emails(emails)),
        read!(list_users(whole_page::<User>(UserSort::Name))),
        read!(products_by_ids(products)),
        // Once more: an engine may remember them.
        read!(products_by_ids(products)),
        read!(products_by_skus(skus)),
        read!(list_products(whole_page::<Product>(ProductSort::Name))),
        read!(orders_by_ids(orders)),
        read!(orders_by_numbers(numbers)),
        read!(list_orders(whole_page::<Order>(OrderSort::PlacedAt))),
        read!(tasks_by_ids(tasks)),
        read!(list_tasks(whole_page::<Task>(TaskSort::CreatedAt))),
        read!(events_by_ids(events)),
    ]
}

pub async fn each_read_counts_what_it_loads_and_stops_at_its_budget(db: &mut Db) {
    let entities = Entities::store(db).await;
    let least = |name: &str| match name {
        name if name.contains("users") => COUNT * 100,
        name if name.contains("orders") => COUNT * COUNT * 50,
        _ => COUNT * LONG,
    };
    for (name, read) in reads(&entities) {
        let free = Meter::new(usize::MAX);
        run_metered(Caller::Server, free.clone(), read(db.shared())).await.unwrap();
        let whole = free.bytes.load(Relaxed);
        assert!((least(name)..2 * least(name) + COUNT * 8192).contains(&whole), "{name}: {whole} bytes");
        let limited = Meter::new(whole / 2);
        let stopped = run_metered(Caller::Server, limited.clone(), read(db.shared())).await;
        assert!(
            matches!(stopped, Err(StoreError::OverBudget(OverBudget::Operation(limit))) if limit == whole / 2),
            "{name}: {stopped:?}"
        );
        assert!(limited.bytes.load(Relaxed) <= whole / 2 + REPLY, "{name}");
        read(db.shared()).await.unwrap();
    }
}

pub async fn rows_that_a_read_examines_are_counted_for_its_operation(db: &mut Db) {
    let tasks: Vec<Task> =
        (0..SCANNED).map(|number| Task { created_at: at(number as i64), ..task(&format!("task {number}")) }).collect();
    for tasks in tasks.chunks(1000) {
        db.import_tasks(tasks).await.unwrap();
    }
    // No task has a due date, so each of them is examined and none is found.
    let scan = TaskFilter { due_before: Some(at(1)), ..TaskFilter::default() };
    let created = Sort { field: TaskSort::CreatedAt, direction: Direction::Asc };
    let examined = async |filter: &TaskFilter| {
        let meter = Meter::new(usize::MAX);
        let page = query::<Task>(filter, created, Slice::first(20));
        run_metered(Caller::Server, meter.clone(), db.list_tasks(&[page])).await.unwrap();
        meter.rows.load(Relaxed)
    };
    let scanned = examined(&scan).await;
    assert!((SCANNED as u64 / 20..).contains(&scanned), "{scanned} of {SCANNED} rows were counted");
    let mut of_page = u64::MAX;
    // An engine that estimates by time counts more when the machine is busy.
    for _ in 0..5 {
        of_page = of_page.min(examined(&TaskFilter::default()).await);
    }
    assert!(of_page < scanned / 4, "{of_page} rows for a page, {scanned} for a scan");
}
