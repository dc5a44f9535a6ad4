//! Rows of others cost a viewer nothing: for each list of the schema and each filter and order of it, on first and later
//! pages in both directions, what the engine examines does not grow with what the viewer may not see.

mod lists;
mod staff;

use async_graphql::parser::types::Type;
use orderwire::{domain::*, storage::uncached};
use serde_json::{Value, json};

use self::lists::{List, Schema, first_and_last, merged};
pub use self::staff::pages_of_staff_examine_no_more_rows_when_there_are_more;
use super::engine::Db;
use crate::support::{
    api::{TestApi, viewer_with},
    data::{at, past_order, product, task, user},
};

/// Rows of others, of each kind.
const FEW: usize = 200;
const MANY: usize = 2_000;

struct Shop {
    viewer: Viewer,
    own: User,
    product: Product,
    order: Order,
}

impl Shop {
    async fn open(db: &Db) -> Self {
        let own = user("own");
        let on_sale: Vec<Product> = (0..8).map(|number| lamp("common", number)).collect();
        db.import_users(std::slice::from_ref(&own)).await.unwrap();
        db.import_products(&on_sale).await.unwrap();
        let lamp = on_sale[0].clone();
        let orders: Vec<Order> = (0..6).map(|number| order(&format!("own {number}"), &own, &lamp, number)).collect();
        db.import_orders(&orders).await.unwrap();
        let shop =
            Self { viewer: viewer_with(own.id, UserRole::Customer), own, product: lamp, order: orders[0].clone() };
        let other = user("other 0");
        let tasks = (0..12).map(|number| {
            let title = format!("own {} {number}", ["common", "rare"][number % 2]);
            let (created_by, assignee) =
                if number % 3 == 0 { (other.id, Some(shop.own.id)) } else { (shop.own.id, Some(other.id)) };
            Task { created_by, assignee, ..shop.task(&title, number) }
        });
        db.import_tasks(&tasks.collect::<Vec<_>>()).await.unwrap();
        shop
    }

    /// A task about the viewer's own order.
    fn task(&self, title: &str, number: usize) -> Task {
        Task {
            status: TaskStatus::ALL[number % TaskStatus::ALL.len()],
            priority: TaskPriority::ALL[number % TaskPriority::ALL.len()],
            order: Some(self.order.id),
            due_at: number.is_multiple_of(2).then(|| at(number as i64)),
            created_at: at(number as i64),
            ..task(title)
        }
    }

    /// Adds rows that the viewer may not see and that pass the same filters as the viewer's own.
    async fn add_rows_of_others(&self, db: &Db, numbers: std::ops::Range<usize>) {
        let archived: Vec<Product> = numbers
            .clone()
            .map(|number| Product { status: ProductStatus::Archived, ..lamp("archived", number) })
            .collect();
        let others: Vec<User> = numbers.clone().map(|number| user(&format!("other {number}"))).collect();
        let orders: Vec<Order> = numbers
            .clone()
            .zip(&others)
            .map(|(number, other)| order(&format!("other {number}"), other, &self.product, number))
            .collect();
        let tasks: Vec<Task> = numbers
            .zip(&others)
            .map(|(number, other)| Task {
                created_by: other.id,
                assignee: Some(user("other 0").id),
                ..self.task(&format!("other common {number}"), number)
            })
            .collect();
        for products in archived.chunks(500) {
            db.import_products(products).await.unwrap();
        }
        for users in others.chunks(500) {
            db.import_users(users).await.unwrap();
        }
        for orders in orders.chunks(500) {
            db.import_orders(orders).await.unwrap();
        }
        for tasks in tasks.chunks(500) {
            db.import_tasks(tasks).await.unwrap();
        }
    }

    fn ids(&self) -> Vec<String> {
        [
            self.own.id.to_string(),
            user("other 0").id.to_string(),
            self.order.id.to_string(),
            OrderId::derived(at(0), "test", "missing").to_string(),
            self.product.id.to_string(),
        ]
        .into()
    }
}

/// A product that has the words and labels of all others.
fn lamp(kind: &str, number: usize) -> Product {
    let sku = format!("{kind} {number}");
    Product {
        name: format!("common lamp {sku}"),
        tags: vec!["common".to_owned(), "common lamp".to_owned()],
        stock: (number % 3) as i32,
        price: Decimal::from_units(number as i64 % 7),
        created_at: at(number as i64),
        ..product(&sku)
    }
}

fn order(number: &str, customer: &User, product: &Product, place: usize) -> Order {
    Order {
        customer: customer.id,
        region: "common".to_owned(),
        status: OrderStatus::ALL[place % OrderStatus::ALL.len()],
        placed_at: at(place as i64),
        ..past_order(number, &[(product, 1)])
    }
}

/// What is asked of a list, and what the engine examined for it.
struct Measured {
    query: String,
    cost: u64,
}

struct Meter<'m> {
    db: &'m Db,
    api: &'m TestApi,
    shop: &'m Shop,
    measured: Vec<Measured>,
}

