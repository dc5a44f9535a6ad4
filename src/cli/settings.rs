//! Reads the settings for a command, including those on the command line.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::{
    app::Core,
    config::{self, Config, ConfigSources, DatabaseUrl, Loaded, LogFormat},
    telemetry,
};

/// Settings that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Read settings from this file instead of orderwire.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database: sqlite://FILE, mongodb://HOST/NAME?replicaSet=… or mongodb+srv://HOST/NAME.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Redis, for several nodes: redis://HOST:PORT or rediss://HOST:PORT.
    #[arg(long, global = true, value_name = "URL")]
    redis_url: Option<String>,
    /// Log level: error, warn, info, debug, trace, or a filter such as info,orderwire::http=debug.
    #[arg(long, global = true, value_name = "FILTER")]
    log_level: Option<String>,
    /// Set any setting by its name in the file: --set server.grace_period=5s.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
}

impl Settings {
    /// Overrides a setting, as `--set` does.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.set.push((name.to_owned(), value.into()));
    }

    /// Reads all settings and collects their problems.
    pub(super) fn read(self) -> Result<Loaded, Failure> {
        let named = [("database.url", self.database_url), ("redis.url", self.redis_url), ("log.level", self.log_level)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let sources = ConfigSources {
            flags: named.chain(self.set).collect(),
            environment: std::env::vars_os().collect(),
            file: config::read_file(self.config.as_deref())?,
        };
        Ok(config::load(&sources))
    }

    /// Reads all settings; fails if any is invalid.
    pub(super) fn load(self) -> Result<Config, Failure> {
        let loaded = self.read()?;
        if loaded.problems.is_empty() { Ok(loaded.config) } else { Err(loaded.problems.into()) }
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Refuses an SQLite file that does not exist: opening it would make one.
pub(super) fn refuse_missing(url: &DatabaseUrl) -> Result<(), Failure> {
    match url {
        DatabaseUrl::Sqlite(path) if !path.exists() => {
            Err(Failure::new(format!("{url} does not exist; set database.url to the database")))
        }
        _ => Ok(()),
    }
}

/// The use cases over the database alone, for a command that publishes no event to other nodes: Redis is not needed.
pub(super) async fn open_without_redis(mut config: Config) -> Result<Core, Failure> {
    config.redis.url = None;
    Ok(Core::open(&config).await?)
}

/// Starts the log with the configured level and format.
pub(super) fn start_log(config: &Config) {
    telemetry::init(&config.log.level, config.log_format() == LogFormat::Json);
}
