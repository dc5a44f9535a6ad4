//! Keys and values of the cache, and what they take.

use std::sync::Arc;

use ulid::Ulid;

use super::{new_orders::NewOrders, recent_changes::Step};
use crate::{
    domain::{
        ListQuery, Order, OrderFields, OrderFilter, OrderId, Position, Product, ProductFields, ProductFilter,
        ProductId, SearchTerms, SortKey, Task, TaskFields, TaskFilter, TaskId, User, UserFilter, UserId,
    },
    storage::{OrderQuery, ProductQuery, TaskQuery, UserQuery},
};

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A product by its id, with these costly fields.
    Product(ProductId, ProductFields),
    /// An order by its id, with these costly fields.
    Order(OrderId, OrderFields),
    /// A task by its id, with these costly fields.
    Task(TaskId, TaskFields),
    /// A user by their id.
    User(UserId),
    /// The id of the user who has or had this e-mail address.
    Email(String),
    /// The id of the product with this SKU.
    Sku(String),
    /// The id of the order with this number.
    OrderNumber(String),
    /// The orders that a customer has placed of late.
    NewOrders(UserId),
    /// A page of products.
    Products(Box<ProductQuery>),
    /// A page of orders.
    Orders(Box<OrderQuery>),
    /// A page of tasks.
    Tasks(Box<TaskQuery>),
    /// A page of users.
    Users(Box<UserQuery>),
    /// How many products pass a filter.
    ProductCount(Box<ProductFilter>),
    /// How many orders pass a filter.
    OrderCount(Box<OrderFilter>),
    /// How many tasks pass a filter.
    TaskCount(Box<TaskFilter>),
    /// How many users pass a filter.
    UserCount(Box<UserFilter>),
}

/// What is found.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A product.
    Product(Arc<Product>),
    /// An order.
    Order(Arc<Order>),
    /// A task.
    Task(Arc<Task>),
    /// A user.
    User(Arc<User>),
    /// The id of what has, or had, a unique value.
    Id(Ulid),
    /// Orders that a customer has placed of late.
    NewOrders(Arc<NewOrders>),
    /// A page of a list.
    Page(Arc<CachedPage>),
    /// How many entities pass a filter.
    Count(CachedCount),
}

impl Value {
    /// Estimated bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        let parts = match self {
            Self::Product(product) => product.memory(),
            Self::Order(order) => order.memory(),
            Self::Task(task) => task.memory(),
            Self::User(user) => user.memory(),
            Self::NewOrders(orders) => orders.memory(),
            Self::Id(_) | Self::Count(_) => 0,
            Self::Page(page) => size_of::<CachedPage>() + page.rows.iter().map(position).sum::<usize>(),
        };
        size_of::<Self>() + parts
    }

    /// The version of an entity; other values have none, and give 0.
    pub(super) fn version(&self) -> i32 {
        match self {
            Self::Product(product) => product.version,
            Self::Order(order) => order.version,
            Self::Task(task) => task.version,
            Self::User(user) => user.version,
            Self::Id(_) | Self::NewOrders(_) | Self::Page(_) | Self::Count(_) => 0,
        }
    }
}

/// How many entities pass a filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct CachedCount {
    /// The last change before they were counted.
    pub(super) read_at: Step,
    pub(super) count: u64,
}

/// A page without its rows.
#[derive(Debug)]
pub(super) struct CachedPage {
    /// The last change before it was read.
    pub(super) read_at: Step,
    /// The positions of its rows, which have their ids.
    pub(super) rows: Vec<Position>,
    pub(super) has_previous: bool,
    pub(super) has_next: bool,
}

/// What the map itself takes for each key, by estimate.
const OVERHEAD: usize = 160;

impl Key {
    /// Estimated bytes that the key takes in a map.
    pub(super) fn memory(&self) -> usize {
        let parts = match self {
            Self::Product(..) | Self::Order(..) | Self::Task(..) | Self::User(_) | Self::NewOrders(_) => 0,
            Self::Sku(text) | Self::OrderNumber(text) | Self::Email(text) => text.len(),
            Self::Products(query) => list(query) + products(&query.filter),
            Self::Orders(query) => list(query) + orders(&query.filter),
            Self::Tasks(query) => list(query) + search(query.filter.search.as_ref()),
            Self::Users(query) => list(query) + search(query.filter.search.as_ref()),
            Self::ProductCount(filter) => size_of::<ProductFilter>() + products(filter),
            Self::OrderCount(filter) => size_of::<OrderFilter>() + orders(filter),
            Self::TaskCount(filter) => size_of::<TaskFilter>() + search(filter.search.as_ref()),
            Self::UserCount(filter) => size_of::<UserFilter>() + search(filter.search.as_ref()),
        };
        OVERHEAD + size_of::<Self>() + parts
    }
}

fn list<F, S, P>(query: &ListQuery<F, S, P>) -> usize {
    let ends = [&query.slice.after, &query.slice.before].into_iter().flatten();
    size_of::<ListQuery<F, S, P>>() + ends.map(position).sum::<usize>()
}

fn products(filter: &ProductFilter) -> usize {
    let skus = filter.skus.iter().flatten().map(|sku| size_of::<String>() + sku.len()).sum::<usize>();
    let ids = filter.ids.iter().flatten().count() * size_of::<ProductId>();
    search(filter.search.as_ref()) + skus + ids + filter.tag.as_ref().map_or(0, String::len)
}

fn orders(filter: &OrderFilter) -> usize {
    filter.region.as_ref().map_or(0, String::len) + filter.statuses.as_ref().map_or(0, Vec::len)
}

fn position(position: &Position) -> usize {
    let text = match &position.key {
        SortKey::Text(text) => text.len(),
        SortKey::Int(_) | SortKey::Score(_) => 0,
    };
    size_of::<Position>() + text
}

fn search(terms: Option<&SearchTerms>) -> usize {
    terms.map_or(0, |terms| terms.terms().iter().map(|term| size_of::<String>() + term.len()).sum())
}
