//! The suite on MongoDB: each test has a database of its own on a real server.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use orderwire::{
    domain::{EventId, LogFilter, ProductFilter, Seq, Task},
    storage::{
        DeploymentId, EventStore, ExportKind, ExportStore, OrderStore, ProductStore, Result, Store, TaskStore,
        mongo::{CommandObserver, MongoOptions, MongoStore, SHARDED_COLLECTIONS, ShardKey, ShardedCollection},
    },
};
use tokio::sync::OnceCell;

use super::{engine::Engine, targeting::Faults};
use crate::support::{
    data::{insert_products, place, product, stamp, task, whole_log},
    options::mongo_options,
};

/// Shards the collections of a new database, if the server is the router of a sharded cluster.
async fn shard_on_a_cluster(server: &str, database: &str) {
    let admin = mongodb::Client::with_uri_str(server).await.unwrap().database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
    if !hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
        return;
    }
    for ShardedCollection { name, key, .. } in SHARDED_COLLECTIONS {
        let fields: Document = match key {
            ShardKey::HashedId => doc! { "_id": "hashed" },
            _ => key.fields().iter().map(|field| ((*field).to_owned(), 1.into())).collect(),
        };
        if !fields.is_empty() {
            let shard = doc! { "shardCollection": format!("{database}.{name}"), "key": fields };
            admin.run_command(shard).await.unwrap();
        }
    }
}

/// A database of the server that the environment names.
pub struct Mongodb {
    server: String,
    database: String,
    client: OnceCell<mongodb::Client>,
    /// Set when the profiler was started.
    profiler: OnceCell<()>,
    /// How many entries of the profiler [`Self::examined_in`] has read.
    profiled: AtomicU64,
    /// Whether commands are checked. For that the driver decodes all that it sends and receives; with the megabytes of
    /// long texts this would take longer than a transaction may.
    is_observed: bool,
    /// What is wrong with the commands that were sent.
    faults: Faults,
}

impl Mongodb {
    /// The database as another client sees it.
    async fn database(&self) -> mongodb::Database {
        let client = self.client.get_or_init(async || mongodb::Client::with_uri_str(&self.server).await.unwrap());
        client.await.database(&self.database)
    }

    /// The URL of the database on the server.
    fn url(&self) -> String {
        let (address, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        format!("{}/{}?{options}", address.trim_end_matches('/'), self.database)
    }

    /// Opens a store on it that records each command that it sends.
    async fn open_recorded(&self) -> (MongoStore, Arc<Mutex<Vec<Document>>>) {
        let sent: Arc<Mutex<Vec<Document>>> = Arc::default();
        let commands = sent.clone();
        let on_command = CommandObserver(Arc::new(move |command| commands.lock().unwrap().push(command.clone())));
        let options = MongoOptions { on_command: Some(on_command), ..mongo_options() };
        (MongoStore::connect(&self.url(), options).await.unwrap(), sent)
    }

    /// Documents and keys of indexes that reads of these collections have examined since the last call, from the profiler.
    async fn examined_in(&self, collections: &[&str]) -> u64 {
        let database = self.database().await;
        let names: Vec<String> = collections.iter().map(|name| format!("{}.{name}", self.database)).collect();
        let start = async || {
            // Large enough that it forgets nothing during a test.
            database.create_collection("system.profile").capped(true).size(256 * 1024 * 1024).await.unwrap();
            let filter = doc! { "ns": { "$in": &names } };
            database.run_command(doc! { "profile": 1, "filter": filter }).await.unwrap();
        };
        self.profiler.get_or_init(start).await;
        let profile = database.collection::<Document>("system.profile");
        let new: Vec<Document> = profile
            .find(doc! {})
            .projection(doc! { "ns": 1, "docsExamined": 1, "keysExamined": 1 })
            .skip(self.profiled.load(Ordering::Relaxed))
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        self.profiled.fetch_add(new.len() as u64, Ordering::Relaxed);
        let counted = new.iter().filter(|one| one.get_str("ns").is_ok_and(|name| names.iter().any(|one| one == name)));
        let count = |one: &Document, key: &str| {
            one.get(key).map_or(0, |count| count.as_i64().or(count.as_i32().map(i64::from)).unwrap())
        };
        counted.map(|one| (count(one, "docsExamined") + count(one, "keysExamined")) as u64).sum()
    }
}

#[async_trait]
impl Engine for Mongodb {
    async fn prepare(topic: &str) -> Self {
        let server = std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect(
            "ORDERWIRE_TEST_MONGODB_URL names no MongoDB; start the tests with: scripts/services run cargo nextest run",
        );
        let database = format!("contract_{:032x}", rand::random::<u128>());
        shard_on_a_cluster(&server, &database).await;
        Self {
            server,
            database,
            client: OnceCell::new(),
            profiler: OnceCell::new(),
            profiled: AtomicU64::new(0),
            is_observed: topic != "log_texts",
            faults: Faults::default(),
        }
    }

