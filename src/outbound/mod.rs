//! Requests to servers that users name: webhooks. Nothing here may reach what only this machine or its network reaches.
//!
//! A name is resolved, each of its addresses is checked, and the connection goes to an address that was checked, so that another
//! answer of the name server in between changes nothing. Redirects are not followed. Time, and the bytes of an answer, are
//! bounded.
//!
//! Decision: `docs/decisions/0033-webhooks.md`.

mod address;
mod body;
mod client;
mod connect;
mod error;
mod resolve;
mod target;

pub use address::AddressPolicy;
pub use client::{Answer, Client, Connection, Request};
pub use error::SendError;
pub use target::{InvalidTarget, Target};
