//! What can be said of a configuration before anything is connected to.

use super::{
    error::StartError,
    keys::{field_keys, tokens},
    manifest, options, passwords, relays,
};
use crate::{
    cluster::redis,
    config::{Config, DatabaseUrl},
    graphql::{Registry, check_documents},
    storage::mongo,
};

/// Why a server would not start with this configuration, as far as that can be known without a connection: keys and their
/// files, operations of the manifest, and URLs. Empty if nothing was found.
pub fn check(config: &Config) -> Vec<StartError> {
    let checks = [
        tokens(&config.auth).map(drop),
        passwords(&config.auth).map(drop),
        field_keys(config).map(drop),
        relays::open(config).map(drop),
        check_operations(config),
        check_database_url(config),
        config.redis.url.as_ref().map_or(Ok(()), |url| Ok(redis::check_url(url.reveal())?)),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn check_operations(config: &Config) -> Result<(), StartError> {
    let registry = manifest(config)?.map(Registry::Only);
    Ok(check_documents(config.introspection(), options::document(config, registry))?)
}

fn check_database_url(config: &Config) -> Result<(), StartError> {
    match &config.database.url {
        DatabaseUrl::Mongo(url) => Ok(mongo::check_url(url.reveal())?),
        DatabaseUrl::Sqlite(_) | DatabaseUrl::Temporary => Ok(()),
    }
}
