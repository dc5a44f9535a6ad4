//! Orders in MongoDB, each placed in one transaction.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database,
    bson::{Binary, DateTime, Document, doc, serialize_to_bson},
    error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure},
    options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    documents::{ListedOrder, ListedProduct, Order, Product, UsedKey},
    placement::{OrderRequest, Placement},
    routes::Refusal,
};

/// The size of the pool of an Orderwire node by default.
const POOL_MIN: u32 = 10;
const POOL_MAX: u32 = 50;
/// Time limit of an order, with all retries.
const TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
const DUPLICATE_KEY: i32 = 11_000;

pub struct Store {
    client: Client,
    database: Database,
    products: Collection<Product>,
    orders: Collection<Order>,
    pub(crate) listed_products: Collection<ListedProduct>,
    pub(crate) listed_orders: Collection<ListedOrder>,
    idempotency: Collection<UsedKey>,
}

/// What a transaction came to.
enum Outcome {
    Placed(Box<Order>),
    /// The key was used before, for the order with this id.
    Replayed(Binary),
}

/// Why a transaction ended without a result.
enum Failure {
    Refused(Refusal),
    Driver(Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        eprintln!("error: {error}");
        Self::Internal
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl Store {
    /// Connects to the database that `url` names.
    pub async fn connect(url: &str) -> mongodb::error::Result<Self> {
        let mut options = ClientOptions::parse(url).await?;
        options.min_pool_size = Some(POOL_MIN);
        options.max_pool_size = Some(POOL_MAX);
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(durable());
        let client = Client::with_options(options)?;
        let database = client.default_database().ok_or_else(|| Error::custom("DATABASE_URL names no database"))?;
        Ok(Self {
            products: database.collection("products"),
            orders: database.collection("orders"),
            listed_products: database.collection("products"),
            listed_orders: database.collection("orders"),
            idempotency: database.collection("idempotency"),
            client,
            database,
        })
    }

    /// Places an order, or finds the one that an earlier request with its key placed.
    pub async fn place(&self, request: &OrderRequest) -> Result<Order, Refusal> {
        let placing = async {
            match self.retry(request).await? {
                Outcome::Placed(order) => Ok(*order),
                Outcome::Replayed(id) => {
                    let order = self.orders.find_one(doc! { "_id": id }).await?;
                    order.ok_or(Failure::Refused(Refusal::Internal))
                }
            }
        };
        match timeout_at(Instant::now() + TIMEOUT, placing).await {
            Ok(Ok(order)) => Ok(order),
            Ok(Err(Failure::Refused(refusal))) => Err(refusal),
            Ok(Err(Failure::Driver(error))) => Err(error.into()),
            Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// Repeats the transaction until it ends with a result, or with an error that a repetition would not change.
    async fn retry(&self, request: &OrderRequest) -> Result<Outcome, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_once(request).await {
                Err(Failure::Driver(error)) if is_retried(&error) => {}
                ended => return ended,
            }
            sleep(pause.mul_f64(rand::random())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(&self, request: &OrderRequest) -> Result<Outcome, Failure> {
        let mut session = self.client.start_session().causal_consistency(false).await?;
        session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(durable()).await?;
        let outcome = match self.write(&mut session, request).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                // Fails if the server has ended the transaction already, which does no harm.
                let _ = session.abort_transaction().await;
                return Err(failure);
            }
        };
        loop {
            match session.commit_transaction().await {
                Ok(()) => return Ok(outcome),
                Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn write(&self, session: &mut ClientSession, request: &OrderRequest) -> Result<Outcome, Failure> {
        let key = serialize_to_bson(&request.key_name()).map_err(Error::from)?;
        if let Some(used) = self.idempotency.find_one(doc! { "_id": key }).session(&mut *session).await? {
            let is_same = used.fingerprint == request.fingerprint();
            return if is_same {
                Ok(Outcome::Replayed(used.entity))
            } else {
                Err(Refusal::IdempotencyKeyReused.into())
            };
        }
        let ids: Vec<&Binary> = request.lines.iter().map(|line| &line.product).collect();
        let found = self.products.find(doc! { "_id": { "$in": ids } }).projection(Product::fields());
        let mut found = found.session(&mut *session).await?;
        let products: Vec<Product> = found.stream(session).try_collect().await?;

        let Placement { order, products } = request.place(&products, DateTime::now())?;
        self.set_stock(session, &products, order.placed_at).await?;
        self.idempotency.insert_one(request.used_key(&order)).session(&mut *session).await?;
        self.orders.insert_one(&order).session(session).await?;
        Ok(Outcome::Placed(Box::new(order)))
    }

    /// Writes the stock and version of all products with one command.
    async fn set_stock(&self, session: &mut ClientSession, products: &[Product], at: DateTime) -> Result<(), Failure> {
        let update = |product: &Product| {
            let set = doc! { "stock": product.stock, "version": product.version, "updated_at": at };
            doc! { "q": { "_id": product.id.clone() }, "u": { "$set": set } }
        };
        let updates: Vec<Document> = products.iter().map(update).collect();
        let command = doc! { "update": self.products.name(), "updates": updates };
        let reply = self.database.run_command(command).session(session).await?;
        let changed = reply.get_i32("n").ok().and_then(|changed| usize::try_from(changed).ok());
        if changed == Some(products.len()) { Ok(()) } else { Err(Refusal::Internal.into()) }
    }
}

/// What is confirmed survives the loss of a minority of the servers.
fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

/// Whether a repetition may succeed: another transaction was in the way, or has just taken the same key or number.
fn is_retried(error: &Error) -> bool {
    let is_duplicate = matches!(
        &*error.kind,
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY
    );
    is_duplicate || error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}
