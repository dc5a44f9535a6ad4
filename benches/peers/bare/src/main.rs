//! Order updates with async-graphql, its stock axum integration, MongoDB and Redis. One Redis connection for the process
//! feeds a broadcast channel that all subscriptions read.

mod orders;
mod schema;

use std::{env, error::Error, time::Duration};

use async_graphql::Schema;
use async_graphql_axum::{GraphQL, GraphQLSubscription};
use axum::{
    Router,
    routing::{get, post_service},
};
use mongodb::Client;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::broadcast,
};

use orders::Orders;
use schema::{Mutation, Query, Subscription};

/// Updates that a subscriber may lag behind; older ones are lost to it.
const BEHIND: usize = 1024;

/// Time-out of Redis. It is long because under load its answers queue in this process.
const REDIS_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let setting = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let database = Client::with_uri_str(setting("DATABASE_URL")?).await?;
    let redis = redis::Client::open(setting("REDIS_URL")?)?;
    let config = redis::aio::ConnectionManagerConfig::new().set_response_timeout(Some(REDIS_TIMEOUT));
    let publisher = redis.get_connection_manager_with_config(config).await?;

    let (updates, _) = broadcast::channel(BEHIND);
    tokio::spawn(orders::receive(redis.get_async_pubsub().await?, updates.clone()));
    let orders = Orders::new(database, publisher)?;
    let schema = Schema::build(Query, Mutation, Subscription).data(orders).data(updates).finish();

    let app = Router::new()
        .route("/healthz", get("ok"))
        .route("/graphql", post_service(GraphQL::new(schema.clone())))
        .route_service("/ws", GraphQLSubscription::new(schema));
    let listener = TcpListener::bind(("127.0.0.1", setting("PORT")?.parse()?)).await?;
    let mut stop = signal(SignalKind::terminate())?;
    tokio::select! {
        served = async { axum::serve(listener, app).await } => Ok(served?),
        _ = stop.recv() => Ok(()),
    }
}
