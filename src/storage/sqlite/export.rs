//! Exports: one read transaction, so one moment.

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{event, order, product, store::SqliteStore, task, user};
use crate::{
    domain::{Order, Product, Task},
    storage::{Credentials, EXPORT_ROWS, ExportBatch, ExportKind, ExportStore, ExportedAt, Result},
};

/// Sends all rows, some at a time. `read` gives those after an id, in the order of the ids.
fn send_all<T>(
    batches: &mpsc::Sender<ExportBatch>,
    read: impl Fn(Option<[u8; 16]>) -> Result<Vec<T>>,
    id: impl Fn(&T) -> [u8; 16],
    batch: impl Fn(Vec<T>) -> ExportBatch,
) -> Result<()> {
    let mut after = None;
    loop {
        let rows = read(after)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(id(last));
        let is_last = rows.len() < EXPORT_ROWS;
        if batches.blocking_send(batch(rows)).is_err() || is_last {
            return Ok(());
        }
    }
}

fn export(db: &Connection, kind: ExportKind, batches: &mpsc::Sender<ExportBatch>) -> Result<ExportedAt> {
    let exported_at = event::moment(db)?;
    match kind {
        ExportKind::Products => {
            let (read, id) = (|after| product::page_by_id(db, after, EXPORT_ROWS), |row: &Product| row.id.to_bytes());
            send_all(batches, read, id, ExportBatch::Products)?;
        }
        ExportKind::Orders => {
            let (read, id) = (|after| order::page_by_id(db, after, EXPORT_ROWS), |row: &Order| row.id.to_bytes());
            send_all(batches, read, id, ExportBatch::Orders)?;
        }
        ExportKind::Users => {
            let (read, id) =
                (|after| user::page_by_id(db, after, EXPORT_ROWS), |row: &Credentials| row.user.id.to_bytes());
            send_all(batches, read, id, ExportBatch::Users)?;
        }
        ExportKind::Tasks => {
            let (read, id) = (|after| task::page_by_id(db, after, EXPORT_ROWS), |row: &Task| row.id.to_bytes());
            send_all(batches, read, id, ExportBatch::Tasks)?;
        }
    }
    Ok(exported_at)
}

#[async_trait]
impl ExportStore for SqliteStore {
    async fn export(&self, kind: ExportKind, batches: mpsc::Sender<ExportBatch>) -> Result<ExportedAt> {
        self.read(move |db| export(db, kind, &batches)).await
    }
}
