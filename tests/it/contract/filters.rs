//! Filters, each alone and some together, pass the rows that an in-memory filter over the same data passes.

use orderwire::domain::*;

use super::{
    data_set::DataSet,
    engine::Db,
    listed::{Listed, Query, expected, expected_page, one, page, query, sorts},
};
use crate::support::data::{NOW, at, user};

pub async fn user_filters_pass_the_right_rows(db: &Db) {
    give_the_right_rows::<User>(db).await;
}

pub async fn product_filters_pass_the_right_rows(db: &Db) {
    give_the_right_rows::<Product>(db).await;
}

pub async fn order_filters_pass_the_right_rows(db: &Db) {
    give_the_right_rows::<Order>(db).await;
}

pub async fn task_filters_pass_the_right_rows(db: &Db) {
    give_the_right_rows::<Task>(db).await;
}

/// Checks every filter in every order, one query at a time. The count is the length of the list.
async fn give_the_right_rows<T: Listed>(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let mut some = 0;
    for filter in T::filters(&data) {
        for sort in sorts::<T>() {
            let all = expected(T::rows(&data), &filter, sort);
            some += usize::from(!all.is_empty());
            let slice = Slice::first(1000);
            let page = page::<T>(db, &filter, sort, slice.clone()).await;
            assert_eq!(page, expected_page(&all, &slice, sort.direction), "{filter:?} {sort:?}");
            assert_eq!(T::count(db.store(), std::slice::from_ref(&filter)).await, [all.len() as u64], "{filter:?}");
        }
    }
    assert!(some > 20, "the filters should let something through");
}

pub async fn queries_in_one_call_are_answered_like_each_alone(db: &Db) {
    let data = DataSet::load(db.store()).await;
    together_like_alone::<User>(db, &data).await;
    together_like_alone::<Product>(db, &data).await;
    together_like_alone::<Order>(db, &data).await;
    together_like_alone::<Task>(db, &data).await;
}

async fn together_like_alone<T: Listed>(db: &Db, data: &DataSet) {
    let filters = T::filters(data);
    let mut queries: Vec<Query<T>> = Vec::new();
    for (filter, sort) in filters.iter().zip(sorts::<T>().collect::<Vec<_>>().into_iter().cycle()) {
        for take in [Take::First(3), Take::Last(2)] {
            queries.push(query::<T>(filter, sort, Slice { after: None, before: None, take }));
        }
    }
    queries.push(queries[0].clone());
    let together = T::list(db.store(), &queries).await;
    assert_eq!(together.len(), queries.len());
    for (query, page) in queries.into_iter().zip(together) {
        assert_eq!(page, one::<T>(db, query.clone()).await, "{query:?}");
    }

    let counts = T::count(db.store(), &filters).await;
    for (filter, count) in filters.iter().zip(&counts) {
        assert_eq!(T::count(db.store(), std::slice::from_ref(filter)).await, [*count], "{filter:?}");
    }
    assert_eq!(counts.len(), filters.len());
    assert!(T::list(db.store(), &[]).await.is_empty() && T::count(db.store(), &[]).await.is_empty(), "nothing asked");
}

/// As nested connections ask: the same list for every customer, some with more orders than a page, some with none.
pub async fn lists_of_many_customers_are_answered_like_each_alone(db: &Db) {
    let data = DataSet::load(db.store()).await;
    let mut customers: Vec<UserId> = data.users.iter().map(|user| user.id).collect();
    customers.push(user("nobody").id);
    for sort in sorts::<Order>() {
        for take in [1, 2, 3, 100].into_iter().flat_map(|count| [Take::First(count), Take::Last(count)]) {
            let of = |customer: &UserId| {
                let filter = OrderFilter { customer: Some(*customer), ..OrderFilter::default() };
                query::<Order>(&filter, sort, Slice { after: None, before: None, take })
            };
            let queries: Vec<Query<Order>> = customers.iter().map(of).collect();
            let together = Order::list(db.store(), &queries).await;
            for (query, page) in queries.into_iter().zip(together) {
                assert_eq!(page, one::<Order>(db, query.clone()).await, "{query:?}");
            }
        }
    }
}

fn search(text: &str) -> Option<SearchTerms> {
    SearchTerms::parse(text).ok()
}

pub fn of_users() -> Vec<UserFilter> {
    let all = UserFilter::default;
    let mut filters: Vec<UserFilter> = ["lantern", "café red", "user", "7", "example.com", "nothing"]
        .map(|text| UserFilter { search: search(text), ..all() })
        .into();
    filters.extend(UserRole::ALL.map(|role| UserFilter { role: Some(role), ..all() }));
    filters.extend([all(), UserFilter { search: search("lantern"), role: Some(UserRole::Staff) }]);
    filters
}

