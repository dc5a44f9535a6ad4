//! Exports: reads in one snapshot. A change has no number before the log has its entry, so the snapshot is taken at a moment at
//! which every change has one: then the export has exactly the changes up to the end of the log in that snapshot.
//!
//! MongoDB keeps a snapshot for five minutes (`minSnapshotHistoryWindowInSeconds`), so an export that takes longer fails.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::{ClientSession, Collection, action::Find};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    chunks::bounds,
    codec::binary,
    order, product,
    read::{TimedRead, collect_rows},
    store::{Inner, MongoStore},
    task, user,
};
use crate::{
    domain::{Order, Product, Seq, Task},
    storage::{
        Credentials, EXPORT_ROWS, EventStore, ExportBatch, ExportKind, ExportStore, ExportedAt, Result, StoreError,
    },
};

/// How long an export looks for a moment at which every change has its number.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// An export while it runs.
struct Export<'e> {
    store: &'e Inner,
    session: ClientSession,
    batches: mpsc::Sender<ExportBatch>,
}

impl Inner {
    /// A session whose reads are of one moment at which every change has its number, and the last number.
    async fn snapshot_at_rest(self: &Arc<Self>) -> Result<(ClientSession, Seq)> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.catch_up().await?;
            let mut session = self.client.start_session().snapshot(true).await?;
            let waiting = self.collections.outbox.find(doc! {}).projection(doc! { "_id": 1 }).limit(1).batch_size(2);
            let waiting = self.rows_in(&mut session, waiting, |_| Ok(())).await?;
            let newest = self.collections.log.find(doc! {}).sort(doc! { "last": -1 }).limit(1).batch_size(2);
            let newest = self.rows_in(&mut session, newest.projection(doc! { "last": 1 }), bounds).await?;
            if waiting.is_empty() {
                return Ok((session, newest.first().map_or(0, |(_, last)| *last)));
            }
            sleep(RETRY_AFTER).await;
        }
        Err(StoreError::Unavailable(
            "so many changes are made that no moment was found at which the event log had all of them; export again"
                .to_owned(),
        ))
    }

    async fn rows_in<T>(
        &self,
        session: &mut ClientSession,
        find: Find<'_, RawDocumentBuf>,
        decode: impl Fn(&RawDocument) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut batches = self.with_timeout(find.session(&mut *session).timed_batch()).await?;
        collect_rows(batches.stream(session), decode).await
    }
}

impl Export<'_> {
    /// Sends all documents of a collection, some at a time.
    async fn send_all<T>(
        &mut self,
        (collection, projection): (&Collection<RawDocumentBuf>, Document),
        decode: impl Fn(&RawDocument) -> Result<T>,
        id: impl Fn(&T) -> [u8; 16],
        batch: impl Fn(Vec<T>) -> ExportBatch,
    ) -> Result<()> {
        let mut condition = doc! {};
        loop {
            let find = collection.find(condition).sort(doc! { "_id": 1 }).limit(EXPORT_ROWS as i64);
            let find = find.projection(projection.clone()).batch_size(EXPORT_ROWS as u32 + 1);
            let rows = self.store.rows_in(&mut self.session, find, &decode).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            condition = doc! { "_id": { "$gt": binary(&id(last)) } };
            let is_last = rows.len() < EXPORT_ROWS;
            if self.batches.send(batch(rows)).await.is_err() || is_last {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl ExportStore for MongoStore {
    async fn export(&self, kind: ExportKind, batches: mpsc::Sender<ExportBatch>) -> Result<ExportedAt> {
        let log = self.log_state().await?.log;
        let (session, seq) = self.0.snapshot_at_rest().await?;
        let mut export = Export { store: &self.0, session, batches };
        let all = |collection| (collection, doc! { "words": 0 });
        let collections = &self.0.collections;
        match kind {
            ExportKind::Products => {
                let id = |product: &Product| product.id.to_bytes();
                export.send_all(all(&collections.products), product::decode, id, ExportBatch::Products).await?;
            }
            ExportKind::Orders => {
                let id = |order: &Order| order.id.to_bytes();
                export.send_all(all(&collections.orders), order::decode, id, ExportBatch::Orders).await?;
            }
            ExportKind::Users => {
                let id = |credentials: &Credentials| credentials.user.id.to_bytes();
                export.send_all(all(&collections.users), user::decode_credentials, id, ExportBatch::Users).await?;
            }
            ExportKind::Tasks => {
                let id = |task: &Task| task.id.to_bytes();
                export.send_all(all(&collections.tasks), task::decode, id, ExportBatch::Tasks).await?;
            }
        }
        if self.log_state().await?.log != log {
            return Err(StoreError::Unavailable("the event log got another id meanwhile; export again".to_owned()));
        }
        Ok(ExportedAt { log, seq })
    }
}
