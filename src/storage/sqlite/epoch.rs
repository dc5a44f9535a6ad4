//! The id of the log, and the ids that it had before.

use rusqlite::{Connection, params};

use crate::{
    domain::LogId,
    storage::{Epoch, NewEpoch, Result},
};

fn current(db: &Connection) -> Result<LogId> {
    Ok(db.prepare_cached("SELECT id FROM log")?.query_row([], |row| Ok(LogId(row.get("id")?)))?)
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
    let (retired, next) = (current(db)?, LogId(rand::random()));
    db.execute("INSERT OR IGNORE INTO retired_logs (id) VALUES (?1)", params![retired.0])?;
    db.execute("UPDATE log SET id = ?1", params![next.0])?;
    Ok(NewEpoch { retired, current: next })
}
