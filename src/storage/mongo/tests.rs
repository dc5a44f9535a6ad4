//! What the behaviour suite can't see: the plans behind the lists, what is refused at start, and nodes that collide.

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};

use super::{MongoOptions, MongoStore, order, product, query::Listing, task, user};
use crate::{
    domain::*,
    storage::{
        EventStore, Idempotency, ImportStore, OrderQuery, OrderStore, ProductQuery, ProductStore, Store, StoreError,
        TaskQuery, UserQuery,
    },
};

const DIRECTIONS: [Direction; 2] = [Direction::Asc, Direction::Desc];
/// Rows of each kind: enough that an index pays.
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

/// Runs a test on `nodes` stores that share a database of their own, and drops that whatever the outcome.
async fn on_nodes(nodes: usize, test: impl AsyncFnOnce(&[MongoStore])) {
    let database = format!("engine_{:032x}", rand::random::<u128>());
    let mut stores = Vec::new();
    for _ in 0..nodes {
        stores.push(MongoStore::connect(&url_of(&database), MongoOptions::default()).await.unwrap());
    }
    let outcome = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(&stores))).await;
    stores[0].0.database.drop().await.unwrap();
    for store in stores {
        store.close().await;
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000 + seconds * 1000)
}

fn a_product(number: i64) -> Product {
    let product = NewProduct {
        sku: format!("SKU{number}"),
        name: format!("Lantern {}", number % 7),
        description: Some("warm light".into()),
        price: Decimal::from_units(number % 11),
        currency: CurrencyCode::GBP,
        stock: (number % 5) as i32,
        tags: vec![format!("tag{}", number % 3)],
    };
    product.create(ProductId::generate(at(number % 50)), at(number % 50))
}

