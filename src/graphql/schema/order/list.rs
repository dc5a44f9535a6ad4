//! Loading orders, and lists of them: filter, sorting, pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject};

use super::types::{Order, OrderStatus};
use crate::{
    domain::{self, Direction, OrderFields, OrderSort, Sort, text},
    graphql::{
        engine::error::ApiResult,
        schema::{
            connection::{Connection, List, PageArguments, node_field_selected, sort_or},
            error::argument_id,
            loaders::{Count, load_entity, load_list},
            metadata::MetadataFilter,
            request_context::RequestContext,
            scalars::DateTime,
            sort::OrderDirection,
        },
    },
    service::OrderQuery,
};

load_entity!(domain::OrderId => domain::Order, orders);
load_list!(OrderQuery, domain::OrderFilter => domain::Order, list_orders, count_orders);

/// Which orders. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct OrderFilter {
    /// Only this customer's.
    customer_id: Option<ID>,
    /// Only in one of these states.
    status: Option<Vec<OrderStatus>>,
    /// Only to this region, exactly as written.
    region: Option<String>,
    /// Only placed at this time or later.
    placed_after: Option<DateTime>,
    /// Only placed before this time.
    placed_before: Option<DateTime>,
    /// Only with a line of this product.
    product_id: Option<ID>,
    /// Only with this metadata; for those who are not staff, with this public metadata.
    metadata: Option<MetadataFilter>,
}

impl OrderFilter {
    pub(crate) fn into_domain(self) -> ApiResult<domain::OrderFilter> {
        Ok(domain::OrderFilter {
            customer: self.customer_id.map(|id| argument_id("filter.customerId", &id)).transpose()?,
            statuses: self.status.map(|statuses| statuses.into_iter().map(domain::OrderStatus::from).collect()),
            region: self.region.map(|region| text::line(&region).unwrap_or(region)),
            placed_after: self.placed_after.map(|time| time.0),
            placed_before: self.placed_before.map(|time| time.0),
            product: self.product_id.map(|id| argument_id("filter.productId", &id)).transpose()?,
            metadata: self.metadata.map(MetadataFilter::into_domain).transpose()?,
        })
    }
}

/// How orders are sorted.
#[derive(InputObject)]
pub struct OrderOrder {
    /// By what.
    field: OrderOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What orders can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OrderSort")]
pub enum OrderOrderField {
    /// When the customer placed it.
    PlacedAt,
    /// The total, whatever the currency.
    Total,
}

/// Lists of orders.
pub struct OrderList;

impl List for OrderList {
    type Row = domain::Order;
    type Node = Order;
    type Sort = OrderSort;
    type Filter = domain::OrderFilter;

    const LETTER: u8 = b'o';

    fn node(row: Arc<domain::Order>) -> Order {
        Order(row)
    }

    async fn count(context: &Context<'_>, filter: domain::OrderFilter) -> ApiResult<u64> {
        Ok(RequestContext::get(context).load_always(Count(filter)).await?)
    }
}

/// A page of orders, reading only the costly parts that are selected.
pub(crate) async fn list(
    context: &Context<'_>,
    filter: domain::OrderFilter,
    order_by: Option<OrderOrder>,
    page: PageArguments,
) -> ApiResult<Connection<OrderList>> {
    let chosen = order_by.map(|order| Sort { field: order.field.into(), direction: order.direction.into() });
    let sort = sort_or(chosen, OrderSort::PlacedAt, Direction::Desc);
    let fields =
        OrderFields { items: node_field_selected(context, "items"), history: node_field_selected(context, "history") };
    Connection::load(context, filter, sort, fields, page).await
}
