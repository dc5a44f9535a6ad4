//! Opens the database, with the engine that its URL names.

use std::{sync::Arc, time::Duration};

use super::{
    error::StartError,
    keys::{deployment, tokens},
    options, retry,
};
use crate::{
    config::{Config, DatabaseUrl},
    storage::{
        CallCounts, DeploymentId, InstrumentedStore, Store, StoreError,
        mongo::{MongoOptions, MongoStore, shard_plan as mongo_shard_plan},
        sqlite::{SqliteLocation, SqliteOptions, SqliteStore},
    },
};

/// Opens the database that the configuration names.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let deployment = deployment(&config.auth, &tokens(&config.auth)?);
    open_observed(config, Duration::ZERO, None, deployment).await
}

/// Makes the database that the configuration names belong to the deployment of the configuration. Fails if the
/// configuration has no signing key.
pub async fn adopt_database(config: &Config) -> Result<(), StartError> {
    let deployment = deployment(&config.auth, &tokens(&config.auth)?).ok_or_else(|| {
        StartError::Database("it can't be adopted without a signing key: set JWT_SECRET, or the key pair".to_owned())
    })?;
    let store = open_observed(config, Duration::ZERO, None, None).await?;
    let adopted = store.set_deployment(deployment).await;
    store.close().await;
    Ok(adopted?)
}

pub(super) async fn open_observed(
    config: &Config,
    wait: Duration,
    counts: Option<CallCounts>,
    deployment: Option<DeploymentId>,
) -> Result<Arc<dyn Store>, StartError> {
    let opened = match &config.database.url {
        DatabaseUrl::Sqlite(path) => open_sqlite(config, SqliteLocation::File(path.clone()), deployment).await,
        DatabaseUrl::Temporary => open_sqlite(config, SqliteLocation::Temporary, None).await,
        DatabaseUrl::Mongo(url) => {
            let is_retryable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
            let open = async || open_mongo(config, url.reveal(), deployment).await;
            retry::retry_until_ready("MongoDB", wait, is_retryable, open).await
        }
    };
    Ok(Arc::new(InstrumentedStore::new(opened?, counts)))
}

async fn open_sqlite(
    config: &Config,
    location: SqliteLocation,
    deployment: Option<DeploymentId>,
) -> Result<Arc<dyn Store>, StoreError> {
    let options = SqliteOptions { deployment, ..options::sqlite(config) };
    Ok(Arc::new(SqliteStore::open(location, options).await?))
}

async fn open_mongo(
    config: &Config,
    url: &str,
    deployment: Option<DeploymentId>,
) -> Result<Arc<dyn Store>, StoreError> {
    let options = MongoOptions { deployment, ..options::mongo(config) };
    Ok(Arc::new(MongoStore::connect(url, options).await?))
}

/// The commands that shard the MongoDB database that the configuration names. Fails if it names another database.
pub fn shard_plan(config: &Config) -> Result<String, StartError> {
    let DatabaseUrl::Mongo(url) = &config.database.url else {
        return Err(StartError::Database(
            "only MongoDB can be sharded; set database.url to a mongodb:// URL".to_owned(),
        ));
    };
    Ok(mongo_shard_plan(url.reveal())?)
}
