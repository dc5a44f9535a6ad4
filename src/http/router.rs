//! The routes and the layers around them.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{
    error::HttpError,
    graphql::post_get,
    health,
    middleware::{
        compression, observe,
        rate_limit::{RequestRateLimiter, limit_request_rate},
        request_head, security,
        time_limit::TimeLimitedEndpoint,
    },
    options::HttpOptions,
    server::KeyedLimiter,
    state::HttpState,
    ui,
};
use crate::graphql::Endpoint;

/// All routes over one GraphQL API. [`super::serve`] serves it. Another server can too, but then WebSockets are not
/// told about a shutdown.
pub fn router(endpoint: Arc<dyn Endpoint>, options: HttpOptions) -> Router {
    let cors = Arc::new(security::cors(&options.origins));
    let user_connections = KeyedLimiter::new(options.connections_per_user);
    let address_streams = KeyedLimiter::new(options.limits.connections_per_address);
    let limits = Arc::new(options.limits.clone());
    let requests = Arc::new(RequestRateLimiter::new(limits.clients.clone(), endpoint.client_limits().clone()));
    let endpoint = Arc::new(TimeLimitedEndpoint::new(endpoint, options.execution_timeout));
    let graphql = get(post_get::get).post(post_get::post).layer(compression::layer());
    let mut router = Router::new()
        .route("/graphql", graphql.clone())
        .route("/graphql/", graphql)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    if options.schema {
        router = router
            .route("/schema.graphql", get(health::schema).layer(compression::layer()))
            .route("/docs/scalars.md", get(health::scalars));
    }
    if options.ui {
        router = router
            .route("/", ui::page(&ui::GRAPHIQL, "index.html"))
            .route("/graphiql", ui::page(&ui::GRAPHIQL, "index.html"))
            .route("/ui/", ui::page(&ui::GRAPHIQL, "index.html"))
            .route("/ui/{*path}", ui::files(&ui::GRAPHIQL))
            .route("/playground", ui::page(&ui::PLAYGROUND, "index.html"))
            .route("/playground/{*path}", ui::files(&ui::PLAYGROUND));
    }
    if options.example_apps {
        router = router
            .route("/shop", ui::page(&ui::EXAMPLE_APPS, "shop.html"))
            .route("/board", ui::page(&ui::EXAMPLE_APPS, "board.html"))
            .route("/apps/{*path}", ui::files(&ui::EXAMPLE_APPS));
    }
    router = router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(limits, request_head::check_head))
        .layer(middleware::from_fn_with_state(requests, limit_request_rate))
        .layer(middleware::from_fn_with_state(cors, security::apply_cors));
    let hsts = options.hsts.and_then(|time| HeaderValue::try_from(format!("max-age={}", time.as_secs())).ok());
    if let Some(hsts) = hsts {
        router = router.layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, hsts));
    }
    router.layer(middleware::from_fn(observe::observe)).with_state(Arc::new(HttpState {
        endpoint,
        options,
        user_connections,
        address_streams,
    }))
}

/// Responds with 404, or with 204 to `OPTIONS *`, which asks about the server and not about a path.
async fn unknown_path(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS && uri.path() == "*" {
        return StatusCode::NO_CONTENT.into_response();
    }
    HttpError::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("Nothing is served at {}.", uri.path())).into_response()
}

/// Responds with 405, or to OPTIONS with 204; the router adds `Allow`.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let message = format!("{} does not take {method}.", uri.path());
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message).into_response()
}
