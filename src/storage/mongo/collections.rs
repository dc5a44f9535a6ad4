//! The collections and their indexes. The names of the indexes say what they serve: `FILTER_SORT` gives the rows that pass an equality filter in list order,
//! `SORT` gives all rows. Queries choose an index by name (`filter`, `scan`).
//!
//! Each index slows down every write, and MongoDB 6 looks up each one in its catalogue for each update inside a
//! transaction. So there is no index where another one can serve: a list of all products or tasks merges the index by
//! status, and the tasks that a user created or is assigned are filtered from those the user may see. None of them is
//! unique, because the collections may be sharded: [`super::shard_keys`].

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{Collection, Database, IndexModel, error::ErrorKind, options::IndexOptions};

use crate::storage::{Result, StoreError};

/// `IndexOptionsConflict` and `IndexKeySpecsConflict`.
const CONFLICTS: [i32; 2] = [85, 86];

/// The field of the terms of metadata ([`super::metadata`]), and its index.
pub(super) const TERMS: &str = "metadata_terms";

/// The collections of a database.
pub(super) struct Collections {
    pub(super) users: Collection<RawDocumentBuf>,
    /// The users of e-mail addresses ([`super::unique`]).
    pub(super) emails: Collection<RawDocumentBuf>,
    pub(super) sessions: Collection<RawDocumentBuf>,
    pub(super) api_keys: Collection<RawDocumentBuf>,
    pub(super) products: Collection<RawDocumentBuf>,
    /// The products of SKUs ([`super::unique`]).
    pub(super) skus: Collection<RawDocumentBuf>,
    pub(super) orders: Collection<RawDocumentBuf>,
    /// What leads to orders ([`super::order_keys`]).
    pub(super) order_keys: Collection<RawDocumentBuf>,
    pub(super) tasks: Collection<RawDocumentBuf>,
    /// Entries that have no number yet, one document for each transaction.
    pub(super) outbox: Collection<RawDocumentBuf>,
    /// The event log, in chunks.
    pub(super) log: Collection<RawDocumentBuf>,
    /// The long texts of entries.
    pub(super) log_texts: Collection<RawDocumentBuf>,
    pub(super) idempotency: Collection<RawDocumentBuf>,
    /// What follows the event log ([`super::consumer`]).
    pub(super) consumers: Collection<RawDocumentBuf>,
    /// Attempts to deliver events to webhooks ([`super::delivery`]).
    pub(super) deliveries: Collection<RawDocumentBuf>,
    /// Work that is done later ([`super::job`]).
    pub(super) jobs: Collection<RawDocumentBuf>,
    /// What the database says of itself: one document, `log`.
    pub(super) counters: Collection<RawDocumentBuf>,
}

impl Collections {
    pub(super) fn new(database: &Database) -> Self {
        Self {
            users: database.collection("users"),
            emails: database.collection("emails"),
            sessions: database.collection("sessions"),
            api_keys: database.collection("api_keys"),
            products: database.collection("products"),
            skus: database.collection("skus"),
            orders: database.collection("orders"),
            order_keys: database.collection("order_keys"),
            tasks: database.collection("tasks"),
            outbox: database.collection("outbox"),
            log: database.collection("log"),
            log_texts: database.collection("log_texts"),
            idempotency: database.collection("idempotency"),
            consumers: database.collection("consumers"),
            deliveries: database.collection("deliveries"),
            jobs: database.collection("jobs"),
            counters: database.collection("counters"),
        }
    }
}

/// `NamespaceExists`.
const EXISTS: i32 = 48;
/// The collections without an index of their own. On a sharded cluster a transaction can't create a collection.
const WITHOUT_INDEXES: [&str; 4] = ["emails", "skus", "order_keys", "consumers"];

/// Creates the missing collections and indexes.
pub(super) async fn create_missing(database: &Database) -> Result<()> {
    for collection in WITHOUT_INDEXES {
        let made = database.create_collection(collection).await;
        made.or_else(|error| match &*error.kind {
            ErrorKind::Command(command) if command.code == EXISTS => Ok(()),
            _ => Err(error),
        })?;
    }
    create_indexes(database).await
}

/// Creates the missing indexes, with their collections.
async fn create_indexes(database: &Database) -> Result<()> {
    for (collection, models) in indexes() {
        let made = database.collection::<Document>(collection).create_indexes(models).await;
        made.map_err(|error| match &*error.kind {
            ErrorKind::Command(command) if CONFLICTS.contains(&command.code) => StoreError::internal(format!(
                "the collection {collection} has an index that conflicts with one of Orderwire's; drop it and start again: {}",
                command.message
            )),
            _ => error.into(),
        })?;
    }
    Ok(())
}

