//! The plans behind the lists, as the server explains them.

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};

use super::{
    super::{MongoStore, order, product, scan::Listing, task, user},
    DIRECTIONS, at, load, on_nodes,
};
use crate::{
    domain::*,
    storage::{OrderQuery, ProductQuery, TaskQuery, UserQuery},
};

/// First and last pages without a cursor, with either one and with both.
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

/// Collects the stages of the winning plan.
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
    let command = listing.page_scan().command(collection);
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
        let filters: [(UserFilter, May, bool); 5] = [
            (any(), |_| false, false),
            (UserFilter { role: Some(UserRole::Staff), ..any() }, |_| false, false),
            // Every user has the first word.
            (UserFilter { search: SearchTerms::parse("user").ok(), ..any() }, |_| false, false),
            (UserFilter { search: SearchTerms::parse("user 3").ok(), ..any() }, |_| false, true),
            (UserFilter { search: SearchTerms::parse("user").ok(), role: Some(UserRole::Staff) }, |_| false, true),
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
        let filters: [(ProductFilter, May, bool); 8] = [
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
            (ProductFilter { search: SearchTerms::parse("lantern 3").ok(), ..any() }, |_| true, true),
            (ProductFilter { ids: Some(vec![data.products[0].id]), ..any() }, |_| true, true),
        ];
        let sorts = [ProductSort::CreatedAt, ProductSort::Name, ProductSort::Price, ProductSort::Stock];
        let position = |sort: ProductSort, product: &Product| sort.position(product, 0.0);
        let fields = ProductFields { description: false };
        check_plans!(&stores[0], "products", product, ProductQuery, fields, sorts, filters, position, data.products);

        let filter = ProductFilter { search: SearchTerms::parse("lantern 3").ok(), ..any() };
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
            (TaskFilter { search: SearchTerms::parse("pack 30").ok(), ..any() }, |_| true, true),
        ];
        let sorts = [TaskSort::CreatedAt, TaskSort::DueAt, TaskSort::Priority];
        let fields = TaskFields { description: false };
        check_plans!(&stores[0], "tasks", task, TaskQuery, fields, sorts, filters, TaskSort::position, data.tasks);
    })
    .await;
}
