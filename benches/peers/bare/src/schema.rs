//! The part of Orderwire's schema that the benchmarks use.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use futures_util::{Stream, StreamExt};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::{
    auth::Viewer,
    model::{Order, OrderUpdate, Product, ProductConnection, User, products},
    orders::{Line, Orders},
    reads::Reads,
};

/// The customer of the orders of those who are not signed in.
const CUSTOMER: &str = "usr_benchmark";

pub struct Query;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum ProductOrderField {
    Name,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum OrderDirection {
    Asc,
}

#[derive(InputObject)]
struct ProductOrder {
    #[graphql(name = "field")]
    _field: ProductOrderField,
    #[graphql(name = "direction")]
    _direction: OrderDirection,
}

#[Object]
impl Query {
    async fn me(&self, context: &Context<'_>) -> Result<Option<User>> {
        let Some(Viewer(id)) = context.data_opt() else { return Ok(None) };
        Ok(context.data::<Reads>()?.user(id).await?.map(User))
    }

    async fn product(&self, context: &Context<'_>, id: ID) -> Result<Option<Product>> {
        Ok(context.data::<Reads>()?.product(&id).await?.map(Product::from))
    }

    async fn products(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
        #[graphql(name = "orderBy")] _order_by: Option<ProductOrder>,
    ) -> Result<ProductConnection> {
        products(context.data()?, first, after).await
    }
}

pub struct Mutation;

#[derive(InputObject)]
struct OrderItemInput {
    product_id: ID,
    quantity: i32,
}

#[derive(InputObject)]
struct PlaceOrderInput {
    items: Vec<OrderItemInput>,
    idempotency_key: String,
}

#[derive(SimpleObject)]
struct UserError {
    code: &'static str,
    message: &'static str,
}

#[derive(SimpleObject)]
struct PlaceOrderPayload {
    order: Option<Order>,
    user_errors: Vec<UserError>,
}

#[Object]
impl Mutation {
    async fn place_order(&self, context: &Context<'_>, input: PlaceOrderInput) -> Result<PlaceOrderPayload> {
        let line = |item: OrderItemInput| Line { product: item.product_id.0, quantity: item.quantity.max(1) };
        let lines: Vec<_> = input.items.into_iter().map(line).collect();
        let customer = context.data_opt().map_or(CUSTOMER, |Viewer(id)| id);
        let order = context.data::<Orders>()?.place(customer, &lines, &input.idempotency_key).await?;
        let user_errors = match order {
            Some(_) => Vec::new(),
            None => vec![UserError { code: "INSUFFICIENT_STOCK", message: "There is not enough of a product." }],
        };
        Ok(PlaceOrderPayload { order, user_errors })
    }
}

pub struct Subscription;

#[async_graphql::Subscription]
impl Subscription {
    async fn order_updates(
        &self,
        context: &Context<'_>,
        customer_id: Option<ID>,
    ) -> impl Stream<Item = Arc<OrderUpdate>> + use<> {
        let updates = context.data_unchecked::<broadcast::Sender<Arc<OrderUpdate>>>().subscribe();
        BroadcastStream::new(updates).filter_map(move |update| {
            // An error says how many updates were lost.
            let update = update.ok();
            let wanted =
                |update: &Arc<OrderUpdate>| customer_id.as_ref().is_none_or(|id| update.order.customer == **id);
            std::future::ready(update.filter(wanted))
        })
    }
}