pub fn of_products(data: &DataSet) -> Vec<ProductFilter> {
    let all = ProductFilter::default;
    let ids: Vec<ProductId> = data.products[5..25].iter().map(|product| product.id).collect();
    let unknown = ProductId::derived(NOW, "test", "no such product");
    let price = |units| Some(Decimal::from_units(units));
    let mut filters: Vec<ProductFilter> = ["LANTERN", "cafe", "light t", "red s", "SKU7", "b", "nothing", "10"]
        .map(|text| ProductFilter { search: search(text), ..all() })
        .into();
    filters.extend(
        ["gift", "Gift", "GIFT", "a.b", "$where", "", "a"]
            .map(|tag| ProductFilter { tag: Some(tag.to_owned()), ..all() }),
    );
    filters.extend([
        all(),
        ProductFilter { ids: Some(ids.clone()), ..all() },
        ProductFilter { ids: Some(vec![ids[0], unknown, ids[0]]), ..all() },
        ProductFilter { ids: Some(vec![]), ..all() },
        ProductFilter { skus: Some(vec!["SKU3".into(), "sku4".into(), "SKU5".into(), "SKU5".into()]), ..all() },
        ProductFilter { skus: Some(vec![]), ..all() },
        ProductFilter { status: Some(ProductStatus::Active), ..all() },
        ProductFilter { status: Some(ProductStatus::Archived), ..all() },
        ProductFilter { in_stock: Some(true), ..all() },
        ProductFilter { in_stock: Some(false), ..all() },
        ProductFilter { min_price: price(8_500), ..all() },
        ProductFilter { max_price: price(8_500), ..all() },
        ProductFilter { min_price: price(11), max_price: price(25_000), ..all() },
        ProductFilter { min_price: price(25_000), max_price: price(11), ..all() },
        ProductFilter { min_price: price(i64::MIN), max_price: price(i64::MAX), ..all() },
        ProductFilter { search: search("red"), status: Some(ProductStatus::Active), ..all() },
        ProductFilter { search: search("red"), in_stock: Some(true), tag: Some("gift".into()), ..all() },
        ProductFilter { ids: Some(ids), in_stock: Some(true), ..all() },
        ProductFilter { tag: Some("gift".into()), max_price: price(8_500), ..all() },
    ]);
    filters
}

pub fn of_orders(data: &DataSet) -> Vec<OrderFilter> {
    let all = OrderFilter::default;
    let customer = Some(data.users[2].id);
    let product = Some(data.products[3].id);
    let mut filters: Vec<OrderFilter> = ["United Kingdom", "united kingdom", "France", "", "Fr"]
        .map(|region| OrderFilter { region: Some(region.to_owned()), ..all() })
        .into();
    filters.extend(OrderStatus::ALL.map(|status| OrderFilter { statuses: Some(vec![status]), ..all() }));
    filters.extend([
        all(),
        OrderFilter { customer, ..all() },
        OrderFilter { customer: Some(data.users[30].id), ..all() },
        OrderFilter { statuses: Some(vec![OrderStatus::Pending, OrderStatus::Shipped]), ..all() },
        OrderFilter { statuses: Some(vec![]), ..all() },
        OrderFilter { placed_after: Some(at(7200)), ..all() },
        OrderFilter { placed_before: Some(at(7200)), ..all() },
        OrderFilter { placed_after: Some(at(3600)), placed_before: Some(at(10_800)), ..all() },
        OrderFilter { placed_after: Some(at(0)), placed_before: Some(at(0)), ..all() },
        OrderFilter { placed_before: Some(Timestamp::from_unix_millis(-1)), ..all() },
        OrderFilter { product, ..all() },
        OrderFilter { product: Some(data.products[50].id), ..all() },
        OrderFilter { customer, statuses: Some(vec![OrderStatus::Delivered, OrderStatus::Pending]), ..all() },
        OrderFilter { customer, product, ..all() },
        OrderFilter { product, placed_after: Some(at(0)), ..all() },
        OrderFilter { region: Some("France".into()), placed_before: Some(at(7200)), ..all() },
    ]);
    filters
}

pub fn of_tasks(data: &DataSet) -> Vec<TaskFilter> {
    let all = TaskFilter::default;
    let user = Some(data.users[1].id);
    let order = Some(data.orders[2].id);
    let mut filters: Vec<TaskFilter> = ["lantern", "Cafe red", "light", "armel", "b", "nothing"]
        .map(|text| TaskFilter { search: search(text), ..all() })
        .into();
    filters.extend([
        all(),
        TaskFilter { visible_to: user, ..all() },
        TaskFilter { visible_to: Some(data.users[30].id), ..all() },
        TaskFilter { statuses: Some(vec![TaskStatus::Todo, TaskStatus::Done]), ..all() },
        TaskFilter { statuses: Some(vec![]), ..all() },
        TaskFilter { priorities: Some(vec![TaskPriority::Urgent]), ..all() },
        TaskFilter { priorities: Some(vec![TaskPriority::Low, TaskPriority::High]), ..all() },
        TaskFilter { assignee: user, ..all() },
        TaskFilter { created_by: user, ..all() },
        TaskFilter { order, ..all() },
        TaskFilter { due_before: Some(at(7200)), ..all() },
        TaskFilter { due_before: Some(Timestamp::from_unix_millis(i64::MAX)), ..all() },
        TaskFilter { visible_to: user, search: search("red"), ..all() },
        TaskFilter { visible_to: user, assignee: Some(data.users[2].id), ..all() },
        TaskFilter { visible_to: user, statuses: Some(vec![TaskStatus::Todo]), ..all() },
        TaskFilter { order, due_before: Some(at(7200)), ..all() },
        TaskFilter { created_by: user, priorities: Some(vec![TaskPriority::High]), ..all() },
    ]);
    filters
}
