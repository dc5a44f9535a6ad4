//! A shop with async-graphql, its stock axum integration, MongoDB and Redis: products, customers' orders, placed orders and
//! their updates. One Redis connection for the process feeds a broadcast channel that all subscriptions read.

mod auth;
mod model;
mod orders;
mod reads;
mod rows;
mod schema;

use std::{env, error::Error, sync::Arc, time::Duration};

use async_graphql::{Schema, dataloader::DataLoader};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse, GraphQLSubscription};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
    serve::ListenerExt,
};
use mongodb::{Client, options::ClientOptions};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::broadcast,
};

use auth::Tokens;
use orders::Orders;
use reads::Reads;
use schema::{Mutation, Query, Subscription};

/// Updates that a subscriber may lag behind; older ones are lost to it.
const BEHIND: usize = 1024;

/// Time-out of Redis. It is long because under load its answers queue in this process.
const REDIS_TIMEOUT: Duration = Duration::from_secs(10);

/// The size of the pool of an Orderwire node by default.
const POOL_MIN: u32 = 10;
const POOL_MAX: u32 = 50;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What requests over HTTP share.
struct App {
    schema: Schema<Query, Mutation, Subscription>,
    tokens: Tokens,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let setting = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let mut options = ClientOptions::parse(setting("DATABASE_URL")?).await?;
    options.min_pool_size = Some(POOL_MIN);
    options.max_pool_size = Some(POOL_MAX);
    let client = Client::with_options(options)?;
    let database = client.default_database().ok_or("DATABASE_URL names no database")?;
    let redis = redis::Client::open(setting("REDIS_URL")?)?;
    let config = redis::aio::ConnectionManagerConfig::new().set_response_timeout(Some(REDIS_TIMEOUT));
    let publisher = redis.get_connection_manager_with_config(config).await?;

    let (updates, _) = broadcast::channel(BEHIND);
    tokio::spawn(orders::receive(redis.get_async_pubsub().await?, updates.clone()));
    let reads = Reads::new(&database);
    let schema = Schema::build(Query, Mutation, Subscription)
        // It batches the look-ups of all requests, and caches none.
        .data(DataLoader::new(reads.product_loader(), tokio::spawn))
        .data(reads)
        .data(Orders::new(client, &database, publisher))
        .data(updates)
        .finish();

    let tokens = Tokens::hs256(setting("JWT_SECRET")?.as_bytes());
    let app = Router::new()
        .route("/healthz", get("ok"))
        .route("/graphql", post(graphql))
        .with_state(Arc::new(App { schema: schema.clone(), tokens }))
        .route_service("/ws", GraphQLSubscription::new(schema));
    let listener = TcpListener::bind(("127.0.0.1", setting("PORT")?.parse()?)).await?;
    let listener = listener.tap_io(|stream| {
        // Only a connection that is gone already refuses it.
        let _ = stream.set_nodelay(true);
    });
    let mut stop = signal(SignalKind::terminate())?;
    tokio::select! {
        served = async { axum::serve(listener, app).await } => Ok(served?),
        _ = stop.recv() => Ok(()),
    }
}

async fn graphql(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: GraphQLRequest,
) -> Result<GraphQLResponse, StatusCode> {
    let mut request = request.into_inner();
    if let Some(viewer) = app.tokens.viewer(&headers).map_err(|_| StatusCode::UNAUTHORIZED)? {
        request = request.data(viewer);
    }
    Ok(app.schema.execute(request).await.into())
}
