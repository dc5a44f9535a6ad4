//! Orderwire's API in a server of your own, beside a route of its own.
//!
//! `cargo run --example embed` serves the database `orderwire.db` (or what `DATABASE_URL` names) with GraphQL at
//! <http://127.0.0.1:8000/api/graphql>, subscriptions at the same address over WebSocket, and a route of the
//! embedding server at <http://127.0.0.1:8000/hello>. `orderwire::graphql::Api` says what this server has to limit by
//! itself.

use std::error::Error;

use async_graphql::{Data, Executor, Response, http::ALL_WEBSOCKET_PROTOCOLS};
use async_graphql_axum::{GraphQLProtocol, GraphQLRequest, GraphQLResponse, GraphQLWebSocket};
use axum::{
    Router,
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, header::AUTHORIZATION},
    response::IntoResponse,
    routing::get,
};
use orderwire::{
    app::Core,
    config::{self, ConfigSources},
    graphql::Api,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let loaded = config::load(&ConfigSources { environment: std::env::vars_os().collect(), ..Default::default() });
    if let Some(problem) = loaded.problems.first() {
        return Err(problem.to_string().into());
    }
    let core = Core::open(&loaded.config).await?;
    let api = core.api(&loaded.config)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    println!("http://{}/api/graphql", listener.local_addr()?);
    let shutdown = async move {
        // Without a signal handler the server runs until it is killed.
        let _ = tokio::signal::ctrl_c().await;
        core.close().await;
    };
    Ok(axum::serve(listener, router(api)).with_graceful_shutdown(shutdown).await?)
}

/// The embedding server.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/api/graphql", get(subscriptions).post(operations))
        .with_state(api)
}

/// Queries and mutations over HTTP.
async fn operations(State(api): State<Api>, headers: HeaderMap, request: GraphQLRequest) -> GraphQLResponse {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    match api.authenticate(authorization).await {
        Ok(session) => api.execute(request.into_inner().data(session)).await.into(),
        Err(error) => Response::from_errors(vec![error]).into(),
    }
}

/// Any operation over WebSocket; the token is `Authorization` in the payload of `connection_init`.
async fn subscriptions(
    State(api): State<Api>,
    protocol: GraphQLProtocol,
    upgrade: WebSocketUpgrade,
) -> impl IntoResponse {
    upgrade.protocols(ALL_WEBSOCKET_PROTOCOLS).on_upgrade(move |socket| {
        let authenticator = api.clone();
        let on_init = move |payload: serde_json::Value| async move {
            let authorization = payload.get("Authorization").map(|value| value.as_str().unwrap_or_default());
            let session = authenticator.authenticate(authorization).await;
            let session = session.map_err(|error| async_graphql::Error::new(error.message))?;
            let mut data = Data::default();
            data.insert(session);
            Ok(data)
        };
        GraphQLWebSocket::new(socket, api, protocol).on_connection_init(on_init).serve()
    })
}
