//! Reading everything of a kind as it was at one moment.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Credentials, Result, instrumented::instrument};
use crate::domain::{LogId, Order, Product, Seq, Task};

/// What an export reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// All products.
    Products,
    /// All orders, whole.
    Orders,
    /// All users, deleted ones included, with their password hashes.
    Users,
    /// All tasks.
    Tasks,
}

/// A part of an export, in the order of the ids.
#[derive(Debug, Clone, PartialEq)]
pub enum ExportBatch {
    /// Products.
    Products(Vec<Product>),
    /// Orders.
    Orders(Vec<Order>),
    /// Users.
    Users(Vec<Credentials>),
    /// Tasks.
    Tasks(Vec<Task>),
}

/// The moment of an export: it has every change up to this entry of the log, and none after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedAt {
    /// The log.
    pub log: LogId,
    /// The number of the last entry.
    pub seq: Seq,
}

/// Rows of a batch at most.
pub(super) const EXPORT_ROWS: usize = 100;

/// Reads everything of a kind as it was at one moment.
#[async_trait]
pub trait ExportStore {
    /// Sends everything of this kind as it was at one moment, which it returns. Ends early, without an error, when the
    /// receiver is gone.
    async fn export(&self, kind: ExportKind, batches: mpsc::Sender<ExportBatch>) -> Result<ExportedAt>;
}

instrument!(ExportStore {
    fn export(kind: ExportKind, batches: mpsc::Sender<ExportBatch>) -> ExportedAt;
});
