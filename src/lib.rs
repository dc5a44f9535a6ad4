//! Orderwire: one GraphQL API over products, users, tasks and orders, with live updates.
//!
//! # Layers, and which way they may look
//! ```text
//! cli -> app;  app wires all;  http -> graphql -> service -> { storage, cluster, auth } -> domain;  jobs -> service
//! ```
//! `storage::sqlite`, `storage::mongo`, `cluster::local` and `cluster::redis` see only their own trait module and the domain
//! (and `cluster::redis` builds on `cluster::local` for the receivers within its node);
//! the domain sees nothing else of ours. All but the domain may write to `telemetry`, which sees no other part. A test reads the `use crate::…` lines and holds the code to it.

pub mod app;
pub mod auth;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod service;
pub mod storage;
pub mod telemetry;
