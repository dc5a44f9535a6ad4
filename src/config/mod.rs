//! The configuration. Each setting comes from the first of: command line, environment, `orderwire.toml`, default.
//!
//! Each section is a typed struct in a file of its own. A field declares its default and its documentation, from which
//! the example file is generated. Unknown settings are errors, all problems are reported at once, and secrets are never
//! printed.

mod auth;
mod cache;
mod database;
mod feed;
mod kafka;
mod limits;
mod load;
mod log;
mod metrics;
mod operations;
mod rabbitmq;
mod rate_limits;
mod reader;
mod redis;
mod retention;
mod secret;
mod section;
mod server;
mod setting;
mod settings;
mod subscriptions;
mod webhooks;
mod websocket;
mod worker;

pub use auth::Auth;
pub use cache::Cache;
pub use database::{Database, DatabaseUrl, ReadFrom};
pub use feed::Feed;
pub use kafka::{Kafka, KafkaMechanism};
pub use limits::Limits;
pub use load::{DEFAULT_FILE, FileError, Loaded, example, load, read_file};
pub use log::{Log, LogFormat};
pub use metrics::{Metrics, MetricsAddress};
pub use operations::Operations;
pub use rabbitmq::{RabbitMq, RabbitMqUrl};
pub use rate_limits::{RateLimit, RateLimits};
pub use reader::{ConfigProblem, ConfigSources, EffectiveSetting, ValueOrigin};
pub use redis::{Redis, RedisUrl};
pub use retention::Retention;
pub use secret::{Secret, SecretUrl};
pub use server::{BindAddress, Server};
pub use setting::Setting;
pub use settings::{Config, Environment};
pub use subscriptions::Subscriptions;
pub use webhooks::Webhooks;
pub use websocket::WebSocket;
pub use worker::Worker;
