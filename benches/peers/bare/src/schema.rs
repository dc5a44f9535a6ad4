//! The part of Orderwire's schema that the benchmark uses.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures_util::{Stream, StreamExt};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::orders::{Line, Money, Order, OrderUpdate, Orders, Result, decimal};

/// The customer of all orders, because there is no sign-in.
const CUSTOMER: &str = "usr_benchmark";

pub struct Query;

#[derive(SimpleObject)]
struct Product {
    id: ID,
    sku: String,
    name: String,
    price: Money,
    stock: i32,
}

#[derive(SimpleObject)]
struct ProductConnection {
    nodes: Vec<Product>,
}

#[Object]
impl Query {
    async fn products(&self, context: &Context<'_>, #[graphql(default = 20)] first: i32) -> Result<ProductConnection> {
        let rows = context.data_unchecked::<Orders>().in_stock(first.clamp(1, 100).into()).await?;
        let nodes = rows.into_iter().map(|row| Product {
            id: row.id.into(),
            sku: row.sku,
            name: row.name,
            price: Money { amount: decimal(row.price), currency_code: row.currency },
            stock: row.stock,
        });
        Ok(ProductConnection { nodes: nodes.collect() })
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
    /// Accepted so that all servers have the same mutation; it is ignored.
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
        let order = context.data_unchecked::<Orders>().place(CUSTOMER, &lines).await?;
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
