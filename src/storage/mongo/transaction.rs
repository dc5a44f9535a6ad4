//! Transactions: each runs in a task of its own, is retried on conflicts, and always ends.
//!
//! Without a task of its own, the transaction of a caller that goes away would stay open in the server and delay every
//! other one until it times out.
//!
//! Transactions share no document, so those of different entities run side by side. Two that change the same document
//! conflict: the server aborts the second one, which is retried.

use std::{sync::Arc, time::Duration};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use futures_util::future::BoxFuture;
use mongodb::{
    ClientSession, Collection,
    error::Error,
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use tokio::time::{Instant, timeout_at};

use super::{
    error::{duplicate_index, is_transient, is_unknown_commit, write_error_of},
    read::{self, TimedRead},
    store::Inner,
};
use crate::{
    domain::{EventId, Refusal},
    fairness::current_caller,
    storage::{Result, StoreError},
};

/// Time limit of a transaction, with all retries.
pub(super) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses of a transaction that runs beside many others.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(2), longest: Duration::from_millis(100) };
/// How long a transaction collides before it looks for abandoned transactions.
const COLLIDED_FOR: Duration = Duration::from_secs(1);

/// How long a transaction pauses at most before it is tried again: `first`, then each time twice as long, up to `longest`.
#[derive(Clone, Copy)]
pub(super) struct Pauses {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

/// Why an attempt ended without a result.
pub(super) enum TransactionError {
    /// A retry would give the same error.
    Final(StoreError),
    /// The driver or the server failed; a retry may help.
    Driver(Error),
}

impl From<StoreError> for TransactionError {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<Refusal> for TransactionError {
    fn from(refusal: Refusal) -> Self {
        Self::Final(refusal.into())
    }
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// The result of one attempt at a transaction, or of a step of it.
pub(super) type TransactionResult<T> = std::result::Result<T, TransactionError>;

/// Ends the transaction with an error as its answer.
pub(super) fn fail<T>(error: impl Into<StoreError>) -> TransactionResult<T> {
    Err(TransactionError::Final(error.into()))
}

/// An open transaction.
pub(super) struct Transaction {
    pub(super) store: Arc<Inner>,
    pub(super) session: ClientSession,
    /// The ids of the entries that it leaves in the outbox, to be numbered after the commit.
    pub(super) entries: Vec<EventId>,
}

impl Inner {
    /// Runs `work` as one transaction when it is the caller's turn. `work` may run several times, so it must have no other effects.
    pub(super) async fn transaction<T, W>(self: &Arc<Self>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, TransactionResult<T>> + Send + Sync + 'static,
    {
        self.refuse_when_closing()?;
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        let permit = timeout_at(deadline, self.change_permits.acquire(current_caller())).await;
        let permit = permit.map_err(|_| overloaded())?;
        let permit = permit.map_err(|refused| StoreError::Unavailable(refused.to_string()))?;
        self.refuse_when_closing()?;
        let store = self.clone();
        let task = self.running_transactions.spawn(async move {
            let _permit = permit;
            store.retry_transaction(deadline, PAUSES, &work).await
        });
        task.await.map_err(StoreError::internal)?
    }

    /// Refuses transactions after `close`, which waits for the open ones.
    pub(super) fn refuse_when_closing(&self) -> Result<()> {
        if self.running_transactions.is_closed() {
            Err(StoreError::Unavailable("shutting down".to_owned()))
        } else {
            Ok(())
        }
    }

    /// Retries the transaction until it ends with a result or a final error, or the deadline passes.
    pub(super) async fn retry_transaction<T, W>(
        self: &Arc<Self>,
        deadline: Instant,
        pauses: Pauses,
        work: &W,
    ) -> Result<T>
    where
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, TransactionResult<T>> + Send + Sync,
    {
        let mut pause = pauses.first;
        let mut search_at = Instant::now() + COLLIDED_FOR;
        loop {
            // The time limit holds even if the server hangs: the driver aborts a dropped transaction.
            let error = match timeout_at(deadline, self.try_transaction(deadline, work)).await {
                Ok(Ok(result)) => return Ok(result),
                Ok(Err(TransactionError::Final(error))) => return Err(error),
                Ok(Err(TransactionError::Driver(error))) if is_retried(&error) => error,
                Ok(Err(TransactionError::Driver(error))) => return Err(error.into()),
                Err(_) => return Err(overloaded()),
            };
            let wait = pause.mul_f64(rand::random::<f64>());
            if Instant::now() + wait >= deadline {
                return Err(StoreError::Unavailable(error.kind.to_string()));
            }
            tracing::debug!(error = %error.kind, ?wait, "retrying a transaction");
            if Instant::now() >= search_at {
                search_at = Instant::now() + COLLIDED_FOR;
                if let Ok(Err(error)) = timeout_at(deadline, self.end_abandoned_transactions()).await {
                    tracing::warn!(error = %error.kind, "looking for abandoned transactions failed");
                }
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(pauses.longest);
        }
    }

    /// Runs the transaction once.
    pub(super) async fn try_transaction<T, W>(self: &Arc<Self>, deadline: Instant, work: &W) -> TransactionResult<T>
    where
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, TransactionResult<T>> + Send + Sync,
    {
        let mut session = self.client.start_session().causal_consistency(false).await?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build())
            .await?;
        let mut transaction = Transaction { store: self.clone(), session, entries: Vec::new() };
        let result = work(&mut transaction).await;
        if result.is_err() {
            // Fails if the server has ended the transaction already, which does no harm.
            let _ = transaction.session.abort_transaction().await;
            return result;
        }
        // A transaction that only read commits too: before the commit, what it read may still be rolled back.
        loop {
            match transaction.session.commit_transaction().await {
                Ok(()) => {
                    self.seen_time.note(&transaction.session);
                    self.number_soon(transaction.entries);
                    return result;
                }
                Err(error) if is_unknown_commit(&error) && Instant::now() < deadline => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a retry may succeed. If another process has just used the idempotency key, or stored the same text or what
/// leads to an order, the next attempt finds it.
fn is_retried(error: &Error) -> bool {
    is_transient(error)
        || duplicate_index(error)
            .is_some_and(|index| ["idempotency._id_", "log_texts._id_", "order_keys._id_"].contains(&&*index))
}

fn overloaded() -> StoreError {
    StoreError::Unavailable("MongoDB does not keep up with the transactions".to_owned())
}

impl Transaction {
    /// The row that passes the filter, or `NotFound`.
    pub(super) async fn find_one<T>(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> TransactionResult<T> {
        self.find(collection, filter, 1, decode).await?.pop().ok_or(Refusal::NotFound.into())
    }

    /// The rows that pass the filter, in no order.
    pub(super) async fn find<T>(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        most: usize,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> TransactionResult<Vec<T>> {
        let batch = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let mut batches = collection.find(filter).batch_size(batch).session(&mut self.session).timed_batch().await?;
        Ok(read::collect_rows(batches.stream(&mut self.session), decode).await?)
    }

    /// Adds documents; nothing happens without any.
    pub(super) async fn insert(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        documents: Vec<RawDocumentBuf>,
    ) -> TransactionResult<()> {
        if !documents.is_empty() {
            collection.insert_many(documents).session(&mut self.session).await?;
        }
        Ok(())
    }

    /// Puts a document in the place of the one with its id.
    pub(super) async fn replace(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        id: impl Into<Bson>,
        document: RawDocumentBuf,
    ) -> TransactionResult<()> {
        collection.replace_one(doc! { "_id": id }, document).session(&mut self.session).await?;
        Ok(())
    }

    /// Makes several changes in one round trip. Each is a filter that matches one document, and its update.
    pub(super) async fn update_each(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        updates: impl IntoIterator<Item = (Document, Document)>,
    ) -> TransactionResult<()> {
        let update = |(filter, update)| doc! { "q": filter, "u": update };
        self.run_updates(collection, updates.into_iter().map(update).collect()).await
    }

    /// Runs these parts of an `update` command, each of which matches or inserts one document, in one round trip.
    /// <https://www.mongodb.com/docs/manual/reference/command/update/>
    pub(super) async fn run_updates(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        updates: Vec<Document>,
    ) -> TransactionResult<()> {
        if updates.is_empty() {
            return Ok(());
        }
        let expected = updates.len() as i64;
        let command = doc! { "update": collection.name(), "updates": updates };
        let reply = self.store.database.run_command(command).session(&mut self.session).await?;
        if let Some(error) = write_error_of(&reply)? {
            return Err(error.into());
        }
        let changed = reply.get_i32("n").map(i64::from).or_else(|_| reply.get_i64("n"));
        let changed = changed.map_err(|_| StoreError::internal("the reply to an update has no count"))?;
        if changed == expected {
            return Ok(());
        }
        fail(StoreError::internal(format!("{changed} of {expected} documents were changed")))
    }

    /// Deletes what passes the filter.
    pub(super) async fn delete(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
    ) -> TransactionResult<()> {
        collection.delete_many(filter).session(&mut self.session).await?;
        Ok(())
    }
}
