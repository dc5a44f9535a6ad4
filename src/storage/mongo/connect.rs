//! Connecting: the pool, and the checks at start-up.

use std::{sync::Arc, time::Duration};

use bson::{Document, doc};
use mongodb::{
    Client,
    error::{Error, ErrorKind},
    event::{EventHandler, cmap::CmapEvent, command::CommandEvent},
    options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};

use super::{
    clock::is_router,
    collections::Collections,
    replicas::{ReadFrom, Replicas},
    rights, schema,
    store::{Inner, MongoStore},
    url::{DEFAULT_DATABASE, malformed_url},
};
use crate::{
    fairness::FairSemaphore,
    storage::{DeploymentId, Result, StoreError},
    telemetry::metrics::{PoolState, metrics},
};

const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(2);
const NEEDS_REPLICA_SET: &str = "MongoDB needs to be a replica set or a sharded cluster: start mongod with --replSet \
    and run rs.initiate() once";

/// How to connect to MongoDB.
#[derive(Debug, Clone)]
pub struct MongoOptions {
    /// Number of connections that stay open while idle.
    pub pool_min: u32,
    /// The maximum number of connections.
    pub pool_max: u32,
    /// How long an operation waits for a server that can run it.
    pub server_selection_timeout: Duration,
    /// Which servers answer reads of entities and lists.
    pub read_from: ReadFrom,
    /// Name of this application in the server's logs and session list.
    pub app_name: String,
    /// The deployment of this process, if it has a signing key: databases of others are refused.
    pub deployment: Option<DeploymentId>,
    /// Whether reads and updates name the shard key of a document on a replica set, too, so that tests can check it.
    pub as_on_a_sharded_cluster: bool,
    /// Is called with each command before it is sent, for tests.
    pub on_command: Option<CommandObserver>,
}

/// A function that is called with commands.
#[derive(Clone)]
pub struct CommandObserver(pub Arc<dyn Fn(&Document) + Send + Sync>);

impl std::fmt::Debug for CommandObserver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CommandObserver")
    }
}

impl MongoStore {
    /// Connects to the database that `url` names (default `orderwire`), and creates missing indexes.
    /// Errors: `Unavailable` if no primary can be reached or the server is standalone. `Internal` if the URL is malformed,
    /// the database user lacks rights, a newer version or another deployment uses the database, or an existing index
    /// conflicts. No message contains the URL's credentials.
    pub async fn connect(url: &str, options: MongoOptions) -> Result<Self> {
        let mut client_options = ClientOptions::parse(url).await.map_err(|error| malformed_url(&error, url))?;
        client_options.min_pool_size = Some(options.pool_min);
        client_options.max_pool_size = Some(options.pool_max);
        client_options.server_selection_timeout = Some(options.server_selection_timeout);
        client_options.connect_timeout.get_or_insert(options.server_selection_timeout);
        client_options.app_name = Some(options.app_name.clone());
        client_options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        client_options.read_concern = Some(ReadConcern::majority());
        client_options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        client_options.cmap_event_handler = Some(EventHandler::callback(count));
        client_options.command_event_handler = options.on_command.map(|CommandObserver(observe)| {
            EventHandler::callback(move |event| {
                if let CommandEvent::Started(started) = event {
                    observe(&started.command);
                }
            })
        });

        let client = Client::with_options(client_options.clone())?;
        let hello = match client.database("admin").run_command(doc! { "hello": 1 }).await {
            Ok(hello) => hello,
            Err(error) => return Err(why_unreachable(client_options, error).await),
        };
        refuse_standalone(&hello)?;
        let name = client_options.default_database.as_deref().unwrap_or(DEFAULT_DATABASE);
        let database = client.database(name);
        let names_shard_keys = is_router(&hello) || options.as_on_a_sharded_cluster;
        rights::check(&database).await?;
        schema::prepare(&database, names_shard_keys, options.deployment).await?;
        Ok(Self(Arc::new(Inner {
            collections: Collections::new(&database),
            names_shard_keys,
            seen_chunks: Default::default(),
            seen_time: Default::default(),
            replicas: Replicas::new(options.read_from),
            product_cache: Default::default(),
            read_permits: FairSemaphore::new(reads_at_once(options.pool_max)),
            change_permits: FairSemaphore::new(changes_at_once(options.pool_max)),
            order_queue: Default::default(),
            unnumbered: Default::default(),
            appends: Default::default(),
            process: rand::random(),
            running_transactions: tokio_util::task::TaskTracker::new(),
            client,
            database,
            app_name: options.app_name,
        })))
    }
}

/// Operations outside of transactions that may run at once: four fifths of the connections.
fn reads_at_once(pool_max: u32) -> usize {
    (pool_max as usize * 4 / 5).max(1)
}

/// Transactions of callers that may run at once: the other connections. Orders and the sequencer, which have transactions of
/// their own, use a few.
fn changes_at_once(pool_max: u32) -> usize {
    pool_max as usize - reads_at_once(pool_max).min(pool_max as usize)
}

/// Updates the metrics of the pool.
fn count(event: CmapEvent) {
    let connections = &metrics().mongodb_connections;
    match event {
        CmapEvent::ConnectionCreated(_) => _ = connections.get(PoolState::Open).inc(),
        CmapEvent::ConnectionClosed(_) => _ = connections.get(PoolState::Open).dec(),
        CmapEvent::ConnectionCheckedOut(_) => _ = connections.get(PoolState::InUse).inc(),
        CmapEvent::ConnectionCheckedIn(_) => _ = connections.get(PoolState::InUse).dec(),
        CmapEvent::ConnectionCheckoutFailed(_) => _ = metrics().mongodb_checkout_failures.inc(),
        _ => {}
    }
}

fn refuse_standalone(hello: &Document) -> Result<()> {
    let is_replica_set = hello.contains_key("setName");
    if is_replica_set || is_router(hello) { Ok(()) } else { Err(StoreError::Unavailable(NEEDS_REPLICA_SET.to_owned())) }
}

/// Finds out whether a host is a standalone server, which never becomes the primary that `replicaSet=` in the URL asks
/// for, so that the message can name the cause.
async fn why_unreachable(options: ClientOptions, error: Error) -> StoreError {
    if !matches!(*error.kind, ErrorKind::ServerSelection { .. }) {
        return error.into();
    }
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    for host in &options.hosts {
        let mut direct = options.clone();
        direct.hosts = vec![host.clone()];
        direct.repl_set_name = None;
        direct.direct_connection = Some(true);
        direct.min_pool_size = None;
        direct.cmap_event_handler = None;
        direct.command_event_handler = None;
        direct.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Nearest { options: Some(Default::default()) }));
        direct.server_selection_timeout = Some(DIAGNOSIS_TIMEOUT);
        let Ok(client) = Client::with_options(direct) else { continue };
        let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
        if hello.is_ok_and(|hello| refuse_standalone(&hello).is_err()) {
            return StoreError::Unavailable(NEEDS_REPLICA_SET.to_owned());
        }
    }
    StoreError::Unavailable(format!("no MongoDB primary can be reached at {}: {}", hosts.join(", "), error.kind))
}
