//! Which deployment a database belongs to: that of the first node with a signing key that has opened it.

use super::{Result, StoreError};

/// What tells deployments apart: a hash of the key that the nodes of a deployment sign tokens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentId(pub i64);

impl DeploymentId {
    /// Refuses a database that belongs to another deployment. A process without a key of its own may open any.
    pub(super) fn check(own: Option<Self>, owner: Option<Self>) -> Result<()> {
        match (own, owner) {
            (Some(own), Some(owner)) if own != owner => Err(StoreError::internal(
                "the database belongs to a deployment that signs tokens with another key: set database.url to a database \
                 of its own, or give this node the key of that deployment; if the key was replaced, run `orderwire \
                 adopt-database` once",
            )),
            _ => Ok(()),
        }
    }
}