impl Meter<'_> {
    /// What a query answers, and what it makes the engine examine; `None` if the viewer may not ask it.
    async fn run(&self, query: &str) -> Option<(Value, u64)> {
        // What a cache has costs the engine nothing.
        let response = uncached(self.api.response(self.shop.viewer, query, json!({}))).await;
        let examined = self.db.examined().await;
        response.errors.is_empty().then(|| (response.data.into_json().unwrap(), examined))
    }

    /// Measures a query; returns its answer, or `None` if the viewer may not ask it.
    async fn measure(&mut self, query: String) -> Option<Value> {
        let (answer, cost) = self.run(&query).await?;
        self.measured.push(Measured { query, cost });
        Some(answer)
    }

    /// What a query examines, which is tried again if it is more than `enough`: steps of what runs beside it, such as the
    /// event feed, are counted with it.
    async fn least(&self, query: &str, enough: u64) -> u64 {
        let mut least = u64::MAX;
        for _ in 0..3 {
            if least > enough {
                least = least.min(self.run(query).await.expect("it was answered before").1);
            }
        }
        least
    }

    /// Measures pages in the middle of a list and at both of its ends, forwards and backwards.
    async fn measure_later_pages(&mut self, list: &List, arguments: &str, order: &str) {
        let Some((whole, _)) = self.run(&list.whole(arguments, order)).await else { return };
        let cursors = lists::cursors(&whole);
        let [first, .., last] = cursors.as_slice() else { return };
        for cursor in [&cursors[cursors.len() / 2], last] {
            for page in [format!("first: 2 after: {cursor:?}"), format!("last: 2 before: {cursor:?}")] {
                self.measure(list.query(&page, arguments, order)).await.expect("a later page is answered");
            }
        }
        self.measure(list.query(&format!("first: 2 after: {first:?} before: {last:?}"), arguments, order)).await;
    }
}

async fn measure_list(meter: &mut Meter<'_>, schema: &Schema, list: &List) {
    let (ids, own_order) = (meter.shop.ids(), meter.shop.order.id.to_string());
    let of = |wanted: &str| list.arguments.iter().find(|(name, _)| name == wanted).map(|(_, ty)| ty);
    let filters = of("filter").map(|ty| schema.literals(ty, &ids)).unwrap_or_default();
    let orders = of("orderBy").map(|ty| schema.literals(ty, &ids)).unwrap_or_default();
    let known = |(name, _): &&(String, Type)| name == "filter" || name == "orderBy";
    assert!(list.arguments.iter().all(|argument| known(&argument)), "say here how to vary {:?}", list.arguments);
    let first_page = |arguments: &str| list.query("first: 5", arguments, &own_order);
    meter.measure(first_page("")).await;
    for order in &orders {
        let arguments = format!("orderBy: {order}");
        meter.measure(first_page(&arguments)).await;
        meter.measure_later_pages(list, &arguments, &own_order).await;
    }
    let mut allowed = Vec::new();
    for filter in filters {
        let arguments = format!("filter: {filter}");
        if meter.measure(first_page(&arguments)).await.is_some() {
            // Lists inside of objects have one more condition, which comes before all others.
            for order in orders.iter().step_by(2).filter(|_| list.object == "Query") {
                meter.measure(first_page(&format!("{arguments} orderBy: {order}"))).await;
            }
            allowed.push(filter);
        }
    }
    if list.object != "Query" {
        return;
    }
    let pairs = first_and_last(&allowed);
    for (place, one) in pairs.iter().enumerate() {
        meter.measure_later_pages(list, &format!("filter: {one}"), &own_order).await;
        for other in &pairs[place + 1..] {
            if let Some(both) = merged(one, other) {
                meter.measure(first_page(&format!("filter: {both}"))).await;
            }
        }
        // Lists of one request are read together.
        let other = &pairs[(place + 1) % pairs.len()];
        meter.measure(list.both(&format!("filter: {one}"), &format!("filter: {other}"), &own_order)).await;
    }
}

pub async fn lists_do_not_examine_rows_that_the_viewer_may_not_see(db: &mut Db) {
    let schema = Schema::load();
    let shop = Shop::open(db).await;
    shop.add_rows_of_others(db, 0..FEW).await;
    let api = TestApi::over(db.shared()).await;

    db.examined().await;
    let mut meter = Meter { db, api: &api, shop: &shop, measured: Vec::new() };
    let mut refused = Vec::new();
    for list in &schema.lists {
        let before = meter.measured.len();
        measure_list(&mut meter, &schema, list).await;
        if meter.measured.len() == before {
            refused.push(format!("{}.{}", list.object, list.name));
        }
    }
    refused.sort();
    let not_theirs =
        ["Query.apiKeys", "Query.events", "Query.jobs", "Query.users", "Query.webhooks", "Webhook.deliveries"];
    assert_eq!(refused, not_theirs, "lists that a customer may not read");

    shop.add_rows_of_others(db, FEW..MANY).await;
    db.examined().await;
    let mut grown = Vec::new();
    for Measured { query, cost: few } in &meter.measured {
        let many = meter.least(query, few + db.examined_by_chance()).await;
        if many > few + db.examined_by_chance() {
            grown.push(format!("{few} became {many}: {query}"));
        }
    }
    let queries = meter.measured.len();
    assert!(queries > 500, "{queries} queries were measured");
    assert!(grown.is_empty(), "of {queries} queries, these examine rows of others:\n{}", grown.join("\n"));
}
