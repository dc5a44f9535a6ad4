//! The configuration: flag > environment > `orderwire.toml` > default.
//!
//! One typed section a file; each field carries its default and its documentation, from which the example file is made.
//! Settings that do not exist are errors, all problems are told at once, and secrets are never printed.

mod auth;
mod database;
mod feed;
mod limits;
mod log;
mod metrics;
mod operations;
mod rate_limits;
mod reader;
mod redis;
mod retention;
mod secret;
mod server;
mod setting;
mod websocket;

use std::path::{Path, PathBuf};

pub use auth::Auth;
pub use database::{Database, DatabaseUrl};
pub use feed::Feed;
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use metrics::{Metrics, MetricsAddress};
pub use operations::Operations;
pub use rate_limits::{RateLimit, RateLimits};
pub use reader::{ConfigProblem, ConfigSources, EffectiveSetting, ValueOrigin};
pub use redis::{Redis, RedisUrl};
pub use retention::Retention;
pub use secret::{Secret, SecretUrl};
pub use server::{BindAddress, Server};
pub use setting::Setting;
pub use websocket::WebSocket;

use reader::{SettingKey, SettingReader};

/// The file that is read when no other is named.
pub const DEFAULT_FILE: &str = "orderwire.toml";

const SECTIONS: [&str; 12] = [
    "database",
    "redis",
    "server",
    "websocket",
    "limits",
    "rate_limits",
    "operations",
    "auth",
    "log",
    "metrics",
    "feed",
    "retention",
];

setting::keywords! {
    /// What the deployment is for.
    Environment {
        /// Comfortable: introspection, the UI and calls from localhost are on, a missing secret is made.
        Development = "development",
        /// Strict.
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

    fn read(reader: &mut SettingReader<'_>) -> Self {
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
    fn faults(&self) -> Vec<(&'static str, String)> {
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

/// A configuration with where it comes from and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings; where one is wrong, its default.
    pub config: Config,
    /// Each setting as it is used, secrets masked.
    pub entries: Vec<EffectiveSetting>,
    /// All that is wrong.
    pub problems: Vec<ConfigProblem>,
}

/// The configuration file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What is wrong, never the line itself.
        message: String,
    },
}

/// The file's settings: of `named`, or else of [`DEFAULT_FILE`] if it is there.
pub fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, toml::Table)>, FileError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if named.is_none() && cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(FileError::Read { path, cause }),
    };
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(Some((path, table))),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            Err(FileError::Syntax { path, line, message: error.message().replace('\n', " ") })
        }
    }
}

/// Reads all settings.
pub fn load(sources: &ConfigSources) -> Loaded {
    let mut reader = SettingReader::new(sources);
    let mut config = Config::read(&mut reader);
    apply_port(&mut reader, &mut config);
    reader.find_unknown();
    for (key, message) in config.faults() {
        let setting = match reader.origin(key) {
            None | Some(ValueOrigin::Default) => key.to_owned(),
            Some(origin) => format!("{key} ({origin})"),
        };
        reader.problems.push(ConfigProblem { setting, message });
    }
    let effective = [
        ("server.introspection", config.introspection().show()),
        ("server.ui", config.ui().show()),
        ("log.format", config.log_format().show()),
    ];
    let SettingReader { mut entries, problems, .. } = reader;
    for (key, value) in effective {
        entries.iter_mut().filter(|entry| entry.key == key).for_each(|entry| entry.value.clone_from(&value));
    }
    Loaded { config, entries, problems }
}

/// `PORT`, as hosting platforms set it, counts as long as nothing in the environment or on the command line says where
/// to listen.
fn apply_port(reader: &mut SettingReader<'_>, config: &mut Config) {
    const KEY: &str = "server.bind";
    if matches!(reader.origin(KEY), Some(ValueOrigin::Flag | ValueOrigin::Environment(_))) {
        return;
    }
    let Some(port) = reader.variable("PORT") else { return };
    match port.to_str().and_then(|port| port.trim().parse().ok()) {
        Some(port) => {
            config.server.bind = BindAddress::everywhere(port);
            reader.replace(KEY, config.server.bind.show(), "PORT");
        }
        None => {
            let message = "has to be a whole number from 0 to 65535".to_owned();
            reader.problems.push(ConfigProblem { setting: format!("{KEY} (PORT)"), message });
        }
    }
}

/// A configuration file with every setting, its documentation and its default, all commented out.
pub fn example() -> String {
    let sources = ConfigSources::default();
    let mut reader = SettingReader::new(&sources);
    Config::read(&mut reader);
    reader.example
}
