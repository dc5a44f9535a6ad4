//! Changing orders.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Order, OrderStatus};
use crate::{
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            request_context::RequestContext,
        },
    },
    service::{self, OrderInputLine, OrderResult},
};

/// One line of an order to be placed.
#[derive(InputObject)]
pub struct OrderItemInput {
    /// What is bought.
    #[graphql(directive = cost::apply("20".into()))]
    product_id: ID,
    /// How many, 1 to 1,000,000.
    quantity: i32,
}

/// What an order is placed from.
#[derive(InputObject)]
pub struct PlaceOrderInput {
    /// What is bought, 1 to 100 lines; lines of one product are summed.
    items: Vec<OrderItemInput>,
    /// Where it goes, in one line of at most 200 characters; the buyer's region when not given.
    region: Option<String>,
    /// The buyer's reference to a payment: one line of at most 200 characters.
    payment_reference: Option<String>,
    /// A text of the client's choice that makes the call safe to repeat: the same key with the same input gives the
    /// first call's order. One line of at most 200 characters, kept for 24 hours at least.
    idempotency_key: String,
}

/// A step in an order's life.
#[derive(InputObject)]
pub struct UpdateOrderStatusInput {
    /// Which order.
    order_id: ID,
    /// The state to enter.
    status: OrderStatus,
    /// Why, in one line of at most 200 characters, kept in the history.
    reason: Option<String>,
    /// Only if the order is at this version.
    expected_version: Option<i32>,
}

/// The end of an order before it is shipped.
#[derive(InputObject)]
pub struct CancelOrderInput {
    /// Which order.
    order_id: ID,
    /// Why, in one line of at most 200 characters, kept in the history.
    reason: Option<String>,
    /// Only if the order is at this version.
    expected_version: Option<i32>,
}

/// The answer to a change of an order.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct OrderPayload {
    /// The order; null on failure.
    order: Option<Order>,
    /// Whether this is the answer to an earlier call with the same idempotency key.
    replayed: bool,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl OrderPayload {
    fn from_result(result: service::Result<OrderResult>) -> ApiResult<Self> {
        let (result, user_errors) = payload(result)?;
        let replayed = result.as_ref().is_some_and(|result| result.replayed);
        Ok(Self { order: result.map(|result| Order(result.order.into())), replayed, user_errors })
    }
}

/// Mutations of orders.
#[derive(Default)]
pub struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Places an order: takes the stock of every line and freezes prices, or does nothing.
    #[graphql(directive = cost::apply("100".into()))]
    async fn place_order(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to order.")] input: PlaceOrderInput,
    ) -> ApiResult<OrderPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let place = || async {
            let lines = input.items.iter().enumerate().map(|(index, item)| {
                let product = input_id(&format!("items.{index}.productId"), &item.product_id)?;
                Ok(OrderInputLine { product, quantity: item.quantity })
            });
            let order = service::PlaceOrder {
                items: lines.collect::<service::Result<_>>()?,
                region: input.region,
                payment_reference: input.payment_reference,
                idempotency_key: input.idempotency_key,
            };
            request.service.place_order(&request.viewer(), order).await
        };
        OrderPayload::from_result(place().await)
    }

    /// Staff: moves an order to another state. CANCELLED and RETURNED give its stock back.
    #[graphql(directive = cost::apply("100".into()))]
    async fn update_order_status(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which order, and to which state.")] input: UpdateOrderStatusInput,
    ) -> ApiResult<OrderPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let update = || async {
            let change = service::UpdateOrderStatus {
                order: input_id("orderId", &input.order_id)?,
                status: input.status.into(),
                reason: input.reason,
                expected_version: input.expected_version,
            };
            let order = request.service.update_order_status(&request.viewer(), change).await?;
            Ok(OrderResult { order, replayed: false })
        };
        OrderPayload::from_result(update().await)
    }

    /// Cancels an own order, or any as staff, and gives its stock back.
    #[graphql(directive = cost::apply("100".into()))]
    async fn cancel_order(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which order, and why.")] input: CancelOrderInput,
    ) -> ApiResult<OrderPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let cancel = || async {
            let change = service::CancelOrder {
                order: input_id("orderId", &input.order_id)?,
                reason: input.reason,
                expected_version: input.expected_version,
            };
            let order = request.service.cancel_order(&request.viewer(), change).await?;
            Ok(OrderResult { order, replayed: false })
        };
        OrderPayload::from_result(cancel().await)
    }
}