fn a_user(number: i64) -> User {
    User {
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
    Task {
        id: TaskId::generate(at(number)),
        title: format!("Pack lantern {number}"),
        description: None,
        status: [TaskStatus::Todo, TaskStatus::InProgress, TaskStatus::Done][number as usize % 3],
        priority: [TaskPriority::Low, TaskPriority::Medium, TaskPriority::High, TaskPriority::Urgent]
            [number as usize % 4],
        created_by: users[number as usize % 5].id,
        assignee: (number % 2 == 0).then(|| users[number as usize % 7].id),
        order: (number % 3 == 0).then(|| orders[number as usize % 30].id),
        due_at: (number % 4 != 0).then(|| at(number % 60)),
        version: 1,
        created_at: at(number % 50),
        updated_at: at(number),
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

/// First and last pages, with no cursor, either one and both.
fn slices(first: &Position, second: &Position) -> Vec<Slice> {
    let cursors = [None, Some(first.clone())]
        .into_iter()
        .flat_map(|after| [None, Some(second.clone())].into_iter().map(move |before| (after.clone(), before)));
    cursors
        .flat_map(|(after, before)| {
            [Take::First(5), Take::Last(5)].map(|take| Slice { after: after.clone(), before: before.clone(), take })
        })
        .collect()
}

/// The stages of the plan that is used.
fn stages(explained: &Bson, found: &mut BTreeSet<String>) {
    match explained {
        Bson::Document(document) => {
            for (key, value) in document {
                match (key.as_str(), value) {
                    ("rejectedPlans", _) => {}
                    ("stage", Bson::String(stage)) => drop(found.insert(stage.clone())),
                    _ => stages(value, found),
                }
            }
        }
        Bson::Array(elements) => elements.iter().for_each(|element| stages(element, found)),
        _ => {}
    }
}

async fn explain(store: &MongoStore, command: Document, verbosity: &str) -> (BTreeSet<String>, Document) {
    let explained = store.0.database.run_command(doc! { "explain": command, "verbosity": verbosity }).await.unwrap();
    let mut found = BTreeSet::new();
    stages(&Bson::Document(explained.clone()), &mut found);
    (found, explained)
}

/// No list scans a collection; none sorts in memory unless `may_sort`; none looks at more than a few rows unless it
/// `may_skip` rows that the index does not know about.
async fn walks_an_index(store: &MongoStore, collection: &str, listing: &Listing<'_>, may_sort: bool, may_skip: bool) {
    let command = listing.walk().command(collection);
    let (found, explained) = explain(store, command.clone(), "executionStats").await;
    assert!(found.contains("IXSCAN") && !found.contains("COLLSCAN"), "{found:?} {command}");
    assert!(may_sort || !found.contains("SORT"), "{found:?} {command}");
    if !may_sort && !may_skip {
        let examined = explained.get_document("executionStats").unwrap().get("totalKeysExamined").unwrap().clone();
        let examined = examined.as_i32().map(i64::from).or(examined.as_i64()).unwrap();
        assert!(examined <= 20, "{examined} keys for {command}");
    }
}

macro_rules! check_plans {
    ($store:expr, $collection:literal, $module:ident, $query:ident, $fields:expr, $sorts:expr, $filters:expr,
     $position:expr, $rows:expr) => {
        for (filter, may_sort, may_skip) in $filters {
            for field in $sorts {
                for direction in DIRECTIONS {
                    let (low, high) = (&$rows[150], &$rows[250]);
                    let mut ends = [$position(field, low), $position(field, high)];
                    let key = |position: &Position| match &position.key {
                        SortKey::Int(number) => (*number, String::new(), position.id),
                        SortKey::Text(text) => (0, text.clone(), position.id),
                        SortKey::Score(_) => (0, String::new(), position.id),
                    };
                    ends.sort_by_key(key);
                    if direction == Direction::Desc {
                        ends.reverse();
                    }
                    for slice in slices(&ends[0], &ends[1]) {
                        let may_skip = may_skip || (slice.after.is_some() && slice.before.is_some());
                        let sort = Sort { field, direction };
                        let query = $query { filter: filter.clone(), sort, slice, fields: $fields };
                        let may_sort = may_sort(field);
                        walks_an_index($store, $collection, &$module::listing(&query), may_sort, may_skip).await;
                    }
                }
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_users_walks_an_index() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let any = UserFilter::default;
        type May = fn(UserSort) -> bool;
        let filters: [(UserFilter, May, bool); 3] = [
            (any(), |_| false, false),
            (UserFilter { role: Some(UserRole::Staff), ..any() }, |_| false, false),
            (UserFilter { search: SearchTerms::parse("user 3"), ..any() }, |_| true, true),
        ];
        let sorts = [UserSort::CreatedAt, UserSort::Name];
        check_plans!(&stores[0], "users", user, UserQuery, (), sorts, filters, UserSort::position, data.users);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_products_walks_an_index() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let any = ProductFilter::default;
        type May = fn(ProductSort) -> bool;
        let filters: [(ProductFilter, May, bool); 9] = [
            (any(), |_| false, false),
            (ProductFilter { status: Some(ProductStatus::Active), ..any() }, |_| false, false),
            (ProductFilter { tag: Some("tag1".into()), ..any() }, |_| false, false),
            (
                ProductFilter { tag: Some("tag1".into()), status: Some(ProductStatus::Active), ..any() },
                |_| false,
                false,
            ),
            (ProductFilter { in_stock: Some(true), ..any() }, |_| false, true),
            (ProductFilter { min_price: Some(Decimal::from_units(3)), ..any() }, |_| false, true),
            (ProductFilter { search: SearchTerms::parse("lantern 3"), ..any() }, |_| true, true),
            (ProductFilter { skus: Some(vec!["SKU1".into(), "SKU7".into()]), ..any() }, |_| true, true),
            (ProductFilter { ids: Some(vec![data.products[0].id]), ..any() }, |_| true, true),
        ];
        let sorts = [ProductSort::CreatedAt, ProductSort::Name, ProductSort::Price, ProductSort::Stock];
        let position = |sort: ProductSort, product: &Product| sort.position(product, 0.0);
        let fields = ProductFields { description: false };
        check_plans!(&stores[0], "products", product, ProductQuery, fields, sorts, filters, position, data.products);

        let filter = ProductFilter { search: SearchTerms::parse("lantern 3"), ..any() };
        for direction in DIRECTIONS {
            let [first, second] = [3.5, 2.5].map(|score| ProductSort::Relevance.position(&data.products[9], score));
            for slice in slices(&first, &second) {
                let sort = Sort { field: ProductSort::Relevance, direction };
                let query = ProductQuery { filter: filter.clone(), sort, slice, fields };
                walks_an_index(&stores[0], "products", &product::listing(&query), true, true).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_orders_walks_an_index() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let any = OrderFilter::default;
        type May = fn(OrderSort) -> bool;
        let filters: [(OrderFilter, May, bool); 8] = [
            (any(), |_| false, false),
            (OrderFilter { customer: Some(data.users[3].id), ..any() }, |_| false, false),
            (OrderFilter { region: Some("France".into()), ..any() }, |_| false, false),
            (OrderFilter { statuses: Some(vec![OrderStatus::Shipped]), ..any() }, |_| false, false),
            (
                OrderFilter { statuses: Some(vec![OrderStatus::Shipped, OrderStatus::Pending]), ..any() },
                |_| false,
                false,
            ),
            (OrderFilter { product: Some(data.products[3].id), ..any() }, |sort| sort == OrderSort::Total, true),
            (OrderFilter { placed_after: Some(at(20)), placed_before: Some(at(80)), ..any() }, |_| false, true),
            (OrderFilter { customer: Some(data.users[3].id), region: Some("UK".into()), ..any() }, |_| false, true),
        ];
        let sorts = [OrderSort::PlacedAt, OrderSort::Total];
        let fields = OrderFields { items: false, history: false };
        check_plans!(&stores[0], "orders", order, OrderQuery, fields, sorts, filters, OrderSort::position, data.orders);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_tasks_walks_an_index() {
    on_nodes(1, async |stores| {
        let data = load(&stores[0]).await;
        let any = TaskFilter::default;
        type May = fn(TaskSort) -> bool;
        let user = Some(data.users[2].id);
        let filters: [(TaskFilter, May, bool); 12] = [
            (any(), |_| false, false),
            (TaskFilter { visible_to: user, ..any() }, |_| false, false),
            (TaskFilter { assignee: user, ..any() }, |_| false, true),
            (TaskFilter { assignee: user, visible_to: Some(data.users[1].id), ..any() }, |_| false, true),
            (TaskFilter { created_by: user, ..any() }, |_| false, true),
            (TaskFilter { order: Some(data.orders[3].id), ..any() }, |_| false, false),
            (TaskFilter { statuses: Some(vec![TaskStatus::Todo]), ..any() }, |_| false, false),
            (TaskFilter { statuses: Some(vec![TaskStatus::Todo, TaskStatus::Done]), ..any() }, |_| false, false),
            (TaskFilter { priorities: Some(vec![TaskPriority::Low]), ..any() }, |_| false, true),
            (TaskFilter { priorities: Some(vec![TaskPriority::Low, TaskPriority::Urgent]), ..any() }, |_| false, true),
            (TaskFilter { due_before: Some(at(30)), ..any() }, |_| false, true),
            (TaskFilter { search: SearchTerms::parse("pack 30"), ..any() }, |_| true, true),
        ];
        let sorts = [TaskSort::CreatedAt, TaskSort::DueAt, TaskSort::Priority];
        let fields = TaskFields { description: false };
        check_plans!(&stores[0], "tasks", task, TaskQuery, fields, sorts, filters, TaskSort::position, data.tasks);
    })
    .await;
}

fn new_order(products: &[&Product]) -> (NewOrder, Idempotency, Stamp) {
    let stamp = Stamp { actor: None, at: SystemClock.now() };
    let id = OrderId::generate(stamp.at);
    let user = UserId::generate(stamp.at);
    let line = |(input_index, product): (usize, &&Product)| OrderLine { product: product.id, quantity: 1, input_index };
    let order = NewOrder {
        id,
        number: id.to_string(),
        region: "UK".into(),
        customer: user,
        lines: products.iter().enumerate().map(line).collect(),
        payment_reference: None,
    };
    (order, Idempotency { user, scope: "place", key: id.to_string(), fingerprint: [1; 32] }, stamp)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_collide_sell_each_unit_once_and_number_without_gaps() {
    const UNITS: i32 = 60;
    on_nodes(3, async |stores| {
        let [lamp, vase] = [1, 2].map(|number| Product { stock: UNITS, ..a_product(number) });
        stores[0].import_products(&[lamp.clone(), vase.clone()]).await.unwrap();
        let buyers = (0..90).map(|number| {
            let store = stores[number % stores.len()].clone();
            let products = if number % 2 == 0 { [lamp.clone(), vase.clone()] } else { [vase.clone(), lamp.clone()] };
            tokio::spawn(async move {
                let (order, key, stamp) = new_order(&products.iter().collect::<Vec<_>>());
                store.place_order(order, key, stamp).await
            })
        });
        let mut sold = 0;
        for buyer in buyers.collect::<Vec<_>>() {
            match buyer.await.unwrap() {
                Ok(placed) => sold += placed.events.len() as i32 / 3,
                Err(StoreError::InsufficientStock { available: 0, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sold, UNITS);
        let left = stores[1].products_by_ids(&[lamp.id, vase.id]).await.unwrap();
        assert!(left.iter().flatten().all(|product| product.stock == 0 && product.version == 1 + UNITS));
        let log = stores[2].read_log(0, LogFilter::ALL, 1000).await.unwrap();
        let numbers: Vec<Seq> = log.events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=Seq::from(UNITS) * 3).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_transaction_behind() {
    on_nodes(1, async |stores| {
        let lamp = Product { stock: 1000, ..a_product(1) };
        stores[0].import_products(std::slice::from_ref(&lamp)).await.unwrap();
        for number in 0..50 {
            let (order, key, stamp) = new_order(&[&lamp]);
            let call = stores[0].place_order(order, key, stamp);
            let patience = std::time::Duration::from_micros(number * 100);
            let _ = tokio::time::timeout(patience, call).await;
        }
        let (order, key, stamp) = new_order(&[&lamp]);
        let last = stores[0].place_order(order, key, stamp).await.unwrap();
        let placed = stores[0].count_orders(&[OrderFilter::default()]).await.unwrap()[0];
        assert_eq!(last.events.last().unwrap().seq, placed as Seq * 2, "every order is whole");
    })
    .await;
}

#[tokio::test]
async fn an_index_that_is_in_the_way_is_named() {
    let database = format!("engine_{:032x}", rand::random::<u128>());
    let client = mongodb::Client::with_uri_str(server()).await.unwrap();
    let other = doc! { "createIndexes": "orders", "indexes": [{ "key": { "number": 1 }, "name": "number" }] };
    client.database(&database).run_command(other).await.unwrap();
    let refused = MongoStore::connect(&url_of(&database), MongoOptions::default()).await.err().unwrap().to_string();
    client.database(&database).drop().await.unwrap();
    assert!(refused.contains("orders") && refused.contains("number"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_unavailable_and_credentials_stay_secret() {
    let options =
        MongoOptions { server_selection_timeout: std::time::Duration::from_millis(300), ..MongoOptions::default() };
    for url in [
        "mongodb://ann:s3cret@127.0.0.1:1/shop?replicaSet=rs0",
        "mongodb://ann:s3cret@127.0.0.1:1/shop",
        "mongodb://ann:s3cret@/shop",
        "mongodb://ann:s3cr%et@host/shop",
        "redis://ann:s3cret@host",
    ] {
        let error = MongoStore::connect(url, options.clone()).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains("s3cr"), "{error}");
        assert_eq!(url.contains("127.0.0.1"), matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}

/// Runs a server that stands alone, and kills it whatever the outcome.
struct Standalone {
    process: std::process::Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl Standalone {
    fn start() -> Self {
        let program = std::env::var("ORDERWIRE_TEST_MONGOD").expect("ORDERWIRE_TEST_MONGOD is the path of a mongod");
        let data = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = std::process::Command::new(program)
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string(), "--dbpath"])
            .arg(data.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self { process, port, _data: data }
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_standalone_server_is_refused_with_the_remedy() {
    let server = Standalone::start();
    let options =
        MongoOptions { server_selection_timeout: std::time::Duration::from_secs(20), ..MongoOptions::default() };
    let refused = MongoStore::connect(&format!("mongodb://127.0.0.1:{}/shop", server.port), options).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("--replSet"), "{refused}");
    // Asked for a replica set, the driver waits for a primary in vain.
    let options =
        MongoOptions { server_selection_timeout: std::time::Duration::from_millis(500), ..MongoOptions::default() };
    let url = format!("mongodb://127.0.0.1:{}/shop?replicaSet=rs0", server.port);
    let refused = MongoStore::connect(&url, options).await.err().unwrap().to_string();
    assert!(refused.contains("--replSet"), "{refused}");
}
