//! Orderwire: one GraphQL API over products, users, tasks and orders, with live updates.
//!
//! ```text
//! cli -> app;  app wires everything
//! http -> graphql -> service -> { storage, cluster, auth, outbound } -> domain;  jobs -> service
//! ```
//!
//! Each layer may use only the layers to its right; all but the domain may use `telemetry`, and those that run work for
//! callers use `fairness`. `docs/architecture.md` has the whole rule, the life of an order, the invariants and a glossary.
//! `tests/it/architecture` checks the rule.

pub mod app;
pub mod auth;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod fairness;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod outbound;
pub mod service;
pub mod storage;
pub mod telemetry;