    async fn open_as(&self, deployment: Option<DeploymentId>) -> Result<Arc<dyn Store>> {
        let on_command = self.is_observed.then(|| self.faults.observer());
        let options = MongoOptions { deployment, as_on_a_sharded_cluster: true, on_command, ..mongo_options() };
        Ok(Arc::new(MongoStore::connect(&self.url(), options).await?))
    }

    async fn bytes(&self) -> u64 {
        let stats = self.database().await.run_command(doc! { "dbStats": 1 }).await.unwrap();
        stats.get_f64("dataSize").unwrap() as u64
    }

    async fn texts(&self) -> u64 {
        self.database().await.collection::<Document>("log_texts").count_documents(doc! {}).await.unwrap()
    }

    async fn age_texts(&self) {
        let long_ago = doc! { "$set": { "used_at": bson::DateTime::from_millis(0) } };
        self.database().await.collection::<Document>("log_texts").update_many(doc! {}, long_ago).await.unwrap();
    }

    async fn lose_entries_after(&self, seq: Seq) {
        let client = mongodb::Client::with_uri_str(&self.server).await.unwrap();
        let log = client.database(&self.database).collection::<mongodb::bson::Document>("log");
        log.delete_many(mongodb::bson::doc! { "last": { "$gt": seq } }).await.unwrap();
    }

    async fn examined_in_log(&self) -> u64 {
        self.examined_in(&["log"]).await
    }

    async fn examined(&self) -> u64 {
        self.examined_in(&["users", "products", "orders", "tasks"]).await
    }

    fn examined_by_chance(&self) -> u64 {
        20
    }

    fn faults(&self) -> Vec<String> {
        self.faults.found()
    }

