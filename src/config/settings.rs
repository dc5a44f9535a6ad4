//! The whole configuration, and the checks that involve several settings.

use super::{
    Auth, Cache, Database, Feed, Kafka, Limits, Log, LogFormat, Metrics, Operations, RabbitMq, RateLimits, Redis,
    Retention, Server, Subscriptions, WebSocket, Webhooks, Worker,
    database::ReadFrom,
    reader::{SettingKey, SettingReader},
    server,
    setting::keywords,
};

keywords! {
    /// What the deployment is used for.
    Environment {
        /// Introspection, the UI and calls from pages on localhost are allowed; a missing secret is generated.
        Development = "development",
        /// Introspection and the UI are off unless enabled; a secret is required.
        Production = "production",
    }
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the deployment is used for.
    pub environment: Environment,
    /// The database and its connections.
    pub database: Database,
    /// The cache of what was read from the database.
    pub cache: Cache,
    /// The connection to Redis.
    pub redis: Redis,
    /// Listening, timeouts and limits of the HTTP server.
    pub server: Server,
    /// Timeouts and limits of WebSocket connections.
    pub websocket: WebSocket,
    /// What open subscriptions may take.
    pub subscriptions: Subscriptions,
    /// Limits on the size of an operation.
    pub limits: Limits,
    /// Rate limits for clients and accounts.
    pub rate_limits: RateLimits,
    /// Persisted operations and the document cache.
    pub operations: Operations,
    /// How tokens are signed and passwords hashed.
    pub auth: Auth,
    /// Level and format of the log.
    pub log: Log,
    /// Where metrics are served.
    pub metrics: Metrics,
    /// Sizes and times of the event feed.
    pub feed: Feed,
    /// How long data is kept.
    pub retention: Retention,
    /// What follows the event log.
    pub worker: Worker,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// The relay to RabbitMQ.
    pub rabbitmq: RabbitMq,
    /// The relay to Kafka.
    pub kafka: Kafka,
}

impl Default for Config {
    /// A development configuration in which every setting has its default.
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            database: Database::default(),
            cache: Cache::default(),
            redis: Redis::default(),
            server: Server::default(),
            websocket: WebSocket::default(),
            subscriptions: Subscriptions::default(),
            limits: Limits::default(),
            rate_limits: RateLimits::default(),
            operations: Operations::default(),
            auth: Auth::default(),
            log: Log::default(),
            metrics: Metrics::default(),
            feed: Feed::default(),
            retention: Retention::default(),
            worker: Worker::default(),
            webhooks: Webhooks::default(),
            rabbitmq: RabbitMq::default(),
            kafka: Kafka::default(),
        }
    }
}

impl Config {
    /// Whether this is a production deployment.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// Whether clients may introspect the schema.
    pub fn introspection(&self) -> bool {
        self.server.introspection.unwrap_or(!self.is_production())
    }

    /// Whether GraphiQL and GraphQL Playground are served.
    pub fn ui(&self) -> bool {
        self.server.ui.unwrap_or(!self.is_production())
    }

    /// How log lines look.
    pub fn log_format(&self) -> LogFormat {
        self.log.format.unwrap_or(if self.is_production() { LogFormat::Json } else { LogFormat::Text })
    }

    pub(super) fn read(reader: &mut SettingReader<'_>) -> Self {
        reader.example += "# Every setting of Orderwire with its default. The command line and the environment take precedence\n\
             # over this file. Times are written as 250ms, 30s, 15m, 2h or 7d.\n\n";
        let key = SettingKey {
            section: "",
            name: "environment",
            docs: &[
                " `development` or `production`. In production, introspection and the UI are off unless enabled, the log is",
                " JSON, and a secret is required.",
            ],
            variable: Some("ORDERWIRE_ENV"),
            example: None,
        };
        let environment = reader.read(&key, Environment::Development, Ok);
        Self {
            environment,
            database: Database::read(reader),
            cache: Cache::read(reader),
            redis: Redis::read(reader),
            server: Server::read(reader),
            websocket: WebSocket::read(reader),
            subscriptions: Subscriptions::read(reader),
            limits: Limits::read(reader),
            rate_limits: RateLimits::read(reader),
            operations: Operations::read(reader),
            auth: Auth::read(reader),
            log: Log::read(reader),
            metrics: Metrics::read(reader),
            feed: Feed::read(reader),
            retention: Retention::read(reader),
            worker: Worker::read(reader),
            webhooks: Webhooks::read(reader),
            rabbitmq: RabbitMq::read(reader),
            kafka: Kafka::read(reader),
        }
    }

    /// Problems that involve several settings, each as the setting's key and a message.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = self.auth.faults(self.is_production());
        faults.extend(self.rate_limits.faults(self.limits.cost));
        faults.extend(self.rabbitmq.faults());
        faults.extend(self.kafka.faults());
        if self.database.mongodb_pool_min > self.database.mongodb_pool_max {
            let message = "must be at most database.mongodb_pool_max".to_owned();
            faults.push(("database.mongodb_pool_min", message));
        }
        if self.database.read_from != ReadFrom::Primary && self.cache.bytes == 0 {
            // The cache knows what the feed has heard from other nodes, which a secondary may not have yet.
            faults.push(("database.read_from", "must be primary if cache.bytes is 0".to_owned()));
        }
        if self.cache.shared_bytes > 0 && (self.cache.bytes == 0 || self.redis.url.is_none()) {
            faults.push(("cache.shared_bytes", "must be 0 if cache.bytes is 0 or redis.url is not set".to_owned()));
        }
        let least_heap = self.database.sqlite_page_cache.saturating_add(32 * 1024 * 1024);
        if self.database.sqlite_heap < least_heap {
            let message = format!("must be at least 32 MiB more than database.sqlite_page_cache, {least_heap}");
            faults.push(("database.sqlite_heap", message));
        }
        if self.websocket.dead_after <= self.websocket.ping_interval {
            faults.push(("websocket.dead_after", "must be longer than websocket.ping_interval".to_owned()));
        }
        let client = self.server.answers_in_flight_per_client;
        let operation = self.limits.answer_bytes.saturating_add(self.limits.loaded_bytes);
        if client < operation {
            let message = format!("must be at least limits.answer_bytes and limits.loaded_bytes together, {operation}");
            faults.push(("server.answers_in_flight_per_client", message));
        }
        if self.server.answers_in_flight < client {
            let message = format!("must be at least server.answers_in_flight_per_client, {client}");
            faults.push(("server.answers_in_flight", message));
        }
        for origin in &self.server.cors_origins {
            faults.extend(server::check_origin(origin).err().map(|fault| ("server.cors_origins", fault)));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.level) {
            faults.push(("log.level", format!("must be a filter such as info or info,orderwire=debug: {error}")));
        }
        faults
    }
}
