//! Exports: reads of one snapshot, which has the entities, the log and the outbox of one moment.
//!
//! Entries get their numbers after the commit. So the outbox of the snapshot is numbered first, exactly as it is there and
//! right after the snapshot's last entry: the position after that has all changes that the snapshot shows, and no other one.
//! If another process numbers in between, the snapshot is given up for a newer one.
//!
//! A snapshot can be read as long as the server keeps the past: `minSnapshotHistoryWindowInSeconds`.
//!
//! Decision: `docs/decisions/0037-exports.md`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::{
    ClientSession, Collection,
    options::{DatabaseOptions, ReadConcern},
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    chunks,
    codec::{binary, read_fields},
    collections::Collections,
    epoch, order, product,
    read::{TimedRead, collect_rows},
    sequencer::{Attempt, Wanted},
    store::{Inner, MongoStore},
    task, user,
};
use crate::{
    domain::{EventCursor, EventId, LogId, OrderFields, ProductFields, Seq, TaskFields},
    storage::{
        ExportBatch, ExportKind, ExportStore, Result, StoreError,
        export::{BatchBuilder, Exported, not_received},
    },
};

/// Documents in one reply. A reply of 16 MiB has fewer.
const PAGE: i64 = 1000;
/// How long a moment is looked for.
const FOUND_WITHIN: Duration = Duration::from_secs(30);
/// How long it takes at most until the next one is tried.
const TRY_EVERY: Duration = Duration::from_millis(8);

/// A collection of those of a snapshot.
type OneOf = fn(&Collections) -> &Collection<RawDocumentBuf>;

/// Reads of one moment, which the first of them fixes.
struct Snapshot<'s> {
    store: &'s Inner,
    session: ClientSession,
    collections: Collections,
}

/// The log at the moment of a snapshot.
struct LogThen {
    id: LogId,
    head: Seq,
    /// Changes that had no number yet, oldest first,
    pending: Vec<EventId>,
    /// and how many entries they have together.
    entries: Seq,
}

impl<'s> Snapshot<'s> {
    async fn new(store: &'s Inner) -> Result<Self> {
        let session = store.client.start_session().snapshot(true).await?;
        // With the read concern of the client, which is `majority`, a read in such a session fixes no moment.
        let options = DatabaseOptions::builder().read_concern(ReadConcern::snapshot()).build();
        let database = store.client.database_with_options(store.database.name(), options);
        Ok(Self { store, session, collections: Collections::new(&database) })
    }

