//! Where the log begins and ends, and deleting its old chunks.

use bson::{Document, RawDocumentBuf, doc};
use mongodb::{ClientSession, action::Find};

use super::{
    chunks::bounds,
    read::{TimedRead, collect_rows},
    store::Inner,
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Seq, Timestamp},
    storage::{LogState, Result},
};

impl Inner {
    /// The query for the bounds of the first (1) or last (-1) chunk that passes.
    fn find_chunk(&self, filter: Document, direction: i32) -> Find<'_, RawDocumentBuf> {
        let find = self.collections.log.find(filter).projection(doc! { "last": 1 }).sort(doc! { "_id": direction });
        find.limit(1).batch_size(2)
    }

    /// The bounds of the first (1) or last (-1) chunk that passes.
    async fn chunk_bounds(
        &self,
        filter: Document,
        direction: i32,
        session: &mut ClientSession,
    ) -> Result<Option<(Seq, Seq)>> {
        let find = self.find_chunk(filter, direction).session(&mut *session);
        let mut batches = self.with_timeout(find.timed_batch()).await?;
        Ok(collect_rows(batches.stream(session), bounds).await?.pop())
    }

    /// The number of the last entry, 0 for an empty log.
    pub(super) async fn head(&self, session: &mut ClientSession) -> Result<Seq> {
        let mut newest = None;
        for condition in self.seen_chunks.newest_conditions() {
            newest = self.chunk_bounds(condition, -1, session).await?;
            if newest.is_some() {
                break;
            }
        }
        self.seen_chunks.note_newest(newest);
        Ok(newest.map_or(0, |(_, last)| last))
    }

    /// The bounds of the oldest chunk. Chunks are deleted oldest first.
    async fn oldest_chunk(&self, session: &mut ClientSession) -> Result<Option<(Seq, Seq)>> {
        let mut oldest = None;
        if let Some(seen) = self.seen_chunks.oldest() {
            oldest = self.chunk_bounds(doc! { "_id": seen }, 1, session).await?;
        }
        if oldest.is_none() {
            oldest = self.chunk_bounds(doc! {}, 1, session).await?;
            self.seen_chunks.note_oldest(oldest);
        }
        Ok(oldest)
    }

    /// The bounds of the log.
    pub(super) async fn log_state(&self) -> Result<LogState> {
        let mut session = self.causal_session().await?;
        let log = self.log_id(&mut session).await?;
        // The oldest entry is read first: if it is pruned in between, the head is still valid.
        let oldest = self.oldest_chunk(&mut session).await?;
        let head = self.head(&mut session).await?;
        Ok(LogState { log, head, horizon: oldest.map_or(head, |(first, _)| first - 1) })
    }

    /// Deletes the chunks before the first one that is young enough, so that the rest has no holes. The last chunk stays,
    /// because numbering goes on after it.
    pub(super) async fn prune_log(&self, before: Timestamp) -> Result<()> {
        let mut session = self.causal_session().await?;
        let young = self.chunk_bounds(doc! { "newest": { "$gte": before } }, 1, &mut session).await?;
        let keep = match young {
            Some(young) => Some(young),
            None => self.chunk_bounds(doc! {}, -1, &mut session).await?,
        };
        if let Some((first, _)) = keep {
            self.with_timeout(self.collections.log.delete_many(doc! { "_id": { "$lt": first } })).await?;
        }
        Ok(())
    }
}

impl Transaction {
    /// The number of the last entry, 0 for an empty log.
    pub(super) async fn head(&mut self) -> TransactionResult<Seq> {
        for condition in self.store.seen_chunks.newest_conditions() {
            let find = self.store.find_chunk(condition, -1).session(&mut self.session);
            let mut batches = find.timed_batch().await?;
            let newest = collect_rows(batches.stream(&mut self.session), bounds).await?.pop();
            if let Some((_, last)) = newest {
                return Ok(last);
            }
        }
        Ok(0)
    }
}
