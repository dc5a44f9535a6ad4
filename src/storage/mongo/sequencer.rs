//! Numbers what was committed: moves it from the outbox to the end of the log.
//!
//! A transaction that changes something leaves the entries of the change in the outbox, in one document. Nothing in that
//! is shared, so transactions run side by side. Afterwards a short transaction takes what it finds in the outbox, gives
//! it the next numbers, and inserts it as a chunk of the log.
//!
//! - **Order.** MongoDB sets `time` of a document of the outbox from its cluster clock when the document is inserted. A
//!   transaction that saw another one's commit inserts later, so it has a later time. Taking the oldest of a snapshot
//!   therefore never takes a change without those that it builds on: an entity's entries are in the order of its versions.
//! - **Exactly once.** The chunk is inserted and the outbox emptied in one transaction, and a chunk's `_id` is the number
//!   that follows the log's last. Of two processes that number at the same time, one fails and tries again.
//! - **Nobody is elected.** Every process numbers what it has committed, one chunk at a time. One that finds that another
//!   process is at it waits for [`YIELD`], and goes ahead if its entries are still there. What a killed process has left is
//!   numbered by the next call of [`Inner::catch_up`], which every node makes at an interval. No clock is involved.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use bson::{Document, RawDocument, doc};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    codec::read_fields,
    error::duplicate_index,
    event::{Key, decode, encode_chunk},
    log_texts::named_texts,
    outbox::Pending,
    read::{TimedRead, rows_of},
    store::Inner,
    transaction::{TRANSACTION_TIMEOUT, Transaction, TransactionError, TransactionResult},
};
use crate::{
    domain::{Event, EventId, Seq, Timestamp},
    storage::{Result, StoreError},
};

/// Documents of the outbox in one chunk.
const DOCUMENTS: usize = 64;
/// Bytes after which a chunk takes no further document.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long a process that is not numbering waits for the one that is.
const YIELD: Duration = Duration::from_millis(30);
/// How long a process goes on looking for entries of others after it has numbered some.
const LINGER: Duration = Duration::from_secs(1);
/// How long it waits before it looks again. What is committed in the meantime shares a chunk.
const LOOK_EVERY: Duration = Duration::from_millis(8);

/// What an attempt to number found.
pub(super) enum Attempt {
    /// What the outbox had was numbered; whether some was left by other processes, whether it had more, and the last number
    /// that was given.
    Numbered { of_others: bool, more: bool, last: Option<Seq> },
    /// Another process numbered at the same time.
    Lost,
}

/// What an attempt to number takes from the outbox.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Only documents that pass.
    filter: Document,
    /// Only if this is the number of the last entry.
    after: Option<Seq>,
}

impl Wanted {
    /// These changes alone, right after the entry with this number.
    pub(super) fn exactly(changes: &[EventId], after: Seq) -> Self {
        Self { filter: doc! { "_id": { "$in": changes } }, after: Some(after) }
    }
}

/// What one transaction has numbered.
#[derive(Default)]
struct NumberedBatch {
    events: Vec<Event>,
    changes: Vec<EventId>,
    /// Whether some of it was left by other processes.
    of_others: bool,
    /// Whether the outbox had more than fits into a chunk.
    more: bool,
    /// Whether the log ended with another entry than was wanted, so that nothing was numbered.
    is_late: bool,
}

fn id_of(document: &RawDocument) -> Result<EventId> {
    read_fields!(document, id: "_id");
    id.required()
}

