//! What the entities with metadata have in common.

use async_graphql::Interface;

use super::items::Items;
use crate::graphql::schema::{order::Order, product::Product, task::Task, user::User};

/// Something with which integrations keep texts.
#[allow(clippy::duplicated_attributes, reason = "each field of an interface says its type")]
#[derive(Interface)]
#[graphql(
    field(
        name = "metadata",
        ty = "Items",
        desc = "What integrations keep with it, for everyone who sees it; at most 50 items."
    ),
    field(
        name = "private_metadata",
        ty = "Items",
        desc = "What integrations keep with it, for staff; at most 50 items. Empty for others."
    )
)]
pub enum HasMetadata {
    /// A product.
    Product(Product),
    /// An order.
    Order(Order),
    /// A task.
    Task(Task),
    /// A user.
    User(User),
}
