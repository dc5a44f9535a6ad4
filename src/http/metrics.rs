//! The metrics, on an address of their own: what clients reach does not show them.

use std::io;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

use crate::telemetry::metrics;

/// Serves `/metrics` for as long as it is polled.
pub async fn serve_metrics(listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, Router::new().route("/metrics", get(tell))).await
}

async fn tell() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render())
}
