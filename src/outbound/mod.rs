//! What goes to other servers: webhooks to those that users name, and messages to the brokers of the operator.
//!
//! A webhook may not reach what only this machine or its network reaches. A name is resolved, each of its addresses is checked,
//! and the connection goes to an address that was checked, so that another answer of the name server in between changes
//! nothing. Redirects are not followed. Time, and the bytes of an answer, are bounded.
//!
//! Decisions: `docs/decisions/0033-webhooks.md`, `docs/decisions/0036-brokers.md`.

mod address;
mod body;
mod broker;
mod client;
mod connect;
mod error;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod rabbitmq;
mod resolve;
mod target;
mod tls;

pub use address::AddressPolicy;
pub use broker::{Broker, CLOUD_EVENT, Message, Publisher, Unconfirmed};
pub use client::{Answer, Client, Connection, Request};
pub use error::SendError;
pub use target::{InvalidTarget, Target};