impl Transaction {
    /// Takes the oldest of the wanted documents of the outbox and appends a chunk with their entries.
    async fn number(&mut self, wanted: Wanted) -> TransactionResult<NumberedBatch> {
        let (pending, more) = self.oldest_pending(wanted.filter).await?;
        if pending.is_empty() {
            return Ok(NumberedBatch { is_late: wanted.after.is_some(), ..NumberedBatch::default() });
        }
        let head = self.head().await?;
        if wanted.after.is_some_and(|after| after != head) {
            return Ok(NumberedBatch { is_late: true, ..NumberedBatch::default() });
        }
        let of_others = pending.iter().any(|document| document.by != self.store.process);
        let log = self.store.collections.log.clone();
        let first = head + 1;

        let about: BTreeSet<Key> = pending.iter().flat_map(|document| document.about.iter().copied()).collect();
        let entries = pending.iter().flat_map(|document| &document.entries);
        let events =
            (first..).zip(entries.clone()).map(|(seq, entry)| decode(entry, seq)).collect::<Result<Vec<_>>>()?;
        let newest = events.iter().map(|stored| stored.event.occurred_at).max();
        let newest = newest.unwrap_or(Timestamp::from_unix_millis(0));
        let (texts, count) = (named_texts(&events), events.len() as Seq);
        let chunk = encode_chunk(first, newest, about, texts, entries.cloned().collect(), count);
        self.insert(&log, vec![chunk]).await?;
        let events = self.with_texts(events).await?;

        let outbox = self.store.collections.outbox.clone();
        let changes: Vec<EventId> = pending.iter().map(|document| document.id).collect();
        let deleted = outbox.delete_many(doc! { "_id": { "$in": &changes } }).session(&mut self.session).await?;
        if deleted.deleted_count != pending.len() as u64 {
            return Err(StoreError::internal("the outbox changed within a snapshot").into());
        }
        Ok(NumberedBatch { events, changes, of_others, more, is_late: false })
    }

    /// The oldest documents of the outbox that pass, as many as fit into a chunk, but at least one, and whether there are
    /// more.
    async fn oldest_pending(&mut self, filter: Document) -> TransactionResult<(Vec<Pending>, bool)> {
        let outbox = self.store.collections.outbox.clone();
        let find = outbox.find(filter).sort(doc! { "time": 1, "_id": 1 }).limit(DOCUMENTS as i64 + 1).batch_size(8);
        let mut batches = find.session(&mut self.session).timed_batch().await?;
        let mut batches = batches.stream(&mut self.session);
        let (mut pending, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = batches.next().await {
            for row in rows_of(&batch?)? {
                let document = Pending::decode(row?)?;
                bytes += document.bytes()?;
                if pending.len() == DOCUMENTS || bytes > CHUNK_BYTES && !pending.is_empty() {
                    return Ok((pending, true));
                }
                pending.push(document);
            }
        }
        Ok((pending, false))
    }
}

impl Inner {
    /// Has this process number a change that it has just committed.
    pub(super) fn number_soon(self: &Arc<Self>, entries: Vec<EventId>) {
        if self.unnumbered.committed(entries) {
            let store = Arc::clone(self);
            self.running_transactions.spawn(async move { store.run_sequencer().await });
        }
    }

