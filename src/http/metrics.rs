//! Serves metrics on an address of their own, so that clients of the API cannot read them.

use std::io;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use crate::telemetry::metrics;

/// Serves `/metrics`. Returns only on an error of the listener.
pub async fn serve_metrics(listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, Router::new().route("/metrics", get(show))).await
}

async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render())
}
