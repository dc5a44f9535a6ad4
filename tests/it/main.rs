//! The integration tests: one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod api;
mod architecture;
mod bus;
mod cli_commands;
mod cli_demo;
mod cli_process;
mod cli_serve;
mod config_load;
mod contract;
mod feed;
mod import;
mod schema;
mod support;
