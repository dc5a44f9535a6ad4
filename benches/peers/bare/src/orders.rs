//! Orders are placed in MongoDB, and published through Redis.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use mongodb::{
    Client, ClientSession, Collection, Database,
    bson::{DateTime, Document, doc},
    error::{Error, ErrorKind, WriteFailure},
    options::ReturnDocument,
};
use redis::{AsyncCommands, aio::ConnectionManager, aio::PubSub};
use tokio::sync::broadcast;

use crate::{
    model::{Order, OrderUpdate, UpdateKind},
    rows::{ItemRow, OrderRow, OrderStatus, ProductRow, Units},
};

/// Where updates are published.
const CHANNEL: &str = "order-updates";
const DUPLICATE_KEY: i32 = 11_000;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One line of a new order.
pub struct Line {
    pub product: String,
    pub quantity: i32,
}

/// What a customer orders.
struct Request<'r> {
    sequence: i64,
    customer: &'r str,
    lines: &'r [Line],
    idempotency_key: &'r str,
}

pub struct Orders {
    client: Client,
    orders: Collection<OrderRow>,
    products: Collection<ProductRow>,
    counters: Collection<Document>,
    redis: ConnectionManager,
}

impl Orders {
    pub fn new(client: Client, database: &Database, redis: ConnectionManager) -> Self {
        Self {
            client,
            orders: database.collection("orders"),
            products: database.collection("products"),
            counters: database.collection("counters"),
            redis,
        }
    }

    /// Takes the stock and writes the order in one transaction, then publishes it. `None` if there is not enough stock.
    /// A repeated key gives the order that was placed with it.
    pub async fn place(&self, customer: &str, lines: &[Line], idempotency_key: &str) -> Result<Option<Order>> {
        let request = Request { sequence: self.next_number().await?, customer, lines, idempotency_key };
        let mut session = self.client.start_session().await?;
        let transaction = session
            .start_transaction()
            .and_run((self, &request), |session, &mut (orders, request)| orders.write(session, request).boxed());
        let order: Order = match transaction.await {
            Ok(Some(row)) => row.into(),
            Ok(None) => return Ok(None),
            Err(error) if is_duplicate(&error) => {
                let placed = doc! { "customerId": customer, "idempotencyKey": idempotency_key };
                return Ok(self.orders.find_one(placed).await?.map(Order::from));
            }
            Err(error) => return Err(error.into()),
        };
        let cursor = request.sequence.to_string();
        let update = OrderUpdate { cursor, kind: UpdateKind::Created, order: order.clone() };
        let () = self.redis.clone().publish(CHANNEL, serde_json::to_string(&update)?).await?;
        Ok(Some(order))
    }

    async fn write(
        &self,
        session: &mut ClientSession,
        request: &Request<'_>,
    ) -> mongodb::error::Result<Option<OrderRow>> {
        let (mut items, mut total, mut currency) = (Vec::new(), 0, String::new());
        for Line { product, quantity } in request.lines {
            let enough = doc! { "_id": product, "stock": { "$gte": quantity } };
            let taken = self.products.find_one_and_update(enough, doc! { "$inc": { "stock": -quantity } });
            let Some(product) = taken.session(&mut *session).await? else {
                session.abort_transaction().await?;
                return Ok(None);
            };
            let line_total = product.price.0 * i64::from(*quantity);
            items.push(ItemRow {
                product_id: product.id,
                sku: product.sku,
                name: product.name,
                quantity: *quantity,
                unit_price: product.price,
                line_total: Units(line_total),
            });
            total += line_total;
            currency = product.currency;
        }
        let row = OrderRow {
            id: format!("ord_{:026}", request.sequence),
            number: format!("N{:08}", request.sequence),
            region: None,
            customer_id: request.customer.to_owned(),
            idempotency_key: Some(request.idempotency_key.to_owned()),
            items,
            total: Units(total),
            currency,
            status: OrderStatus::Pending,
            version: 1,
            placed_at: DateTime::now(),
        };
        self.orders.insert_one(&row).session(session).await?;
        Ok(Some(row))
    }

    async fn next_number(&self) -> Result<i64> {
        let next = self.counters.find_one_and_update(doc! { "_id": "orders" }, doc! { "$inc": { "value": 1_i64 } });
        let next = next.upsert(true).return_document(ReturnDocument::After).await?.ok_or("no counter")?;
        Ok(next.get_i64("value").or_else(|_| next.get_i32("value").map(i64::from))?)
    }
}

fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY)
}

/// Forwards the messages of Redis.
pub async fn receive(mut redis: PubSub, updates: broadcast::Sender<Arc<OrderUpdate>>) -> Result<()> {
    redis.subscribe(CHANNEL).await?;
    let mut messages = redis.into_on_message();
    while let Some(message) = messages.next().await {
        let update = serde_json::from_slice(message.get_payload_bytes())?;
        // An error means that there are no subscribers.
        let _ = updates.send(Arc::new(update));
    }
    Ok(())
}
