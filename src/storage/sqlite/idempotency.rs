//! What was done under which idempotency key.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, event::PRUNE_AT_ONCE};
use crate::{
    domain::Timestamp,
    storage::{Idempotency, StoreError},
};

/// The id of the entity that was made or changed under this key before.
/// Errors: `IdempotencyKeyReused` when that was with another input.
pub(super) fn find(db: &Connection, used: &Idempotency) -> Result<Option<[u8; 16]>> {
    let found: Option<([u8; 32], [u8; 16])> = db
        .prepare_cached(
            "SELECT fingerprint, entity_id FROM idempotency WHERE user_id = ?1 AND scope = ?2 AND key = ?3",
        )?
        .query_row(params![used.user, used.scope, used.key], |row| Ok((row.get("fingerprint")?, row.get("entity_id")?)))
        .optional()?;
    match found {
        Some((fingerprint, _)) if fingerprint != used.fingerprint => Err(StoreError::IdempotencyKeyReused),
        found => Ok(found.map(|(_, entity)| entity)),
    }
}

/// Remembers a key.
pub(super) fn insert(db: &Connection, used: &Idempotency, entity: [u8; 16], at: Timestamp) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO idempotency (user_id, scope, key, fingerprint, entity_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![used.user, used.scope, used.key, used.fingerprint, entity, at])?;
    Ok(())
}

/// Forgets keys older than `before`; whether there may be more to forget.
pub(super) fn prune(db: &Connection, before: Timestamp) -> Result<bool> {
    let deleted = db.execute(
        "DELETE FROM idempotency WHERE (user_id, scope, key) IN \
         (SELECT user_id, scope, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)",
        params![before, PRUNE_AT_ONCE as i64],
    )?;
    Ok(deleted == PRUNE_AT_ONCE)
}
