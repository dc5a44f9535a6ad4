//! Transactions: run in a task of their own, retried on conflicts, and always ended.
//!
//! A caller that goes away (a client that hung up) would otherwise leave its transaction open in the server, holding
//! up every other one until it times out.

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
    Inner,
    error::{duplicate_index, is_transient, is_unknown_commit},
    read,
};
use crate::storage::{Result, StoreError};

/// How long a transaction is tried for, its turn and all retries included.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a transaction collides before it is asked whether the other one's process is still there.
const COLLIDED_FOR: Duration = Duration::from_secs(1);

/// Whether a transaction appends to the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// It does: it waits for its turn, because two that overlap can't both take a number.
    Appended,
    /// It does not.
    Untouched,
}

/// Why an attempt ended without a result.
pub(super) enum Failure {
    /// The answer is an error; a retry would give the same.
    Answer(StoreError),
    /// The driver or the server failed; a retry may help.
    Driver(Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// What one attempt at a transaction, or a step of it, comes to.
pub(super) type Attempt<T> = std::result::Result<T, Failure>;

/// Ends the transaction with an error as its answer.
pub(super) fn fail<T>(error: impl Into<StoreError>) -> Attempt<T> {
    Err(Failure::Answer(error.into()))
}

/// A transaction under way.
pub(super) struct Transaction {
    pub(super) store: Arc<Inner>,
    session: ClientSession,
}

impl Inner {
    /// Runs `work` as one transaction. It may run several times, so it has no effects of its own.
    pub(super) async fn transaction<T, W>(self: &Arc<Self>, log: Log, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, Attempt<T>> + Send + Sync + 'static,
    {
        self.refuse_when_closing()?;
        let deadline = Instant::now() + PATIENCE;
        let store = self.clone();
        let task = self.running.spawn(async move {
            let _turn = match log {
                Log::Appended => Some(timeout_at(deadline, store.turn.lock()).await.map_err(|_| overloaded())?),
                Log::Untouched => None,
            };
            store.attempts(deadline, &work).await
        });
        task.await.map_err(StoreError::internal)?
    }

    /// Transactions that begin after `close` would keep it waiting.
    pub(super) fn refuse_when_closing(&self) -> Result<()> {
        if self.running.is_closed() { Err(StoreError::Unavailable("shutting down".to_owned())) } else { Ok(()) }
    }

    /// Tries until the transaction ends one way or the other, or the deadline passes.
    pub(super) async fn attempts<T, W>(self: &Arc<Self>, deadline: Instant, work: &W) -> Result<T>
    where
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, Attempt<T>> + Send + Sync,
    {
        let mut pause = FIRST_PAUSE;
        let mut look_at = Instant::now() + COLLIDED_FOR;
        loop {
            // A server that hangs must not hold up the caller: the driver ends what is dropped here.
            let error = match timeout_at(deadline, self.attempt(deadline, work)).await {
                Ok(Ok(result)) => return Ok(result),
                Ok(Err(Failure::Answer(error))) => return Err(error),
                Ok(Err(Failure::Driver(error))) if is_retried(&error) => error,
                Ok(Err(Failure::Driver(error))) => return Err(error.into()),
                Err(_) => return Err(overloaded()),
            };
            let wait = pause.mul_f64(rand::random::<f64>());
            if Instant::now() + wait >= deadline {
                return Err(StoreError::Unavailable(error.kind.to_string()));
            }
            tracing::debug!(error = %error.kind, ?wait, "a transaction is tried again");
            if Instant::now() >= look_at {
                look_at = Instant::now() + COLLIDED_FOR;
                if let Ok(Err(error)) = timeout_at(deadline, self.end_abandoned()).await {
                    tracing::warn!(error = %error.kind, "open transactions can't be looked for");
                }
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt<T, W>(self: &Arc<Self>, deadline: Instant, work: &W) -> Attempt<T>
    where
        W: for<'t> Fn(&'t mut Transaction) -> BoxFuture<'t, Attempt<T>> + Send + Sync,
    {
        let mut session = self.client.start_session().causal_consistency(false).await?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build())
            .await?;
        let mut transaction = Transaction { store: self.clone(), session };
        let result = work(&mut transaction).await;
        if result.is_err() {
            // The server may have ended it already, so a failure to do so says nothing.
            let _ = transaction.session.abort_transaction().await;
            return result;
        }
        // Also when nothing was written: what was read is not certain to last before that.
        loop {
            match transaction.session.commit_transaction().await {
                Ok(()) => return result,
                Err(error) if is_unknown_commit(&error) && Instant::now() < deadline => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A key that another process has just used is found by the next attempt.
fn is_retried(error: &Error) -> bool {
    is_transient(error) || duplicate_index(error).as_deref() == Some("idempotency._id_")
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
    ) -> Attempt<T> {
        self.find(collection, filter, 1, decode).await?.pop().ok_or(Failure::Answer(StoreError::NotFound))
    }

    /// The rows that pass the filter, in no order.
    pub(super) async fn find<T>(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        most: usize,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> Attempt<Vec<T>> {
        let batch = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let mut batches = collection.find(filter).batch_size(batch).session(&mut self.session).batch().await?;
        Ok(read::rows(batches.stream(&mut self.session), decode).await?)
    }

    /// Adds documents; nothing happens without any.
    pub(super) async fn insert(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        documents: Vec<RawDocumentBuf>,
    ) -> Attempt<()> {
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
    ) -> Attempt<()> {
        collection.replace_one(doc! { "_id": id }, document).session(&mut self.session).await?;
        Ok(())
    }

    /// Changes one document and answers with the new one.
    pub(super) async fn update_one(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        update: Document,
    ) -> Attempt<RawDocumentBuf> {
        let after = mongodb::options::ReturnDocument::After;
        let updated = collection.find_one_and_update(filter, update).return_document(after);
        updated.session(&mut self.session).await?.ok_or(Failure::Answer(StoreError::NotFound))
    }

    /// Makes all these changes, each a filter that lets one document through and its update, in one round trip.
    pub(super) async fn update_each(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        updates: impl IntoIterator<Item = (Document, Document)>,
    ) -> Attempt<()> {
        let updates: Vec<Document> =
            updates.into_iter().map(|(filter, update)| doc! { "q": filter, "u": update }).collect();
        if updates.is_empty() {
            return Ok(());
        }
        let expected = updates.len() as i64;
        let command = doc! { "update": collection.name(), "updates": updates };
        let reply = self.store.database.run_command(command).session(&mut self.session).await?;
        let changed = reply.get_i32("n").map(i64::from).or_else(|_| reply.get_i64("n")).unwrap_or_default();
        if changed == expected {
            return Ok(());
        }
        fail(StoreError::internal(format!("{changed} of {expected} documents could be changed")))
    }

    /// Deletes what passes the filter.
    pub(super) async fn delete(&mut self, collection: &Collection<RawDocumentBuf>, filter: Document) -> Attempt<()> {
        collection.delete_many(filter).session(&mut self.session).await?;
        Ok(())
    }
}