fn indexes() -> Vec<(&'static str, Vec<IndexModel>)> {
    let users = [sorted(&["", "role", "words"], &["created_at", "name_key"])];
    let sessions = [vec![plain("user", doc! { "user": 1 }), plain("expires_at", doc! { "expires_at": 1 })]];
    let api_keys = vec![plain("secret", doc! { "secret": 1 })];
    let products = [
        vec![plain("status_words", doc! { "status": 1, "words": 1 })],
        sorted(&["status", "status,tags"], &["created_at", "name_key", "price", "stock"]),
        vec![metadata()],
    ];
    let orders = [
        sorted(&["", "customer", "status", "region"], &["placed_at", "total"]),
        sorted(&["items.product"], &["placed_at"]),
        vec![metadata()],
    ];
    let tasks = [
        vec![plain("words", doc! { "words": 1 }), metadata()],
        sorted(&["status", "viewers"], &["created_at", "due_key", "priority"]),
        sorted(&["priority"], &["created_at", "due_key"]),
        sorted(&[""], &["priority"]),
        sorted(&["order"], &["created_at", "due_key", "priority"]).into_iter().map(partial).collect(),
    ];
    let outbox = [vec![plain("time", doc! { "time": 1, "_id": 1 })]];
    let log = [
        vec![plain("last", doc! { "last": 1 }), plain("about", doc! { "about": 1, "last": 1 })],
        vec![partial(plain("texts", doc! { "texts": 1 }))],
    ];
    let log_texts = [vec![plain("used_at", doc! { "used_at": 1 })]];
    let deliveries = [vec![plain("webhook", doc! { "webhook": 1, "_id": 1 }), plain("at", doc! { "at": 1 })]];
    let jobs = [
        vec![partial_by(plain("due", doc! { "kind": 1, "due_at": 1 }), "due_at")],
        vec![plain("listed", doc! { "kind": 1, "status": 1, "_id": 1 })],
        vec![partial_by(plain("finished", doc! { "status": 1, "finished_at": 1 }), "finished_at")],
    ];
    let idempotency = [vec![plain("created_at", doc! { "created_at": 1 })]];
    vec![
        ("users", users.concat()),
        ("sessions", sessions.concat()),
        ("api_keys", api_keys),
        ("products", products.concat()),
        ("orders", orders.concat()),
        ("tasks", tasks.concat()),
        ("outbox", outbox.concat()),
        ("log", log.concat()),
        ("log_texts", log_texts.concat()),
        ("idempotency", idempotency.concat()),
        ("deliveries", deliveries.concat()),
        ("jobs", jobs.concat()),
    ]
}

/// The name of the index that gives the rows with one value of `filter` (all rows if empty) in the order of `sort`.
pub(super) fn index_name(filter: &str, sort: &str) -> String {
    if filter.is_empty() { sort.to_owned() } else { format!("{filter}_{sort}") }
}

/// An index for each of the filters with each of the sort fields. A filter of several fields has commas between them.
fn sorted(filters: &[&str], sorts: &[&str]) -> Vec<IndexModel> {
    let keys = |filter: &str, sort: &str| {
        let filters = filter.split(',').filter(|field| !field.is_empty());
        filters.chain([sort, "_id"]).map(|field| (field.to_owned(), Bson::from(1))).collect::<Document>()
    };
    let pairs = filters.iter().flat_map(|filter| sorts.iter().map(move |sort| (*filter, *sort)));
    pairs.map(|(filter, sort)| plain(&index_name(&filter.replace(',', "_"), sort), keys(filter, sort))).collect()
}

fn plain(name: &str, keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(name.to_owned()).build()).build()
}

/// The index of the terms of metadata; an entity without metadata is not in it.
fn metadata() -> IndexModel {
    partial(plain(TERMS, doc! { TERMS: 1 }))
}

/// Makes the index leave out documents without its first field.
fn partial(model: IndexModel) -> IndexModel {
    let first = model.keys.keys().next().cloned().unwrap_or_default();
    partial_by(model, &first)
}

/// Makes the index leave out documents without a field.
fn partial_by(mut model: IndexModel, field: &str) -> IndexModel {
    if let Some(options) = model.options.as_mut() {
        options.partial_filter_expression = Some(doc! { field: { "$exists": true } });
    }
    model
}
