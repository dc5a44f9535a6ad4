//! Deletes what is no longer needed, in batches, so that other changes get their turn in between. Each function returns
//! whether there may be more to delete.

use rusqlite::{Connection, OptionalExtension, params};

use super::event::head;
use crate::{
    domain::{JobStatus, Seq, Timestamp},
    storage::Result,
};

/// Rows that one transaction deletes at most.
const BATCH: usize = 2000;

/// Deletes log entries older than `before`, except the newest. Stops at the first entry that is young enough, so that
/// the rest of the log has no holes even if a clock went back.
pub(super) fn log(db: &Connection, before: Timestamp) -> Result<bool> {
    let kept: Option<Seq> = db
        .query_row("SELECT seq FROM events WHERE occurred_at >= ?1 ORDER BY seq LIMIT 1", [before], |row| {
            row.get("seq")
        })
        .optional()?;
    let below = kept.unwrap_or(Seq::MAX).min(head(db)?);
    let deleted = db.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq < ?1 ORDER BY seq LIMIT ?2)",
        params![below, BATCH as i64],
    )?;
    Ok(deleted == BATCH)
}

/// Deletes long texts that no entry of the log has any more.
pub(super) fn texts(db: &Connection) -> Result<bool> {
    let deleted = db.execute(
        "DELETE FROM log_texts WHERE hash IN (SELECT hash FROM log_texts \
         WHERE NOT EXISTS (SELECT 1 FROM events WHERE text_hash = hash) LIMIT ?1)",
        [BATCH as i64],
    )?;
    Ok(deleted == BATCH)
}

/// Deletes sessions that have expired.
pub(super) fn sessions(db: &Connection, now: Timestamp) -> Result<bool> {
    let deleted = db.execute(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ?1 LIMIT ?2)",
        params![now, BATCH as i64],
    )?;
    Ok(deleted == BATCH)
}

/// Deletes idempotency keys older than `before`.
pub(super) fn keys(db: &Connection, before: Timestamp) -> Result<bool> {
    let deleted = db.execute(
        "DELETE FROM idempotency WHERE (user_id, scope, key) IN \
         (SELECT user_id, scope, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)",
        params![before, BATCH as i64],
    )?;
    Ok(deleted == BATCH)
}

/// Deletes attempts to deliver events that are older than `before`.
pub(super) fn deliveries(db: &Connection, before: Timestamp) -> Result<bool> {
    let deleted = db.execute(
        "DELETE FROM deliveries WHERE (webhook, id) IN (SELECT webhook, id FROM deliveries WHERE at < ?1 LIMIT ?2)",
        params![before, BATCH as i64],
    )?;
    Ok(deleted == BATCH)
}

/// Deletes jobs that succeeded before `succeeded_before`, or failed or were discarded before `failed_before`.
pub(super) fn jobs(db: &Connection, failed_before: Timestamp, succeeded_before: Timestamp) -> Result<bool> {
    let mut may_have_more = false;
    for (status, before) in [
        (JobStatus::Succeeded, succeeded_before),
        (JobStatus::Failed, failed_before),
        (JobStatus::Discarded, failed_before),
    ] {
        let deleted = db.execute(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE status = ?1 AND finished_at < ?2 LIMIT ?3)",
            params![status, before, BATCH as i64],
        )?;
        may_have_more |= deleted == BATCH;
    }
    Ok(may_have_more)
}
