//! A hand-written REST server of a shop in MongoDB: axum and the driver. It reads products and a customer's orders, and
//! places orders. It uses the collections of an Orderwire database, and the transaction that Orderwire's rules need, without
//! a cache, an event log and GraphQL.

mod auth;
mod bodies;
mod documents;
mod placement;
mod reads;
mod routes;
mod store;

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use auth::Tokens;
use store::Store;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the handlers share.
pub struct Shop {
    tokens: Tokens,
    store: Store,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let setting = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let tokens = Tokens::hs256(setting("JWT_SECRET")?.as_bytes());
    let store = Store::connect(&setting("DATABASE_URL")?).await?;
    let app = Router::new()
        .route("/healthz", get("ok"))
        .route("/products", get(reads::products))
        .route("/products/{id}", get(reads::product))
        .route("/me/orders", get(reads::my_orders))
        .route("/orders", post(routes::place_order))
        .with_state(Arc::new(Shop { tokens, store }));
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
