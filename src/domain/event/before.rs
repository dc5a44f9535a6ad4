//! What a change replaced, as far as those who are told of it need to know.
//!
//! Decision: `docs/decisions/0026-near-cache.md`.

use serde::{Deserialize, Serialize};

use super::super::{ProductStatus, UserId};

/// The values that a change replaced, of those that decide who is told of the entity, and which lists it may have left.
/// With them the entry alone says so, wherever and whenever it is read.
///
/// Values that the change left as they were are `None`, and so is everything in entries that were written before there
/// was a place for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// For a task whose assignee changed: the assignee before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<UserId>,
    /// For a product whose status changed: the status before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_status: Option<ProductStatus>,
    /// For a product of which nothing but the stock changed: the stock before. Caches keep its lists then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i32>,
}

impl Before {
    /// Whether the change replaced none of these values.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
