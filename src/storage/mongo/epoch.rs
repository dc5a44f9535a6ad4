//! The id of the log, the ids that it had before, and what waits to be numbered.
//!
//! The document `log` of `counters` holds the id as `id`, the ones before as `retired`, and the key that hides the numbers
//! of entries in cursors as `cursor_key`.

use std::time::Duration;

use bson::{Document, RawDocument, doc};
use mongodb::{
    ClientSession,
    options::{ReadConcern, ReturnDocument},
};

use super::{
    read::{TimedRead, collect_rows},
    store::Inner,
};
use crate::{
    domain::{CursorKey, LogId, Timestamp},
    storage::{Backlog, Epoch, LogState, NewEpoch, Result, StoreError},
};

/// Retired ids that are kept.
const RETIRED_KEPT: i32 = 1000;
/// Changes of the outbox that are counted.
const COUNTED: i64 = 10_000;
/// How long a server may take to show that it is the primary.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(4);

/// The id of the log and the key of its cursors, in the document `log` of `counters`.
pub(super) fn log_id(document: &RawDocument) -> Result<LogId> {
    let id = document.get_i64("id").ok().and_then(|id| u32::try_from(id).ok());
    let key = document.get_i64("cursor_key").ok().map(CursorKey);
    id.zip(key).map(|(id, key)| LogId::with_key(id, key)).ok_or_else(no_identity)
}

/// The error for a database without the document `log`.
pub(super) fn no_identity() -> StoreError {
    StoreError::internal("the event log has no proper identity")
}

fn decode_backlog(document: &RawDocument) -> Result<Backlog> {
    let changes = document.get_i32("changes").map_err(StoreError::internal)?;
    let oldest = document.get_timestamp("oldest").map_err(StoreError::internal)?;
    let now = document.get_datetime("now").map_err(StoreError::internal)?.timestamp_millis();
    // The cluster clock counts seconds, and may be a little ahead.
    let age = now.saturating_sub(i64::from(oldest.time) * 1000);
    Ok(Backlog {
        changes: changes.unsigned_abs().into(),
        oldest: Duration::from_millis(Timestamp::from_unix_millis(age).unix_millis_clamped()),
    })
}

impl Inner {
    /// The id of the log.
    pub(super) async fn log_id(&self, session: &mut ClientSession) -> Result<LogId> {
        let find = self.collections.counters.find(doc! { "_id": "log" }).projection(doc! { "id": 1, "cursor_key": 1 });
        let find = find.limit(1).batch_size(2).session(&mut *session);
        let mut batches = self.with_timeout(find.timed_batch()).await?;
        collect_rows(batches.stream(session), log_id).await?.pop().ok_or_else(no_identity)
    }

    /// What the id is to this log.
    pub(super) async fn epoch(&self, log: LogId) -> Result<Epoch> {
        let id = i64::from(log.0);
        let has_id = doc! { "_id": "log", "$or": [{ "id": id }, { "retired": id }] };
        let find =
            self.collections.counters.find(has_id).projection(doc! { "id": 1, "cursor_key": 1 }).limit(1).batch_size(2);
        let current = self.find_rows(find, log_id).await?.pop();
        Ok(match current {
            Some(current) if current == log => Epoch::Current,
            Some(_) => Epoch::Retired,
            None => Epoch::Unknown,
        })
    }

    /// Replaces the id of the log.
    pub(super) async fn start_epoch(&self) -> Result<NewEpoch> {
        let next: u32 = rand::random();
        let retired = doc! { "$concatArrays": [{ "$ifNull": ["$retired", []] }, ["$id"]] };
        let change = doc! { "$set": {
            "retired": { "$slice": [retired, -RETIRED_KEPT] }, "id": i64::from(next),
        } };
        let counters = &self.collections.counters;
        let update = counters.find_one_and_update(doc! { "_id": "log" }, vec![change]);
        let before = self.with_timeout(update.return_document(ReturnDocument::Before)).await?;
        let retired = log_id(&before.ok_or_else(no_identity)?)?;
        Ok(NewEpoch { retired, current: LogId::with_key(next, retired.key()) })
    }

    /// Makes the primary show that a majority still follows it, so that what is read next is not older than that.
    pub(super) async fn confirm_primary(&self) -> Result<()> {
        let find = self.collections.counters.find_one(doc! { "_id": "log" });
        self.with_timeout(find.read_concern(ReadConcern::linearizable()).max_time(CONFIRMED_WITHIN)).await?;
        Ok(())
    }

    /// The bounds of the log, after [`Self::confirm_primary`]. Forgets what this process knows of numbers above.
    pub(super) async fn confirmed_log_state(&self) -> Result<LogState> {
        self.confirm_primary().await?;
        let state = self.log_state().await?;
        self.unnumbered.logged_at_most(state.head);
        Ok(state)
    }

    /// How much waits in the outbox.
    pub(super) async fn backlog(&self) -> Result<Backlog> {
        let oldest_first: Vec<Document> = vec![
            doc! { "$sort": { "time": 1, "_id": 1 } },
            doc! { "$limit": COUNTED },
            doc! { "$project": { "time": 1 } },
            doc! { "$group": { "_id": null, "changes": { "$sum": 1 }, "oldest": { "$first": "$time" } } },
            doc! { "$addFields": { "now": "$$NOW" } },
        ];
        let found = self.aggregate_rows(self.collections.outbox.aggregate(oldest_first), decode_backlog).await?;
        Ok(found.into_iter().next().unwrap_or_default())
    }
}
