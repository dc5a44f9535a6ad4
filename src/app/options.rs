//! The options of each part, as the configuration has them.

use std::sync::Arc;

use super::cluster::memory_documents;
use crate::{
    auth::{FieldKeys, PasswordCost},
    config::{self, Auth, Config},
    graphql::{
        AnswerBudget, AnswerLimits, ClientLimits, DocumentLimits, DocumentOptions, Registry, RequestLimiter,
        SubscriptionLimiter, SubscriptionLimits, SubscriptionShare,
    },
    http::{AllowedOrigins, ClientAddressPolicy, HttpOptions, ServerLimits, WebSocketOptions},
    jobs::JobOptions,
    outbound::{AddressPolicy, Client},
    service::{WebhookOptions, feed::FeedOptions},
    storage::{
        mongo::{MongoOptions, ReadFrom},
        sqlite::SqliteOptions,
    },
};

/// How documents are treated. `registry` holds those that requests refer to; `None` keeps them in memory.
pub fn document(config: &Config, registry: Option<Registry>) -> DocumentOptions {
    let limits = DocumentLimits {
        bytes: config.limits.bytes,
        tokens: config.limits.tokens,
        depth: config.limits.depth,
        aliases: config.limits.aliases,
        root_fields: config.limits.root_fields,
        directives: config.limits.directives,
        fields: config.limits.fields,
        cost: config.limits.cost,
    };
    let memory = || Registry::Open(Arc::new(memory_documents(config)));
    DocumentOptions {
        limits,
        cache: config.operations.cache as u64,
        registry: registry.unwrap_or_else(memory),
        client_limits: Arc::new(client_limits(config)),
    }
}

/// What one client may take of this node.
fn client_limits(config: &Config) -> ClientLimits {
    let (server, subscriptions) = (&config.server, &config.subscriptions);
    let answers = AnswerLimits {
        answer: config.limits.answer_bytes,
        loaded: config.limits.loaded_bytes,
        client: server.answers_in_flight_per_client,
        node: server.answers_in_flight,
    };
    let subscriptions = SubscriptionLimits {
        user: SubscriptionShare {
            subscriptions: subscriptions.per_user,
            watched: subscriptions.products_per_user,
            bytes: subscriptions.bytes_per_user,
        },
        address: SubscriptionShare {
            subscriptions: subscriptions.per_address,
            watched: subscriptions.products_per_address,
            bytes: subscriptions.bytes_per_address,
        },
        node_bytes: subscriptions.bytes,
    };
    ClientLimits {
        requests: RequestLimiter::new(config.rate_limits.requests_per_address.0),
        answers: AnswerBudget::new(answers),
        subscriptions: SubscriptionLimiter::new(subscriptions),
    }
}

/// What a password hash costs.
pub fn password_cost(auth: &Auth) -> PasswordCost {
    PasswordCost { memory: auth.password_memory, passes: auth.password_passes, lanes: 1 }
}

/// The options of the SQLite engine.
pub fn sqlite(config: &Config) -> SqliteOptions {
    let database = &config.database;
    SqliteOptions {
        readers: database.sqlite_readers,
        page_cache: database.sqlite_page_cache,
        mmap: database.sqlite_mmap,
        heap: database.sqlite_heap,
        busy_timeout: database.sqlite_busy_timeout,
        deployment: None,
    }
}

/// The options of the MongoDB engine.
pub fn mongo(config: &Config) -> MongoOptions {
    MongoOptions {
        pool_min: config.database.mongodb_pool_min,
        pool_max: config.database.mongodb_pool_max,
        server_selection_timeout: config.database.mongodb_server_selection_timeout,
        read_from: match config.database.read_from {
            config::ReadFrom::Primary => ReadFrom::Primary,
            config::ReadFrom::Nearest => ReadFrom::Nearest,
            config::ReadFrom::Secondary => ReadFrom::Secondary,
        },
        app_name: "orderwire".to_owned(),
        deployment: None,
        as_on_a_sharded_cluster: false,
        on_command: None,
    }
}

/// The options of the event feed.
pub fn feed(config: &Config) -> FeedOptions {
    FeedOptions {
        recent: config.feed.recent,
        recent_bytes: config.feed.recent_bytes,
        page: config.feed.page,
        poll_every: config.feed.poll_every,
        reorder_wait: config.feed.reorder_wait,
        max_behind: config.feed.max_behind,
        patience: config.feed.patience,
        concurrent_reads: config.feed.concurrent_reads,
    }
}

/// The options of the HTTP server.
pub fn http(config: &Config) -> HttpOptions {
    let clients = ClientAddressPolicy {
        trusted_proxies: config.server.trusted_proxies.clone(),
        header: config.server.client_address_header.clone(),
        unlimited: config.server.unlimited_networks.clone(),
    };
    HttpOptions {
        body_limit: config.server.body_limit,
        body_timeout: config.server.body_timeout,
        execution_timeout: config.server.execution_timeout,
        limits: ServerLimits {
            url: config.server.url_limit,
            headers: config.server.max_headers,
            head: config.server.head_limit,
            head_timeout: config.server.head_timeout,
            idle_timeout: config.server.idle_timeout,
            incoming: config.server.incoming_bytes,
            incoming_per_connection: config.server.body_limit.max(2 * config.websocket.max_message),
            write_timeout: config.server.write_timeout,
            connections: config.server.max_connections,
            connections_per_address: config.server.connections_per_address,
            clients: Arc::new(clients),
        },
        hsts: config.server.hsts,
        origins: AllowedOrigins::new(&config.server.cors_origins, !config.is_production()),
        ui: config.ui(),
        example_apps: config.server.example_apps,
        schema: config.introspection(),
        keep_alive: config.server.stream_keep_alive,
        connections_per_user: config.server.connections_per_user,
        drain_spread: config.server.drain_spread,
        websocket: WebSocketOptions {
            init_timeout: config.websocket.init_timeout,
            ping_interval: config.websocket.ping_interval,
            dead_after: config.websocket.dead_after,
            max_operations: config.websocket.max_operations,
            max_message: config.websocket.max_message,
        },
    }
}

/// How often the jobs with a schedule are done.
pub fn jobs(config: &Config) -> JobOptions {
    JobOptions { prune_every: config.retention.prune_every }
}

/// What webhooks need.
pub fn webhooks(config: &Config, keys: Option<FieldKeys>) -> WebhookOptions {
    let settings = &config.webhooks;
    let policy = AddressPolicy::new(settings.allowed_networks.clone());
    WebhookOptions { client: Client::new(policy, settings.timeout), keys }
}
