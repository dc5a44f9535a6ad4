//! Keys and values of the cache, and what they take.

use std::sync::Arc;

use ulid::Ulid;

use super::recent_changes::Step;
use crate::{
    domain::{ListQuery, Order, OrderId, Position, Product, ProductId, SearchTerms, SortKey, Task, TaskId},
    storage::{OrderQuery, ProductQuery, TaskQuery},
};

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A product by its id.
    Product(ProductId),
    /// An order by its id.
    Order(OrderId),
    /// A task by its id.
    Task(TaskId),
    /// The id of the product with this SKU.
    Sku(String),
    /// The id of the order with this number.
    OrderNumber(String),
    /// A page of products.
    Products(Box<ProductQuery>),
    /// A page of orders.
    Orders(Box<OrderQuery>),
    /// A page of tasks.
    Tasks(Box<TaskQuery>),
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
    /// The id of what has a unique value, which never changes.
    Id(Ulid),
    /// A page of a list.
    Page(Arc<CachedPage>),
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
    /// Estimated bytes that the key and its value take.
    pub(super) fn memory(&self, value: &Value) -> usize {
        let key = match self {
            Self::Product(_) | Self::Order(_) | Self::Task(_) => 0,
            Self::Sku(text) | Self::OrderNumber(text) => text.len(),
            Self::Products(query) => {
                let filter = &query.filter;
                let skus = filter.skus.iter().flatten().map(|sku| size_of::<String>() + sku.len()).sum::<usize>();
                let ids = filter.ids.iter().flatten().count() * size_of::<ProductId>();
                list(query) + search(filter.search.as_ref()) + skus + ids + filter.tag.as_ref().map_or(0, String::len)
            }
            Self::Orders(query) => {
                let region = query.filter.region.as_ref().map_or(0, String::len);
                list(query) + region + query.filter.statuses.as_ref().map_or(0, Vec::len)
            }
            Self::Tasks(query) => list(query) + search(query.filter.search.as_ref()),
        };
        let value = match value {
            Value::Product(product) => product.memory(),
            Value::Order(order) => order.memory(),
            Value::Task(task) => task.memory(),
            Value::Id(_) => 0,
            Value::Page(page) => size_of::<CachedPage>() + page.rows.iter().map(position).sum::<usize>(),
        };
        OVERHEAD + size_of::<Self>() + size_of::<Value>() + key + value
    }
}

fn list<F, S, P>(query: &ListQuery<F, S, P>) -> usize {
    let ends = [&query.slice.after, &query.slice.before].into_iter().flatten();
    size_of::<ListQuery<F, S, P>>() + ends.map(position).sum::<usize>()
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
