//! Reads in sessions that come after everything that the store has read or committed ([`super::seen_time`]).

use bson::{RawDocument, RawDocumentBuf};
use mongodb::action::{Action, Aggregate, Find};

use super::{
    read::{TimedRead, load_rows},
    replicas,
    seen_time::CausalSession,
    store::Inner,
};
use crate::storage::Result;

impl Inner {
    /// A session for reads.
    pub(super) async fn causal_session(&self) -> Result<CausalSession<'_>> {
        let session = self.client.start_session().causal_consistency(true).await?;
        Ok(CausalSession::new(session, &self.seen_time))
    }

    /// Runs a query in a session of its own, and decodes every row of the reply, which is counted for
    /// the operation of this task.
    pub(super) async fn find_rows<T>(
        &self,
        find: Find<'_, RawDocumentBuf>,
        decode: impl FnMut(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let find = find.optional(replicas::servers_of_task(), Find::selection_criteria);
        let mut session = self.causal_session().await?;
        let mut batches = self.with_timeout(find.session(&mut *session).timed_batch()).await?;
        load_rows(batches.stream(&mut session), decode).await
    }

    /// Runs an aggregation in a session of its own, and decodes every row of the reply, which is counted for
    /// the operation of this task.
    pub(super) async fn aggregate_rows<T>(
        &self,
        aggregate: Aggregate<'_>,
        decode: impl FnMut(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let aggregate = aggregate.optional(replicas::servers_of_task(), Aggregate::selection_criteria);
        let mut session = self.causal_session().await?;
        let mut batches = self.with_timeout(aggregate.session(&mut *session).timed_batch()).await?;
        load_rows(batches.stream(&mut session), decode).await
    }
}
