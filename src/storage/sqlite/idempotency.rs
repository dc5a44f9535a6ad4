//! Idempotency keys: which entity each was used for.

use rusqlite::{Connection, OptionalExtension, params};
use ulid::Ulid;

use crate::{
    domain::{Clock, Idempotency, SystemClock, UsedKey},
    storage::Result,
};

/// The id of the entity that answers a call with this key, if the key was used before.
pub(super) fn replay(db: &Connection, key: &Idempotency) -> Result<Option<Ulid>> {
    let used = db
        .prepare_cached(
            "SELECT fingerprint, entity_id FROM idempotency WHERE user_id = ?1 AND scope = ?2 AND key = ?3",
        )?
        .query_row(params![key.user, key.scope, key.key], |row| {
            Ok(UsedKey { fingerprint: row.get("fingerprint")?, entity: Ulid::from_bytes(row.get("entity_id")?) })
        })
        .optional()?;
    Ok(used.map(|used| key.replay(&used)).transpose()?)
}

/// Stores that a key was used for an entity just now.
pub(super) fn insert(db: &Connection, key: &Idempotency, entity: Ulid) -> Result<()> {
    let used = key.used_for(entity);
    db.prepare_cached(
        "INSERT INTO idempotency (user_id, scope, key, fingerprint, entity_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        key.user,
        key.scope,
        key.key,
        used.fingerprint,
        used.entity.to_bytes(),
        SystemClock.now()
    ])?;
    Ok(())
}