    /// Numbers until nothing is left and nothing was committed in the meantime.
    async fn run_sequencer(self: &Arc<Self>) {
        let mut linger_until: Option<Instant> = None;
        loop {
            let lingers = linger_until.is_some_and(|end| Instant::now() < end);
            if !self.unnumbered.goes_on(lingers && !self.running_transactions.is_closed()) {
                return;
            }
            match self.number_pending().await {
                Ok(true) => linger_until = Some(Instant::now() + LINGER),
                Ok(false) => {}
                Err(error) => {
                    // The next poll of any node numbers what is left.
                    tracing::warn!(%error, "the sequencer can't number what was committed");
                    return self.unnumbered.failed();
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Numbers until the outbox is empty. Returns whether there were entries of other processes among them.
    async fn number_pending(self: &Arc<Self>) -> Result<bool> {
        let mut of_others = false;
        loop {
            if self.unnumbered.other_is_numbering() {
                let own = self.unnumbered.waiting();
                if own.is_empty() {
                    return Ok(of_others);
                }
                sleep(YIELD.mul_f64(0.75 + rand::random::<f64>() / 2.0)).await;
                self.note_logged_by_others(own.clone()).await?;
                if self.unnumbered.still_waiting(own).is_empty() {
                    self.unnumbered.found_other();
                    return Ok(of_others);
                }
            }
            let committed = self.unnumbered.waiting();
            match self.try_number(Wanted::default()).await? {
                Attempt::Numbered { of_others: some, more: true, .. } => of_others |= some,
                Attempt::Numbered { of_others: some, more: false, .. } => {
                    self.note_logged_by_others(committed).await?;
                    return Ok(of_others || some);
                }
                Attempt::Lost => self.unnumbered.found_other(),
            }
        }
    }

    /// Numbers everything that was committed before the call.
    pub(super) async fn catch_up(self: &Arc<Self>) -> Result<()> {
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        let mut left = self.pending(doc! {}).await?;
        while !left.is_empty() {
            if let Attempt::Lost = self.try_number(Wanted::default()).await? {
                self.unnumbered.found_other();
                sleep(LOOK_EVERY.mul_f64(rand::random())).await;
            }
            left = self.pending(doc! { "_id": { "$in": left } }).await?;
            if Instant::now() > deadline {
                return Err(StoreError::Unavailable(
                    "the event log does not keep up with what is committed".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Forgets those of these changes of this process that others have numbered.
    async fn note_logged_by_others(&self, committed: Vec<EventId>) -> Result<()> {
        let waiting = self.unnumbered.still_waiting(committed);
        if waiting.is_empty() {
            return Ok(());
        }
        let left: HashSet<EventId> = self.pending(doc! { "_id": { "$in": &waiting } }).await?.into_iter().collect();
        let mut session = self.causal_session().await?;
        let head = self.head(&mut session).await?;
        drop(session);
        self.unnumbered.logged(waiting.iter().filter(|change| !left.contains(change)), head);
        Ok(())
    }

    /// Ids of documents of the outbox.
    async fn pending(&self, filter: Document) -> Result<Vec<EventId>> {
        let find = self.collections.outbox.find(filter).projection(doc! { "_id": 1 }).batch_size(10_000);
        self.find_rows(find, id_of).await
    }

    /// Numbers what fits into a chunk. A task of its own does so, as with every transaction: when a caller goes away in its
    /// first command, the driver would leave it open in the server for a minute.
    pub(super) async fn try_number(self: &Arc<Self>, wanted: Wanted) -> Result<Attempt> {
        let store = self.clone();
        let task = self.running_transactions.spawn(async move { store.number_chunk(wanted).await });
        task.await.map_err(StoreError::internal)?
    }

    pub(super) async fn number_chunk(self: &Arc<Self>, wanted: Wanted) -> Result<Attempt> {
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        let too_late = |_| StoreError::Unavailable("MongoDB does not answer".to_owned());
        let _turn = timeout_at(deadline, self.numbering.lock()).await.map_err(too_late)?;
        let attempt = async {
            self.try_transaction(deadline, &|transaction: &mut Transaction| {
                Box::pin(transaction.number(wanted.clone()))
            })
            .await
        };
        let error = match timeout_at(deadline, attempt).await {
            Ok(Ok(NumberedBatch { is_late: true, .. })) => return Ok(Attempt::Lost),
            Ok(Ok(NumberedBatch { events, changes, of_others, more, .. })) => {
                let last = events.last().map(|event| event.seq);
                if let Some(last) = last {
                    self.unnumbered.logged(&changes, last);
                    self.unnumbered.numbers_itself();
                    self.appends.send(events);
                }
                return Ok(Attempt::Numbered { of_others, more, last });
            }
            Ok(Err(TransactionError::Final(error))) => return Err(error),
            Ok(Err(TransactionError::Driver(error))) => error,
            Err(late) => return Err(too_late(late)),
        };
        let lost = super::error::is_transient(&error) || duplicate_index(&error).is_some();
        if lost { Ok(Attempt::Lost) } else { Err(error.into()) }
    }
}
