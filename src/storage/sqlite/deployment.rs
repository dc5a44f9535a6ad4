//! The deployment that the file belongs to.

use rusqlite::{Connection, params};

use crate::storage::{DeploymentId, Result};

/// The schema version since which the file names its deployment.
const SINCE: usize = 7;

/// Refuses a file of another deployment. `version` is that of its schema.
pub(super) fn check(db: &Connection, own: Option<DeploymentId>, version: usize) -> Result<()> {
    if version < SINCE {
        return Ok(());
    }
    let owner: Option<i64> = db.query_row("SELECT deployment FROM log", [], |row| row.get("deployment"))?;
    DeploymentId::check(own, owner.map(DeploymentId))
}

/// Makes the file belong to this deployment, if it belongs to none.
pub(super) fn claim(db: &Connection, own: Option<DeploymentId>) -> Result<()> {
    if let Some(own) = own {
        db.execute("UPDATE log SET deployment = ?1 WHERE deployment IS NULL", params![own.0])?;
        // Another process may have been faster.
        check(db, Some(own), SINCE)?;
    }
    Ok(())
}

/// Makes the file belong to this deployment.
pub(super) fn set(db: &Connection, deployment: DeploymentId) -> Result<()> {
    db.execute("UPDATE log SET deployment = ?1", params![deployment.0])?;
    Ok(())
}
