//! Reads that never go back in time, not even when another server becomes the primary.
//!
//! A read with majority read concern sees what its server knows to be confirmed. A server that has just become the primary
//! may know less of that than the one before. So the store remembers the operation time of the newest that it has read or
//! committed, and each read says that it comes after that time (`afterClusterTime`): the server answers when it knows as
//! much, which usually is at once.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::ops::{Deref, DerefMut};

use bson::{RawDocument, RawDocumentBuf, Timestamp};
use mongodb::{
    ClientSession,
    action::{Aggregate, Find},
};
use parking_lot::Mutex;

use super::{read::collect_rows, store::Inner};
use crate::storage::Result;

/// The operation time of the newest that this store has read or committed.
#[derive(Default)]
pub(super) struct SeenTime(Mutex<Option<Timestamp>>);

impl SeenTime {
    /// Notes what a session has read or committed.
    pub(super) fn note(&self, session: &ClientSession) {
        let mut seen = self.0.lock();
        *seen = (*seen).max(session.operation_time());
    }
}

/// A session whose reads come after everything that the store has read or committed.
pub(super) struct CausalSession<'s> {
    session: ClientSession,
    seen: &'s SeenTime,
}

impl Deref for CausalSession<'_> {
    type Target = ClientSession;

    fn deref(&self) -> &ClientSession {
        &self.session
    }
}

impl DerefMut for CausalSession<'_> {
    fn deref_mut(&mut self) -> &mut ClientSession {
        &mut self.session
    }
}

impl Drop for CausalSession<'_> {
    fn drop(&mut self) {
        self.seen.note(&self.session);
    }
}

impl Inner {
    /// A session for reads.
    pub(super) async fn causal_session(&self) -> Result<CausalSession<'_>> {
        let mut session = self.client.start_session().causal_consistency(true).await?;
        let seen = *self.seen_time.0.lock();
        if let Some(seen) = seen {
            session.advance_operation_time(seen);
        }
        Ok(CausalSession { session, seen: &self.seen_time })
    }

    /// Runs a query in a session of its own, and decodes every row of the reply.
    pub(super) async fn find_rows<T>(
        &self,
        find: Find<'_, RawDocumentBuf>,
        decode: impl FnMut(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut session = self.causal_session().await?;
        let mut batches = self.with_timeout(find.session(&mut *session).batch()).await?;
        collect_rows(batches.stream(&mut session), decode).await
    }

    /// Runs an aggregation in a session of its own, and decodes every row of the reply.
    pub(super) async fn aggregate_rows<T>(
        &self,
        aggregate: Aggregate<'_>,
        decode: impl FnMut(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut session = self.causal_session().await?;
        let mut batches = self.with_timeout(aggregate.session(&mut *session).batch()).await?;
        collect_rows(batches.stream(&mut session), decode).await
    }
}
