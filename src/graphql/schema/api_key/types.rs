//! The GraphQL types of API keys. Their fields are in [`super::fields`].

use std::sync::Arc;

use async_graphql::Enum;

use crate::{domain, graphql::engine::json::json_enum};

/// An area of what staff may do. An API key may do what its scopes say and nothing else; mutations answer with what they
/// wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Scope")]
pub enum Scope {
    /// Reads products as staff do.
    ReadProducts,
    /// Adds and changes products and their stock.
    WriteProducts,
    /// Reads everyone's orders.
    ReadOrders,
    /// Moves and cancels orders, and places orders in the name of the key's creator.
    WriteOrders,
    /// Reads all tasks.
    ReadTasks,
    /// Adds, changes and deletes tasks.
    WriteTasks,
    /// Reads users.
    ReadUsers,
    /// Reads the event log.
    ReadEvents,
    /// Manages webhooks without a document, of events whose entities it may read.
    ManageWebhooks,
}

json_enum!(Scope);

/// A key that a machine sends in place of an access token.
pub struct ApiKey(pub Arc<domain::ApiKey>);
