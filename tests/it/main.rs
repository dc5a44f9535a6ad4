//! The integration tests: one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod answers;
mod api;
mod architecture;
mod cli_app;
mod cli_commands;
mod cli_demo;
mod cli_process;
mod cli_serve;
mod cluster;
mod config_load;
mod contract;
mod docs;
mod embed;
mod embedded_faults;
mod failover;
mod feed;
mod fuzz;
mod http_attacks;
mod http_caching;
mod http_graphql;
mod http_handover;
mod http_methods;
mod http_routes;
mod http_streams;
mod http_support;
mod http_variants;
mod import;
mod inputs;
mod interrupted;
mod memory;
mod metrics;
mod new_epoch;
mod nodes;
mod operations;
mod rate_limits;
mod read_from;
mod refused_starts;
mod schema;
mod support;
mod waiting;
mod ws_legacy;
mod ws_life;
mod ws_protocol;
mod ws_renewal;