    async fn remove(&self) {
        self.database().await.drop().await.unwrap();
    }
}

every_behaviour!(Mongodb);

/// What a command does, and to which collection.
fn name(command: &Document) -> String {
    match command.iter().next() {
        Some((name, Bson::String(collection))) => format!("{name} {collection}"),
        Some((name, _)) => name.clone(),
        None => String::new(),
    }
}

/// The commands that write in the transaction that placed the last order, in their order.
fn commands_of_the_order(sent: &[Document]) -> Vec<String> {
    let transaction = |command: &Document| (command.get("lsid").cloned(), command.get("txnNumber").cloned());
    let inserted = sent.iter().rfind(|command| name(command) == "insert orders").expect("an order was inserted");
    let in_it = sent.iter().filter(|command| transaction(command) == transaction(inserted)).map(name);
    in_it.filter(|name| !name.starts_with("find ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_written_by_five_commands_and_a_commit() {
    let engine = Mongodb::prepare("commands").await;
    let (store, sent) = engine.open_recorded().await;
    let lamp = product("lamp");
    insert_products(&store, &[&lamp]).await;
    let mut taken = Vec::new();
    for number in ["first", "second"] {
        place(&store, number, &[(&lamp, 1)]).await.unwrap();
        taken.push(commands_of_the_order(&sent.lock().unwrap()));
    }
    store.close().await;
    engine.remove().await;
    let expected = [
        "update products",
        "insert idempotency",
        "insert order_keys",
        "insert orders",
        "insert outbox",
        "commitTransaction",
    ];
    assert_eq!(taken, [expected, expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_read_by_their_ids_with_two_commands_however_many_they_are() {
    let engine = Mongodb::prepare("commands").await;
    let (store, sent) = engine.open_recorded().await;
    for number in 0..200 {
        let work = Task { description: Some(format!("{number} ").repeat(3000)), ..task(&number.to_string()) };
        store.insert_task(work, stamp()).await.unwrap();
    }
    let log = whole_log(&store).await;
    let ids: Vec<EventId> = log.iter().map(|event| event.id).collect();
    for count in [1, 200] {
        sent.lock().unwrap().clear();
        let found = store.events_by_ids(&ids[..count]).await.unwrap();
        assert!(found.iter().flatten().eq(&log[..count]));
        // Not those of the sequencer, which runs all the time.
        let is_such = |one: &&Document| one.to_string().contains("about") || name(one) == "find log_texts";
        let reads: Vec<String> = sent.lock().unwrap().iter().filter(is_such).map(name).collect();
        assert_eq!(reads, ["aggregate log", "find log_texts"], "{count} entries");
    }
    store.close().await;
    engine.remove().await;
}

/// The read concern of a command that reads outside of a transaction.
fn read_concern(command: &Document) -> Option<&Document> {
    let name = command.keys().next()?;
    let reads = ["find", "aggregate"].contains(&name.as_str()) && !command.contains_key("autocommit");
    reads.then(|| command.get_document("readConcern").expect("a read has a read concern"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_read_comes_after_everything_that_the_store_has_read_or_committed() {
    let engine = Mongodb::prepare("reads").await;
    let (store, sent) = engine.open_recorded().await;
    let lamp = product("lamp");
    insert_products(&store, &[&lamp]).await;
    store.catch_up_log().await.unwrap();
    // The first read of a store comes after nothing.
    sent.lock().unwrap().clear();

    let order = place(&store, "1", &[(&lamp, 1)]).await.unwrap().order;
    let poll = async || {
        store.backlog().await.unwrap();
        store.catch_up_log().await.unwrap();
        let state = store.log_state().await.unwrap();
        store.read_log(state.head, LogFilter::ALL, 100).await.unwrap();
    };
    poll().await;
    for filter in [LogFilter::ALL, LogFilter { user: Some(order.customer), ..LogFilter::ALL }] {
        for limit in [1, 100] {
            assert!(!store.read_log(0, filter, limit).await.unwrap().events.is_empty());
        }
    }
    store.events_by_ids(&[order.history[0].event.unwrap()]).await.unwrap().remove(0).unwrap();
    assert_eq!(store.orders_by_ids(&[order.id]).await.unwrap(), [Some(order)]);
    store.products_by_ids(&[lamp.id]).await.unwrap();
    store.products_by_skus(std::slice::from_ref(&lamp.sku)).await.unwrap();
    store.count_products(&[ProductFilter::default()]).await.unwrap();
    poll().await;
    store.close().await;
    engine.remove().await;

    let sent = sent.lock().unwrap();
    let mut of_log = 0;
    for command in sent.iter() {
        let Some(concern) = read_concern(command) else { continue };
        assert_eq!(concern.get_str("level").ok(), Some("majority"), "{command}");
        assert!(concern.get_timestamp("afterClusterTime").is_ok(), "it may go back in time: {command}");
        let reads_log = |name: &str| command.get_str(name).is_ok_and(|collection| collection == "log");
        of_log += usize::from(reads_log("find") || reads_log("aggregate"));
    }
    // Two polls with the bounds of the log and a page, four pages, and one entry by its id.
    assert!(of_log > 2 * 3 + 4, "{of_log} reads of the log");
    assert!(
        !sent.iter().any(|command| command.to_string().contains("$changeStream")),
        "the oplog's size does not matter"
    );
    // Each change is committed by a majority that has it on disk.
    let commits = sent.iter().filter(|command| command.contains_key("commitTransaction"));
    let concerns: Vec<&Document> = commits.map(|command| command.get_document("writeConcern").unwrap()).collect();
    assert!(!concerns.is_empty());
    assert!(concerns.iter().all(|concern| **concern == doc! { "w": "majority", "j": true }), "{concerns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_read_of_an_export_is_of_the_same_moment() {
    let engine = Mongodb::prepare("export").await;
    let (store, sent) = engine.open_recorded().await;
    let lamp = product("lamp");
    insert_products(&store, &[&lamp]).await;
    place(&store, "1", &[(&lamp, 1)]).await.unwrap();
    store.catch_up_log().await.unwrap();
    sent.lock().unwrap().clear();
    let (sender, mut batches) = tokio::sync::mpsc::channel(8);
    let kinds = [ExportKind::Users, ExportKind::Products, ExportKind::Orders, ExportKind::Tasks];
    store.export(&kinds, sender).await.unwrap();
    assert!(batches.recv().await.is_some());
    store.close().await;
    engine.remove().await;

    let sent = sent.lock().unwrap();
    let reads: Vec<(&str, &Document)> =
        sent.iter().filter_map(|command| Some((command.get_str("find").ok()?, command))).collect();
    let concern = |command: &Document| command.get_document("readConcern").unwrap().clone();
    let [(_, first), others @ ..] = &*reads else { panic!("no reads") };
    assert_eq!(concern(first), doc! { "level": "snapshot" }, "the first read fixes the moment");
    let moment = concern(others[0].1);
    assert!(moment.get_timestamp("atClusterTime").is_ok(), "{moment}");
    for (collection, command) in others {
        assert_eq!(concern(command), moment, "{collection}");
        assert!(command.get_bool("singleBatch").unwrap(), "{collection}: an open cursor could be lost");
    }
    let read: std::collections::BTreeSet<&str> = reads.iter().map(|(collection, _)| *collection).collect();
    let expected = ["counters", "log", "orders", "outbox", "products", "tasks", "users"];
    assert!(read.into_iter().eq(expected));
}
