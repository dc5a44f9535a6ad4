//! All settings, and the checks across them.

use super::{
    Auth, Database, Feed, Limits, Log, LogFormat, Metrics, Operations, RateLimits, Redis, Retention, Server, WebSocket,
    reader::{SettingKey, SettingReader},
    server,
    setting::keywords,
};

keywords! {
    /// What the deployment is for.
    Environment {
        /// Introspection, the UI and calls from localhost are on; a missing secret is generated.
        Development = "development",
        /// Introspection and the UI are off unless asked for; a secret is required.
        Production = "production",
    }
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the deployment is for.
    pub environment: Environment,
    /// Where data is kept.
    pub database: Database,
    /// The bus between nodes.
    pub redis: Redis,
    /// The HTTP server.
    pub server: Server,
    /// WebSockets.
    pub websocket: WebSocket,
    /// Limits of operations.
    pub limits: Limits,
    /// Limits of what somebody may ask for over time.
    pub rate_limits: RateLimits,
    /// Known operations.
    pub operations: Operations,
    /// Tokens and passwords.
    pub auth: Auth,
    /// The log.
    pub log: Log,
    /// The metrics.
    pub metrics: Metrics,
    /// The event feed.
    pub feed: Feed,
    /// How long things are kept.
    pub retention: Retention,
}

impl Default for Config {
    /// Development, with every default.
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            database: Database::default(),
            redis: Redis::default(),
            server: Server::default(),
            websocket: WebSocket::default(),
            limits: Limits::default(),
            rate_limits: RateLimits::default(),
            operations: Operations::default(),
            auth: Auth::default(),
            log: Log::default(),
            metrics: Metrics::default(),
            feed: Feed::default(),
            retention: Retention::default(),
        }
    }
}

impl Config {
    /// Whether the deployment is for production.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// Whether clients may ask for the schema.
    pub fn introspection(&self) -> bool {
        self.server.introspection.unwrap_or(!self.is_production())
    }

    /// Whether the UI is served.
    pub fn ui(&self) -> bool {
        self.server.ui.unwrap_or(!self.is_production())
    }

    /// How log lines look.
    pub fn log_format(&self) -> LogFormat {
        self.log.format.unwrap_or(if self.is_production() { LogFormat::Json } else { LogFormat::Text })
    }

    pub(super) fn read(reader: &mut SettingReader<'_>) -> Self {
        reader.example += "# Every setting of Orderwire with its default. What is set on the command line or in the environment\n\
             # counts more than this file. Times are written as 250ms, 30s, 15m, 2h or 7d.\n\n";
        let key = SettingKey {
            section: "",
            name: "environment",
            docs: &[
                " `development`, or `production`: introspection and the UI are off unless asked for, the log is JSON, and a",
                " secret is required.",
            ],
            variable: Some("ORDERWIRE_ENV"),
            example: None,
        };
        let environment = reader.read(&key, Environment::Development, Ok);
        Self {
            environment,
            database: Database::read(reader),
            redis: Redis::read(reader),
            server: Server::read(reader),
            websocket: WebSocket::read(reader),
            limits: Limits::read(reader),
            rate_limits: RateLimits::read(reader),
            operations: Operations::read(reader),
            auth: Auth::read(reader),
            log: Log::read(reader),
            metrics: Metrics::read(reader),
            feed: Feed::read(reader),
            retention: Retention::read(reader),
        }
    }

    /// What is wrong with values that are fine one by one: the setting's key and what would be right.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = self.auth.faults(self.is_production());
        faults.extend(self.rate_limits.faults(self.limits.cost));
        if self.database.mongodb_pool_min > self.database.mongodb_pool_max {
            let message = "has to be at most database.mongodb_pool_max".to_owned();
            faults.push(("database.mongodb_pool_min", message));
        }
        if self.websocket.dead_after <= self.websocket.ping_interval {
            faults.push(("websocket.dead_after", "has to be longer than websocket.ping_interval".to_owned()));
        }
        for origin in &self.server.cors_origins {
            faults.extend(server::check_origin(origin).err().map(|fault| ("server.cors_origins", fault)));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.level) {
            faults.push(("log.level", format!("has to be a filter such as info or info,orderwire=debug: {error}")));
        }
        faults
    }
}
