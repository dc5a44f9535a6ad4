//! Reads outside of transactions: time limits, decoding, and results in the order of the keys.
//!
//! Decisions: `docs/decisions/0024-callers-take-turns.md`, `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::{collections::HashMap, future::IntoFuture, hash::Hash, sync::Arc, time::Duration};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use futures_util::{Stream, StreamExt};
use mongodb::{
    Collection,
    action::{Aggregate, ExplicitSession, Find},
    raw_batch_cursor::{RawBatch, RawBatchCursor, SessionRawBatchCursor},
};
use tokio::time::Instant;

use super::store::Inner;
use crate::{
    fairness::{self, ExaminedRows, ReadMeter, current_caller},
    storage::{Result, StoreError},
};

/// Time limit of one read or single write; the driver itself would wait for a hung server forever.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// How long MongoDB takes to examine a row, at most, when it is not busy. Its replies do not say how many it has examined,
/// so that is estimated by time.
const ROW_TIME: Duration = Duration::from_micros(10);

/// What is left of the time of a read for the current task. The server stops the read then, also when its caller has left.
fn time_left() -> Duration {
    let left = fairness::deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
    // 0 would be no limit.
    left.unwrap_or(OPERATION_TIMEOUT).clamp(Duration::from_millis(1), OPERATION_TIMEOUT)
}

/// A read that the server stops when the time of the current task is over. The engine runs all its reads by this.
pub(super) trait TimedRead {
    type Batches;

    /// Runs the read, whose rows come in raw batches.
    fn timed_batch(self) -> impl Future<Output = mongodb::error::Result<Self::Batches>> + Send;
}

impl<T: Send + Sync> TimedRead for Find<'_, T> {
    type Batches = RawBatchCursor;

    async fn timed_batch(self) -> mongodb::error::Result<RawBatchCursor> {
        self.max_time(time_left()).batch().await
    }
}

impl<'s, T: Send + Sync> TimedRead for Find<'s, T, ExplicitSession<'s>> {
    type Batches = SessionRawBatchCursor;

    async fn timed_batch(self) -> mongodb::error::Result<SessionRawBatchCursor> {
        self.max_time(time_left()).batch().await
    }
}

impl<'s, T: Send> TimedRead for Aggregate<'s, ExplicitSession<'s>, T> {
    type Batches = SessionRawBatchCursor;

    async fn timed_batch(self) -> mongodb::error::Result<SessionRawBatchCursor> {
        self.max_time(time_left()).batch().await
    }
}

/// Counts the time of a read for the operation that it works for, until this is dropped: also of a read that is given up.
struct ReadTimer {
    meter: Option<Arc<dyn ReadMeter>>,
    started: Instant,
}

impl ReadTimer {
    fn start() -> Self {
        Self { meter: fairness::read_meter(), started: Instant::now() }
    }
}

impl Drop for ReadTimer {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            let rows = self.started.elapsed().as_micros() / ROW_TIME.as_micros();
            ExaminedRows::default().set(u64::try_from(rows).unwrap_or(u64::MAX), &**meter);
        }
    }
}

/// Decodes every row of a reply, whatever its size.
pub(super) async fn collect_rows<T>(
    batches: impl Stream<Item = mongodb::error::Result<RawBatch>> + Unpin,
    decode: impl FnMut(&RawDocument) -> Result<T>,
) -> Result<Vec<T>> {
    collect(batches, decode, None).await
}

/// Decodes every row of a reply for an operation. Each part of the reply is counted when it arrives; the read fails when there
/// is no room for it.
pub(super) async fn load_rows<T>(
    batches: impl Stream<Item = mongodb::error::Result<RawBatch>> + Unpin,
    decode: impl FnMut(&RawDocument) -> Result<T>,
) -> Result<Vec<T>> {
    collect(batches, decode, fairness::read_meter()).await
}

async fn collect<T>(
    mut batches: impl Stream<Item = mongodb::error::Result<RawBatch>> + Unpin,
    mut decode: impl FnMut(&RawDocument) -> Result<T>,
    meter: Option<Arc<dyn ReadMeter>>,
) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        if let Some(meter) = &meter {
            meter.load(batch.doc_slices()?.as_bytes().len())?;
        }
        for row in rows_of(&batch)? {
            rows.push(decode(row?)?);
        }
    }
    Ok(rows)
}

/// The rows of one part of a reply.
pub(super) fn rows_of(batch: &RawBatch) -> Result<impl Iterator<Item = Result<&RawDocument>>> {
    Ok(batch.doc_slices()?.into_iter().map(|row| {
        let row = row.map_err(StoreError::internal)?;
        row.as_document().ok_or_else(|| StoreError::internal("a row is not a document"))
    }))
}

/// The rows in the order of the wanted keys, `None` for those that were not found.
pub(super) fn in_request_order<K: Eq + Hash + Clone, T: Clone>(
    wanted: &[K],
    found: Vec<T>,
    key: impl Fn(&T) -> Option<K>,
) -> Vec<Option<T>> {
    let mut by_key: HashMap<K, T> = found.into_iter().filter_map(|row| Some((key(&row)?, row))).collect();
    let mut asked: HashMap<&K, usize> = HashMap::with_capacity(wanted.len());
    for key in wanted {
        *asked.entry(key).or_default() += 1;
    }
    wanted
        .iter()
        .map(|key| match asked.get_mut(key) {
            Some(times) if *times > 1 => {
                *times -= 1;
                by_key.get(key).cloned()
            }
            _ => by_key.remove(key),
        })
        .collect()
}

impl Inner {
    /// Runs an operation outside of a transaction, with a time limit, when it is the caller's turn. These operations may not
    /// use all connections: transactions delay one another, so they must not wait behind reads for a connection.
    pub(super) async fn with_timeout<T>(
        &self,
        operation: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T> {
        let operation = async {
            let permit = self.read_permits.acquire(current_caller()).await;
            let _permit = permit.map_err(|refused| StoreError::Unavailable(refused.to_string()))?;
            let _timer = ReadTimer::start();
            Ok(operation.await?)
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, operation).await {
            Ok(done) => done,
            Err(_) => Err(StoreError::Unavailable("MongoDB does not answer".to_owned())),
        }
    }

    /// The rows whose `field` has one of `values`, in no order.
    pub(super) async fn find_by<T>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        field: &str,
        values: impl IntoIterator<Item = impl Into<Bson>>,
        projection: Document,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let values: Vec<Bson> = values.into_iter().map(Into::into).collect();
        let most = values.len();
        let filter = match values.as_slice() {
            [] => return Ok(Vec::new()),
            [value] => doc! { field: value },
            _ => doc! { field: { "$in": values } },
        };
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let find = collection.find(filter).projection(projection).batch_size(batch);
        self.find_rows(find, decode).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_as_asked_for_repeated_ones_too() {
        assert_eq!(in_request_order(&[3, 1, 3, 2], vec![2, 3], |row| Some(*row)), [Some(3), None, Some(3), Some(2)]);
    }
}
