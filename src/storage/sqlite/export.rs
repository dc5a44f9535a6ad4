//! Exports: one long read on one snapshot, which has the entities and the head of the log.
//!
//! Decision: `docs/decisions/0037-exports.md`.

use async_trait::async_trait;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc;

use super::{event, order, product, row::named, store::SqliteStore, task, user};
use crate::{
    domain::{EventCursor, OrderFields},
    storage::{
        ExportBatch, ExportKind, ExportStore, Result,
        export::{BatchBuilder, Exported, not_received},
    },
};

fn export(db: &Connection, kinds: &[ExportKind], batches: &mpsc::Sender<ExportBatch>) -> Result<EventCursor> {
    let state = event::state(db)?;
    for kind in kinds {
        match kind {
            ExportKind::Users => {
                let mut read = named(user::user_from_row);
                send_all(db, user::COLUMNS, "users", |row| Ok(read(row)?), batches)?;
            }
            ExportKind::Products => {
                let (columns, mut read) =
                    (format!("{}, description", product::COLUMNS), named(product::product_from_row));
                send_all(db, &columns, "products", |row| Ok(read(row)?), batches)?;
            }
            ExportKind::Orders => {
                let (columns, mut read) = (format!("{}, row", order::COLUMNS), named(order::order_from_row));
                let whole = |row: &Row<'_>| {
                    let (order, row) = read(row)?;
                    order::complete(db, order, row, OrderFields::ALL)
                };
                send_all(db, &columns, "orders", whole, batches)?;
            }
            ExportKind::Tasks => {
                let (columns, mut read) = (format!("{}, description", task::COLUMNS), named(task::task_from_row));
                send_all(db, &columns, "tasks", |row| Ok(read(row)?), batches)?;
            }
        }
    }
    Ok(EventCursor::after(state.log, state.head))
}

/// Sends the entities that `decode` reads from these columns of the rows of a table.
fn send_all<T: Exported>(
    db: &Connection,
    columns: &str,
    table: &str,
    mut decode: impl FnMut(&Row<'_>) -> Result<T>,
    batches: &mpsc::Sender<ExportBatch>,
) -> Result<()> {
    let mut statement = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY id"))?;
    let mut rows = statement.query([])?;
    let mut builder = BatchBuilder::new();
    let send = |batch| batches.blocking_send(batch).map_err(|_| not_received());
    while let Some(row) = rows.next()? {
        builder.push(decode(row)?).map_or(Ok(()), send)?;
    }
    builder.take().map_or(Ok(()), send)
}

#[async_trait]
impl ExportStore for SqliteStore {
    async fn export(&self, kinds: &[ExportKind], batches: mpsc::Sender<ExportBatch>) -> Result<EventCursor> {
        let kinds = kinds.to_vec();
        self.read(move |db| export(db, &kinds, &batches)).await
    }
}