    /// Up to `limit` rows in this order, as many as fit into one reply.
    async fn rows<T>(
        &mut self,
        collection: OneOf,
        (filter, sort): (Document, Document),
        projection: Document,
        limit: i64,
        decode: impl FnMut(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        // A negative limit asks for a single reply. An open cursor would be lost if the receiver took minutes for a batch.
        let find = collection(&self.collections).find(filter).sort(sort).projection(projection).limit(-limit);
        let mut reply = self.store.with_timeout(find.session(&mut self.session).timed_batch()).await?;
        collect_rows(reply.stream(&mut self.session), decode).await
    }

    async fn log(&mut self) -> Result<LogThen> {
        let query = (doc! { "_id": "log" }, doc! { "_id": 1 });
        let id = self.rows(|all| &all.counters, query, doc! { "id": 1, "cursor_key": 1 }, 1, epoch::log_id);
        let id = id.await?.pop().ok_or_else(epoch::no_identity)?;
        let query = (doc! {}, doc! { "_id": -1 });
        let newest = self.rows(|all| &all.log, query, doc! { "last": 1 }, 1, chunks::bounds).await?.pop();
        let query = (doc! {}, doc! { "time": 1, "_id": 1 });
        let pending = self.rows(
            |all| &all.outbox,
            query,
            doc! { "entries.event_id": 1 },
            PAGE,
            |change| {
                read_fields!(change, id: "_id", entries: "entries");
                Ok((id.required::<EventId>()?, entries.documents(|_| Ok(()))?.len() as Seq))
            },
        );
        let (pending, entries): (Vec<EventId>, Vec<Seq>) = pending.await?.into_iter().unzip();
        Ok(LogThen { id, head: newest.map_or(0, |(_, last)| last), pending, entries: entries.into_iter().sum() })
    }

    async fn send_kind(&mut self, kind: ExportKind, batches: &mpsc::Sender<ExportBatch>) -> Result<()> {
        match kind {
            ExportKind::Users => self.send_all(|all| &all.users, user::projection(), user::decode, batches).await,
            ExportKind::Products => {
                let projection = product::projection(ProductFields::ALL);
                self.send_all(|all| &all.products, projection, product::decode, batches).await
            }
            ExportKind::Orders => {
                let projection = order::projection(OrderFields::ALL);
                self.send_all(|all| &all.orders, projection, order::decode, batches).await
            }
            ExportKind::Tasks => {
                let projection = task::projection(TaskFields::ALL);
                self.send_all(|all| &all.tasks, projection, task::decode, batches).await
            }
        }
    }

    /// Sends all entities of a collection in the order of their ids.
    async fn send_all<T: Exported>(
        &mut self,
        collection: OneOf,
        projection: Document,
        decode: fn(&RawDocument) -> Result<T>,
        batches: &mpsc::Sender<ExportBatch>,
    ) -> Result<()> {
        let send = async |batch| batches.send(batch).await.map_err(|_| not_received());
        let mut builder = BatchBuilder::new();
        let mut filter = doc! {};
        loop {
            let page = self.rows(collection, (filter, doc! { "_id": 1 }), projection.clone(), PAGE, |row| {
                read_fields!(row, id: "_id");
                Ok((id.required::<[u8; 16]>()?, decode(row)?))
            });
            let page = page.await?;
            let Some((last, _)) = page.last() else { break };
            filter = doc! { "_id": { "$gt": binary(last) } };
            for (_, entity) in page {
                if let Some(batch) = builder.push(entity) {
                    send(batch).await?;
                }
            }
        }
        match builder.take() {
            Some(batch) => send(batch).await,
            None => Ok(()),
        }
    }
}

impl Inner {
    /// A snapshot, and the position of the log that has exactly the changes that it shows.
    async fn numbered_snapshot(self: &Arc<Self>) -> Result<(Snapshot<'_>, EventCursor)> {
        let deadline = Instant::now() + FOUND_WITHIN;
        loop {
            let mut snapshot = Snapshot::new(self).await?;
            let then = snapshot.log().await?;
            if let Some(head) = self.number_exactly(&then).await? {
                return Ok((snapshot, EventCursor::after(then.id, head)));
            }
            if Instant::now() > deadline {
                let why = "no moment for the export was found, because very much is changed; try again later";
                return Err(StoreError::Unavailable(why.to_owned()));
            }
            tokio::time::sleep(TRY_EVERY.mul_f64(rand::random())).await;
        }
    }

    /// Gives the changes that had no number then the next ones, and returns the number of the last entry. `None` if another
    /// process has numbered since, or if there are very many.
    async fn number_exactly(self: &Arc<Self>, then: &LogThen) -> Result<Option<Seq>> {
        if then.pending.len() as i64 == PAGE {
            self.catch_up().await?;
            return Ok(None);
        }
        let (mut head, end) = (then.head, then.head + then.entries);
        while head < end {
            match self.try_number(Wanted::exactly(&then.pending, head)).await? {
                Attempt::Numbered { last: Some(last), .. } => head = last,
                Attempt::Numbered { last: None, .. } | Attempt::Lost => return Ok(None),
            }
        }
        if head == end { Ok(Some(head)) } else { Err(StoreError::internal("more was numbered than there was")) }
    }
}

#[async_trait]
impl ExportStore for MongoStore {
    async fn export(&self, kinds: &[ExportKind], batches: mpsc::Sender<ExportBatch>) -> Result<EventCursor> {
        let (mut snapshot, cursor) = self.0.numbered_snapshot().await?;
        for kind in kinds {
            snapshot.send_kind(*kind, &batches).await?;
        }
        Ok(cursor)
    }
}
