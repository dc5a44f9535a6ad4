//! Sorting of lists.

use async_graphql::Enum;

use crate::domain;

/// Which way a list is sorted. Ties are broken by id in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Direction")]
pub enum OrderDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}
