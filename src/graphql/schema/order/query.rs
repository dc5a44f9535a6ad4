//! Reading orders.

use async_graphql::{Context, ID, Object};

use super::{Order, OrderFilter, OrderList, OrderOrder, list};
use crate::{
    domain::OrderId,
    graphql::{
        engine::error::ApiResult,
        schema::{
            connection::{Connection, PageArguments, PageSize},
            error::argument_id,
            request_context::RequestContext,
        },
    },
};

/// Queries of orders.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// An order; null when it does not exist for the viewer.
    async fn order(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
    ) -> ApiResult<Option<Order>> {
        let id: OrderId = argument_id("id", &id)?;
        Ok(RequestContext::get(context).load(id).await?.map(Order))
    }

    /// The order with this number; null when it does not exist for the viewer.
    async fn order_by_number(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The order's number, exactly.")] number: String,
    ) -> ApiResult<Option<Order>> {
        let request = RequestContext::get(context);
        let order = request.service.order_by_number(&request.viewer(), number).await?;
        Ok(order.map(|order| Order(order.into())))
    }

    /// Orders: the viewer's own, for staff everyone's.
    #[allow(clippy::too_many_arguments, reason = "the arguments of a connection field")]
    #[graphql(directive = PageSize::apply())]
    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the start of the range; 20 when neither first nor last is given, at most 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the range, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which orders.")] filter: Option<OrderFilter>,
        #[graphql(desc = "In which order; last placed first when not given.")] order_by: Option<OrderOrder>,
    ) -> ApiResult<Connection<OrderList>> {
        let filter = filter.unwrap_or_default().into_domain()?;
        list(context, filter, order_by, PageArguments { first, after, last, before }).await
    }
}
