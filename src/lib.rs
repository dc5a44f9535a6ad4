//! Orderwire: one GraphQL API over products, users, tasks and orders, with live updates.
//!
//! # Layers, and which way they may look
//! ```text
//! cli -> app;  app wires all;  http -> graphql -> service -> { storage, bus, auth } -> domain;  jobs -> service
//! ```
//! `storage::sqlite`, `storage::mongo`, `bus::local` and `bus::redis` see only their own trait module and the domain
//! (and `bus::redis` builds on `bus::local` for the receivers within its node);
//! the domain sees nothing else of ours. All but the domain may write to `telemetry`, which sees no other part. A test reads the `use crate::…` lines and holds the code to it.

pub mod app;
pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod service;
pub mod storage;
pub mod telemetry;
