//! Orders in MongoDB, and their updates through Redis. The data is what `benches/peers/apollo/load.mjs` makes.

use std::sync::Arc;

use async_graphql::{Enum, ID, SimpleObject};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use mongodb::{
    Client, ClientSession, Collection, Database,
    bson::{DateTime, Document, doc},
    options::ReturnDocument,
};
use redis::{AsyncCommands, aio::ConnectionManager, aio::PubSub};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Where updates are published.
const CHANNEL: &str = "order-updates";

/// Amounts are stored as whole numbers of 1/10,000 of the currency's unit.
const SCALE: i64 = 10_000;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone, Serialize, Deserialize, SimpleObject)]
#[graphql(rename_fields = "camelCase")]
pub struct Money {
    pub amount: String,
    pub currency_code: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum OrderStatus {
    Pending,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum UpdateKind {
    Created,
}

#[derive(Clone, Serialize, Deserialize, SimpleObject)]
pub struct Order {
    pub id: ID,
    pub number: String,
    pub status: OrderStatus,
    pub version: i32,
    pub total: Money,
    #[graphql(skip)]
    pub customer: String,
}

#[derive(Serialize, Deserialize, SimpleObject)]
pub struct OrderUpdate {
    pub cursor: String,
    pub kind: UpdateKind,
    pub order: Order,
}

#[derive(Deserialize)]
pub struct Product {
    #[serde(rename = "_id")]
    pub id: String,
    pub sku: String,
    pub name: String,
    pub price: i64,
    pub currency: String,
    pub stock: i32,
}

/// One line of a new order.
pub struct Line {
    pub product: String,
    pub quantity: i32,
}

pub struct Orders {
    client: Client,
    database: Database,
    redis: ConnectionManager,
}

impl Orders {
    pub fn new(client: Client, redis: ConnectionManager) -> Result<Self> {
        let database = client.default_database().ok_or("DATABASE_URL names no database")?;
        Ok(Self { client, database, redis })
    }

    fn products(&self) -> Collection<Product> {
        self.database.collection("products")
    }

    pub async fn in_stock(&self, limit: i64) -> Result<Vec<Product>> {
        Ok(self.products().find(doc! {}).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await?)
    }

    /// Takes the stock and writes the order in one transaction, then publishes it. `None` if there is not enough stock.
    pub async fn place(&self, customer: &str, lines: &[Line]) -> Result<Option<Order>> {
        let sequence = self.next_number().await?;
        let mut session = self.client.start_session().await?;
        let transaction = session.start_transaction().and_run(
            (self, sequence, customer, lines),
            |session, &mut (orders, sequence, customer, lines)| {
                orders.write(session, sequence, customer, lines).boxed()
            },
        );
        let Some(order) = transaction.await? else { return Ok(None) };
        let update = OrderUpdate { cursor: sequence.to_string(), kind: UpdateKind::Created, order: order.clone() };
        let () = self.redis.clone().publish(CHANNEL, serde_json::to_string(&update)?).await?;
        Ok(Some(order))
    }

    async fn write(
        &self,
        session: &mut ClientSession,
        sequence: i64,
        customer: &str,
        lines: &[Line],
    ) -> mongodb::error::Result<Option<Order>> {
        let products = self.products();
        let mut items = Vec::new();
        let (mut total, mut currency) = (0, String::new());
        for Line { product, quantity } in lines {
            let enough = doc! { "_id": product, "stock": { "$gte": quantity } };
            let taken = products.find_one_and_update(enough, doc! { "$inc": { "stock": -quantity } });
            let Some(product) = taken.session(&mut *session).await? else {
                session.abort_transaction().await?;
                return Ok(None);
            };
            let line_total = product.price * i64::from(*quantity);
            items.push(doc! {
                "productId": product.id, "sku": product.sku, "name": product.name, "quantity": quantity,
                "unitPrice": product.price, "lineTotal": line_total,
            });
            total += line_total;
            currency = product.currency;
        }
        let (id, number) = (format!("ord_{sequence:026}"), format!("N{sequence:08}"));
        let row = doc! {
            "_id": &id, "number": &number, "region": null, "customerId": customer, "items": items, "total": total,
            "currency": &currency, "status": "PENDING", "version": 1, "placedAt": DateTime::now(),
        };
        self.database.collection::<Document>("orders").insert_one(row).session(session).await?;
        let total = Money { amount: decimal(total), currency_code: currency };
        let customer = customer.to_owned();
        Ok(Some(Order { id: id.into(), number, status: OrderStatus::Pending, version: 1, total, customer }))
    }

    async fn next_number(&self) -> Result<i64> {
        let counters = self.database.collection::<Document>("counters");
        let next = counters.find_one_and_update(doc! { "_id": "orders" }, doc! { "$inc": { "value": 1_i64 } });
        let next = next.upsert(true).return_document(ReturnDocument::After).await?.ok_or("no counter")?;
        Ok(next.get_i64("value").or_else(|_| next.get_i32("value").map(i64::from))?)
    }
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

/// With two decimals at least and four at most.
pub fn decimal(units: i64) -> String {
    let fraction = format!("{:04}", units % SCALE);
    let end = fraction.trim_end_matches('0').len().max(2);
    format!("{}.{}", units / SCALE, &fraction[..end])
}
