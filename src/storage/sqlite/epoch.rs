//! The id of the log, and the ids that it had before.

use rusqlite::{Connection, Row, params};

use crate::{
    domain::{CursorKey, LogId},
    storage::{Epoch, NewEpoch, Result},
};

fn current(db: &Connection) -> Result<LogId> {
    Ok(db.prepare_cached("SELECT id, cursor_key FROM log")?.query_row([], log_id)?)
}

/// The id of the log and the key of its cursors.
pub(super) fn log_id(row: &Row<'_>) -> rusqlite::Result<LogId> {
    Ok(LogId::with_key(row.get("id")?, CursorKey(row.get("cursor_key")?)))
}

/// What the id is to this log.
pub(super) fn find(db: &Connection, log: LogId) -> Result<Epoch> {
    if current(db)? == log {
        return Ok(Epoch::Current);
    }
    let is_retired = db.prepare_cached("SELECT 1 FROM retired_logs WHERE id = ?1")?.exists([log.0])?;
    Ok(if is_retired { Epoch::Retired } else { Epoch::Unknown })
}

/// Replaces the id of the log.
pub(super) fn start(db: &Connection) -> Result<NewEpoch> {
    let retired = current(db)?;
    let next = LogId::with_key(rand::random(), retired.key());
    db.execute("INSERT OR IGNORE INTO retired_logs (id) VALUES (?1)", params![retired.0])?;
    db.execute("UPDATE log SET id = ?1", params![next.0])?;
    Ok(NewEpoch { retired, current: next })
}
