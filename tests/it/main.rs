//! The integration tests: one binary.

mod http_graphql;
mod http_routes;
mod http_support;
mod ws_protocol;
